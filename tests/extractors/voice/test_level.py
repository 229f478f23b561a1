import numpy as np
import pytest

from mraf.extractors.voice.level import is_quiet, level, level_parts

RNG = np.random.default_rng(0)


def sound(seconds: float = 4.0, loudness: float = 0.1) -> np.ndarray:
    return RNG.normal(0, loudness, round(16_000 * seconds)).astype(np.float32)


def test_sound_of_ordinary_loudness_stays_as_it_is():
    wave = sound() + np.float32(0.001)
    levelled = level(wave)
    assert levelled.wave is wave and levelled.gain == 1


@pytest.mark.parametrize("scale", [0.1, 0.01, 0.002])
def test_quiet_sound_is_made_as_loud_as_any_other(scale):
    wave = sound() * np.float32(scale)
    levelled = level(wave)
    assert np.quantile(np.abs(levelled.wave), 0.995) == pytest.approx(0.3, rel=0.01)
    assert np.allclose(levelled.wave, wave * levelled.gain, rtol=1e-6)
    assert levelled.wave.dtype == np.float32 and not is_quiet(levelled.wave) and is_quiet(wave)


def test_silence_and_less_than_the_last_bit_are_not_blown_up():
    assert level(np.zeros(64_000, np.float32)).gain == 1
    assert level(np.zeros(0, np.float32)).gain == 1
    assert level(sound() * np.float32(1e-6)).gain == 1000


@pytest.mark.parametrize("offset", [0.5, -0.3, 0.02])
def test_a_constant_offset_is_taken_off(offset):
    wave = sound()
    assert np.allclose(level(wave + np.float32(offset)).wave, wave - wave.mean(), atol=1e-6)
    quiet = wave * np.float32(0.01)
    levelled = level(quiet + np.float32(offset))
    assert np.quantile(np.abs(levelled.wave), 0.995) == pytest.approx(0.3, rel=0.01)


def test_clicks_do_not_hide_that_sound_is_quiet():
    wave = sound() * np.float32(0.01)
    for start in (5_000, 30_000, 50_000):
        wave[start : start + 40] = 0.9
    assert level(wave).gain > 50


def test_two_seconds_of_speech_in_two_minutes_of_silence_keep_their_level():
    wave = np.zeros(120 * 16_000, np.float32)
    wave[800_000:832_000] = sound(2.0)
    assert level(wave).wave is wave


def test_what_is_quiet_beside_something_loud_is_made_louder_by_itself():
    wave = np.concatenate([sound(2.0), sound(8.0, 0.001)])
    assert level(wave).gain == 1
    levelled = level_parts(wave)
    assert np.allclose(levelled.wave[:16_000], wave[:16_000], atol=1e-6)
    assert 0.05 < levelled.wave[-64_000:].std() < 0.2
    assert level_parts(sound(8.0)) is None and level_parts(sound(1.0)) is None


@pytest.mark.parametrize("loudness", [0.02, 0.05, 0.2])
def test_a_drift_is_taken_off(loudness):
    wave = sound(loudness=loudness)
    drift = 0.5 * np.sin(np.linspace(0, 6, len(wave)))
    found = level((wave + drift).astype(np.float32))
    assert np.abs(found.wave).max() < 0.9
    inner = slice(4000, -4000)  # at the very ends, the mean is of fewer samples
    assert np.corrcoef(found.wave[inner], wave[inner])[0, 1] > 0.95


def test_a_deep_hum_is_no_drift():
    wave = (sound() + 0.1 * np.sin(np.arange(64_000) / 16_000 * 2 * np.pi * 50)).astype(np.float32)
    assert level(wave).wave is wave
