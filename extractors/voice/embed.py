"""Embed the voice of a clip, where it holds enough speech."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mraf.extractors.voice.vad import Speech
from mraf.extractors.weights import Weights

MIN_SECONDS = 1.0
"""Least speech that is embedded; vectors of less cannot be trusted."""


@dataclass(frozen=True, kw_only=True)
class VoicePart:
    """One of several voices in a clip."""

    vector: np.ndarray  # [D] float32, unit length
    seconds: float  # of its speech that was looked at
    side: str | None = None  # left, right: the channel in which it is heard


@dataclass(frozen=True, kw_only=True)
class VoiceResult:
    """The voice of a clip. `vector` is None where there is too little speech; `reason` says why."""

    vector: np.ndarray | None = None  # [D] float32
    reason: str | None = None  # no_audio, no_speech, speech_too_short, decode_error
    quality: float | None = None  # mean probability of speech in the embedded sound, 0 to 1
    seconds: float = 0.0  # length of the speech
    snr: float | None = None  # dB, see `vad.signal_to_noise`; None where there is no pause
    problem: str | None = None  # why the sound could not be decoded, in words
    voices: tuple[VoicePart, ...] = ()  # where several are heard: each, the first one first
    overlap: float = 0.0  # seconds in which two speak at once; 0 where that was not looked for
    perhaps: tuple[VoicePart, ...] = ()  # the parts of one voice that may be several people's


class VoiceEncoder(Protocol):
    """A network that turns speech into a vector.

    Its constructor takes the weights (`PACKAGED` where the encoder brings its own), the device
    ("cpu" or a device of torch), and for a CPU the number of threads and the precision of the
    arithmetic ("single" or "bfloat16", which an encoder may leave aside).
    """

    name: str
    dim: int  # D
    different: float  # cosine below which a few seconds of speech each are two people's

    def __init__(
        self,
        weights: Weights,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "single",
    ) -> None: ...

    def embed(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """Embed B waves.

        Args:
            waves: arrays `[N]` float32 at 16 kHz, at least one, each of at least a second.

        Returns:
            `[B, D]` float32.
        """
        ...


def embed_voices(
    clips: Sequence[tuple[Speech | None, str | None]], encoder: VoiceEncoder
) -> list[VoiceResult]:
    """Embed the speech of each clip that holds enough of it.

    Args:
        clips: for each clip the speech that a `SpeechFinder` found and None, or None and the reason
            why there is no sound.
        encoder: the network.
    """
    reasons = [_reason(speech, reason) for speech, reason in clips]
    pairs = list(zip([speech for speech, _ in clips], reasons, strict=True))
    waves = [speech.wave for speech, reason in pairs if speech is not None and reason is None]
    vectors = iter(encoder.embed(waves) if waves else ())
    return [
        VoiceResult(reason=reason)
        if speech is None
        else VoiceResult(
            vector=None if reason else next(vectors),
            reason=reason,
            quality=speech.probability,
            seconds=speech.seconds,
            snr=speech.snr,
        )
        for speech, reason in pairs
    ]


def _reason(speech: Speech | None, reason: str | None) -> str | None:
    """Return why there is no speech to embed; None where there is."""
    if speech is None:
        return reason or "no_audio"
    if not len(speech.wave):
        return "no_speech"
    return "speech_too_short" if speech.seconds < MIN_SECONDS else None
