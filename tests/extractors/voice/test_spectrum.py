import numpy as np
import pytest
import torch
from torch.nn import functional

from mraf.extractors.voice.spectrum import HOP, Spectrum


@pytest.mark.parametrize("size", [160, 320, 400, 401])
@pytest.mark.parametrize("samples", [401, 480, 559, 560, 561, 1000, 16_000])
def test_it_is_a_convolution_over_single_samples(size, samples):
    rng = np.random.default_rng(size + samples)
    basis = torch.from_numpy(rng.normal(size=(6, size)).astype(np.float32))
    wave = torch.from_numpy(rng.normal(size=(2, samples)).astype(np.float32))
    expected = functional.conv1d(wave[:, None], basis[:, None], stride=HOP)
    assert torch.allclose(Spectrum(basis)(wave), expected, atol=1e-4)
