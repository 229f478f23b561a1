import itertools

import pytest
import torch

from mraf.network.encoder import Encoded
from mraf.network.fusion import EPSILON, CrossAttentionFusion
from mraf.network.options import MRAFConfig

D, K, B = 16, 3, 8


def fusion_of(residual="weighted") -> CrossAttentionFusion:
    fusion = CrossAttentionFusion(
        MRAFConfig(face_dim=10, voice_dim=8, classes=5, dim=D, residual=residual)
    )
    with torch.no_grad():  # norms and biases away from 1 and 0, so that they count
        for parameter in fusion.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return fusion.eval()


def encoded(n=B) -> Encoded:
    embedding = torch.nn.functional.normalize(torch.randn(n, D), dim=-1)
    return Encoded(tokens=torch.randn(n, K, D), embedding=embedding)


def masks():
    return torch.tensor(list(itertools.product([True, False], repeat=2)) * (B // 4)).T


def test_weights_are_reliabilities_divided_by_their_sum():
    fusion, face, voice = fusion_of(), encoded(), encoded()
    fused = fusion(face, voice, *masks())
    total = fused.r_f + fused.r_a + EPSILON
    torch.testing.assert_close(fused.w_f, fused.r_f / total)
    torch.testing.assert_close(fused.w_a, fused.r_a / total)
    face_present, voice_present = masks()
    assert ((fused.r_f > 0) == face_present).all() and ((fused.r_a > 0) == voice_present).all()
    assert fused.r_f[0] != fused.r_f[4] and 0 < fused.r_f[0] < 1  # learned from the embedding


def test_what_is_missing_cannot_be_attended_to():
    """The tokens of a missing face have weight zero in eqs. 12 and 13."""
    fusion, voice = fusion_of("weighted"), encoded()
    no = torch.zeros(B, dtype=torch.bool)
    one, other = (fusion(encoded(), voice, no, ~no).e_c for _ in range(2))
    torch.testing.assert_close(one, other)


def test_the_residual_of_encoded_tokens_lets_the_missing_token_in():
    fusion, voice = fusion_of("tokens"), encoded()
    no = torch.zeros(B, dtype=torch.bool)
    one, other = (fusion(encoded(), voice, no, ~no).e_c for _ in range(2))
    assert (one - other).abs().max() > 0.1


@pytest.mark.parametrize("residual", ["tokens", "weighted"])
def test_every_part_is_trained(residual):
    fusion = fusion_of(residual).train()
    (fusion(encoded(), encoded(), *masks()).e_c * torch.arange(D)).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in fusion.parameters())


def test_dropout_is_on_in_training_alone():
    fusion, face, voice = fusion_of(), encoded(), encoded()
    once, again = (fusion(face, voice, *masks()).e_c for _ in range(2))
    assert torch.equal(once, again)
    fusion.train()
    once, again = (fusion(face, voice, *masks()).e_c for _ in range(2))
    assert not torch.allclose(once, again)
