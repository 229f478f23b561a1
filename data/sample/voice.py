"""Voices of people who do not exist, spoken by espeak-ng.

A speaker has the same `Voice` in every language and in every recording.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mraf.data.sample.espeak import synthesise

SAMPLE_RATE = 24_000  # Hz, of all sound in the sample videos
ESPEAK_LANGUAGES = {"English": "en", "Urdu": "ur"}

# Voice variants of espeak-ng that sound natural enough.
MALE_VARIANTS = ("m3", "m1", "m7", "Andy", "m2", "m8", "Alex", "m4", "Lee", "m6", "Mike", "david")
FEMALE_VARIANTS = ("f2", "Annie", "f4", "linda", "f1", "steph", "f3", "anika")

Wave = npt.NDArray[np.float32]
Generator = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Parameters of a speaker's voice."""

    variant: str  # a voice variant of espeak-ng, such as "m3"
    pitch: int  # 0 to 100, the base pitch of espeak-ng
    pitch_range: int  # 0 to 100, monotone to lively
    rate: int  # words a minute
    tract: float  # factor on all formants; above 1 for a shorter vocal tract
    tilt: float  # dB an octave above 500 Hz, dull (negative) to bright
    peak_hz: float  # centre of a resonance of this voice
    peak_db: float  # its height, may be negative


def draw_voice(seed: int, speaker: int, female: bool) -> Voice:
    """Draw the voice of a speaker; voices of one seed lie well apart."""
    # Low-discrepancy steps keep any number of voices apart, and a speaker's voice does not depend on
    # the number of speakers.
    start = np.random.default_rng([seed, 71]).random(4)
    steps = np.array([0.7548776662, 0.5698402910, 0.8566748838, 0.6180339887])
    u = (start + (speaker + 1) * steps) % 1.0
    rng = np.random.default_rng([seed, 72, speaker])
    variants = FEMALE_VARIANTS if female else MALE_VARIANTS
    first = int(start[3] * len(variants))
    return Voice(
        variant=variants[(first + speaker // 2) % len(variants)],
        pitch=int(20 + 60 * u[0]),
        pitch_range=int(25 + 50 * u[1]),
        rate=int(150 + 36 * u[3]),
        tract=float((0.98 if female else 0.87) + 0.24 * u[2]),
        tilt=float(rng.uniform(-4.0, 3.0)),
        peak_hz=float(np.exp(rng.uniform(np.log(700), np.log(3600)))),
        peak_db=float(rng.choice((-1.0, 1.0)) * rng.uniform(4.0, 10.0)),
    )


def speak(text: str, language: str, voice: Voice) -> Wave:
    """Return the dry speech [N] at `SAMPLE_RATE`, its loudest sample at 0.7.

    Raises MissingError where espeak-ng cannot be loaded.
    """
    samples, rate = synthesise(
        text,
        variant=f"{ESPEAK_LANGUAGES[language]}+{voice.variant}",
        rate=max(80, round(voice.rate / voice.tract)),
        pitch=voice.pitch,
        pitch_range=voice.pitch_range,
    )
    wave = _trim(samples.astype(np.float32) / 32768.0)
    # The engine speaks slower by the factor `tract`, and resampling plays the speech faster by it: the
    # pace is as before, and all formants and the pitch are higher by that factor.
    wave = _resample(wave, round(len(wave) * SAMPLE_RATE / (rate * voice.tract)))
    wave = filter_spectrum(wave, lambda hz: _colour(hz, voice))
    return (wave * (0.7 / max(float(np.abs(wave).max()), 1e-6))).astype(np.float32)


def envelope(wave: Wave, frames: int, fps: float) -> npt.NDArray[np.float32]:
    """Return the loudness of each video frame, [frames] in 0..1, smoothed like the motion of a jaw."""
    hop = SAMPLE_RATE / fps
    edges = (np.arange(frames + 1) * hop).astype(int)
    energy = np.concatenate(
        [[0.0], np.cumsum(np.pad(wave, (0, max(0, edges[-1] - len(wave)))) ** 2)]
    )
    rms = np.sqrt(np.diff(energy[edges]) / hop)
    loud = np.clip(rms / max(float(np.percentile(rms, 92)), 1e-6), 0, 1) ** 0.7
    return np.convolve(loud, [0.2, 0.6, 0.2])[1:-1].astype(np.float32)


def filter_spectrum(
    wave: npt.NDArray[Any], gain: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """Filter sound [N] with zero phase; `gain` maps Hz to an amplitude factor."""
    size = len(wave) + 1024
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    return np.fft.irfft(np.fft.rfft(wave, size) * gain(hz), size)[: len(wave)]


def _trim(wave: Wave) -> Wave:
    loud = np.flatnonzero(np.abs(wave) > 0.01)
    return wave[loud[0] : loud[-1] + 1] if len(loud) else wave


def _resample(wave: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Resample to a length, band-limited through the spectrum; silent ends make wrapping harmless."""
    pad = 512
    wide = np.pad(wave, pad)
    size = round(len(wide) * length / len(wave))
    spectrum = np.fft.rfft(wide)
    out = np.zeros(size // 2 + 1, dtype=complex)
    kept = min(len(out), len(spectrum))
    out[:kept] = spectrum[:kept]
    first = round(pad * length / len(wave))
    return np.fft.irfft(out, size)[first : first + length] * (size / len(wide))


def _colour(hz: npt.NDArray[Any], voice: Voice) -> npt.NDArray[Any]:
    octaves = np.log2(np.maximum(hz, 1.0) / 500.0)
    bump = np.exp(-0.5 * (np.log2(np.maximum(hz, 1.0) / voice.peak_hz) / 0.3) ** 2)
    return 10 ** ((voice.tilt * np.clip(octaves, 0, 4) + voice.peak_db * bump) / 20)
