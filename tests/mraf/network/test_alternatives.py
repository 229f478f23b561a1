import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mraf.network.alternatives import (
    Completion,
    GatedFusion,
    LinearFusion,
    LSTMFusion,
    MemoryBank,
)
from mraf.network.encoder import Encoded
from mraf.network.model import MRAF, MRAFConfig
from tests.mraf.conftest import SMALL
from tests.mraf.network.reference import layer_norm, lstm, sigmoid

D, K, B = 16, 3, 8
FUSIONS = (LinearFusion, GatedFusion, LSTMFusion)


def fusion_of(kind):
    fusion = kind(D)
    with torch.no_grad():  # norms and biases away from 1 and 0, so that they count
        for parameter in fusion.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return fusion


def encoded(n=B) -> Encoded:
    return Encoded(tokens=torch.randn(n, K, D), embedding=F.normalize(torch.randn(n, D), dim=-1))


def masks():
    return torch.tensor(list(itertools.product([True, False], repeat=2)) * (B // 4)).T


def weights_of(fusion):
    return {name: value.double().numpy() for name, value in fusion.state_dict().items()}


def joined(face, voice):
    return np.sqrt(D) * np.concatenate([face.embedding.numpy(), voice.embedding.numpy()], axis=1)


@pytest.mark.parametrize("kind", FUSIONS)
def test_weights_are_zero_for_what_is_missing_and_sum_to_one(kind):
    face_present, voice_present = masks()
    fused = fusion_of(kind)(encoded(), encoded(), face_present, voice_present)
    assert fused.e_c.shape == (B, D)
    for r, w, present in (
        (fused.r_f, fused.w_f, face_present),
        (fused.r_a, fused.w_a, voice_present),
    ):
        assert r.shape == w.shape == (B,)
        assert ((r > 0) == present).all() and ((w > 0) == present).all()
    total = fused.w_f + fused.w_a
    something = (face_present | voice_present).float()
    torch.testing.assert_close(total, something, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", FUSIONS)
def test_every_part_of_a_fusion_is_trained(kind):
    fusion = fusion_of(kind)
    fusion(encoded(), encoded(), *masks()).e_c.square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in fusion.parameters())


def test_linear_against_numpy():
    fusion, face, voice = fusion_of(LinearFusion), encoded(), encoded()
    w = weights_of(fusion)
    mixed = joined(face, voice) @ w["mix.weight"].T + w["mix.bias"]
    fused = fusion(face, voice, *masks())
    expected = layer_norm(mixed, w["norm.weight"], w["norm.bias"])
    np.testing.assert_allclose(fused.e_c.detach(), expected, atol=1e-5)
    assert fused.w_f[:4].tolist() == [0.5, 1, 0, 0]


def test_gated_against_numpy():
    fusion, face, voice = fusion_of(GatedFusion), encoded(), encoded()
    w, both = weights_of(fusion), joined(face, voice)
    h_f = np.tanh(both[:, :D] @ w["face.weight"].T + w["face.bias"])
    h_a = np.tanh(both[:, D:] @ w["voice.weight"].T + w["voice.bias"])
    z = sigmoid(both @ w["gate.weight"].T + w["gate.bias"])
    fused = fusion(face, voice, *masks())
    np.testing.assert_allclose(fused.e_c.detach(), z * h_f + (1 - z) * h_a, atol=1e-5)
    assert fused.w_f[0].item() == pytest.approx(z[0].mean(), abs=1e-5)
    assert fused.w_f[1:4].tolist() == [1, 0, 0]


def test_lstm_against_numpy():
    fusion, face, voice = fusion_of(LSTMFusion), encoded(), encoded()
    w = weights_of(fusion)
    tokens = np.concatenate([face.tokens.numpy(), voice.tokens.numpy()], axis=1)
    pooled = np.stack([lstm(w, "lstm", each).mean(axis=0) for each in tokens])
    expected = layer_norm(pooled, w["norm.weight"], w["norm.bias"])
    np.testing.assert_allclose(
        fusion(face, voice, *masks()).e_c.detach(), expected, atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("kind", [Completion, MemoryBank])
def test_predictions_have_the_length_of_inputs_and_are_one_a_clip(kind):
    found = kind(10, 8, 3.0)(250 * torch.randn(6, 8), torch.ones(6, dtype=torch.bool))
    assert found.shape == (6, 10) and found.requires_grad
    torch.testing.assert_close(found.norm(dim=1), 3 * torch.ones(6))
    assert (found[0] - found[1]).abs().max() > 1e-3


@pytest.mark.parametrize("kind", [Completion, MemoryBank])
def test_without_the_other_modality_a_learned_token_stands_in(kind):
    predicted, voice = kind(10, 8), 250 * torch.randn(4, 8)
    present = torch.tensor([True, True, False, False])
    found = predicted(voice, present)
    assert torch.equal(found[2:], predicted.fallback.token.expand(2, -1))
    torch.testing.assert_close(predicted(voice / 250, present), found)
    other = voice.clone()
    other[2:] = 0
    assert torch.equal(predicted(other, present), found)


def test_a_memory_gives_back_the_value_of_the_key_that_fits():
    bank = MemoryBank(10, 64, slots=5)
    with torch.no_grad():
        bank.sharpness.fill_(200)
    found = bank(bank.keys, torch.ones(5, dtype=torch.bool))
    torch.testing.assert_close(found, bank.values, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("kind", [Completion, MemoryBank])
def test_every_part_of_a_prediction_is_trained(kind):
    predicted, present = kind(10, 8), torch.tensor([True, True, False])
    (predicted(torch.randn(3, 8), present) * torch.randn(10)).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in predicted.parameters())


@pytest.mark.parametrize("kind", ["completion", "memory"])
def test_the_missing_face_depends_on_the_voice_and_has_no_weight(kind):
    config = MRAFConfig(face_dim=10, voice_dim=8, classes=5, **SMALL, missing_token=kind)
    model = MRAF(config).eval()
    face, voice, no = torch.randn(3, 10), torch.randn(3, 8), torch.zeros(3, dtype=torch.bool)
    out = model(face, voice, no, ~no)
    assert (out.e_f[0] - out.e_f[1]).abs().max() > 1e-3
    assert not out.r_f.any() and not out.w_f.any()
    assert torch.isfinite(model(face, voice, no, no).fusion_logits).all()
