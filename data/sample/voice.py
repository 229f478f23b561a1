"""Speech of people who do not exist, spoken by espeak-ng through ctypes.

A `Voice` is who speaks: the same in every language and in every recording. A
`Room` is where: it belongs to one recording. espeak-ng keeps one global state
and is not thread safe, so speak from one thread of a process.
"""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mraf.errors import MissingError, UsageError

SAMPLE_RATE = 24_000  # Hz, of all that this module returns
ESPEAK_LANGUAGES = {"English": "en", "Urdu": "ur"}

# Voice variants of espeak-ng that sound natural enough.
MALE_VARIANTS = ("m3", "m1", "m7", "Andy", "m2", "m8", "Alex", "m4", "Lee", "m6", "Mike", "david")
FEMALE_VARIANTS = ("f2", "Annie", "f4", "linda", "f1", "steph", "f3", "anika")

Wave = npt.NDArray[np.float32]
Generator = np.random.Generator


@dataclass(frozen=True)
class Voice:
    """What makes a voice somebody's own."""

    variant: str  # a voice variant of espeak-ng, such as "m3"
    pitch: int  # 0 to 100, the base pitch of espeak-ng
    pitch_range: int  # 0 to 100, monotone to lively
    rate: int  # words a minute
    tract: float  # factor on all formants; above 1 for a shorter vocal tract
    tilt: float  # dB an octave above 500 Hz, dull (negative) to bright
    peak_hz: float  # centre of a resonance of one's own
    peak_db: float  # its height, may be negative


@dataclass(frozen=True)
class Room:
    """What a recording does to a voice."""

    decay: float  # s, until the echo has fallen by 60 dB
    wetness: float  # energy of the echo relative to the direct sound
    snr: float  # dB, speech to background noise
    low_cut: float  # Hz
    high_cut: float  # Hz
    level: float  # RMS of the speech, full scale is 1
    seed: int  # of the echo, which is the same in all clips of a recording


def sample_voice(seed: int, speaker: int, female: bool) -> Voice:
    """Return the voice of a speaker; those of one seed lie well apart."""
    # Low-discrepancy steps keep voices apart however many there are, and a
    # speaker's voice does not depend on how many others follow.
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


def sample_room(rng: Generator) -> Room:
    """Return the acoustics of a recording, from a quiet studio to a lively kitchen."""
    return Room(
        decay=float(rng.uniform(0.12, 0.4)),
        wetness=float(rng.uniform(0.02, 0.18)),
        snr=float(rng.uniform(18, 35)),
        low_cut=float(rng.uniform(50, 130)),
        high_cut=float(rng.uniform(6500, 11000)),
        level=float(rng.uniform(0.05, 0.12)),
        seed=int(rng.integers(2**31)),
    )


def speak(text: str, language: str, voice: Voice) -> Wave:
    """Return the dry speech [N] at `SAMPLE_RATE`, its loudest sample at 0.7.

    Raises UsageError for a language without a voice and MissingError where
    espeak-ng cannot be loaded.
    """
    if language not in ESPEAK_LANGUAGES:
        known = ", ".join(ESPEAK_LANGUAGES)
        raise UsageError(f"no sample voice speaks {language!r}; choose from {known}")
    with _Engine() as engine:
        name = f"{ESPEAK_LANGUAGES[language]}+{voice.variant}"
        samples, rate = engine.synthesise(text, name, voice)
    wave = _trim(samples.astype(np.float32) / 32768.0)
    # Played faster by `tract`, the formants move up; the engine spoke slower by as much.
    wave = _resample(wave, round(len(wave) * SAMPLE_RATE / (rate * voice.tract)))
    wave = _filter(wave, lambda hz: _colour(hz, voice))
    return (wave * (0.7 / max(float(np.abs(wave).max()), 1e-6))).astype(np.float32)


def record(wave: Wave, room: Room, rng: Generator) -> Wave:
    """Return dry speech [N] as a microphone in the room hears it, [N]."""
    echo_length = int(room.decay * SAMPLE_RATE)
    times = np.arange(echo_length) / SAMPLE_RATE
    echo = np.random.default_rng(room.seed).normal(size=echo_length) * np.exp(
        -6.9 * times / room.decay
    )
    echo[: int(0.003 * SAMPLE_RATE)] = 0.0
    echo *= np.sqrt(room.wetness / np.sum(echo**2))
    echo[0] = 1.0
    size = len(wave) + echo_length
    heard = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(echo, size), size)[: len(wave)]
    loudness = float(np.sqrt(np.mean(heard[np.abs(wave) > 0.02] ** 2)))
    noise = _filter(rng.normal(size=len(wave)), lambda hz: 1.0 / np.sqrt(np.maximum(hz, 60.0)))
    noise *= loudness * 10 ** (-room.snr / 20) / np.sqrt(np.mean(noise**2))
    heard = _filter(heard + noise, lambda hz: _band(hz, room))
    return np.clip(heard * (room.level / loudness), -1.0, 1.0).astype(np.float32)


