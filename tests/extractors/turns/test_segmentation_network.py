import numpy as np
import pytest
import torch

from mraf.extractors.turns.segmentation_network import SegmentationNetwork, SincFilters


def test_ten_seconds_are_589_frames_whose_probabilities_sum_to_one():
    torch.manual_seed(0)
    found = SegmentationNetwork().eval()(torch.randn(2, 160_000))
    assert found.shape == (2, 589, 7)
    assert torch.allclose(found.exp().sum(dim=-1), torch.ones(2, 589), atol=1e-5)


def test_the_names_of_the_weights_are_those_of_the_published_file():
    names = dict(SegmentationNetwork().state_dict())
    assert len(names) == 54
    assert names["sincnet.conv1d.0.filterbank.low_hz_"].shape == (40, 1)
    assert names["sincnet.conv1d.0.filterbank.window_"].shape == (125,)
    assert names["lstm.weight_ih_l3_reverse"].shape == (512, 256)
    assert names["linear.1.weight"].shape == (128, 128)


def test_a_filter_passes_its_band_and_nothing_else():
    bank = SincFilters(1)
    bank.low_hz_.data[:] = 950.0  # from 1,000 Hz
    bank.band_hz_.data[:] = 950.0  # to 2,000 Hz
    time = torch.arange(16_000) / 16_000

    def power(hertz: float) -> np.ndarray:
        with torch.no_grad():
            return bank(torch.sin(2 * np.pi * hertz * time)[None, None]).square().mean(dim=-1)[0]

    assert (power(1_500) > 1_000 * power(500)).all() and (power(1_500) > 1_000 * power(3_000)).all()
    even, odd = power(1_500).tolist()
    assert even == pytest.approx(odd, rel=0.05)


def test_level_and_offset_do_not_matter_to_it():
    torch.manual_seed(0)
    net, wave = SegmentationNetwork().eval(), torch.randn(1, 16_000) * 0.1
    with torch.no_grad():
        assert torch.allclose(net(wave), net(0.3 * wave + 0.1), atol=2e-3)
