"""The sound of a part of a file: local speakers in windows that overlap, and vectors of spans of speech."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mraf.extractors import encoders
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.processor import choose_precision
from mraf.extractors.speaking.mfcc import RATE, mfcc
from mraf.extractors.streaming.parts import Heard
from mraf.extractors.turns.frames import mean_of
from mraf.extractors.turns.segmentation import (
    CENTRE,
    FIELD,
    PIECE_SECONDS,
    SPEAKERS,
    STEP,
    Segmentation,
)
from mraf.extractors.turns.spans import spans_of
from mraf.extractors.voice.level import level
from mraf.extractors.voice.vad import WINDOW as VAD_WINDOW
from mraf.extractors.voice.vad import SpeechFinder
from mraf.extractors.weights import Weights

STEP_SECONDS = 2.5
"""From the start of a window to that of the next."""
WINDOW = round(PIECE_SECONDS * SAMPLE_RATE)
"""Samples in a window."""
FRAMES = (WINDOW - FIELD) // STEP + 1
"""Frames in a window."""
LEAST_SECONDS = 0.4
"""Speech of one alone from which a vector is made; less is some other span's voice, or nobody's."""
NEAR_SECONDS, NO_SPEECH = 1.0, 0.2
"""Where the speech detector's probability stays below this, for so long before and after, is no speech: the
segmentation takes tones, music and noise that comes and goes for some. The detector alone misses far voices."""
TOGETHER = {"cpu": 4, "gpu": 32}
"""Windows that go through the segmentation at once."""


class SoundObserver:
    """Finds local speakers in windows of 10 s, one every 2.5 s, and embeds spans of 1.5 s of speech.

    Args:
        pair: the encoders of the run; the voice's is built.
        segmentation: published weights of the segmentation.
        device: "cpu", or a device of torch.
        threads: of each network, on a CPU.
        precision: of the voice encoder's arithmetic on a CPU: "single", "bfloat16", or "auto" for what
            is fast here.
    """

    def __init__(
        self,
        pair: EncoderPair,
        segmentation: Weights,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "auto",
    ) -> None:
        precision = choose_precision(precision) if device == "cpu" else "single"
        self._segmentation = Segmentation(segmentation, device, threads)
        self._encoder: Any = encoders.build(pair.voice, device, threads, precision)
        self._detector = SpeechFinder()
        self._together = TOGETHER["cpu" if device == "cpu" else "gpu"]

    def observe(self, wave: np.ndarray, start: float, stop: float) -> Heard:
        """Return what is heard from `start` to `stop`, in s of the file.

        Args:
            wave: `[N]` float32 samples at 16 kHz from `start` to 10 s beyond `stop`, or to the file's end.
            start: of the part. Windows start at multiples of 2.5 s of the file, from here on.
            stop: of the part. No window starts and no span ends after it.
        """
        raw = np.nan_to_num(wave, posinf=0.0, neginf=0.0)
        wave = level(raw).wave
        starts, windows = _windows(wave, start, stop)
        activity = self._activity(windows)
        speech = self._speech(wave)
        for at, each in zip(starts, activity, strict=True):
            each[~speech[_samples(at - start, len(speech))]] = 0
        frames = mean_of(starts, activity, start, min(stop, start + len(wave) / SAMPLE_RATE))
        spans = spans_of(frames, stop)
        return Heard(
            starts=starts,
            activity=activity,
            vectors=self._vectors(wave, spans - start),
            seconds=(spans[:, 1] - spans[:, 0]).astype(np.float32),
            mfcc=mfcc(raw, 0, round((stop - start) * RATE)),
            spans=spans,
        )

    def _activity(self, windows: list[np.ndarray]) -> np.ndarray:
        """Return `[W, 589, 3]` uint8; of windows that are shorter than 10 s, zeros after their end."""
        activity = np.zeros((len(windows), FRAMES, SPEAKERS.shape[1]), np.uint8)
        for some in _of_one_length(windows, self._together):
            classes = self._segmentation.probabilities(np.stack([windows[i] for i in some]))
            found = np.clip(classes @ SPEAKERS.astype(np.float32), 0, 1)
            activity[some, : found.shape[1]] = np.round(found * 255)
        return activity

    def _speech(self, wave: np.ndarray) -> np.ndarray:
        """Return `[M]` bool: windows of 512 samples near which a speech detector hears anything at all."""
        from scipy.ndimage import maximum_filter1d

        probability = self._detector.probability(wave)
        near = 2 * round(NEAR_SECONDS * SAMPLE_RATE / VAD_WINDOW) + 1
        # One false window more, for what lies beyond the end of the wave.
        return np.append(maximum_filter1d(probability, near) >= NO_SPEECH, False)

    def _vectors(self, wave: np.ndarray, spans: np.ndarray) -> np.ndarray:
        """Return `[P, D]` of unit length; NaN where a span of `[P, 2]` s is too short."""
        vectors = np.full((len(spans), self._encoder.dim), np.nan, np.float32)
        long = np.flatnonzero(spans[:, 1] - spans[:, 0] >= LEAST_SECONDS)
        if len(long):
            edges = np.round(spans[long] * SAMPLE_RATE).astype(int)
            lengths = np.round((spans[long, 1] - spans[long, 0]) * SAMPLE_RATE).astype(int)
            waves = [wave[a : a + n] for a, n in zip(edges[:, 0], lengths, strict=True)]
            found = self._encoder.embed(waves)
            vectors[long] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
        return vectors


def _windows(wave: np.ndarray, start: float, stop: float) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the starts of windows in s, and their samples; after one that reaches the end, none.

    The first is there in any case: spans of the windows before `start` end there.
    """
    end = start + len(wave) / SAMPLE_RATE
    first, last = (int(np.ceil(round(at / STEP_SECONDS, 6))) for at in (start, min(stop, end)))
    starts: list[float] = []
    windows: list[np.ndarray] = []
    for at in (k * STEP_SECONDS for k in range(first, last)):
        if starts and at - STEP_SECONDS + PIECE_SECONDS >= end - 1e-6:
            break
        begin = round((at - start) * SAMPLE_RATE)
        window = wave[begin : begin + WINDOW]
        if len(window) >= FIELD:
            starts.append(at)
            windows.append(window)
    return np.array(starts, np.float64), windows


def _samples(start: float, count: int) -> np.ndarray:
    """Return for each frame `[T]` of a window the place of its middle among `count` windows of 512 samples."""
    at = round(start * SAMPLE_RATE) + CENTRE + STEP * np.arange(FRAMES)
    return np.minimum(at // VAD_WINDOW, count - 1)


def _of_one_length(windows: list[np.ndarray], together: int) -> Iterator[list[int]]:
    for length in dict.fromkeys(map(len, windows)):
        same = [i for i, window in enumerate(windows) if len(window) == length]
        yield from (same[at : at + together] for at in range(0, len(same), together))