def envelope(wave: Wave, frames: int, fps: float) -> npt.NDArray[np.float32]:
    """Return how loud each video frame is, [frames] in 0..1, smoothed as a jaw moves."""
    hop = SAMPLE_RATE / fps
    edges = (np.arange(frames + 1) * hop).astype(int)
    energy = np.concatenate(
        [[0.0], np.cumsum(np.pad(wave, (0, max(0, edges[-1] - len(wave)))) ** 2)]
    )
    rms = np.sqrt(np.diff(energy[edges]) / hop)
    loud = np.clip(rms / max(float(np.percentile(rms, 92)), 1e-6), 0, 1) ** 0.7
    return np.convolve(loud, [0.2, 0.6, 0.2])[1:-1].astype(np.float32)


def _trim(wave: Wave) -> Wave:
    loud = np.flatnonzero(np.abs(wave) > 0.01)
    return wave[loud[0] : loud[-1] + 1] if len(loud) else wave


def _resample(wave: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    """Band-limited, through the spectrum; the ends are silence, so wrapping does no harm."""
    pad = 512
    wide = np.pad(wave, pad)
    size = round(len(wide) * length / len(wave))
    spectrum = np.fft.rfft(wide)
    out = np.zeros(size // 2 + 1, dtype=complex)
    kept = min(len(out), len(spectrum))
    out[:kept] = spectrum[:kept]
    first = round(pad * length / len(wave))
    return np.fft.irfft(out, size)[first : first + length] * (size / len(wide))


def _filter(
    wave: npt.NDArray[Any], gain: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """Zero-phase filter; `gain` maps Hz to an amplitude factor."""
    size = len(wave) + 1024
    hz = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    return np.fft.irfft(np.fft.rfft(wave, size) * gain(hz), size)[: len(wave)]


def _colour(hz: npt.NDArray[Any], voice: Voice) -> npt.NDArray[Any]:
    octaves = np.log2(np.maximum(hz, 1.0) / 500.0)
    bump = np.exp(-0.5 * (np.log2(np.maximum(hz, 1.0) / voice.peak_hz) / 0.3) ** 2)
    return 10 ** ((voice.tilt * np.clip(octaves, 0, 4) + voice.peak_db * bump) / 20)


def _band(hz: npt.NDArray[Any], room: Room) -> npt.NDArray[Any]:
    low = 1 / (1 + (room.low_cut / np.maximum(hz, 1.0)) ** 4)
    return low / (1 + (hz / room.high_cut) ** 8)


class _Engine:
    """One utterance of espeak-ng.

    The library keeps the phase of its oscillators for ever, even through
    espeak_Terminate, so what it says depends on what it said before. Loading it
    afresh for each utterance (about 5 ms) makes speech a function of its arguments.
    """

    _RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
    _SYNCHRONOUS, _DONT_EXIT, _UTF8 = 2, 0x8000, 1

    def __enter__(self) -> "_Engine":
        try:
            import espeakng_loader

            self._library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
            data = str(espeakng_loader.get_data_path()).encode()
        except (ImportError, OSError) as error:
            raise MissingError(
                f"espeak-ng cannot be loaded ({error}); run: pip install espeakng-loader"
            ) from error
        self._pieces: list[npt.NDArray[np.int16]] = []
        self._rate = self._library.espeak_Initialize(self._SYNCHRONOUS, 200, data, self._DONT_EXIT)
        if self._rate <= 0:
            raise MissingError("espeak-ng does not start; run: pip install -U espeakng-loader")
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # it starts from the clock
        hear = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        self._callback = hear(self._hear)  # kept: ctypes holds no reference to it
        self._library.espeak_SetSynthCallback(self._callback)
        return self

    def __exit__(self, *_: object) -> None:
        import _ctypes

        self._library.espeak_Terminate()
        unload = getattr(_ctypes, "dlclose", None) or _ctypes.FreeLibrary  # type: ignore[attr-defined]
        unload(self._library._handle)

    def _hear(self, samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            self._pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def synthesise(self, text: str, name: str, voice: Voice) -> tuple[npt.NDArray[np.int16], int]:
        library = self._library
        if library.espeak_SetVoiceByName(name.encode()) != 0:
            raise MissingError(
                f"espeak-ng has no voice {name!r}; run: pip install -U espeakng-loader"
            )
        # Resampling raises the pitch by `tract` too: that is part of the voice.
        rate = max(80, round(voice.rate / voice.tract))
        pairs = ((self._RATE, rate), (self._PITCH, voice.pitch), (self._RANGE, voice.pitch_range))
        for parameter, value in pairs:
            library.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        size = ctypes.c_size_t(len(data))
        library.espeak_Synth(data, size, 0, 0, 0, self._UTF8, None, None)
        return np.concatenate(self._pieces or [np.zeros(1, np.int16)]), self._rate
