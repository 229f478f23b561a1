import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.fit import fit
from mraf.fop.options import FOPOptions
from mraf.inference.prediction import predict, score
from mraf.network.batches import Batch
from mraf.network.options import TrainOptions
from mraf.prototypes.options import PrototypicalOptions
from tests.mraf.conftest import made_features

QUICK = PrototypicalOptions(steps=5, batch_size=32, head_steps=5)
PAPER = TrainOptions(epochs=4, steps=None, lr=3e-3, threads=1)
FOP = FOPOptions(unwatched_epochs=2, epochs=4, threads=1)


def parts():
    features = made_features(speakers=6, recordings=5, clips=4, noise=0.9)
    held = features.recording % 5 == 4
    return features.take(~held), features.take(held)


def test_prototypes_are_calibrated_without_the_development_clips():
    train, dev = parts()
    with_dev, without = fit(train, dev, 6, QUICK), fit(train, None, 6, QUICK)
    torch.testing.assert_close(with_dev.model.state_dict(), without.model.state_dict())
    assert with_dev.dev["voice"] > 0.5 and without.dev == {}
    assert with_dev.best_epoch is None and len(with_dev.history) == 5
    assert set(with_dev.cross_validation) == {"face_voice", "voice", "face"}
    assert 0 <= with_dev.calibration["after"] < 0.3 and without.calibration == {}


def test_a_network_is_calibrated_on_the_development_clips():
    train, dev = parts()
    found = fit(train, dev, 6, PAPER)
    assert (found.model.temperature.value != 1).all()
    assert set(found.calibration) == {"before", "after"}
    calibrated = score(found.model, Batch.of(dev, "cpu"))["loss"]
    found.model.temperature.value.fill_(1)
    assert calibrated < score(found.model, Batch.of(dev, "cpu"))["loss"]
    assert (fit(train, None, 6, PAPER).model.temperature.value == 1).all()


def test_the_temperature_changes_no_ranking():
    train, dev = parts()
    model = fit(train, dev, 6, QUICK).model
    before = predict(model, dev).probability
    model.temperature.value *= 3
    after = predict(model, dev).probability
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert after.max() < before.max()


@pytest.mark.parametrize(
    ("options", "arch"), [(QUICK, "mraf-prototypes"), (PAPER, "mraf"), (FOP, "fop")]
)
def test_the_class_of_the_options_decides_what_is_trained(options, arch):
    train, dev = parts()
    found = fit(train, dev, 6, options)
    assert found.model.arch == arch and not found.model.training
    assert found.dev["voice"] > 0.3 and found.calibration


@pytest.mark.parametrize("options", [QUICK, PAPER, FOP])
def test_the_seed_gives_the_model_and_the_callers_random_state_is_left_alone(options):
    train, _ = parts()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two = fit(train, None, 6, options).model, fit(train, None, 6, options).model
    assert torch.rand(1) == expected
    torch.testing.assert_close(one.state_dict(), two.state_dict(), rtol=0, atol=0)


def test_what_cannot_be_trained_on_is_named():
    train, _ = parts()
    with pytest.raises(UsageError, match="two speakers"):
        fit(train, None, 1, QUICK)
    with pytest.raises(UsageError, match="nothing to learn"):
        fit(train.without_face().without_voice(), None, 6, QUICK)
    with pytest.raises(UsageError, match="numbers each"):
        fit(train, made_features(voice_dim=9), 6, QUICK)
