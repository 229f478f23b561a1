"""Scores of lips over a whole file: how surely a face speaks at each moment."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np

from mraf.extractors.speaking.lr_asd import STEPS
from mraf.extractors.speaking.mfcc import COEFFICIENTS, shifted
from mraf.extractors.streaming.parts import FaceTrack, Observed
from mraf.extractors.streaming.slices import TICKS

TRIED_TICKS = 25 * 90
"""Lips of so many ticks that speak tell how sound and picture are out of step; more say no more."""
LEAST_STEP = 0.1
"""Seconds by which sound and picture may be out of step without being put in step."""
ABOUT_TICKS = 25
"""Ticks over which the scores of lips that speak are above 0 on average."""
LEAST_TICKS = 12
"""Ticks of a stretch in which lips speak, below which it tells nothing of the step."""
BEYOND_TICKS = 15
"""Ticks beyond such a stretch of which the sound is compared with the lips too."""
BORDER_TICKS = 10
"""Ticks of the sound before and after a part that its lips need where the sound comes late or early."""


Step = Callable[[Sequence[tuple[np.ndarray, np.ndarray]]], float]


class Scorer(Protocol):
    """LR-ASD, as `mraf.extractors.speaking.lr_asd.Scorer` has it."""

    def score(self, lips: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        """Return scores [T] of lips [T, 128] and sound [4 T, 13]; NaN where not looked at."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Sound:
    """LR-ASD's sound of a part and of a little before and after it."""

    mfcc: np.ndarray  # [M, 13], four a tick
    first_tick: int  # of the file

    def at(self, tick: int, ticks: int) -> np.ndarray:
        """Return the sound [4 T, 13] of some ticks from one of the file on; silence where there is none."""
        return shifted(self.mfcc, (tick - self.first_tick) * STEPS, ticks * STEPS)


def with_sound(parts: Iterable[Observed]) -> Iterator[tuple[Observed, Sound | None]]:
    """Yield each part with its sound; None where a part has none. Three parts at most are held at once."""
    before: Observed | None = None
    here: Observed | None = None
    for after in chain(parts, [None]):
        if here is not None:
            yield here, _sound_of(here, before, after)
        before, here = here, after


def scores_of(
    track: FaceTrack, sound: Sound | None, scorer: Scorer | None, shift: int
) -> np.ndarray:
    """Return the scores [V] float32 of a track's lips; NaN where there are none.

    Args:
        track: of a part.
        sound: of the part; None where there is none.
        scorer: None where there is none.
        shift: ticks by which the sound comes late.
    """
    lips = track.lips
    nothing = np.full(len(lips), np.nan, np.float32)
    if scorer is None or sound is None or not len(lips):
        return nothing
    if not np.isfinite(lips).all(axis=1).any():
        return nothing
    rows = sound.at(track.first_tick + shift, len(lips))
    return np.asarray(scorer.score(lips.astype(np.float32), rows), np.float32)


class Synchrony:
    """Finds by how many ticks the sound of a file comes late, from the first lips that are seen speaking.

    Args:
        scorer: None where there is none.
        step: the seconds by which the sound comes after the picture, from pairs of lips [T, 128] and sound
            [4 T, 13]; by default `mraf.extractors.speaking.step.best_shift` tells them.
    """

    def __init__(self, scorer: Scorer | None, step: Step | None = None) -> None:
        self._scorer = scorer
        self._step = step or _best_shift
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []
        self._ticks = 0

    @property
    def enough(self) -> bool:
        """True where more lips need not be tried."""
        return self._scorer is None or self._ticks >= TRIED_TICKS

    def add(self, track: FaceTrack, sound: Sound | None) -> np.ndarray:
        """Take in the lips of a track where they speak, and return their scores [V] for sound in step."""
        scores = scores_of(track, sound, self._scorer, 0)
        speaks = np.isfinite(scores) & (_about(scores) > 0)
        if sound is None or not speaks.any():
            return scores
        # Whole tracks of somebody who says a word would fill the memory in a long file.
        for first, last in _stretches(np.flatnonzero(speaks)):
            here = slice(max(0, first - BEYOND_TICKS), last + BEYOND_TICKS + 1)
            lips = np.where(speaks[here, None], track.lips[here], np.float16(np.nan))
            self._pairs.append((lips, sound.at(track.first_tick + here.start, len(lips))))
            self._ticks += int(speaks[here].sum())
        return scores

    @property
    def shift(self) -> int:
        """The ticks by which the sound comes late; 0 where that cannot be told."""
        seconds = self._step(self._pairs) if self._pairs else 0.0
        return round(seconds * TICKS) if abs(seconds) >= LEAST_STEP else 0


def _best_shift(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    from mraf.extractors.speaking.step import best_shift

    return best_shift(pairs).seconds


def _about(scores: np.ndarray) -> np.ndarray:
    """Return the mean of the scores about each tick; those that were not looked at count as 0."""
    found: np.ndarray = np.convolve(
        np.nan_to_num(scores, nan=0.0), np.ones(ABOUT_TICKS) / ABOUT_TICKS, mode="full"
    )[ABOUT_TICKS // 2 :][: len(scores)]
    return found


def _stretches(ticks: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of ticks [K], rising, that are near each other, where these are enough."""
    for each in np.split(ticks, np.flatnonzero(np.diff(ticks) > 2 * BEYOND_TICKS) + 1):
        if len(each) >= LEAST_TICKS:
            yield int(each[0]), int(each[-1])


def _sound_of(part: Observed, before: Observed | None, after: Observed | None) -> Sound | None:
    if part.heard is None or not len(part.heard.mfcc):
        return None
    border = BORDER_TICKS * STEPS
    first, last = round(part.start * TICKS), round(part.stop * TICKS)
    own = part.heard.mfcc
    if after is not None:  # else the last tick may be a part of one
        own = shifted(own, 0, (last - first) * STEPS)
    start = 0 if before is None else (first - round(before.start * TICKS)) * STEPS
    pieces = [_rows(before, start - border, border), own, _rows(after, 0, border)]
    return Sound(mfcc=np.concatenate(pieces), first_tick=first - BORDER_TICKS)


def _rows(part: Observed | None, first: int, count: int) -> np.ndarray:
    """Return rows [count, 13] of a part's sound from one on; silence where it has none."""
    nothing = np.zeros((0, COEFFICIENTS), np.float32)
    mfcc = nothing if part is None or part.heard is None else part.heard.mfcc
    return shifted(mfcc if len(mfcc) else nothing, first, count)
