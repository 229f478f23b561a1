"""Moments at which one voice gives way to another, put right by the lips of those who are seen."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from mraf.extractors.streaming.slices import TICKS
from mraf.pipeline.timeline.linking.evidence import Turns, speaking_odds, tracks_during
from mraf.pipeline.timeline.seen.seen import SeenFile
from mraf.pipeline.timeline.seen.tracks import WholeTrack, ticks_of

NEAR_SECONDS = 0.3
"""Time between two turns within which one gives way to the other."""
FURTHEST = 1.0
"""Seconds by which lips may move that moment."""
PER_TICK = 1.5
"""Log odds that each tick of it costs."""
AT_A_CUT = 0.1
"""Seconds between a moment that is heard and a cut that are one."""


def refined(turns: Turns, seen: SeenFile, group: np.ndarray, face: np.ndarray) -> Turns:
    """Return the turns with the moments moved at which one speaker gives way to another.

    Where the lips of one stop and those of the other begin is heard less exactly than it is seen. Turns of
    voices without a face stay as they are beside each other. So does a moment at which the picture cuts: there
    sight and sound agree, and mouths that move beside somebody else's voice would move it away.

    Args:
        turns: N of them, at the times at which they are heard.
        seen: the T face tracks, and by how much the sound comes later.
        group: [T], the face of each, below 0 nobody's.
        face: [K], the face of each voice, below 0 none.
    """
    late, tracks = seen.late, seen.tracks
    start, stop = turns.start - late, turns.stop - late
    changes = [
        (i, j, faces)
        for i, j, faces in _changes(start, stop, turns.voice, face)
        if not _cuts_between(seen.cuts, start[j], stop[i])
    ]
    moments = np.array([(start[j] + stop[i]) / 2 for i, j, _ in changes])
    near = tracks_during(moments - FURTHEST, moments + FURTHEST, tracks)
    for (i, j, faces), moment, shown in zip(changes, moments.tolist(), near, strict=True):
        first = max(moment - FURTHEST, start[i] + NEAR_SECONDS)
        last = min(moment + FURTHEST, stop[j] - NEAR_SECONDS)
        ticks = ticks_of(first, last)
        if first < moment < last and len(ticks):
            # A third mouth that moves says nothing of when these two change.
            theirs = [k for k in shown if group[k] >= 0 and group[k] in faces]
            odds = _odds([tracks[k] for k in theirs], group[theirs], faces, ticks)
            moved = _moment(odds[1] - odds[0], ticks / TICKS, moment)
            if moved != moment:
                start[j] = stop[i] = moved
    return replace(turns, start=start + late, stop=stop + late)


def _changes(
    start: np.ndarray, stop: np.ndarray, voice: np.ndarray, face: np.ndarray
) -> list[tuple[int, int, tuple[int, int]]]:
    """Return the pairs of turns of which one gives way to the other, and the faces of the two."""
    found = []
    for i, j in pairwise(np.argsort(start, kind="stable").tolist()):
        one, two = (int(face[v]) if v >= 0 else -1 for v in (voice[i], voice[j]))
        if one != two and abs(start[j] - stop[i]) <= NEAR_SECONDS:
            found.append((i, j, (one, two)))
    return found


def _cuts_between(cuts: Sequence[float], one: float, two: float) -> bool:
    """Return whether the picture cuts between two times, in either order, or within `AT_A_CUT` s of them."""
    first = bisect_left(cuts, min(one, two) - AT_A_CUT)
    return first < len(cuts) and cuts[first] <= max(one, two) + AT_A_CUT


def _odds(
    tracks: Sequence[WholeTrack], group: np.ndarray, faces: tuple[int, int], ticks: np.ndarray
) -> np.ndarray:
    """Return log odds [2, K] that each of two faces speaks at ticks [K]; 0 where that is not seen.

    `group` are the faces of the tracks.
    """
    scores = np.array([track.scores_at(ticks) for track in tracks]).reshape(-1, len(ticks))
    odds = speaking_odds(scores)
    return np.array([odds[group == face].sum(axis=0) for face in faces])


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
