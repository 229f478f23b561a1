"""Mel-frequency cepstral coefficients, the sound that LR-ASD takes.

They are those of the package python_speech_features with its defaults, of 16-bit samples: frames of 25 ms
without a window, every 10 ms, and the logarithm of a frame's energy in place of the first coefficient.
"""

from functools import cache

import numpy as np

from mraf.extractors.media.read import SAMPLE_RATE

RATE = 100
"""Frames a second."""
COEFFICIENTS = 13
STEP, FRAME, FFT = SAMPLE_RATE // RATE, 400, 512
"""Samples from frame to frame, in a frame, and in the transform."""
MELS, LIFTER, PRE_EMPHASIS = 26, 22, 0.97
FULL_SCALE = 32_768.0
"""A sample of 16 bits that stands for 1."""
_BLOCK = 3_000  # frames at once: bounds the memory


def mfcc(wave: np.ndarray, first: int = 0, count: int | None = None) -> np.ndarray:
    """Return coefficients `[M, 13]` float32, 100 a second.

    Frame k starts at sample 160 k; what it reaches beyond the end of the wave is silence.

    Args:
        wave: `[N]` float32 samples at 16 kHz in -1..1; samples that are no numbers are silence.
        first: the first frame wanted, 0 or more.
        count: the number of frames wanted, M; by default those that begin within the wave.
    """
    if count is None:
        count = max(0, -(-len(wave) // STEP) - first)
    blocks = [
        _block(wave, start, min(_BLOCK, first + count - start))
        for start in range(first, first + count, _BLOCK)
    ]
    return np.concatenate([np.zeros((0, COEFFICIENTS), np.float32), *blocks])


def shifted(coefficients: np.ndarray, frames: int, count: int) -> np.ndarray:
    """Return `[count, 13]` coefficients from a frame on, which may be before the first; outside there is silence."""
    sound = np.repeat(mfcc(np.zeros(0, np.float32), 0, 1), count, axis=0)
    start = max(0, -frames)
    part = coefficients[max(0, frames) :][: max(0, count - start)]
    sound[start : start + len(part)] = part
    return sound


def _block(wave: np.ndarray, first: int, count: int) -> np.ndarray:
    from scipy.fft import dct

    power = _power(_emphasised(wave, first * STEP, (count - 1) * STEP + FRAME))
    bands = np.log(_not_zero(power @ _filters().T))
    found = dct(bands, type=2, axis=1, norm="ortho")[:, :COEFFICIENTS] * _lifter()
    found[:, 0] = np.log(_not_zero(power.sum(axis=1)))
    return found.astype(np.float32)


def _emphasised(wave: np.ndarray, start: int, length: int) -> np.ndarray:
    """Return `[length]` 16-bit samples from `start` on, each less a part of the one before it."""
    here = np.zeros(length + 1)  # and the sample before
    begin, stop = max(0, start - 1), min(len(wave), start + length)
    if stop > begin:
        samples = np.nan_to_num(wave[begin:stop].astype(float), posinf=0, neginf=0)
        samples = np.clip(np.round(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
        here[begin - (start - 1) :][: stop - begin] = samples
    emphasised: np.ndarray = here[1:] - PRE_EMPHASIS * here[:-1]
    # Silence beyond the end stays silence, as where the wave is filled up after the emphasis.
    emphasised[max(0, stop - start) :] = 0
    return emphasised


def _power(samples: np.ndarray) -> np.ndarray:
    """Return the power spectrum of each frame, `[M, 257]`."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::STEP]
    return np.abs(np.fft.rfft(frames, FFT)) ** 2 / FFT


def _not_zero(values: np.ndarray) -> np.ndarray:
    return np.where(values == 0, np.finfo(float).eps, values)


@cache
def _filters() -> np.ndarray:
    """Return the weights of the spectrum's bins in each band `[26, 257]`: triangles between whole bins."""
    highest = 2_595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, highest, MELS + 2) / 2_595) - 1)
    edges = np.floor((FFT + 1) * hertz / SAMPLE_RATE)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    bins = np.arange(FFT // 2 + 1)[None]
    rising = (bins - low) / (middle - low)
    falling = (high - bins) / (high - middle)
    return np.where(bins < middle, rising, falling).clip(min=0)


@cache
def _lifter() -> np.ndarray:
    return 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)
