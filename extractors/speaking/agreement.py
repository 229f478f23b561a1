"""The agreement of lips with a sound: how well they foretell its loudness.

It tells whose voice is heard beside a mouth that moves too, which LR-ASD's scores do not.
"""

from collections.abc import Sequence

import numpy as np

from mraf.extractors.speaking.lr_asd import SIZE, STEPS
from mraf.extractors.speaking.mfcc import RATE, shifted
from mraf.extractors.streaming.slices import TICKS

RIDGE = 1_000.0
"""Weight of the squares of the regression's coefficients, against those of its errors."""
LEAST_SECONDS = 20.0
"""Seconds of faces that speak, below which nothing is learned from them."""
RANGE = 12.0
"""Logarithm of the largest energy less that below which all is as quiet: 52 dB."""
SHORTEST = TICKS
"""Ticks below which nothing is said."""

Pair = tuple[np.ndarray, np.ndarray]
"""Lips `[T, 128]`, as `LipReader.read` gives them, and the sound `[4 T, 13]` of the same time."""


class Agreement:
    """Foretells loudness from lips, as learned from faces that are seen speaking.

    Args:
        coefficients: `[128]` of the regression.
    """

    def __init__(self, coefficients: np.ndarray) -> None:
        self._coefficients = coefficients

    def of(self, lips: np.ndarray, mfcc: np.ndarray, shift: float = 0.0) -> float:
        """Return the correlation of a sound's loudness with what lips foretell of it, -1 to 1.

        It is NaN where less than a second was looked at, or nothing changes. Over 4 s, real people's own
        sound has 0.44 in the mean, and another's 0.04: compare faces by it, over two seconds at least.

        Args:
            lips: `[T, 128]`; ticks not looked at are left out.
            mfcc: `[4 T, 13]`.
            shift: as for `Scorer.score`.
        """
        sound = shifted(mfcc, round(shift * RATE), len(lips) * STEPS)
        chosen, loud = _looked_at(lips, sound)
        if len(chosen) < SHORTEST:
            return float("nan")
        foretold = chosen @ self._coefficients
        spread = float(np.sqrt((foretold**2).sum() * (loud**2).sum()))
        return float(foretold @ loud) / spread if spread > 1e-6 else float("nan")


def learn(pairs: Sequence[Pair], shift: float = 0.0) -> Agreement | None:
    """Learn from faces that speak, of one or better several people; None from less than 20 s of them."""
    squares, products, ticks = RIDGE * np.eye(SIZE), np.zeros(SIZE), 0
    for lips, mfcc in pairs:
        sound = shifted(mfcc, round(shift * RATE), len(lips) * STEPS)
        chosen, loud = _looked_at(lips, sound)
        squares += chosen.T @ chosen
        products += chosen.T @ loud
        ticks += len(chosen)
    if ticks < LEAST_SECONDS * TICKS:
        return None
    return Agreement(np.linalg.solve(squares, products))


def loudness(mfcc: np.ndarray, ticks: int) -> np.ndarray:
    """Return the mean logarithm of energy at each of the first ticks, as far as there is sound."""
    count = min(ticks, len(mfcc) // STEPS)
    energy = mfcc[: count * STEPS, 0].astype(float).reshape(count, STEPS).mean(axis=1)
    # The logarithm of digital silence would outweigh all speech: it says nothing of lips.
    return np.maximum(energy, energy.max() - RANGE) if count else energy


def centred(values: np.ndarray) -> np.ndarray:
    """Return values less their mean over the first axis."""
    return values - values.mean(axis=0) if len(values) else values


def _looked_at(lips: np.ndarray, mfcc: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lips `[K, 128]` and loudness `[K]` where lips were looked at, less their means."""
    loud = loudness(mfcc, len(lips))
    seen = np.isfinite(lips[: len(loud)]).all(axis=1)
    return centred(lips[: len(loud)][seen].astype(float)), centred(loud[seen])
