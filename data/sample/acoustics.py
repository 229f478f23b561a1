"""Acoustics of the recordings of the sample videos."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mraf.data.sample.voice import SAMPLE_RATE, Generator, Wave, filter_spectrum


@dataclass(frozen=True, kw_only=True)
class Acoustics:
    """Echo, noise and microphone of a recording."""

    decay: float  # s, until the echo has fallen by 60 dB
    wetness: float  # energy of the echo relative to the direct sound
    snr: float  # dB, speech to background noise
    low_cut: float  # Hz
    high_cut: float  # Hz
    level: float  # RMS of the speech, full scale is 1
    seed: int  # of the echo: all clips of a recording have the same one


def draw_acoustics(rng: Generator) -> Acoustics:
    """Draw the acoustics of a recording, from a quiet studio to an echoing kitchen."""
    return Acoustics(
        decay=float(rng.uniform(0.12, 0.4)),
        wetness=float(rng.uniform(0.02, 0.18)),
        snr=float(rng.uniform(18, 35)),
        low_cut=float(rng.uniform(50, 130)),
        high_cut=float(rng.uniform(6500, 11000)),
        level=float(rng.uniform(0.05, 0.12)),
        seed=int(rng.integers(2**31)),
    )


def record(wave: Wave, acoustics: Acoustics, rng: Generator) -> Wave:
    """Return dry speech [N] as a microphone in the room records it, [N]."""
    echo_length = int(acoustics.decay * SAMPLE_RATE)
    times = np.arange(echo_length) / SAMPLE_RATE
    echo = np.random.default_rng(acoustics.seed).normal(size=echo_length) * np.exp(
        -6.9 * times / acoustics.decay
    )
    echo[: int(0.003 * SAMPLE_RATE)] = 0.0
    echo *= np.sqrt(acoustics.wetness / np.sum(echo**2))
    echo[0] = 1.0
    size = len(wave) + echo_length
    wet = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(echo, size), size)[: len(wave)]
    level = float(np.sqrt(np.mean(wet[np.abs(wave) > 0.02] ** 2)))
    noise = filter_spectrum(
        rng.normal(size=len(wave)), lambda hz: 1.0 / np.sqrt(np.maximum(hz, 60.0))
    )
    noise *= level * 10 ** (-acoustics.snr / 20) / np.sqrt(np.mean(noise**2))
    wet = filter_spectrum(wet + noise, lambda hz: _band(hz, acoustics))
    return np.clip(wet * (acoustics.level / level), -1.0, 1.0).astype(np.float32)


def _band(hz: npt.NDArray[Any], acoustics: Acoustics) -> npt.NDArray[Any]:
    low = 1 / (1 + (acoustics.low_cut / np.maximum(hz, 1.0)) ** 4)
    return low / (1 + (hz / acoustics.high_cut) ** 8)
