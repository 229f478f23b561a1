import pytest
import torch

from mraf.network.encoder import Encoded, MissingToken, ModalityEncoder
from mraf.network.options import MRAFConfig


def encoder() -> ModalityEncoder:
    config = MRAFConfig(
        face_dim=10, voice_dim=8, classes=5, tokens=3, dim=16, layers=2, ffn=24, dropout=0.5
    )
    return ModalityEncoder(10, config).eval()


def test_shapes_and_unit_length():
    encoded = encoder()(torch.randn(5, 10))
    assert encoded.tokens.shape == (5, 3, 16) and encoded.embedding.shape == (5, 16)
    torch.testing.assert_close(encoded.embedding.norm(dim=1), torch.ones(5))


def test_clips_are_encoded_apart_from_each_other():
    """So that a missing input may be replaced after the encoder (eq. 9)."""
    network, x, missing = encoder(), torch.randn(5, 10), torch.randn(1, 10)
    present = torch.tensor([True, False, True, False, False])
    before = network(torch.where(present[:, None], x, missing))
    after = network(x).where(present, network(missing))
    torch.testing.assert_close(after.tokens, before.tokens)
    torch.testing.assert_close(after.embedding, before.embedding)


def test_tokens_start_out_depending_on_the_input():
    """W_m and b_m start as those of any linear layer: uniform, variance 1 / (3 d_m)."""
    network, x = encoder(), torch.randn(500, 10)  # components near 1
    tokens = (network.project(x).unflatten(-1, (3, 16)) + network.position).detach()
    between_inputs = float(tokens.var(dim=0).mean())
    assert between_inputs == pytest.approx(1 / 3, abs=0.1)
    assert between_inputs > 2 * float(tokens.mean(dim=0).var())
    assert float(network.project.weight.detach().abs().max()) <= 10**-0.5


def test_the_missing_token_starts_at_the_scale_of_inputs():
    token = MissingToken(4000).token.detach()
    assert float(token.square().mean()) == pytest.approx(1, abs=0.1)


def test_dropout_is_on_in_training_alone():
    network, x = encoder(), torch.randn(5, 10)
    assert torch.equal(network(x).embedding, network(x).embedding)
    network.train()
    assert not torch.allclose(network(x).embedding, network(x).embedding)


def test_the_missing_may_be_one_clip_or_one_for_each():
    real = Encoded(tokens=torch.randn(4, 3, 8), embedding=torch.randn(4, 8))
    each = Encoded(tokens=torch.randn(4, 3, 8), embedding=torch.randn(4, 8))
    one = Encoded(tokens=each.tokens[:1], embedding=each.embedding[:1])
    present = torch.tensor([True, False, True, False])
    for missing, rows in ((each, [1, 3]), (one, [0, 0])):
        found = real.where(present, missing)
        assert torch.equal(found.tokens[present], real.tokens[present])
        assert torch.equal(found.tokens[~present], each.tokens[rows])
        assert torch.equal(found.embedding[~present], each.embedding[rows])


@pytest.mark.parametrize("learned", [True, False])
def test_one_token_for_all_clips_whatever_the_other_modality(learned):
    token = MissingToken(10, learned=learned)
    found = token(torch.randn(4, 8), torch.tensor([True, True, False, False]))
    assert found.shape == (1, 10) and found.requires_grad == learned
    assert bool(found.any()) == learned
    assert len(list(token.parameters())) == learned
