"""Face tracks joined into people."""

from collections.abc import Callable, Sequence

import numpy as np

from mraf.extractors.boxes import overlap
from mraf.pipeline.timeline.seen.tracks import STEP, WholeTrack
from mraf.recognition.clusters import average_linkage, renumbered

Odds = Callable[[np.ndarray], np.ndarray]

CUT = 0.0
"""Mean log odds of the pairs of tracks of two groups above which they are one person's."""
LIMIT = 2_000
"""Number of tracks, and of groups, that are compared each with each."""
AT_ONCE_SECONDS = 0.3
"""Time for which two tracks are seen at once that makes them two people's."""
SAME_PLACE = 0.5
"""Intersection over union from which two boxes at once are one face that was found twice."""
FOLLOW_SECONDS = 2.0
"""Time after which a face in the same place of the same shot may be another's."""
FOLLOW_OVERLAP = 0.2
"""Least intersection over union of a face that is lost and found in its place."""


def grouped(tracks: Sequence[WholeTrack], odds: Odds, cuts: Sequence[float]) -> np.ndarray:
    """Return the person [N] of each track, from 0 in the order in which they begin; -1: too little is seen.

    Average linkage over the log odds of tracks' faces, where two that are seen at once are never one
    person. Tracks are compared in blocks, then groups among each other, so that the work is linear in the
    length of a file. A track without a vector belongs to the face that is seen in its place before or
    after it in the same shot.

    Args:
        tracks: in the order in which they begin.
        odds: log odds that two faces are one person's, of cosines of any shape.
        cuts: times at which the picture cuts.
    """
    group = np.full(len(tracks), -1)
    vectors = [track.vector for track in tracks]
    some = np.array([i for i, vector in enumerate(vectors) if vector is not None], int)
    if not len(some):
        return group
    apart = at_once(tracks)
    position = np.full(len(tracks), -1)
    position[some] = np.arange(len(some))
    within = position[apart]
    within = within[(within >= 0).all(axis=1)]
    group[some] = _blocks(np.stack([vectors[i] for i in some]), within, odds)
    _follow(tracks, group, apart, cuts)
    return renumbered(group)


def at_once(tracks: Sequence[WholeTrack]) -> np.ndarray:
    """Return the pairs [P, 2] of tracks that are seen at once, each as two positions."""
    pairs: list[tuple[int, int]] = []
    running: list[int] = []
    for i, track in enumerate(tracks):
        running = [j for j in running if tracks[j].stop > track.start]
        pairs += [(j, i) for j in running if _two(tracks[j], track)]
        running.append(i)
    return np.array(pairs, int).reshape(-1, 2)


def _two(one: WholeTrack, two: WholeTrack) -> bool:
    start, stop = max(one.start, two.start), min(one.stop, two.stop)
    if stop - start < AT_ONCE_SECONDS:
        return False
    middle = (start + stop - STEP) / 2
    boxes = [each.boxes[np.abs(each.times - middle).argmin()] for each in (one, two)]
    return overlap(*boxes) < SAME_PLACE


def _blocks(vectors: np.ndarray, apart: np.ndarray, odds: Odds) -> np.ndarray:
    """Return the group [N] of vectors [N, D] of which those of the pairs `apart` [P, 2] are never one."""
    group, means, number = np.arange(len(vectors)), vectors, np.ones(len(vectors))
    while len(means) > LIMIT:
        starts = range(0, len(means), LIMIT)
        runs = [_block(slice(at, at + LIMIT), means, group[apart], odds) for at in starts]
        before = np.cumsum([0, *(run.max() + 1 for run in runs)])
        merged = np.concatenate([run + at for run, at in zip(runs, before, strict=False)])
        if merged.max() + 1 > 0.9 * len(means):
            return _largest(group, means, number, apart, odds)
        group = merged[group]
        means, number = _means(means, number, merged)
    return by_linkage(means, group[apart], odds)[group]


def _largest(
    group: np.ndarray, means: np.ndarray, number: np.ndarray, apart: np.ndarray, odds: Odds
) -> np.ndarray:
    """Return the groups where there are too many: the largest are compared, the others stay alone."""
    first = np.argsort(-number, kind="stable")[:LIMIT]
    place = np.full(len(means), -1)
    place[first] = np.arange(len(first))
    pairs = place[group[apart]]
    found = np.arange(len(means)) + LIMIT
    found[first] = by_linkage(means[first], pairs[(pairs >= 0).all(axis=1)], odds)
    return found[group]


def _block(block: slice, means: np.ndarray, pairs: np.ndarray, odds: Odds) -> np.ndarray:
    inside = ((pairs >= block.start) & (pairs < block.stop)).all(axis=1)
    return by_linkage(means[block], pairs[inside] - block.start, odds)


def by_linkage(means: np.ndarray, apart: np.ndarray, odds: Odds) -> np.ndarray:
    """Return the group [N] of each of N means by average linkage.

    Args:
        means: [N, D], of unit vectors; each counts once, of however many it is the mean.
        apart: [P, 2], pairs that are never one.
        odds: log odds of cosines.
    """

    def of(rows: slice) -> np.ndarray:
        return odds(means[rows] @ means[rows.start :].T)

    return average_linkage(of, len(means), CUT, apart)


def _means(
    means: np.ndarray, number: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    total = np.bincount(group, number)
    sums = np.zeros((len(total), means.shape[1]), np.float32)
    np.add.at(sums, group, means * number[:, None])
    return (sums / total[:, None]).astype(np.float32), total


def _follow(
    tracks: Sequence[WholeTrack], group: np.ndarray, apart: np.ndarray, cuts: Sequence[float]
) -> None:
    """Give tracks without vectors the group of the face in their place, where it is not seen at once."""
    shots = np.sort(np.asarray(cuts, float))
    shot = np.array([np.searchsorted(shots, track.times.mean()) for track in tracks])
    lone = np.flatnonzero(group < 0)
    beside: dict[int, list[int]] = {i: [] for i in lone.tolist()}
    for one, other in [*apart.tolist(), *apart[:, ::-1].tolist()]:
        if one in beside:
            beside[one].append(other)
    for order, backwards in ((lone, True), (lone[::-1], False)):
        for i in order:
            if group[i] >= 0:
                continue
            near = _neighbour(tracks, i, shot, group, backwards=backwards)
            if near >= 0 and group[near] not in group[beside[i]]:
                group[i] = group[near]


def _neighbour(
    tracks: Sequence[WholeTrack], i: int, shot: np.ndarray, group: np.ndarray, *, backwards: bool
) -> int:
    """Return the nearest track with a group that ends before track `i` in its place, or begins after it."""
    own = tracks[i]
    step = (
        range(i - 1, max(-1, i - 30), -1) if backwards else range(i + 1, min(len(tracks), i + 30))
    )
    best, gap_of_best = -1, FOLLOW_SECONDS
    for j in step:
        other = tracks[j]
        first, second = (other, own) if backwards else (own, other)
        gap = second.start - first.stop
        if group[j] < 0 or shot[j] != shot[i] or not -STEP <= gap < gap_of_best:
            continue
        if overlap(first.boxes[-1], second.boxes[0]) >= FOLLOW_OVERLAP:
            best, gap_of_best = j, gap
    return best
