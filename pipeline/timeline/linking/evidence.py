"""Turns beside faces: when each face is seen in a turn, and how its lips score.

Turns have the times at which they are heard, faces those at which they are seen. Where the sound comes late,
a turn is looked for in the picture so much earlier.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mraf.extractors.streaming.slices import TICKS
from mraf.pipeline.timeline.seen.seen import SeenFile
from mraf.pipeline.timeline.seen.tracks import WholeTrack, ticks_of
from mraf.pipeline.timeline.spans import length_of
from mraf.pipeline.timeline.turns.voices import Voices

UNIT_SECONDS = 2.0
"""Speech that counts as one observation: what follows it is much the same."""
SLOPE = 2.0
"""Log odds that a face speaks, by LR-ASD's score."""
MOST = 3.0
"""Log odds of one observation at most, either way: a mouth may move beside somebody else's voice."""
LEAST_LOOKED = 8
"""Ticks of a turn in which lips must be looked at for a score."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Turns:
    """The turns of a file as arrays."""

    start: (
        np.ndarray
    )  # [N] s, as they are heard; in the order of time, but for moments that lips have moved
    stop: np.ndarray  # [N]
    voice: np.ndarray  # [N] int; -1: nobody's that can be told
    vectors: np.ndarray  # [N, D] unit length; NaN where one is too short
    seconds: np.ndarray  # [N], speech of the voice alone

    @classmethod
    def of(cls, voices: Voices) -> "Turns":
        """Return those of `Voices`."""
        turns = [turn for turn in voices.turns if turn.stop > turn.start]
        dim = voices.vectors.shape[1] if voices.vectors.ndim == 2 else 0
        vectors = np.full((len(turns), dim), np.nan, np.float32)
        for i, turn in enumerate(turns):
            if turn.vector is not None:
                vectors[i] = turn.vector
        return cls(
            start=np.array([turn.start for turn in turns], float),
            stop=np.array([turn.stop for turn in turns], float),
            voice=np.array([turn.voice for turn in turns], int),
            vectors=vectors,
            seconds=np.array([turn.seconds for turn in turns], float),
        )

    def __len__(self) -> int:
        """Return N."""
        return len(self.start)

    def of_voices(self, voice: np.ndarray) -> "Turns":
        """Return the same turns of other voices [N]."""
        return replace(self, voice=voice)

    def earlier(self, seconds: float) -> "Turns":
        """Return the same turns so much earlier, as with the seconds by which the sound comes late."""
        return replace(self, start=self.start - seconds, stop=self.stop - seconds)

    @property
    def length(self) -> np.ndarray:
        """[N] s."""
        return self.stop - self.start

    def together(self, number: int) -> np.ndarray:
        """Return the seconds [K, K] for which two voices of `number` speak at once."""
        found = np.zeros((number, number))
        running: list[int] = []
        for i in np.argsort(self.start, kind="stable").tolist():
            running = [j for j in running if self.stop[j] > self.start[i]]
            for j in running:
                a, b = int(self.voice[i]), int(self.voice[j])
                if min(a, b) >= 0 and a != b:
                    seconds = min(self.stop[i], self.stop[j]) - self.start[i]
                    found[a, b] += seconds
                    found[b, a] += seconds
            running.append(i)
        return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Sight:
    """The faces that are seen in N turns, of G people: E pairs of a turn and somebody who is seen in it."""

    turn: np.ndarray  # [E] int, rising
    face: np.ndarray  # [E] int
    visible: np.ndarray  # [E] share of the turn for which the face is seen
    looked: np.ndarray  # [E] ticks in which its lips were looked at
    score: np.ndarray  # [E] mean of LR-ASD's scores, above 0 speaks; NaN where not looked at
    odds: np.ndarray  # [E] log odds that it is this one who speaks, of those who are seen; 0 there
    track: np.ndarray  # [E] int, the track in which it is seen longest in the turn
    seen: np.ndarray  # [G] s, of the whole file
    turns: int  # N

    @property
    def people(self) -> int:
        """G."""
        return len(self.seen)

    def of(self, turn: int) -> slice:
        """Return the pairs of a turn."""
        return slice(int(self._first[turn]), int(self._first[turn + 1]))

    def most(self, values: np.ndarray) -> np.ndarray:
        """Return the largest [N] of values [E] in each turn; 0 where none is above."""
        found = np.zeros(self.turns)
        np.maximum.at(found, self.turn, values)
        return found

    def only(self, kept: np.ndarray) -> "Sight":
        """Return what is seen of some people, a mask [G], who are numbered anew in their order."""
        number = np.cumsum(kept) - 1
        some = kept[self.face]
        return Sight(
            turn=self.turn[some],
            face=number[self.face[some]],
            visible=self.visible[some],
            looked=self.looked[some],
            score=self.score[some],
            odds=self.odds[some],
            track=self.track[some],
            seen=self.seen[kept],
            turns=self.turns,
        )

    @cached_property
    def _first(self) -> np.ndarray:
        return np.searchsorted(self.turn, np.arange(self.turns + 1))


def sight_of(turns: Turns, seen: SeenFile, group: np.ndarray) -> Sight:
    """Return who is seen in each turn, and how their lips score.

    Lips are looked at where nobody else speaks, if that is long enough.

    Args:
        turns: N of them, at the times at which they are heard.
        seen: the face tracks, and by how much the sound comes later.
        group: the person of each track, below 0 nobody.
    """
    turns = turns.earlier(seen.late)
    busy = _busy(turns)
    pairs: list[tuple[int, int]] = []
    numbers: list[np.ndarray] = []
    for i, near in enumerate(tracks_during(turns.start, turns.stop, seen.tracks)):
        ticks = ticks_of(turns.start[i], turns.stop[i])
        alone = ticks[busy[ticks] <= 1]
        ticks = alone if len(alone) >= LEAST_LOOKED else ticks
        span = float(turns.start[i]), float(turns.stop[i])
        found = _in_turn(span, ticks, near, seen.tracks, group)
        pairs += [(i, each) for each in found]
        numbers += found.values()
    turn, face = np.array(pairs, int).reshape(-1, 2).T
    visible, total, likely, looked, track = np.array(numbers).reshape(-1, 5).T
    enough = looked >= LEAST_LOOKED
    return Sight(
        turn=turn,
        face=face,
        visible=(visible / np.maximum(turns.length[turn], 1e-9)).clip(0, 1),
        looked=np.where(enough, looked, 0),
        score=np.where(enough, total / np.maximum(looked, 1), np.nan),
        odds=np.where(enough, likely / np.maximum(looked, 1), 0.0),
        track=track.astype(int),
        seen=seen_seconds(seen.tracks, group, int(group.max(initial=-1)) + 1),
        turns=len(turns),
    )


def _in_turn(
    span: tuple[float, float],
    ticks: np.ndarray,
    near: Sequence[int],
    tracks: Sequence[WholeTrack],
    group: np.ndarray,
) -> dict[int, np.ndarray]:
    """Return by the face what is seen of it in one turn.

    That is seconds seen, sums of scores and of log odds, the number of them, and the track seen longest.

    Args:
        span: of the turn.
        ticks: in which lips are looked at.
        near: the tracks that are seen in it.
        tracks: of the file.
        group: the person of each.
    """
    scores = np.array([tracks[j].scores_at(ticks) for j in near]).reshape(-1, len(ticks))
    found: dict[int, np.ndarray] = {}
    longest: dict[int, float] = {}
    for j, its_scores, its_odds in zip(near, scores, speaking_odds(scores), strict=True):
        if group[j] < 0:
            continue
        shared = min(span[1], tracks[j].stop) - max(span[0], tracks[j].start)
        looked = np.isfinite(its_scores)
        face = int(group[j])
        new = np.array([shared, its_scores[looked].sum(), its_odds.sum(), looked.sum(), 0], float)
        found[face] = found.get(face, 0) + new
        if shared > longest.get(face, 0.0):
            longest[face] = shared
            found[face][-1] = j
    return found


def speaking_odds(scores: np.ndarray) -> np.ndarray:
    """Return log odds [M, K] that each of M faces is the one that speaks, at K ticks; 0 where not looked at.

    One at most speaks of those who are seen: the mouth of a listener may move too, but less in step.

    Args:
        scores: [M, K] of LR-ASD; NaN where not looked at.
    """
    alone = (SLOPE * scores).clip(-20, 20)
    likely = np.nan_to_num(np.exp(alone), nan=0.0)
    others = 1 + likely.sum(axis=0) - likely
    return np.nan_to_num((alone - np.log(others)).clip(-MOST, MOST), nan=0.0)


def tracks_during(
    start: np.ndarray, stop: np.ndarray, tracks: Sequence[WholeTrack]
) -> list[list[int]]:
    """Return the tracks that are seen in each stretch.

    Args:
        start: [N] s, of the picture.
        stop: [N] s.
        tracks: in the order in which they begin.
    """
    found: list[list[int]] = [[] for _ in range(len(start))]
    running: list[int] = []
    following = 0
    for i in np.argsort(start, kind="stable").tolist():
        # A stretch may end after a later one begins, so that what has not begun yet is looked at too.
        while following < len(tracks) and tracks[following].start < stop[i]:
            running.append(following)
            following += 1
        running = [j for j in running if tracks[j].stop > start[i]]
        found[i] = [j for j in running if tracks[j].start < stop[i]]
    return found


def seen_seconds(tracks: Sequence[WholeTrack], group: np.ndarray, number: int) -> np.ndarray:
    """Return the seconds [G] for which each of `number` people is seen."""
    spans: list[list[tuple[float, float]]] = [[] for _ in range(number)]
    for track, each in zip(tracks, group.tolist(), strict=True):
        if each >= 0:
            spans[each].append((track.start, track.stop))
    return np.array([length_of(each) for each in spans])


def _busy(turns: Turns) -> np.ndarray:
    """Return the number of turns [T] that run at each tick of the file."""
    last = int(np.ceil(turns.stop.max(initial=0.0) * TICKS)) + 2
    change = np.zeros(last, np.int64)
    for start, stop in zip(turns.start, turns.stop, strict=True):
        ticks = ticks_of(start, stop)
        if len(ticks):
            change[ticks[0]] += 1
            change[ticks[-1] + 1] -= 1
    return np.cumsum(change)
