"""Doubts about who the clips are of that are to be enrolled, in words."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
import pyarrow.compute as pc

from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.data.table.renames import plain
from mraf.fingerprint import Fingerprint
from mraf.pipeline.people.enrolment.gallery import Gallery, features_of
from mraf.pipeline.people.enrolment.samples import TWO_PEOPLE, log_odds

LIKELY = 0.5
"""The least probability of being known at which a clip may be somebody else's."""
COMPARED = 64
"""Rows of a person that new clips are compared with, at most."""


def looks_like_another(known: Gallery | None, name: str, rows: Sequence[FeatureRow]) -> str | None:
    """Return the doubt that most of the clips are of somebody whom a model knows by another name."""
    from mraf.inference.prediction import predict

    others = [
        row.speaker for row in rows if row.speaker is not None and plain(row.speaker) != plain(name)
    ]
    if others:
        who = Counter(others).most_common(1)[0][0]
        return f"{_clips(len(others), len(rows))} in the table as '{who}'."
    if known is None:
        return None
    found = predict(known.checkpoint.model, features_of(rows, known.checkpoint.model.config))
    named = []
    for i in np.flatnonzero(found.is_known):
        if np.isfinite(found.probability[i]).all() and found.known is not None:
            who = known.labels[int(found.probability[i].argmax())]
            if plain(who) != plain(name) and found.known[i] >= LIKELY:
                named.append(who)
    if 2 * len(named) <= len(rows):
        return None
    who = Counter(named).most_common(1)[0][0]
    return (
        f"{_clips(len(named), len(rows), 'looks or sounds', 'look or sound')} like '{who}', who is enrolled "
        "already."
    )


def not_the_person(
    table: FeatureTable, name: str, rows: Sequence[FeatureRow], fingerprint: Fingerprint
) -> str | None:
    """Return the doubt that the clips are not of the person whom the table has by this name."""
    stored = _rows_of(table, name, fingerprint)
    new = [row for row in rows if row.speaker is None or plain(row.speaker) != plain(name)]
    if not stored or not new:
        return None
    odds = log_odds([*new, *stored], fingerprint)[: len(new), len(new) :]
    strange = [PurePath(row.path).name for row, mean in zip(new, odds.mean(axis=1), strict=True)
               if mean < TWO_PEOPLE]  # fmt: skip
    if not strange:
        return None
    which = strange[0] if len(new) > 1 else "the clip"
    more = f" (and {len(strange) - 1} more)" if len(strange) > 1 else ""
    return f"'{name}' is enrolled already, and {which}{more} does not look or sound like them."


def _rows_of(table: FeatureTable, name: str, fingerprint: Fingerprint) -> list[FeatureRow]:
    """Return rows of a person that can be compared with those of a fingerprint."""
    if table.is_empty:
        return []
    snapshot = table.snapshot()
    columns = snapshot.table(["speaker", "extractor"])
    spellings = [
        n for n in pc.unique(columns["speaker"]).to_pylist() if n and plain(n) == plain(name)
    ]
    wanted = [
        i
        for i, (who, made) in enumerate(
            zip(columns["speaker"].to_pylist(), columns["extractor"].to_pylist(), strict=True)
        )
        if who in spellings and Fingerprint.from_json(made).of_any_track == fingerprint.of_any_track
    ]
    some = (
        np.array(wanted)[np.linspace(0, len(wanted) - 1, COMPARED).astype(int)]
        if len(wanted) > COMPARED
        else np.array(wanted, int)
    )
    return [
        row for row in rows_of(snapshot.only(some)) if row.face is not None or row.voice is not None
    ]


def _clips(some: int, total: int, one: str = "is", several: str = "are") -> str:
    if total == 1:
        return f"The clip {one}"
    return f"{'All' if some == total else some} of the {total} clips {several if some > 1 else one}"
