"""Find the speech in a clip's sound, and measure its level over the noise."""

from dataclasses import dataclass

import numpy as np

from mraf.extractors import compat
from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.voice.level import Levelled, is_quiet, level, level_parts

PAUSE = 0.5
"""Longest gap in seconds that stays in, between stretches of speech widened by 0.2 s at each end."""
WINDOW = 512
"""Samples in a window of the speech detector, 32 ms."""
QUIET_MARGIN = 3
"""Number of windows on either side of speech that do not count as noise."""
LITTLE_SECONDS = 1.0
"""Speech below which quiet parts are listened to as well."""
MIN_QUIET_SECONDS = 0.3
"""Least length of speech, and of noise, from which the signal-to-noise ratio is measured."""
SNR_RANGE = (-10.0, 60.0)
"""Bounds of the signal-to-noise ratio in dB; beyond them the figure carries no meaning."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Speech:
    """The speech in a clip."""

    wave: np.ndarray  # [N] float32 at 16 kHz; empty where there is none
    probability: float  # of speech: mean over the wave, or the highest where the wave is empty
    snr: float | None = None  # dB, see `signal_to_noise`
    seconds: float = 0.0  # length of the speech, without the pauses in the wave
    gain: float = 1.0  # by which quiet sound was multiplied, see `level`


class SpeechFinder:
    """Silero VAD, whose model lies in its package. It keeps a state: one call at a time.

    Pauses of up to 0.9 s stay in, and so do up to 0.7 s before and after the speech: the encoders
    were trained on running speech as it is. Longer pauses are cut to 0.2 s at either side.
    """

    def __init__(self) -> None:
        compat.prepare("torchaudio")
        with compat.torch_threads():
            import silero_vad as silero

        self._model = silero.load_silero_vad(sequence=True)
        self._segments = silero.get_speech_timestamps_from_probs

    def find(self, wave: np.ndarray) -> Speech:
        """Cut `[N]` float32 samples at 16 kHz to the speech in them.

        Quiet sound is made louder first (`level`). Where less than a second of speech is found, or
        the speech is quiet beside something louder, it is looked for once more with quiet parts made
        louder, each by itself.
        """
        found = self._find(level(wave))
        if found.seconds < LITTLE_SECONDS or is_quiet(found.wave):
            parts = level_parts(wave)
            again = self._find(parts) if parts else found
            found = again if again.seconds >= LITTLE_SECONDS else found
        return found

    def probability(self, wave: np.ndarray) -> np.ndarray:
        """Return the probability of speech `[M]` in each window of 512 samples of `[N]` at 16 kHz.

        Quiet sound is made louder first (`level`).
        """
        if not len(wave):
            return np.zeros(0, np.float32)
        return np.asarray(self._model.audio_forward(level(wave).wave)).reshape(-1)

    def _find(self, levelled: Levelled) -> Speech:
        wave = levelled.wave
        probability = self.probability(wave)
        segments = self._segments(
            probability.tolist(),
            sampling_rate=SAMPLE_RATE,
            min_silence_duration_ms=500,
            speech_pad_ms=200,
            audio_length_samples=len(wave),
        )
        if not segments:
            best = float(probability.max(initial=0.0))
            return Speech(wave=np.zeros(0, np.float32), probability=best, gain=levelled.gain)
        spans = [(segment["start"], segment["end"]) for segment in segments]
        parts = [slice(*span) for span in _bridged(spans, len(wave))]
        # The windows that a part touches: from the one it starts in to the one it ends in.
        windows = np.concatenate(
            [probability[p.start // WINDOW : -(-p.stop // WINDOW)] for p in parts]
        )
        return Speech(
            wave=np.concatenate([wave[part] for part in parts]),
            probability=float(windows.mean()),
            snr=signal_to_noise(wave, probability),
            seconds=sum(end - start for start, end in spans) / SAMPLE_RATE,
            gain=levelled.gain,
        )


def _bridged(spans: list[tuple[int, int]], samples: int) -> list[tuple[int, int]]:
    """Return the spans with the short pauses between, before and after them filled."""
    reach = round(PAUSE * SAMPLE_RATE)
    bridged = [(0, 0)]
    # Empty spans at the beginning and the end of the wave take part, so that short pauses there fill.
    for start, end in [*spans, (samples, samples)]:
        if start - bridged[-1][1] <= reach:
            bridged[-1] = (bridged[-1][0], end)
        else:
            bridged.append((start, end))
    return [(start, end) for start, end in bridged if end > start]


def signal_to_noise(wave: np.ndarray, probability: np.ndarray) -> float | None:
    """Return the power of the speech over that of the noise between it, in dB, -10 to 60.

    The noise is the sound in windows without speech that are not next to speech either (the sound
    that dies away there is echo). Its power is subtracted from that of the windows with speech.
    None where less than 0.3 s of speech or of noise is left.

    Args:
        wave: `[N]` samples.
        probability: `[M]` of speech, in windows of 512 samples.
    """
    whole = min(len(wave) // WINDOW, len(probability))
    if whole * WINDOW < 2 * MIN_QUIET_SECONDS * SAMPLE_RATE:
        return None
    windows = wave[: whole * WINDOW].reshape(whole, WINDOW)
    power = np.square(windows, dtype=np.float64).mean(axis=1)
    likely = probability[:whole]
    # True within QUIET_MARGIN windows of one that may hold speech.
    near = np.convolve(likely > 0.1, np.ones(2 * QUIET_MARGIN + 1), "same") > 0.5
    speech, noise = power[likely > 0.5], power[~near]
    if min(len(speech), len(noise)) * WINDOW < MIN_QUIET_SECONDS * SAMPLE_RATE:
        return None
    ratio = (speech.mean() - noise.mean()) / max(noise.mean(), 1e-12)
    return float(np.clip(10 * np.log10(max(ratio, 1e-9)), *SNR_RANGE))
