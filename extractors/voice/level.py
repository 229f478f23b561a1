"""The level of sound: an offset goes, be it constant or drifting, and what is too quiet to be heard is made louder."""

import itertools
from dataclasses import dataclass

import numpy as np

from mraf.extractors.media.read import SAMPLE_RATE

OFFSET = 0.1
"""An offset counts that is more than this share of the deviation around it."""
DRIFT = 0.5
"""A drift counts that is more than this share of the sound around it: in that of voices it is 0.02."""
DRIFT_SECONDS = 0.25
"""Time over which the mean is no sound, but drift."""
LOUD_SHARE = 0.005
"""The loudness is the value that this share of the samples exceed. A second of speech in two minutes
is more than that, clicks of a few milliseconds are less."""
QUIET, TARGET = 0.05, 0.3
"""Loudness below which sound is made louder, and the one that it gets; full scale is 1."""
HIGHEST_GAIN = 1000.0
"""60 dB."""
BLOCK_SECONDS = 2.0
"""Length of the parts of which each gets a gain of its own."""
UNEVEN = 4.0
"""Ratio of the gains of two parts from which they are worth it, 12 dB."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Levelled:
    """Sound without offset, and loud enough."""

    wave: np.ndarray  # [N] float32; what it was where nothing was amiss
    gain: float = 1.0  # by which it was multiplied


def level(wave: np.ndarray) -> Levelled:
    """Take a constant offset off `[N]` samples, and make them louder where all are quiet.

    The wave comes back as it is, bit by bit, where its offset is small and its loudness at least `QUIET`.
    """
    wave = _centred(wave)
    gain = _gain(wave)
    return Levelled(wave=wave if gain == 1 else (wave * gain).astype(np.float32), gain=gain)


def level_parts(wave: np.ndarray) -> Levelled | None:
    """Make the quiet parts of `[N]` samples louder, each by itself; None where all are about as loud.

    So speech is heard that is quiet beside something loud. From the middle of a part to that of the
    next the gain changes steadily.
    """
    count = int(len(wave) / (BLOCK_SECONDS * SAMPLE_RATE))
    if count < 2:
        return None
    wave = _centred(wave)
    edges = np.linspace(0, len(wave), count + 1).astype(int)
    gains = np.array([_gain(wave[a:b]) for a, b in itertools.pairwise(edges)])
    if gains.max() < UNEVEN * gains.min():
        return None
    middles = (edges[:-1] + edges[1:]) / 2
    smooth = np.exp(np.interp(np.arange(len(wave)), middles, np.log(gains)))
    return Levelled(wave=(wave * smooth).astype(np.float32), gain=float(gains.max()))


def is_quiet(wave: np.ndarray) -> bool:
    """Return whether `[N]` samples are quieter than `level` leaves them."""
    return _loudness(wave) < QUIET


def _centred(wave: np.ndarray) -> np.ndarray:
    mean = float(wave.mean(dtype=np.float64)) if len(wave) else 0.0
    if abs(mean) > OFFSET * float(wave.std(dtype=np.float64) if len(wave) else 0.0):
        wave = (wave - mean).astype(np.float32)
    block = round(DRIFT_SECONDS * SAMPLE_RATE)
    whole = len(wave) // block
    if whole < 4:
        return wave
    blocks = wave[: whole * block].reshape(whole, block)
    drift = float(blocks.mean(axis=1, dtype=np.float64).std())
    if drift <= DRIFT * float(blocks.std(axis=1, dtype=np.float64).mean()):
        return wave
    return (wave - _running_mean(wave, block)).astype(np.float32)


def _running_mean(wave: np.ndarray, length: int) -> np.ndarray:
    """Return the mean `[N]` of `length` samples around each; at the ends, of those that are there."""
    total = np.concatenate([[0.0], np.cumsum(wave, dtype=np.float64)])
    at = np.arange(len(wave))
    first, last = np.maximum(at - length // 2, 0), np.minimum(at + length // 2 + 1, len(wave))
    mean: np.ndarray = (total[last] - total[first]) / (last - first)
    return mean


def _gain(wave: np.ndarray) -> float:
    """Return the factor that gives sound its loudness; 1 for silence and for what is loud enough."""
    loudness = _loudness(wave)
    if loudness == 0 or loudness >= QUIET:
        return 1.0
    return min(TARGET / loudness, HIGHEST_GAIN)


def _loudness(wave: np.ndarray) -> float:
    beyond = int(len(wave) * (1 - LOUD_SHARE))
    return float(np.partition(np.abs(wave), beyond)[beyond]) if len(wave) else 0.0
