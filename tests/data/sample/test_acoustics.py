"""The acoustics of the sample videos."""

import numpy as np

from mraf.data.sample.acoustics import draw_acoustics, record
from mraf.data.sample.sentences import SENTENCES
from mraf.data.sample.voice import SAMPLE_RATE, draw_voice, speak


def test_a_recording_keeps_the_length_and_sets_the_noise() -> None:
    rng = np.random.default_rng(0)
    dry = np.pad(
        speak(SENTENCES["English"][0], "English", draw_voice(0, 0, False)), SAMPLE_RATE // 2
    )
    wet = record(dry, draw_acoustics(rng), rng)
    assert wet.shape == dry.shape and wet.dtype == np.float32
    assert np.abs(wet).max() <= 1.0
    quiet = np.sqrt(np.mean(wet[: SAMPLE_RATE // 3] ** 2))
    assert 0 < quiet < 0.2 * np.sqrt(np.mean(wet**2))
