import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.fop.model import FOP
from mraf.fop.options import FOPConfig
from mraf.inference.prediction import predict
from mraf.network.batches import Batch
from tests.mraf.conftest import made_features


def network(**changes) -> FOP:
    model = FOP(FOPConfig(face_dim=10, voice_dim=8, classes=6, dim=16, **changes))
    batch = Batch.of(made_features(), "cpu")
    for _ in range(20):  # running statistics
        model(batch.face, batch.voice, batch.face_present, batch.voice_present)
    with torch.no_grad():
        model.weight.copy_(torch.tensor([1.5, -0.5]))
    return model.eval()


def masks():
    return torch.tensor([[True, True], [True, False], [False, True], [False, False]]).T


def branch(w: dict[str, np.ndarray], name: str, x: np.ndarray) -> np.ndarray:
    h = x @ w[f"{name}.linear.weight"].T + w[f"{name}.linear.bias"]
    h = (h - w[f"{name}.norm.running_mean"]) / np.sqrt(w[f"{name}.norm.running_var"] + 1e-5)
    h = np.maximum(h * w[f"{name}.norm.weight"] + w[f"{name}.norm.bias"], 0)
    return h / np.linalg.norm(h, axis=1, keepdims=True)


def test_the_network_against_numpy():
    model, (face, voice) = network(), (torch.randn(4, 10), 200 * torch.randn(4, 8))
    with torch.no_grad():
        for parameter in (*model.face.parameters(), *model.voice.parameters()):
            parameter.add_(0.1 * torch.randn_like(parameter))
    present = masks()
    out = model(face, voice, *present)
    w = {name: value.double().numpy() for name, value in model.state_dict().items()}
    x_f = np.where(present[0].numpy()[:, None], face, 0)
    x_a = np.where(present[1].numpy()[:, None], voice, 0)
    e_f, e_a = branch(w, "face", x_f), branch(w, "voice", x_a)
    for found, e_c in (
        (out.fusion_logits, 1.5 * e_f - 0.5 * e_a),
        (out.face_logits, 1.5 * e_f),
        (out.voice_logits, -0.5 * e_a),
    ):
        expected = e_c @ w["head.weight"].T + w["head.bias"]
        np.testing.assert_allclose(found.detach(), expected, atol=1e-5)
    np.testing.assert_allclose(out.e_f.detach(), e_f, atol=1e-5)
    np.testing.assert_allclose(out.e_c.detach(), 1.5 * e_f - 0.5 * e_a, atol=1e-5)


def test_shapes_and_weights():
    out = network()(torch.randn(4, 10), 200 * torch.randn(4, 8), *masks())
    assert out.fusion_logits.shape == out.face_logits.shape == out.voice_logits.shape == (4, 6)
    assert out.e_c.shape == out.e_f.shape == (4, 16)
    assert out.w_f.tolist() == [0.75, 1, 0, 0] and out.w_a.tolist() == [0.25, 0, 1, 0]
    assert out.r_f.tolist() == [1, 1, 0, 0]
    assert out.face_used.tolist() == [True, True, False, False]
    assert out.voice_used.tolist() == [True, False, True, False]


def test_values_of_a_missing_vector_are_ignored():
    model, (face, voice) = network(), (torch.randn(4, 10), torch.randn(4, 8))
    present = masks()
    out = model(face, voice, *present)
    face[~present[0]] = torch.nan
    assert torch.equal(model(face, voice, *present).fusion_logits, out.fusion_logits)


def test_vectors_are_taken_as_they_come():
    face, voice, yes = torch.randn(4, 10), torch.randn(4, 8), torch.ones(4, dtype=torch.bool)
    model = network()
    once, scaled = (model(s * face, voice, yes, yes).fusion_logits for s in (1, 7))
    assert not torch.allclose(once, scaled, atol=1e-2)


def test_scalars_start_in_0_to_1_and_are_shown():
    starts = [FOP(FOPConfig(face_dim=3, voice_dim=3, classes=2)).scalars for _ in range(20)]
    values = [value for each in starts for value in each.values()]
    assert all(0 <= value < 1 for value in values) and np.std(values) > 0.2
    assert network().scalars == {"w_f": 1.5, "w_a": -0.5}


def test_a_modality_that_was_never_trained_is_not_used():
    model, (face, voice) = network(), (torch.randn(4, 10), torch.randn(4, 8))
    present = masks()
    expected = model(face, voice, present[0] & False, present[1]).fusion_logits
    model.trained.value[0] = False
    found = model(face, voice, *present)
    assert torch.equal(found.fusion_logits, expected)
    assert not found.face_used.any() and not found.w_f.any()


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
    nothing = ~features.face_present & ~features.voice_present
    assert nothing.any() and np.isnan(posterior.probability[nothing]).all()
    np.testing.assert_allclose(posterior.probability[~nothing].sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dim": 0}, "dim is 0"),
        ({"classes": 1}, "classes is 1"),
        ({"dropout": 1.0}, "dropout is 1"),
    ],
)
def test_config_refuses(changes, message):
    with pytest.raises(UsageError, match=f"^model: {message}"):
        FOPConfig(**{"face_dim": 3, "voice_dim": 3, "classes": 2, **changes})
