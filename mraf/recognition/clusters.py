"""Groups of clips that are of one person each, by faces and voices, without their number being told.

Average linkage over the log odds that two clips are of one person: two groups become one while the mean over
their pairs of clips exceeds `CUT`. A pair that has neither two faces nor two voices counts as much as the cut
does: it decides nothing, so that faces and voices meet through the clips that have both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mraf.errors import UsageError
from mraf.recognition.pairs import Pairs

Floats = NDArray[np.float32]

CUT = 1.5
"""Mean log odds of the pairs of two groups above which they are of one person."""
BOUND = 8.0
"""Log odds of one pair at most, either way: few pairs were measured beyond, and no pair with a bad face
outvotes all the others."""
LIMIT = 12_000
"""Number of clips that are compared each with each: 0.6 GB a time, twice. See `grouped` for more."""
_ROWS = 256  # compared at a time
_NEVER = 1e9  # distance whose mean with any number of others is beyond every cut


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Faces and voices of N clips, or their means over N groups of clips.

    The dot product of two means is the mean cosine over the pairs of their clips.
    """

    face: Floats  # [N, Df], of unit length in a clip; zero where there is none
    faces: NDArray[np.int64]  # [N], number of faces
    voice: Floats  # [N, Dv], likewise
    voices: NDArray[np.int64]  # [N]

    @classmethod
    def of(
        cls,
        face: Floats,
        face_present: NDArray[np.bool_],
        voice: Floats,
        voice_present: NDArray[np.bool_],
    ) -> Looks:
        """Return the looks of N clips from vectors [N, D] of any length, and masks [N]."""
        return cls(
            face=_unit(face, face_present),
            faces=face_present.astype(np.int64),
            voice=_unit(voice, voice_present),
            voices=voice_present.astype(np.int64),
        )

    def __len__(self) -> int:
        """Return N."""
        return len(self.faces)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_] | slice) -> Looks:
        """Return some of them."""
        return Looks(
            face=self.face[index],
            faces=self.faces[index],
            voice=self.voice[index],
            voices=self.voices[index],
        )

    def means(self, group: NDArray[np.int64]) -> Looks:
        """Return the means over groups; `group` [N] numbers them from 0."""
        face, faces = _means(self.face, self.faces, group)
        voice, voices = _means(self.voice, self.voices, group)
        return Looks(face=face, faces=faces, voice=voice, voices=voices)

    def cosines(self, others: Looks) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return the cosines [N, M] of faces and of voices; NaN where one of two is missing."""
        return (
            _cosines(self.face, self.faces, others.face, others.faces),
            _cosines(self.voice, self.voices, others.voice, others.voices),
        )

    def odds(self, others: Looks, pairs: Pairs) -> NDArray[np.float64]:
        """Return log odds [N, M] that two are of one person; NaN where nothing can be compared."""
        face, voice = self.cosines(others)
        odds = pairs.both(face, voice)
        odds[np.isnan(face) & np.isnan(voice)] = np.nan
        return odds


def grouped(
    clips: Looks, pairs: Pairs, *, cut: float = CUT, limit: int = LIMIT
) -> NDArray[np.int64]:
    """Return the group [N] of each clip, from 0 in the order in which the groups begin.

    Of more than `limit` clips, runs of neighbours of that length are grouped first, and then their
    groups, each of which counts once; clips should be in the order of their folders.

    Raises UsageError where that leaves more than `limit` groups.
    """
    group = np.arange(len(clips))
    looks = clips
    while len(looks) > limit:
        starts = range(0, len(looks), limit)
        runs = [_linked(looks.take(slice(at, at + limit)), pairs, cut) for at in starts]
        for before, run in zip(np.cumsum([0, *(r.max() + 1 for r in runs)]), runs, strict=False):
            run += before
        found = np.concatenate(runs)
        if found.max() + 1 > 0.9 * len(looks):
            raise UsageError(
                f"{len(clips)} clips make more than {limit} groups, which is too many to compare. Group fewer "
                "clips at a time, in workspaces of their own (-w)."
            )
        group, looks = found[group], looks.means(found)
    if len(looks):
        group = _linked(looks, pairs, cut)[group]
    return renumbered(group)


def cohesion(clips: Looks, group: NDArray[np.int64], pairs: Pairs) -> NDArray[np.float64]:
    """Return each clip's log odds [N] with the others of its group, at their mean cosines.

    NaN where it can be compared with none of them.
    """
    odds = []
    for name, number in (("face", clips.faces), ("voice", clips.voices)):
        x: Floats = getattr(clips, name)
        sums = np.zeros((int(group.max(initial=-1)) + 1, x.shape[1]), np.float32)
        np.add.at(sums, group, x)
        others = np.bincount(group, number, len(sums))[group] - number
        own = np.einsum("nd,nd->n", x, x)
        cosine = (np.einsum("nd,nd->n", x, sums[group]) - own) / np.maximum(others, 1)
        odds.append(np.where((number > 0) & (others > 0), cosine, np.nan))
    found = np.clip(pairs.both(*odds), -BOUND, BOUND)
    found[np.isnan(odds[0]) & np.isnan(odds[1])] = np.nan
    return found


def average_linkage(
    odds: Callable[[slice], NDArray[np.floating]],
    number: int,
    cut: float,
    apart: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Return the group [N] of each by average linkage, from 0, in no order.

    Two groups become one while the mean log odds of their pairs exceed the cut.

    Args:
        odds: returns log odds [R, N - start] of some neighbours with these and all that follow; NaN where
            nothing can be compared, which counts as the cut.
        number: N.
        cut: of log odds.
        apart: [P, 2], pairs that are never in one group.
    """
    from scipy.cluster.hierarchy import fcluster, linkage

    if number < 2:
        return np.zeros(number, np.int64)
    # The upper triangle row by row, as scipy wants it: distances, which may not be negative.
    distances = np.empty(number * (number - 1) // 2)
    at = 0
    for start in range(0, number, _ROWS):
        found = odds(slice(start, min(start + _ROWS, number)))
        distance = BOUND - np.where(np.isnan(found), cut, np.clip(found, -BOUND, BOUND))
        for row in range(len(distance)):
            some = distance[row, row + 1 :]
            distances[at : at + len(some)] = some
            at += len(some)
    if apart is not None and len(apart):
        one, other = np.sort(apart, axis=1).T
        distances[one * (2 * number - one - 1) // 2 + other - one - 1] = _NEVER
    tree = linkage(distances, "average")
    # At the cut itself, where nothing can be compared, two stay two, whatever the rounding.
    return fcluster(tree, BOUND - cut - 1e-6, "distance").astype(np.int64) - 1


def renumbered(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return groups [N] numbered from 0 in the order in which they begin; those below 0 are -1."""
    some = group >= 0
    _, first, place = np.unique(group[some], return_index=True, return_inverse=True)
    order = np.empty(len(first), np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    found = np.full(len(group), -1)
    found[some] = order[place]
    return found


def _linked(looks: Looks, pairs: Pairs, cut: float) -> NDArray[np.int64]:
    """Return the group [N] of each, from 0, in no order."""
    number = len(looks)

    def odds(rows: slice) -> NDArray[np.float64]:
        return looks.take(rows).odds(looks.take(slice(rows.start, number)), pairs)

    return average_linkage(odds, number, cut)


def _unit(x: Floats, present: NDArray[np.bool_]) -> Floats:
    # One copy and no more: of a million clips it takes gigabytes.
    length = np.sqrt(np.einsum("nd,nd->n", x, x, dtype=np.float32))
    unit: Floats = x * (1 / np.maximum(length, 1e-12)).astype(np.float32)[:, None]
    unit[~present] = 0
    return unit


def _means(
    x: Floats, number: NDArray[np.int64], group: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64]]:
    total = np.bincount(group, number)
    sums = np.zeros((len(total), x.shape[1]), np.float32)
    np.add.at(sums, group, x * number[:, None])
    means: Floats = (sums / np.maximum(total, 1)[:, None]).astype(np.float32)
    return means, total.astype(np.int64)


def _cosines(
    a: Floats, has_a: NDArray[np.int64], b: Floats, has_b: NDArray[np.int64]
) -> NDArray[np.floating]:
    # A table without a single face, say, does not tell how long the vectors of faces are.
    same = a.shape[1] == b.shape[1]
    cosine: NDArray[np.floating] = a @ b.T if same else np.zeros((len(a), len(b)), np.float32)
    cosine[(has_a == 0)[:, None] | (has_b == 0)] = np.nan
    return cosine
