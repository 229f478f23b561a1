import numpy as np
import pytest
import torch

from mraf.extractors.voice.campplus_network import CampPlusNetwork, MaskedConvolution, segments
from tests.helpers import seeded
from tests.helpers.real_people import campplus


def masked_by_hand(part: MaskedConvolution, x: np.ndarray, dilation: int) -> np.ndarray:
    """What a masked convolution does to `[C, T]`, frame by frame."""
    state = {name: value.numpy().astype(float) for name, value in part.state_dict().items()}
    frames = x.shape[1]
    out = np.zeros((32, frames))
    for t in range(frames):
        for tap in range(3):
            at = t + (tap - 1) * dilation
            if 0 <= at < frames:
                out[:, t] += state["linear_local.weight"][:, :, tap] @ x[:, at]
        start = t // 100 * 100
        context = x.mean(axis=1) + x[:, start : start + 100].mean(axis=1)
        hidden = state["linear1.weight"][..., 0] @ context + state["linear1.bias"]
        score = state["linear2.weight"][..., 0] @ np.maximum(hidden, 0) + state["linear2.bias"]
        out[:, t] /= 1 + np.exp(-score)
    return out


@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("frames", [1, 49, 50, 99, 100, 101, 149, 200, 250, 999])
def test_mask_is_that_of_the_segment_and_of_the_whole(frames, dilation):
    torch.manual_seed(frames)
    part = MaskedConvolution(dilation)
    x = 3 * torch.randn(2, 128, frames) + 1
    with torch.inference_mode():
        found = part(x, segments(x)).numpy()
    for one, wave in zip(found, x.numpy().astype(float), strict=True):
        assert np.allclose(one, masked_by_hand(part, wave, dilation), atol=1e-5)


def test_every_frame_lies_in_one_segment():
    within = segments(torch.zeros(1, 4, 250))
    assert within.shape == (250, 3)
    assert within.sum(dim=0).tolist() == [100, 100, 50]
    assert within[99].tolist() == [1, 0, 0] and within[100].tolist() == [0, 1, 0]


def test_network_has_the_size_of_the_published_one():
    state = CampPlusNetwork().state_dict()
    assert len(state) == 937
    assert sum(each.numel() for each in state.values() if each.is_floating_point()) == 6_930_720


def test_half_precision_stays_near():
    net = seeded.campplus()
    bands = torch.randn(2, 298, 80, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        exact = net(bands)
        with torch.autocast("cpu", torch.bfloat16):
            near = net(bands).float()
    assert torch.nn.functional.cosine_similarity(exact, near).min() > 0.999


@pytest.mark.shared
@pytest.mark.weights
def test_network_gives_the_vector_of_its_authors(golden):
    known = np.load(golden / "campplus.npz")
    net = CampPlusNetwork().eval()
    net.load_state_dict(campplus().load(), strict=True)
    with torch.inference_mode():
        found = net(torch.from_numpy(known["fbank"])[None])[0].numpy()
    assert np.allclose(found, known["embedding"], atol=1e-4)
