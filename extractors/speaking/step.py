"""Sound and picture that are out of step: by how much, from faces that speak.

LR-ASD's scores hardly change where the sound is moved, or is another's. But its view of the lips foretells
how loud the sound is at that time: the shift at which it does so best is the one between the two. What
foretells it is learned from the faces themselves, each of which is foretold from the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mraf.extractors.speaking.agreement import LEAST_SECONDS, RIDGE, Pair, centred, loudness
from mraf.extractors.speaking.lr_asd import SIZE
from mraf.extractors.streaming.slices import TICKS

FURTHEST = 0.3
"""Seconds by which sound and picture may be out of step."""
MARGIN = 0.3
"""Seconds beyond, for which the agreement is looked at too: its peak is as wide."""
SHORTEST = 12
"""Ticks of a stretch, beside those for which shifted sound is needed, that tell anything."""
LEAST_AGREEMENT = 0.3
"""Correlation of loudness with what lips foretell of it, below which they are not the speakers'."""
PIECE = 100
"""Ticks of a longer stretch that are foretold from all others."""
SHOULDER = 0.7
"""Share of the best agreement above which shifts count, in their mean."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """The time by which the sound comes after the picture."""

    seconds: float  # 0 where nothing can be said; `Scorer.score` takes it
    confidence: (
        float  # correlation of the loudness with what lips foretell of it; 0: nothing can be said
    )


UNKNOWN = Shift(seconds=0.0, confidence=0.0)


def best_shift(pairs: Sequence[Pair]) -> Shift:
    """Find the shift of the sound from faces that are seen speaking, of one or several people.

    Its error is about 0.04 s from half a minute, 0.01 s from a minute. It is unknown where there is less than
    20 s, or where lips and sound have nothing to do with each other.

    Args:
        pairs: lips `[T, 128]`, as `LipReader.read` gives them, and the sound `[4 T, 13]` of the same time.
            Stretches in which somebody else speaks do little harm; runs of ticks not looked at are left out.
    """
    edge = round((FURTHEST + MARGIN) * TICKS)
    shifts = np.arange(-edge, edge + 1)
    pieces = [each for lips, mfcc in pairs for each in _pieces(lips, mfcc, edge)]
    if sum(len(lips) for lips, _ in pieces) < LEAST_SECONDS * TICKS or len(pieces) < 2:
        return UNKNOWN
    agreement = _agreement(pieces)
    near = np.abs(shifts) <= round(FURTHEST * TICKS)
    best = float(agreement[near].max())
    if best < LEAST_AGREEMENT:
        return UNKNOWN
    peak = shifts[near][agreement[near].argmax()]
    # The mean about the peak, as far on either side: its top is flat.
    weights = np.clip(agreement - SHOULDER * best, 0, None)
    weights[np.abs(shifts - peak) > round(MARGIN * TICKS)] = 0
    seconds = float((weights * shifts).sum() / weights.sum()) / TICKS
    return Shift(seconds=float(np.clip(seconds, -FURTHEST, FURTHEST)), confidence=best)


def _pieces(lips: np.ndarray, mfcc: np.ndarray, edge: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return lips `[K, 128]` and loudness `[K, S]` at each shift, of pieces that have sound at all shifts."""
    loud = loudness(mfcc, len(lips))
    looked_at = np.isfinite(lips).all(axis=1)
    found = []
    for start in range(edge, len(loud) - edge, PIECE):
        ticks = np.arange(start, min(start + PIECE, len(loud) - edge))
        ticks = ticks[looked_at[ticks]]
        if len(ticks) >= SHORTEST:
            shifted = loud[ticks[:, None] + np.arange(-edge, edge + 1)]
            found.append((centred(lips[ticks].astype(float)), centred(shifted)))
    return found


def _agreement(pieces: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return the correlation `[S]` of loudness with what a regression on the other pieces foretells."""
    squares = [lips.T @ lips for lips, _ in pieces]
    products = [lips.T @ loud for lips, loud in pieces]
    all_squares = sum(squares) + RIDGE * np.eye(SIZE)
    all_products = sum(products)
    both, foretold, heard = (np.zeros(pieces[0][1].shape[1]) for _ in range(3))
    for (lips, loud), square, product in zip(pieces, squares, products, strict=True):
        found = lips @ np.linalg.solve(all_squares - square, all_products - product)
        both += (found * loud).sum(axis=0)
        foretold += (found**2).sum(axis=0)
        heard += (loud**2).sum(axis=0)
    correlation: np.ndarray = both / np.sqrt(np.maximum(foretold * heard, 1e-12))
    return correlation
