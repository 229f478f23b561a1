import numpy as np
import pytest
import torch

from mraf.extractors import compat
from mraf.extractors.voice.kaldi import FLOOR, FilterBank


def noise(samples: int, level: float = 0.1) -> torch.Tensor:
    """Noise that falls with the frequency, as speech does."""
    white = np.random.default_rng(samples).normal(0, level / 20, samples)
    return torch.from_numpy(np.cumsum(white) - 0.9 * np.cumsum(np.r_[0, white[:-1]])).float()


def bands(wave: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return FilterBank()(wave[None])[0]


def kaldis(wave: torch.Tensor) -> torch.Tensor:
    compat.prepare("torchaudio")
    from torchaudio.compliance.kaldi import fbank

    found = fbank(wave[None], num_mel_bins=80, sample_frequency=16_000, dither=0.0)
    return found - found.mean(dim=0)


@pytest.mark.parametrize("samples", [400, 559, 560, 16_000, 48_123])
def test_bands_equal_kaldis(samples):
    wave = noise(samples)
    found, expected = bands(wave), kaldis(wave)
    assert found.shape == expected.shape == ((samples - 400) // 160 + 1, 80)
    # Single precision: both are as far as this from what double precision gives.
    assert torch.allclose(found, expected, atol=2e-3)
    assert (found - expected).abs().mean() < 1e-4


def test_energy_under_kaldis_floor_counts_as_the_floor():
    wave = noise(32_000)
    wave[16_000:] *= 1e-6
    found = bands(wave)
    assert torch.allclose(found, kaldis(wave), atol=2e-3)
    assert torch.equal(found[-50:], found[-1:].expand(50, -1))
    assert torch.allclose(bands(torch.zeros(16_000)), torch.zeros(98, 80), atol=1e-5)
    assert pytest.approx(1.19e-7, rel=0.01) == FLOOR


def test_mean_over_time_is_taken_off():
    wave = noise(16_000)
    assert bands(wave).mean(dim=0).abs().max() < 1e-5
    assert torch.allclose(bands(wave), bands(3 * wave), atol=1e-3)


def test_a_constant_in_the_sound_does_not_matter():
    wave = noise(16_000)
    assert torch.allclose(bands(wave), bands(wave + 0.3), atol=5e-3)


def test_half_precision_is_switched_off():
    wave = noise(16_000)
    with torch.autocast("cpu", torch.bfloat16):
        found = bands(wave)
    assert found.dtype == torch.float32 and torch.equal(found, bands(wave))


@pytest.mark.shared
def test_bands_equal_those_that_the_authors_of_campplus_computed(golden):
    known = np.load(golden / "campplus.npz")
    found = bands(torch.from_numpy(known["wave"])).numpy()
    assert np.abs(found - known["fbank"]).mean() < 1e-4
    # The authors' own function differs by 0.0003 between two processors.
    assert np.allclose(found, known["fbank"], atol=1e-3)
