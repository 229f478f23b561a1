import pytest
import torch
from torch import nn

from mraf.network.transformer import Dropout, EncoderLayer, attend


@pytest.mark.parametrize("grad", [True, False])
def test_layer_against_torch(grad):
    ours = EncoderLayer(32, 4, 48, 0.3).eval()
    theirs = nn.TransformerEncoderLayer(32, 4, 48, 0.3, "relu", batch_first=True).eval()
    theirs.load_state_dict(ours.state_dict())
    H = torch.randn(5, 3, 32)
    with torch.set_grad_enabled(grad):
        torch.testing.assert_close(ours(H), theirs(H), atol=1e-5, rtol=1e-5)


def test_attention_against_torch():
    attention = nn.MultiheadAttention(32, 4, batch_first=True)
    nn.init.normal_(attention.in_proj_bias)
    x, y = torch.randn(5, 2, 32), torch.randn(5, 3, 32)
    W, b = attention.in_proj_weight, attention.in_proj_bias
    found = attend(attention, x @ W[:32].T + b[:32], y @ W[32:].T + b[32:])
    torch.testing.assert_close(found, attention(x, y, y)[0], atol=1e-5, rtol=1e-5)


def test_dropout_drops_its_share_and_keeps_the_mean():
    x = torch.ones(999, 1001, requires_grad=True)
    y = Dropout(0.1)(x)
    assert abs(float((y == 0).float().mean()) - 0.1) < 0.002
    assert y.unique().tolist() == pytest.approx([0, 1 / 0.9], rel=1e-4)
    y.sum().backward()
    assert torch.equal(x.grad, y)


def test_dropout_draws_components_apart_and_from_the_seed():
    torch.manual_seed(3)
    first = Dropout(0.5)(torch.ones(4, 25_000))
    torch.manual_seed(3)
    assert torch.equal(Dropout(0.5)(torch.ones(4, 25_000)), first)
    zero = (first == 0).double().flatten()
    for step in (1, 2, 3, 4, 8):
        assert abs(float((zero[step:] * zero[:-step]).mean()) - 0.25) < 0.01


@pytest.mark.parametrize("module", [Dropout(0.5).eval(), Dropout(0.0)])
def test_dropout_of_nothing(module):
    x = torch.randn(3, 4)
    assert torch.equal(module(x), x)


def test_dropout_of_no_rows():
    assert Dropout(0.5)(torch.ones(0, 4)).shape == (0, 4)
