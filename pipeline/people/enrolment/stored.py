"""The rows that a feature table has of contents and of people."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.data.table.renames import plain
from mraf.fingerprint import Fingerprint


def is_of(row: FeatureRow, name: str) -> bool:
    """Return True for a row that has the name of a person, in whatever spelling."""
    return row.speaker is not None and plain(row.speaker) == plain(name)


def recording_of(row: FeatureRow) -> str:
    """Return the name of the recording of a row; a row of none is one of its own."""
    return row.recording or f"clip {row.clip}"


def with_content(table: FeatureTable, digests: Collection[str]) -> list[FeatureRow]:
    """Return the rows of some contents, whoever they are of."""
    if table.is_empty or not digests:
        return []
    snapshot = table.snapshot()
    stored = snapshot.table(["source_hash"])["source_hash"]
    wanted = np.asarray(pc.is_in(stored, pa.array(sorted(digests), pa.string())))
    return list(rows_of(snapshot.only(wanted))) if wanted.any() else []


def rows_of_person(
    table: FeatureTable, name: str, fingerprint: Fingerprint, at_most: int | None = None
) -> list[FeatureRow]:
    """Return the rows of a person that have a face or a voice, and can be compared with a fingerprint.

    Where there are more than `at_most`, so many of them, spread evenly.
    """
    if table.is_empty:
        return []
    snapshot = table.snapshot()
    columns = snapshot.table(["speaker", "extractor"])
    names = [n for n in pc.unique(columns["speaker"]).to_pylist() if n and plain(n) == plain(name)]
    made = [
        each
        for each in pc.unique(columns["extractor"]).to_pylist()
        if Fingerprint.from_json(each).of_any_track == fingerprint.of_any_track
    ]
    wanted = np.flatnonzero(
        np.asarray(pc.is_in(columns["speaker"], pa.array(names, pa.string())))
        & np.asarray(pc.is_in(columns["extractor"], pa.array(made, pa.string())))
    )
    if at_most is not None and len(wanted) > at_most:
        wanted = wanted[np.linspace(0, len(wanted) - 1, at_most).astype(int)]
    found = rows_of(snapshot.only(wanted)) if len(wanted) else iter(())
    return [row for row in found if row.face is not None or row.voice is not None]
