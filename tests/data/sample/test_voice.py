"""The voices of the sample videos."""

import time
from dataclasses import replace

import numpy as np
import pytest

from mraf.data.sample.sentences import SENTENCES
from mraf.data.sample.voice import (
    ESPEAK_LANGUAGES,
    SAMPLE_RATE,
    draw_voice,
    envelope,
    speak,
)

TEXT = SENTENCES["English"][0]


def spectrum(wave: np.ndarray) -> np.ndarray:
    """Return the shape [40] of the long-term spectrum in dB."""
    power = np.abs(np.fft.rfft(wave)) ** 2
    bands = np.array([part.mean() for part in np.array_split(power, 40)])
    level = 10 * np.log10(bands + 1e-9)
    return level - level.mean()


def test_speech_is_not_silent_and_of_the_right_length() -> None:
    wave = speak(TEXT, "English", draw_voice(0, 0, False))
    assert wave.dtype == np.float32
    assert 1.5 < len(wave) / SAMPLE_RATE < 4.5
    assert np.abs(wave).max() == pytest.approx(0.7, abs=0.01)
    assert np.sqrt(np.mean(wave**2)) > 0.03


def test_speech_does_not_depend_on_earlier_speech() -> None:
    for speaker in range(6):
        voice = draw_voice(0, speaker, speaker % 2 == 1)
        first = speak(TEXT, "English", voice)
        speak(SENTENCES["Urdu"][speaker], "Urdu", draw_voice(3, 5 - speaker, speaker % 2 == 0))
        assert np.array_equal(first, speak(TEXT, "English", voice))


@pytest.mark.parametrize("variant", ["f2", "f5"])
def test_speech_does_not_depend_on_the_clock(variant: str) -> None:
    voice = replace(draw_voice(0, 0, female=False), variant=variant)
    first = speak(TEXT, "English", voice)
    second = int(time.time())
    while int(time.time()) == second:  # espeak-ng can seed its noise with the second of its start
        time.sleep(0.01)
    assert np.array_equal(first, speak(TEXT, "English", voice))


def test_people_sound_different() -> None:
    shapes = [spectrum(speak(TEXT, "English", draw_voice(0, s, s % 2 == 1))) for s in range(6)]
    for i, one in enumerate(shapes):
        for other in shapes[:i]:
            assert np.abs(one - other).mean() > 0.5


def test_urdu_sounds_different_from_the_same_text_read_as_english() -> None:
    voice = draw_voice(0, 1, True)
    wave = speak(SENTENCES["Urdu"][0], "Urdu", voice)
    assert len(wave) / SAMPLE_RATE > 1.0
    as_english = speak(SENTENCES["Urdu"][0], "English", voice)
    assert len(wave) != len(as_english)


def test_a_voice_does_not_depend_on_the_others() -> None:
    assert draw_voice(0, 3, True) == draw_voice(0, 3, True)
    assert draw_voice(0, 3, True) != draw_voice(1, 3, True)
    assert len({draw_voice(0, s, False) for s in range(40)}) == 40


def test_each_language_has_enough_distinct_sentences() -> None:
    assert set(SENTENCES) == set(ESPEAK_LANGUAGES)
    for sentences in SENTENCES.values():
        assert len(set(sentences)) == len(sentences) >= 24


def test_the_envelope_follows_the_loudness() -> None:
    wave = np.zeros(SAMPLE_RATE, np.float32)
    wave[SAMPLE_RATE // 2 :] = 0.5
    mouth = envelope(wave, 25, 25)
    assert mouth.shape == (25,)
    assert mouth[:10].max() == 0.0
    assert mouth[15:24].min() > 0.9
