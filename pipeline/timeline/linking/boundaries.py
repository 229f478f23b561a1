"""Moments at which one voice gives way to another, put right by the lips of those who are seen."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from mraf.extractors.streaming.slices import TICKS
from mraf.pipeline.timeline.linking.evidence import Turns, speaking_odds
from mraf.pipeline.timeline.seen.tracks import WholeTrack, ticks_of

NEAR_SECONDS = 0.3
"""Time between two turns within which one gives way to the other."""
FURTHEST = 1.0
"""Seconds by which lips may move that moment."""
PER_TICK = 1.5
"""Log odds that each tick of it costs."""


def refined(
    turns: Turns, tracks: Sequence[WholeTrack], group: np.ndarray, face: np.ndarray
) -> Turns:
    """Return the turns with the moments moved at which one speaker gives way to another.

    Where the lips of one stop and those of the other begin is heard less exactly than it is seen. Turns of
    voices without a face stay as they are beside each other.

    Args:
        turns: N of them.
        tracks: T of them, in the order in which they begin.
        group: [T], the face of each, below 0 nobody's.
        face: [K], the face of each voice, below 0 none.
    """
    start, stop = turns.start.copy(), turns.stop.copy()
    spans = np.array([(track.start, track.stop) for track in tracks]).reshape(-1, 2).T
    order = np.argsort(turns.start, kind="stable")
    for i, j in pairwise(order.tolist()):
        a, b = (face[v] if v >= 0 else -1 for v in (turns.voice[i], turns.voice[j]))
        if a == b or abs(start[j] - stop[i]) > NEAR_SECONDS:
            continue
        moment = (start[j] + stop[i]) / 2
        first = max(moment - FURTHEST, start[i] + NEAR_SECONDS)
        last = min(moment + FURTHEST, stop[j] - NEAR_SECONDS)
        ticks = ticks_of(first, last)
        if first < moment < last and len(ticks):
            odds = _odds(tracks, spans, group, (int(a), int(b)), ticks)
            moved = _moment(odds[1] - odds[0], ticks / TICKS, moment)
            if moved != moment:
                start[j] = stop[i] = moved
    return replace(turns, start=start, stop=stop)


def _odds(
    tracks: Sequence[WholeTrack],
    spans: np.ndarray,
    group: np.ndarray,
    faces: tuple[int, int],
    ticks: np.ndarray,
) -> np.ndarray:
    """Return log odds [2, K] that each of two faces speaks at ticks [K]; 0 where that is not seen.

    `spans` [2, T] are the starts and stops of the tracks.
    """
    begins, ends = ticks[0] / TICKS, ticks[-1] / TICKS
    # A third mouth that moves says nothing of when these two change.
    theirs = np.isin(group, [face for face in faces if face >= 0])
    near = np.flatnonzero(theirs & (spans[0] < ends) & (spans[1] > begins)).tolist()
    odds = speaking_odds(
        np.array([tracks[i].scores_at(ticks) for i in near]).reshape(-1, len(ticks))
    )
    found = np.zeros((2, len(ticks)))
    for row, i in zip(odds, near, strict=True):
        for side, face in enumerate(faces):
            if face >= 0 and group[i] == face:
                found[side] += row
    return found


def _moment(second: np.ndarray, times: np.ndarray, moment: float) -> float:
    """Return the time from which the second speaks rather than the first, near `moment` if little speaks for it.

    Args:
        second: [K], log odds that it is the second who speaks.
        times: [K] s.
        moment: s.
    """
    after = second[::-1].cumsum()[::-1]
    before = np.concatenate([[0.0], -second[:-1]]).cumsum()
    gain = after + before - PER_TICK * np.abs(times - moment) * TICKS
    at = int(np.abs(times - moment).argmin())
    best = int(gain.argmax())
    return float(times[best]) if gain[best] > gain[at] + PER_TICK else moment
