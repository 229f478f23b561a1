"""Scores of lips over a whole file: how surely a face speaks at each moment."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mraf.extractors.streaming.parts import FaceTrack, Observed
from mraf.extractors.streaming.slices import TICKS

SHIFTS = tuple(range(-8, 9, 2))
"""Ticks by which the sound may come too late (above 0) or too early: 0.32 s either way."""
TRIED_TICKS = 25 * 60
"""Lips of so many ticks are scored with every shift; more say no more."""
LEAST_TICKS = 25 * 4
"""Fewer ticks in which lips speak do not tell a shift."""
GAIN = 0.5
"""Score of lips that speak, by which a shift must on average be better than none to be believed."""
_PER_TICK = 4  # rows of the sound a tick


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
    """Finds by how many ticks the sound of a file comes late, from the first lips that are seen speaking."""

    def __init__(self, scorer: Scorer | None, shifts: Sequence[int] = SHIFTS) -> None:
        self._scorer = scorer
        self._shifts = tuple(shifts)
        self._sum = np.zeros(len(self._shifts))
        self._speaking = np.zeros(len(self._shifts))
        self._ticks = 0

    @property
    def enough(self) -> bool:
        """True where more lips need not be tried."""
        return self._scorer is None or self._ticks >= TRIED_TICKS

    def add(self, track: FaceTrack, part: Observed) -> None:
        """Try every shift on a track's lips."""
        found = np.stack([scores_of(track, part, self._scorer, shift) for shift in self._shifts])
        seen = np.isfinite(found).all(axis=0)
        if not seen.any():
            return
        # Lips that are silent whatever the shift say nothing of it.
        speaks = found[:, seen].clip(min=0)
        self._sum += speaks.sum(axis=1)
        self._speaking += (speaks > 0).sum(axis=1)
        self._ticks += int(seen.sum())

    @property
    def shift(self) -> int:
        """The ticks by which the sound comes late; 0 where that cannot be told."""
        best = int(self._sum.argmax())
        if self._speaking[best] < LEAST_TICKS:
            return 0
        gain = (self._sum[best] - self._sum[self._shifts.index(0)]) / self._speaking[best]
        return self._shifts[best] if gain > GAIN else 0


def _sound(part: Observed, first_tick: int, ticks: int) -> np.ndarray:
    """Return the sound [4 T, 13] from a tick of the file on; the nearest beyond the part's ends."""
    assert part.heard is not None
    mfcc = part.heard.mfcc
    first = (first_tick - round(part.start * TICKS)) * _PER_TICK
    rows = np.arange(first, first + ticks * _PER_TICK)
    found: np.ndarray = mfcc[np.clip(rows, 0, len(mfcc) - 1)]
    return found
