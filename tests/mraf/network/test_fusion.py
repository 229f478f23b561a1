import itertools

import numpy as np
import pytest
import torch

from mraf.network.fusion import Encoded, Projected, ReliabilityFusion, build_fusion
from mraf.network.options import FUSIONS
from tests.mraf.network.reference import layer_norm, lstm, sigmoid

D, K, B = 16, 3, 8


def fusion_of(kind, residual="tokens"):
    fusion = build_fusion(kind, D, 4, 0.1, residual)
    with torch.no_grad():  # norms and biases away from 1 and 0, so that they count
        for parameter in fusion.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return fusion.eval()


def encoded(n=B) -> Encoded:
    return Encoded(torch.randn(n, K, D), torch.nn.functional.normalize(torch.randn(n, D), dim=-1))


def masks():
    return torch.tensor(list(itertools.product([True, False], repeat=2)) * (B // 4)).T


def weights_of(fusion):
    return {name: value.double().numpy() for name, value in fusion.state_dict().items()}


def beside(face, voice):
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
def test_everything_is_taught(kind):
    fusion = fusion_of(kind).train()
    fusion(encoded(), encoded(), *masks()).e_c.square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in fusion.parameters())


def test_linear_against_numpy():
    fusion, face, voice = fusion_of("linear"), encoded(), encoded()
    w = weights_of(fusion)
    mixed = beside(face, voice) @ w["mix.weight"].T + w["mix.bias"]
    fused = fusion(face, voice, *masks())
    expected = layer_norm(mixed, w["norm.weight"], w["norm.bias"])
    np.testing.assert_allclose(fused.e_c.detach(), expected, atol=1e-5)
    assert fused.w_f[:4].tolist() == [0.5, 1, 0, 0]


def test_gated_against_numpy():
    fusion, face, voice = fusion_of("gated"), encoded(), encoded()
    w, both = weights_of(fusion), beside(face, voice)
    h_f = np.tanh(both[:, :D] @ w["face.weight"].T + w["face.bias"])
    h_a = np.tanh(both[:, D:] @ w["voice.weight"].T + w["voice.bias"])
    z = sigmoid(both @ w["gate.weight"].T + w["gate.bias"])
    fused = fusion(face, voice, *masks())
    np.testing.assert_allclose(fused.e_c.detach(), z * h_f + (1 - z) * h_a, atol=1e-5)
    assert fused.w_f[0].item() == pytest.approx(z[0].mean(), abs=1e-5)
    assert fused.w_f[1:4].tolist() == [1, 0, 0]


def test_lstm_against_numpy():
    fusion, face, voice = fusion_of("lstm"), encoded(), encoded()
    w = weights_of(fusion)
    tokens = np.concatenate([face.tokens.numpy(), voice.tokens.numpy()], axis=1)
    pooled = np.stack([lstm(w, "lstm", each).mean(axis=0) for each in tokens])
    expected = layer_norm(pooled, w["norm.weight"], w["norm.bias"])
    np.testing.assert_allclose(
        fusion(face, voice, *masks()).e_c.detach(), expected, atol=1e-5, rtol=1e-5
    )


def plain(fusion: ReliabilityFusion, face, voice, face_present, voice_present):
    """Equations 10 to 14 by the modules as they come."""
    r_f = torch.sigmoid(fusion.face_score(face.embedding)).squeeze(-1) * face_present
    r_a = torch.sigmoid(fusion.voice_score(voice.embedding)).squeeze(-1) * voice_present
    w_f, w_a = (r[:, None, None] / (r_f + r_a + fusion.eps)[:, None, None] for r in (r_f, r_a))
    H_f, H_a = w_f * face.tokens, w_a * voice.tokens
    C_f = fusion.face_attention(H_f, H_a, H_a)[0]
    C_a = fusion.voice_attention(H_a, H_f, H_f)[0]
    if fusion.residual == "tokens":
        H_f, H_a = face.tokens, voice.tokens
    pooled = fusion.face_norm(H_f + C_f).mean(dim=1) + fusion.voice_norm(H_a + C_a).mean(dim=1)
    return fusion.norm(pooled / 2)


@pytest.mark.parametrize("residual", ["tokens", "weighted"])
@pytest.mark.parametrize("present", [None, (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("shared", [True, False])
def test_cross_attention_against_torch(residual, present, shared):
    """Groups of which all lack something take the short way, and must arrive at the same."""
    fusion, face, voice = fusion_of("cross_attention", residual), encoded(), encoded()
    known = masks() if present is None else [torch.full((B,), each) for each in present]
    given = fusion.project(face, voice) if shared else (face, voice)
    found, expected = fusion(*given, *known).e_c, plain(fusion, face, voice, *known)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    wanted = list(fusion.parameters())
    mine, theirs = (
        torch.autograd.grad(e_c.square().sum(), wanted, allow_unused=True)
        for e_c in (found * torch.arange(D), expected * torch.arange(D))
    )
    for a, b in zip(mine, theirs, strict=True):
        a, b = (torch.zeros(()) if g is None else g for g in (a, b))
        torch.testing.assert_close(*torch.broadcast_tensors(a, b), atol=1e-3, rtol=1e-4)


def test_a_missing_modality_may_be_given_once():
    fusion, face, voice = fusion_of("cross_attention"), encoded(1), encoded()
    no = torch.zeros(B, dtype=torch.bool)
    once = fusion(face.expand(B), voice, no, ~no).e_c
    many = Encoded(face.tokens.repeat(B, 1, 1), face.embedding.repeat(B, 1))
    torch.testing.assert_close(once, fusion(many, voice, no, ~no).e_c)


def test_dropout_is_on_in_training_alone():
    fusion, face, voice = fusion_of("cross_attention"), encoded(), encoded()
    once, again = (fusion(face, voice, *masks()).e_c for _ in range(2))
    assert torch.equal(once, again)
    fusion.train()
    once, again = (fusion(face, voice, *masks()).e_c for _ in range(2))
    assert not torch.allclose(once, again)


def test_groups_of_projected_clips():
    fusion, face = fusion_of("cross_attention"), encoded()
    projected, _ = fusion.project(face, encoded())
    first, second = projected.split([3, 5])
    assert isinstance(second, Projected) and (len(first), len(second)) == (3, 5)
    assert torch.equal(second.keys_values, projected.keys_values[3:])
    assert torch.equal(second.embedding, face.embedding[3:])
    assert fusion.project(first, second)[0] is first
