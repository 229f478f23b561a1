import numpy as np
import torch
import torch.nn.functional as F

from mraf.episodic.fusion import EpisodicFusion
from mraf.episodic.options import EpisodicConfig
from mraf.network.encoder import Encoded

DIM, TOKENS = 16, 3
YES, NO = torch.ones(5, dtype=torch.bool), torch.zeros(5, dtype=torch.bool)


def made_fusion() -> EpisodicFusion:
    config = EpisodicConfig(face_dim=4, voice_dim=4, classes=2, dim=DIM, tokens=TOKENS)
    fusion = EpisodicFusion(config)
    with torch.no_grad():  # norms and biases away from 1 and 0, so that they count
        for parameter in fusion.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return fusion.eval()


def encoded(n=5) -> Encoded:
    return Encoded(
        tokens=torch.randn(n, TOKENS, DIM), embedding=F.normalize(torch.randn(n, DIM), dim=-1)
    )


def attended(attention, query, other) -> torch.Tensor:
    """Multi-head attention as equations 4 and 5 define it."""
    (W_q, W_k, W_v), (b_q, b_k, b_v) = (
        x.chunk(3) for x in (attention.in_proj_weight, attention.in_proj_bias)
    )
    heads, width = attention.num_heads, DIM // attention.num_heads
    parts = []
    for h in range(heads):
        s = slice(h * width, (h + 1) * width)
        Q, K, V = query @ W_q.T + b_q, other @ W_k.T + b_k, other @ W_v.T + b_v
        share = (Q[..., s] @ K[..., s].mT / width**0.5).softmax(dim=-1)
        parts.append(share @ V[..., s])
    return torch.cat(parts, dim=-1) @ attention.out_proj.weight.T + attention.out_proj.bias


def test_equations_10_to_14():
    fusion, face, voice = made_fusion(), encoded(), encoded()
    factor = torch.rand(5), torch.rand(5)
    with torch.no_grad():
        found = fusion(face, voice, YES, YES, factor)
        r_f = torch.sigmoid(fusion.face_score(face.embedding)).squeeze(-1) * factor[0]
        r_a = torch.sigmoid(fusion.voice_score(voice.embedding)).squeeze(-1) * factor[1]
        w_f, w_a = r_f / (r_f + r_a), r_a / (r_f + r_a)
        G_f, G_a = w_f[:, None, None] * face.tokens, w_a[:, None, None] * voice.tokens
        C_f = fusion.face_norm(G_f + attended(fusion.face_attention, G_f, G_a)).mean(dim=1)
        C_a = fusion.voice_norm(G_a + attended(fusion.voice_attention, G_a, G_f)).mean(dim=1)
        e_c = fusion.norm(w_f[:, None] * C_f + w_a[:, None] * C_a)
    for name, expected in {"r_f": r_f, "r_a": r_a, "w_f": w_f, "w_a": w_a, "e_c": e_c}.items():
        torch.testing.assert_close(getattr(found, name), expected, atol=1e-4, rtol=1e-4, msg=name)


def test_what_is_missing_has_no_weight_but_is_attended_to():
    fusion, face, voice = made_fusion(), encoded(), encoded()
    with torch.no_grad():
        found = fusion(face, voice, NO, YES)
        C_a = voice.tokens + attended(fusion.voice_attention, voice.tokens, face.tokens)
        expected = fusion.norm(fusion.voice_norm(C_a).mean(dim=1))
    assert not found.w_f.any() and not found.r_f.any()
    np.testing.assert_allclose(found.w_a, 1, atol=1e-5)
    torch.testing.assert_close(found.e_c, expected, atol=1e-4, rtol=1e-4)
    other = Encoded(tokens=face.tokens + 1, embedding=face.embedding)
    assert not torch.allclose(fusion(other, voice, NO, YES).e_c, found.e_c, atol=1e-3)


def test_nothing_present_is_finite_and_has_no_weight():
    found = made_fusion()(encoded(), encoded(), NO, NO)
    assert not found.w_f.any() and not found.w_a.any()
    assert found.e_c.isfinite().all()


def test_the_factor_moves_the_weight_to_the_other_modality():
    fusion, face, voice = made_fusion(), encoded(), encoded()
    full, poor = torch.ones(5), torch.full((5,), 0.1)
    before, after = fusion(face, voice, YES, YES), fusion(face, voice, YES, YES, (poor, full))
    assert (after.w_f < before.w_f).all() and (after.w_a > before.w_a).all()
    torch.testing.assert_close(after.r_f, 0.1 * before.r_f)
