"""Enrolled people whose clips a training left out: they are enrolled into the new model."""

from collections.abc import Collection
from pathlib import Path

import numpy as np

from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.data.table.renames import plain
from mraf.errors import UsageError
from mraf.fingerprint import Fingerprint
from mraf.pipeline.people.enrolment import gallery as galleries
from mraf.pipeline.people.enrolment.samples import usable


def enrol_left_out(
    folder: Path, table: FeatureTable, fingerprint: Fingerprint, heldout: Collection[str]
) -> tuple[int, tuple[str, ...]]:
    """Enrol people by their enrolled rows that did not train; returns their number, and notes.

    The table is read anew: it has who was enrolled during the training, too. Rows of people who trained
    count only where they are of no language, as those of other languages measure the model.

    Args:
        folder: of the new model, which the caller keeps others from changing.
        table: the workspace's.
        fingerprint: of the features that trained.
        heldout: digests of the content that measures the model.
    """
    from mraf.checkpoint import describe, load_trained

    described = describe(folder)
    trained = load_trained(described).content
    known = {plain(name) for name in described.labels}
    rows: dict[str, list[FeatureRow]] = {}
    for row in _enrolled_rows(table):
        if row.source_hash in trained or row.source_hash in heldout or not row.speaker:
            continue
        if plain(row.speaker) in known and row.language:
            continue
        if Fingerprint.from_json(row.extractor).of_any_track == fingerprint.of_any_track:
            used, _ = usable(row)
            if used.face is not None or used.voice is not None:
                rows.setdefault(plain(row.speaker), []).append(used)
    if not rows:
        return 0, ()
    try:
        gallery = galleries.read(folder)
    except UsageError:
        return 0, (
            f"{_people(len(rows))} enrolled, and none of the clips trained: a model of this type does not take "
            "them in without.",
        )
    for found in rows.values():
        gallery = galleries.with_person(gallery, str(found[0].speaker), found)
    gallery.write()
    return len(rows), (f"{_people(len(rows))} enrolled, by clips that did not train.",)


def _enrolled_rows(table: FeatureTable) -> list[FeatureRow]:
    snapshot = table.snapshot()
    enrolled = np.array(
        [bool(each) for each in snapshot.table(["enrolled"])["enrolled"].to_pylist()]
    )
    if not enrolled.any():
        return []
    some = snapshot.only(enrolled)
    return [row for row in rows_of(some) if row.face is not None or row.voice is not None]


def _people(number: int) -> str:
    return "1 person was" if number == 1 else f"{number} people were"
