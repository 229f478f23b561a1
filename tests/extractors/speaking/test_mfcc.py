import numpy as np
import pytest

from mraf.extractors.speaking.mfcc import mfcc

NOISE = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)


@pytest.mark.shared
def test_the_coefficients_are_those_of_the_authors(golden):
    known = np.load(golden / "lr_asd.npz")
    found = mfcc(known["pcm"].astype(np.float32) / 32_768, 0, len(known["mfcc"]))
    assert np.abs(found - known["mfcc"]).max() < 1e-4


def test_one_frame_by_hand():
    wave = NOISE[:400]
    samples = np.round(wave.astype(float) * 32_768)
    samples[1:] -= 0.97 * samples[:-1].copy()
    power = np.abs(np.fft.rfft(samples, 512)) ** 2 / 512
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 28)
    edges = (513 * (700 * (10 ** (mel / 2595) - 1)) / 16_000).astype(int)
    bands = np.zeros(26)
    for k in range(26):
        low, middle, high = edges[k : k + 3]
        for i in range(low, high):
            up = i < middle
            bands[k] += power[i] * (
                (i - low) / (middle - low) if up else (high - i) / (high - middle)
            )
    n = np.arange(26)
    by_hand = [
        np.sqrt((1 if k == 0 else 2) / 26)
        * (np.log(bands) * np.cos(np.pi * k * (2 * n + 1) / 52)).sum()
        * (1 + 11 * np.sin(np.pi * k / 22))
        for k in range(13)
    ]
    by_hand[0] = np.log(power.sum())
    assert np.allclose(mfcc(wave, 0, 1)[0], by_hand, atol=1e-3)


def test_a_hundred_a_second_whatever_the_length():
    assert mfcc(NOISE).shape == (300, 13)
    assert mfcc(NOISE[:161]).shape == (2, 13)
    assert mfcc(NOISE[:0]).shape == (0, 13) == mfcc(NOISE, 300).shape
    assert mfcc(NOISE).dtype == np.float32


def test_frames_from_the_middle_are_those_of_the_whole():
    assert np.array_equal(mfcc(NOISE)[17:120], mfcc(NOISE, 17, 103))


def test_many_frames_are_made_in_blocks_that_do_not_show():
    long = np.tile(NOISE, 12)
    assert np.array_equal(mfcc(long)[2_990:3_010], mfcc(long, 2_990, 20))


def test_beyond_the_end_there_is_silence():
    padded = np.concatenate([NOISE[:1_000], np.zeros(2_000, np.float32)])
    here, there = mfcc(NOISE[:1_000], 0, 15), mfcc(padded, 0, 15)
    assert np.isfinite(here).all()
    # The frames in which the wave ends differ by the step at its end alone.
    assert np.array_equal(here[:4], there[:4]) and np.array_equal(here[7:], there[7:])
    assert mfcc(np.zeros(0, np.float32), 5, 3).shape == (3, 13)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_silence(wrong):
    broken, silent = NOISE.copy(), NOISE.copy()
    broken[5_000:9_000], silent[5_000:9_000] = wrong, 0
    assert np.array_equal(mfcc(broken), mfcc(silent))


def test_ten_times_louder_is_more_energy_and_the_same_timbre():
    quiet, loud = mfcc(NOISE * 0.05), mfcc(NOISE * 0.5)
    assert np.allclose(loud[:-3, 0] - quiet[:-3, 0], 2 * np.log(10), atol=0.01)
    assert np.allclose(loud[:-3, 1:], quiet[:-3, 1:], atol=0.3)


def test_samples_beyond_full_scale_are_clipped():
    assert np.array_equal(mfcc(np.sign(NOISE) * 3), mfcc(np.sign(NOISE)))
