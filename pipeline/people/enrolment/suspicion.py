"""Doubts about who the clips are of that are to be enrolled, in words."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.data.table.renames import plain
from mraf.fingerprint import Fingerprint
from mraf.pipeline.people.enrolment.gallery import Gallery, features_of
from mraf.pipeline.people.enrolment.samples import TWO_PEOPLE, log_odds
from mraf.pipeline.people.enrolment.stored import is_of, rows_of_person, with_content

LIKELY = 0.5
"""The least probability of being known at which a clip may be somebody else's."""
COMPARED = 64
"""Rows of a person that new clips are compared with, at most."""


def doubts(
    table: FeatureTable,
    known: Gallery | None,
    name: str,
    rows: Sequence[FeatureRow],
    fingerprint: Fingerprint,
) -> list[str]:
    """Return what speaks against it that the clips are of the person of that name; often nothing."""
    stored = with_content(table, {row.source_hash for row in rows if row.source_hash})
    own = {row.source_hash for row in stored if is_of(row, name)}
    theirs = {row.source_hash: row.speaker for row in stored if row.speaker is not None}
    found: list[str | None] = []
    others = [str(theirs[d]) for d in (r.source_hash for r in rows) if d in theirs and d not in own]
    if others:
        who = Counter(others).most_common(1)[0][0]
        found = [f"{_clips(len(others), len(rows))} in the table as '{who}'."]
    else:
        found = [_looks_like_another(known, name, rows) if known is not None else None]
    new = [row for row in rows if row.source_hash not in own]
    return [
        each for each in (*found, _not_the_person(table, known, name, new, fingerprint)) if each
    ]


def _looks_like_another(known: Gallery, name: str, rows: Sequence[FeatureRow]) -> str | None:
    """Return the doubt that most of the clips are of somebody whom a model knows by another name."""
    from mraf.inference.prediction import predict

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


def _not_the_person(
    table: FeatureTable,
    known: Gallery | None,
    name: str,
    new: Sequence[FeatureRow],
    fingerprint: Fingerprint,
) -> str | None:
    """Return the doubt that new clips are not of the person whom table or model have by this name."""
    if not new:
        return None
    odds = np.stack(
        [
            _odds_of_stored(rows_of_person(table, name, fingerprint, COMPARED), new, fingerprint),
            _odds_of_prototype(known, name, new, fingerprint),
        ]
    ).min(axis=0)
    strange = [
        PurePath(row.path).name for row, each in zip(new, odds, strict=True) if each < TWO_PEOPLE
    ]
    if not strange:
        return None
    which = strange[0] if len(new) > 1 else "the clip"
    more = f" (and {len(strange) - 1} more)" if len(strange) > 1 else ""
    return f"'{name}' is enrolled already, and {which}{more} does not look or sound like them."


def _odds_of_stored(
    stored: Sequence[FeatureRow], new: Sequence[FeatureRow], fingerprint: Fingerprint
) -> np.ndarray:
    """Return the mean log odds [N] that new clips and those of the table are one person's; 0 without any."""
    if not stored:
        return np.zeros(len(new))
    return np.asarray(log_odds([*new, *stored], fingerprint)[: len(new), len(new) :].mean(axis=1))


def _odds_of_prototype(
    known: Gallery | None, name: str, new: Sequence[FeatureRow], fingerprint: Fingerprint
) -> np.ndarray:
    """Return the log odds [N] that new clips are of the person whom a model knows by the name; 0 if none.

    By plain cosines to the mean vectors, which do not depend on what the model learned.
    """
    import torch

    from mraf.recognition.pairs import Pairs

    index = known.index(name) if known is not None else None
    if known is None or index is None:
        return np.zeros(len(new))
    model: Any = known.checkpoint.model
    clips = features_of(new, model.config)
    cosines = []
    for part, x, present in (
        (model.face, clips.face, clips.face_present),
        (model.voice, clips.voice, clips.voice_present),
    ):
        with torch.no_grad():
            cosine = part.plain(torch.from_numpy(x))[:, index].double().numpy()
        cosines.append(np.where(present & bool(part.known[index]), cosine, np.nan))
    return Pairs.of(fingerprint.face, fingerprint.voice).both(*cosines)


def _clips(some: int, total: int, one: str = "is", several: str = "are") -> str:
    if total == 1:
        return f"The clip {one}"
    return f"{'All' if some == total else some} of the {total} clips {several if some > 1 else one}"
