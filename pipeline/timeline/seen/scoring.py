"""Scores of lips over a whole file: how surely a face speaks at each moment."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from mraf.extractors.streaming.parts import FaceTrack, Observed
from mraf.extractors.streaming.slices import TICKS

TRIED_TICKS = 25 * 90
"""Lips of so many ticks that speak tell how sound and picture are out of step; more say no more."""
LEAST_STEP = 0.1
"""Seconds by which sound and picture may be out of step without being put in step."""
ABOUT_TICKS = 25
"""Ticks over which the scores of lips that speak are above 0 on average."""
_PER_TICK = 4  # rows of the sound a tick


Step = Callable[[Sequence[tuple[np.ndarray, np.ndarray]]], float]


class Scorer(Protocol):
    """LR-ASD, as `mraf.extractors.speaking.lr_asd.Scorer` has it."""

    def score(self, lips: np.ndarray, mfcc: np.ndarray) -> np.ndarray:
        """Return scores [T] of lips [T, 128] and sound [4 T, 13]; NaN where not looked at."""


def scores_of(track: FaceTrack, part: Observed, scorer: Scorer | None, shift: int) -> np.ndarray:
    """Return the scores [V] float32 of a track's lips; NaN where there are none.

    Args:
        track: of the part.
        part: with the sound.
        scorer: None where there is none.
        shift: ticks by which the sound comes late.
    """
    lips = track.lips
    nothing = np.full(len(lips), np.nan, np.float32)
    if scorer is None or part.heard is None or not len(part.heard.mfcc) or not len(lips):
        return nothing
    if not np.isfinite(lips).all(axis=1).any():
        return nothing
    rows = _sound(part, track.first_tick + shift, len(lips))
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

    def add(self, track: FaceTrack, part: Observed) -> None:
        """Take in the lips of a track where they speak."""
        scores = scores_of(track, part, self._scorer, 0)
        speaks = np.isfinite(scores) & (_about(scores) > 0)
        if not speaks.any():
            return
        lips = np.where(speaks[:, None], track.lips.astype(np.float32), np.nan)
        self._pairs.append((lips, _sound(part, track.first_tick, len(lips))))
        self._ticks += int(speaks.sum())

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


def _sound(part: Observed, first_tick: int, ticks: int) -> np.ndarray:
    """Return the sound [4 T, 13] from a tick of the file on; the nearest beyond the part's ends."""
    assert part.heard is not None
    mfcc = part.heard.mfcc
    first = (first_tick - round(part.start * TICKS)) * _PER_TICK
    rows = np.arange(first, first + ticks * _PER_TICK)
    found: np.ndarray = mfcc[np.clip(rows, 0, len(mfcc) - 1)]
    return found
