"""The ticks of a slice at which speech may be heard, so that lips are looked at only there."""

import math
from collections.abc import Callable

import numpy as np

from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.streaming.slices import TICKS
from mraf.extractors.voice.vad import WINDOW

CONTEXT = 1.0
"""Seconds of sound before and after a slice that are listened to as well."""
_PADDING = 0.5
"""Seconds around speech that count as speech: sound and picture may be out of step by 0.3 s."""
_LIKELY = 0.3
"""Probability from which a window may hold speech. What is not looked at cannot be made up for later."""


def ticks_with_speech(
    probability: Callable[[np.ndarray], np.ndarray],
    wave: np.ndarray,
    begins: float,
    start: float,
    stop: float,
) -> np.ndarray:
    """Return `[K]` bool for the ticks from `start` on, before `stop`.

    Args:
        probability: of speech `[M]` in windows of 512 samples.
        wave: `[N]` float32 at 16 kHz: the slice with what is around it.
        begins: of `wave` in s.
        start: of the slice in s.
        stop: of the slice in s.
    """
    first, last = round(start * TICKS), math.ceil(round(stop * TICKS, 6))
    ticks = np.arange(first, last) / TICKS
    if not len(wave):
        return np.zeros(len(ticks), bool)
    windows = np.flatnonzero(probability(wave) > _LIKELY)
    middles = begins + (windows + 0.5) * WINDOW / SAMPLE_RATE
    at = np.searchsorted(middles, ticks)
    around = np.concatenate([[-np.inf], middles, [np.inf]])
    nearest = np.minimum(ticks - around[at], around[at + 1] - ticks)
    return nearest <= _PADDING + WINDOW / SAMPLE_RATE / 2
