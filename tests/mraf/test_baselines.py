import numpy as np
import pytest
import torch

from mraf.baselines import FOP, FOPConfig, fop_losses, orthogonal_projection
from mraf.errors import UsageError
from mraf.inference.prediction import predict
from mraf.network.batches import Batch
from mraf.network.options import TrainOptions
from tests.mraf.conftest import made_features


def network(**changes) -> FOP:
    model = FOP(FOPConfig(face_dim=10, voice_dim=8, classes=6, dim=16, **changes))
    batch = Batch.of(made_features(), "cpu")
    for _ in range(20):  # running statistics
        model(batch.face, batch.voice, batch.face_present, batch.voice_present)
    return model.eval()


def masks():
    return torch.tensor([[True, True], [True, False], [False, True], [False, False]]).T


def test_shapes_and_weights():
    out = network()(torch.randn(4, 10), 200 * torch.randn(4, 8), *masks())
    assert out.fusion_logits.shape == out.face_logits.shape == out.voice_logits.shape == (4, 6)
    assert out.e_c.shape == out.e_f.shape == (4, 16)
    torch.testing.assert_close(out.e_f.norm(dim=1), torch.ones(4))
    assert out.w_f.tolist() == [0.5, 1, 0, 0] and out.w_a.tolist() == [0.5, 0, 1, 0]
    assert out.r_f.tolist() == [1, 1, 0, 0]


def test_one_head_on_the_weighted_sum_and_on_each_branch():
    model = network()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([2.0, 0.5]))
    out = model(torch.randn(4, 10), torch.randn(4, 8), *masks())
    torch.testing.assert_close(out.e_c, 2 * out.e_f + 0.5 * out.e_a)
    torch.testing.assert_close(out.fusion_logits, model.head(out.e_c))
    torch.testing.assert_close(out.face_logits, model.head(2 * out.e_f))
    torch.testing.assert_close(out.voice_logits, model.head(0.5 * out.e_a))


def test_a_missing_vector_is_zero():
    model, (face, voice) = network(), (torch.randn(4, 10), torch.randn(4, 8))
    present = masks()
    out = model(face, voice, *present)
    zero = model(face * present[0][:, None], voice * present[1][:, None], *(present | True))
    torch.testing.assert_close(out.fusion_logits, zero.fusion_logits)
    face[~present[0]] = torch.nan
    assert torch.equal(model(face, voice, *present).fusion_logits, out.fusion_logits)


def test_length_counts_unless_normalised():
    face, voice, yes = torch.randn(4, 10), torch.randn(4, 8), torch.ones(4, dtype=torch.bool)
    for normalise in (True, False):
        model = network(normalise=normalise)
        once, scaled = (model(s * face, voice, yes, yes).fusion_logits for s in (1, 7))
        assert torch.allclose(once, scaled, atol=1e-4) == normalise


def test_loss_is_cross_entropy_and_orthogonal_projection():
    model, batch = network().train(), Batch.of(made_features(), "cpu")
    yes = torch.ones(len(batch), dtype=torch.bool)
    losses = fop_losses(model, batch, yes, yes, options=TrainOptions.fop(lambda_opl=0.5))
    assert set(losses) == {"total", "fusion", "opl"}
    torch.testing.assert_close(losses["total"], losses["fusion"] + 0.5 * losses["opl"])
    losses["total"].backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in (model.weight, model.head.weight))


def test_orthogonal_projection_against_numpy():
    e, label = 3 * torch.randn(6, 5), np.array([0, 1, 1, 2, 0, 1])
    x = e.double().numpy()
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    same = np.mean([x[i] @ x[j] for i, j in pairs if label[i] == label[j]])
    other = np.mean([x[i] @ x[j] for i, j in pairs if label[i] != label[j]])
    found = float(orthogonal_projection(e, torch.from_numpy(label)))
    assert found == pytest.approx(1 - same + 0.7 * abs(other), abs=1e-6)
    assert float(orthogonal_projection(e[:1], torch.tensor([0]))) == 1  # no pairs at all


def test_a_batch_of_one_trains():
    model = network().train()
    yes = torch.ones(1, dtype=torch.bool)
    before = model.face.norm.running_mean.clone()
    model(torch.randn(1, 10), torch.randn(1, 8), yes, yes).fusion_logits.sum().backward()
    assert torch.equal(model.face.norm.running_mean, before)
    model(torch.randn(2, 10), torch.randn(2, 8), yes.repeat(2), yes.repeat(2))
    assert not torch.equal(model.face.norm.running_mean, before)


def test_predictions_of_features():
    features = made_features(missing=0.3)
    posterior = predict(network(), features)
    assert posterior.probability.shape == (len(features), 6)
    assert (posterior.face_weight[~features.face_present] == 0).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dim": 0}, "dim is 0"),
        ({"classes": 1}, "classes is 1"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"normalise": "no"}, "normalise is 'no'"),
    ],
)
def test_config_refuses(changes, message):
    with pytest.raises(UsageError, match=message):
        FOPConfig(**{"face_dim": 3, "voice_dim": 3, "classes": 2, **changes})
