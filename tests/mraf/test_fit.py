from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.fit import fit
from mraf.folds import recording_folds
from mraf.fop.options import FOPOptions
from mraf.inference.prediction import predict
from mraf.network.options import TrainOptions
from mraf.prototypes.fit import fit_uncalibrated
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import made_features

QUICK = PrototypeOptions(steps=5, batch_size=32)
PAPER = TrainOptions(epochs=4, steps=None, lr=3e-3, threads=1)
FOP = FOPOptions(unwatched_epochs=2, epochs=4, threads=1)


def parts():
    features = made_features(speakers=6, recordings=5, clips=4, noise=0.9)
    held = features.recording % 5 == 4
    return features.take(~held), features.take(held)


def test_prototypes_train_on_everything_and_development_clips_only_measure():
    train, dev = parts()
    with_dev, without = fit(train, 6, QUICK, dev=dev), fit(train, 6, QUICK)
    torch.testing.assert_close(with_dev.model.state_dict(), without.model.state_dict())
    assert with_dev.dev["voice"] > 0.5 and without.dev == {}
    assert with_dev.best_epoch is None and len(with_dev.history) == 5
    assert set(with_dev.out_of_fold.scores()) == {"face_voice", "voice", "face", "loss"}
    assert sorted(with_dev.out_of_fold.index) == list(range(len(train)))
    assert 0 <= with_dev.calibration["after"] < 0.3 and without.calibration == {}
    # Every clip is in the prototypes: with a fold left out, they would differ.
    still = replace(QUICK, steps=0)
    whole, part = (fit_uncalibrated(each, 6, still) for each in (train, train.take(slice(4, None))))
    prototypes = fit(train, 6, still).model.voice.prototypes
    torch.testing.assert_close(prototypes, whole.voice.prototypes)
    assert not torch.allclose(prototypes, part.voice.prototypes)


def test_a_network_is_calibrated_on_a_fold_and_refitted_to_all_clips():
    train, _ = parts()
    fold = recording_folds(train.label, train.recording, 5, 1)
    found = fit(train, 6, PAPER, fold=fold)
    assert (found.model.temperature.value != 1).all()
    assert sorted(found.out_of_fold.index) == sorted(np.flatnonzero(fold == 0))
    assert found.best_epoch <= 4 and len(found.history) == 4
    alone = fit(train, 6, PAPER, fold=np.full(len(train), -1))
    assert alone.out_of_fold is None and alone.best_epoch is None
    assert (alone.model.temperature.value == 1).all()
    if found.best_epoch == 4:  # the same network, as nothing was held out of either
        torch.testing.assert_close(found.model.voice_head.weight, alone.model.voice_head.weight)


def test_answers_out_of_fold_are_in_the_order_of_the_clips_that_were_given():
    train, _ = parts()
    nothing = np.zeros(len(train), bool)
    nothing[:5] = True
    gap = replace(
        train,
        face_present=train.face_present & ~nothing,
        voice_present=train.voice_present & ~nothing,
    )
    found = fit(gap, 6, QUICK).out_of_fold
    assert not set(found.index) & set(range(5))
    np.testing.assert_array_equal(found.label, gap.label[found.index])
    assert found.scores()["voice"] > 0.5


def test_a_temperature_changes_no_ranking_of_what_it_scales():
    train, dev = parts()
    model = fit(train, 6, QUICK).model
    before = predict(model, dev).probability
    model.temperature.value[0] *= 3
    after = predict(model, dev).probability
    np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    assert after.max() < before.max()


@pytest.mark.parametrize(
    ("options", "name"), [(QUICK, "prototypes"), (PAPER, "mraf"), (FOP, "fop")]
)
def test_the_class_of_the_options_decides_what_is_trained(options, name):
    train, dev = parts()
    found = fit(train, 6, options, dev=dev)
    assert found.model.model_type == name and not found.model.training
    assert found.dev["voice"] > 0.3 and found.calibration and found.out_of_fold is not None


@pytest.mark.parametrize("options", [QUICK, PAPER, FOP])
def test_the_seed_gives_the_model_and_the_callers_random_state_is_left_alone(options):
    train, _ = parts()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, two = fit(train, 6, options).model, fit(train, 6, options).model
    assert torch.rand(1) == expected
    torch.testing.assert_close(one.state_dict(), two.state_dict(), rtol=0, atol=0)


def test_what_cannot_be_trained_on_is_named():
    train, _ = parts()
    with pytest.raises(UsageError, match="two speakers"):
        fit(train, 1, QUICK)
    with pytest.raises(UsageError, match="nothing to learn"):
        fit(train.without_face().without_voice(), 6, QUICK)
    with pytest.raises(UsageError, match="numbers each"):
        fit(train, 6, QUICK, dev=made_features(voice_dim=9))
