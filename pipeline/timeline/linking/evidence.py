"""Turns beside faces: when each face is seen in a turn, and how its lips score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mraf.extractors.streaming.slices import TICKS
from mraf.pipeline.timeline.seen.tracks import WholeTrack, ticks_of
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

    start: np.ndarray  # [N] s, rising
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
    """N turns beside G people who are seen."""

    visible: np.ndarray  # [N, G] share of a turn for which somebody is seen
    looked: np.ndarray  # [N, G] ticks in which their lips were looked at
    score: np.ndarray  # [N, G] mean of LR-ASD's scores, above 0 speaks; NaN where not looked at
    odds: np.ndarray  # [N, G] log odds that it is they who speak, of those who are seen; 0 there
    seen: np.ndarray  # [G] s, of the whole file


def sight_of(turns: Turns, tracks: Sequence[WholeTrack], group: np.ndarray) -> Sight:
    """Return who is seen in each turn, and how their lips score.

    Lips are looked at where nobody else speaks, if that is long enough.

    Args:
        turns: N of them.
        tracks: in the order in which they begin.
        group: the person of each track, below 0 nobody.
    """
    number = int(group.max(initial=-1)) + 1
    visible, total, likely, looked = (np.zeros((len(turns), number)) for _ in range(4))
    busy = _busy(turns)
    for i, near in enumerate(tracks_during(turns, tracks)):
        ticks = ticks_of(turns.start[i], turns.stop[i])
        alone = ticks[busy[ticks] <= 1]
        ticks = alone if len(alone) >= LEAST_LOOKED else ticks
        scores = np.array([tracks[j].scores_at(ticks) for j in near]).reshape(-1, len(ticks))
        odds = speaking_odds(scores)
        for j, its_scores, its_odds in zip(near, scores, odds, strict=True):
            if group[j] < 0:
                continue
            track = tracks[j]
            shared = min(turns.stop[i], track.stop) - max(turns.start[i], track.start)
            visible[i, group[j]] += shared / turns.length[i]
            total[i, group[j]] += float(np.nansum(its_scores))
            likely[i, group[j]] += float(its_odds.sum())
            looked[i, group[j]] += int(np.isfinite(its_scores).sum())
    enough = looked >= LEAST_LOOKED
    return Sight(
        visible=visible.clip(0, 1),
        looked=np.where(enough, looked, 0),
        score=np.where(enough, total / np.maximum(looked, 1), np.nan),
        odds=np.where(enough, likely / np.maximum(looked, 1), 0.0),
        seen=seen_seconds(tracks, group, number),
    )


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


def tracks_during(turns: Turns, tracks: Sequence[WholeTrack]) -> list[list[int]]:
    """Return the tracks that are seen in each turn; both lie in the order in which they begin."""
    found: list[list[int]] = [[] for _ in range(len(turns))]
    running: list[int] = []
    following = 0
    for i in np.argsort(turns.start, kind="stable").tolist():
        # A turn may end after a later one begins, so that what has not begun yet is looked at too.
        while following < len(tracks) and tracks[following].start < turns.stop[i]:
            running.append(following)
            following += 1
        running = [j for j in running if tracks[j].stop > turns.start[i]]
        found[i] = [j for j in running if tracks[j].start < turns.stop[i]]
    return found


def seen_seconds(tracks: Sequence[WholeTrack], group: np.ndarray, number: int) -> np.ndarray:
    """Return the seconds [G] for which each of `number` people is seen."""
    spans: list[list[tuple[float, float]]] = [[] for _ in range(number)]
    for track, each in zip(tracks, group.tolist(), strict=True):
        if each >= 0:
            spans[each].append((track.start, track.stop))
    return np.array([length_of(each) for each in spans])


def length_of(spans: Sequence[tuple[float, float]]) -> float:
    """Return the seconds that spans cover together."""
    covered, end = 0.0, -np.inf
    for start, stop in sorted(spans):
        covered += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return covered


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
