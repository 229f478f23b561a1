"""Agreement of vectors that are extracted here with those that the challenge publishes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mraf.data.polysim.vectors import Vector

SAME, CLOSE = 0.99, 0.9
"""Median cosines from which vectors are called the same, and close."""
VERDICTS = ("the same", "mostly the same", "close", "different", "unclear", "not measured")
CLOSER = 0.005
"""Difference of median cosines from which one way of extraction is said to be closer."""
FEW = 10
"""Number of compared clips below which a note says that they are few."""


@dataclass(frozen=True, kw_only=True)
class Cosines:
    """Cosines of some vectors to the published ones of the same files; None where there are none."""

    n: int
    median: float | None
    p5: float | None  # 5th percentile


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of the faces, or of the voices, with those published."""

    verdict: str  # one of `VERDICTS`
    found: Cosines  # of the face or the speech that is found in the file, as extraction does
    whole: Cosines  # of the whole picture, or the whole sound
    not_found: Cosines  # of the whole where no face, or too little speech, is found
    strangers: float | None  # median cosine of two published vectors of different speakers
    reasons: dict[str, int]  # number of files in which nothing was found, by the reason
    unpublished: int  # clips whose published vector is zeros, for a missing one, or cannot be read


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Vectors of a face or a voice, `[D]` each; None for one that is not there."""

    speaker: str | None
    published: Vector
    found: Vector
    whole: Vector
    reason: str | None  # why `found` is None


def agreement_of(vectors: Sequence[Compared]) -> Agreement:
    """Return the agreement of the faces, or the voices, of some clips with those published."""
    known = [each for each in vectors if each.published is not None]
    found = _cosines([(each.found, each.published) for each in known])
    strangers = [
        _cosine(one.published, other.published)
        for one, other in combinations(known, 2)
        if one.speaker and other.speaker and one.speaker != other.speaker
    ]
    usual = float(np.median(strangers)) if strangers else None
    reasons = [each.reason for each in vectors if each.reason]
    return Agreement(
        verdict=_verdict(found, usual),
        found=found,
        whole=_cosines([(each.whole, each.published) for each in known]),
        not_found=_cosines([(e.whole, e.published) for e in known if e.found is None]),
        strangers=usual,
        reasons={reason: reasons.count(reason) for reason in sorted(set(reasons))},
        unpublished=len(vectors) - len(known),
    )


def _cosines(pairs: Sequence[tuple[Vector, Vector]]) -> Cosines:
    values = [_cosine(one, other) for one, other in pairs if one is not None]
    if not values:
        return Cosines(n=0, median=None, p5=None)
    p5, median = np.percentile(values, (5, 50))
    return Cosines(n=len(values), median=float(median), p5=float(p5))


def _cosine(one: Vector, other: Vector) -> float:
    assert one is not None and other is not None
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


def _verdict(found: Cosines, strangers: float | None) -> str:
    """Return the verdict in words; "unclear" where other people's vectors are as much alike."""
    if found.median is None or found.p5 is None:
        return "not measured"
    if found.median < CLOSE:
        return "different"
    if strangers is not None and strangers >= min(found.median, SAME):
        return "unclear"
    if found.median >= SAME:
        return "the same" if found.p5 >= CLOSE else "mostly the same"
    return "close"


def notes_on(agreement: Agreement, kind: str, *, whole: str) -> Iterator[str]:
    """Yield what a reader of the cosines should know; `whole` names the other way."""
    found, other = agreement.found, agreement.whole
    if found.n < FEW:
        yield f"{kind}: compared in {found.n} of the clips only, which says little."
    gain = (other.median or 0.0) - (found.median or 0.0)
    if found.n and other.n and gain >= CLOSER:
        yield (
            f"{kind}: the {whole} comes closer to the published vectors, {other.median:.3f} against "
            f"{found.median:.3f}."
        )
    if agreement.verdict == "unclear":
        yield (
            f"{kind}: published vectors of different speakers are as much alike "
            f"({agreement.strangers:.3f}), so that the cosine shows nothing."
        )
