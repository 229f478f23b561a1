import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.fit import fit
from mraf.fop.options import FOPOptions
from mraf.fop.training import train_fop
from mraf.inference.folds import recording_folds
from mraf.inference.prediction import predict
from mraf.network.options import TrainOptions
from mraf.network.training import train_network
from mraf.prototypes.fit import fit_uncalibrated
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import SMALL, made_features

QUICK = PrototypeOptions(steps=5, batch_size=32)
# Of the clips of `parts`, the networks' best epoch is one between the first and the last.
PAPER = TrainOptions(epochs=8, steps=None, lr=1e-2, batch_size=16, threads=1, **SMALL)
STEPS = replace(PAPER, epochs=None, steps=38)
FOP = FOPOptions(unwatched_epochs=2, epochs=12, lr=1e-2, threads=1)


def parts():
    features = made_features(speakers=6, recordings=5, clips=4, noise=0.9)
    held = features.recording % 5 == 4
    return features.take(~held), features.take(held)


def folds(train):
    """Return five folds, without the last speaker, who always trains."""
    fold = recording_folds(train.label, train.recording, 5, 1)
    return np.where(train.label == 5, -1, fold)


def directly(train, dev, options):
    """Return a network trained without `fit`."""
    of_type = train_fop if isinstance(options, FOPOptions) else train_network
    return of_type(train, dev, 6, options)


def weights(model):
    """Return the state without temperatures and recogniser, which are fitted afterwards."""
    return {
        name: value
        for name, value in model.state_dict().items()
        if not name.startswith(("temperature.", "recogniser."))
    }


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


def test_a_network_is_calibrated_on_a_fold():
    train, _ = parts()
    fold = recording_folds(train.label, train.recording, 5, 1)
    found = fit(train, 6, PAPER, fold=fold)
    assert (found.model.temperature.value != 1).all()
    assert sorted(found.out_of_fold.index) == sorted(np.flatnonzero(fold == 0))
    assert found.best_epoch <= 8 and len(found.history) == 8
    alone = fit(train, 6, PAPER, fold=np.full(len(train), -1))
    assert alone.out_of_fold is None and alone.best_epoch is None
    assert (alone.model.temperature.value == 1).all()


@pytest.mark.parametrize("options", [PAPER, FOP], ids=["mraf", "fop"])
def test_answers_out_of_fold_are_those_of_a_network_of_the_other_folds(options):
    train, _ = parts()
    fold = folds(train)
    found = fit(train, 6, options, fold=fold)
    held = train.take(fold == 0)
    model = directly(train.take(fold != 0), held, options).model
    model.temperature.value.copy_(found.model.temperature.value)
    for column, clips in enumerate((held, held.without_face(), held.without_voice())):
        expected = predict(model, clips).probability
        answers = found.out_of_fold
        np.testing.assert_array_equal(answers.speaker[:, column], expected.argmax(axis=1))
        np.testing.assert_allclose(answers.probability[:, column], expected.max(axis=1), rtol=1e-4)


@pytest.mark.parametrize("options", [PAPER, FOP], ids=["mraf", "fop"])
def test_the_refit_to_all_clips_lasts_as_many_epochs_as_were_chosen(options):
    train, _ = parts()
    found = fit(train, 6, options, fold=folds(train))
    assert 1 < found.best_epoch < options.epochs
    changes = {"unwatched_epochs": found.best_epoch} if isinstance(options, FOPOptions) else {}
    same = directly(train, None, replace(options, epochs=found.best_epoch, **changes))
    torch.testing.assert_close(weights(found.model), weights(same.model))


@pytest.mark.parametrize(
    ("options", "last"), [(STEPS, False), (replace(STEPS, lr=1e-3, steps=18), True)]
)
def test_the_refit_to_all_clips_takes_as_many_steps_as_the_chosen_epoch_ended_after(options, last):
    train, _ = parts()
    fold = folds(train)
    found = fit(train, 6, options, fold=fold)
    batches, of_all = (math.ceil(clips / 16) for clips in ((fold != 0).sum(), len(train)))
    assert batches < of_all and options.steps % batches
    assert (found.best_epoch == len(found.history)) == last
    # The last epoch is cut short.
    steps = options.steps if last else found.best_epoch * batches
    same = directly(train, None, replace(options, steps=steps))
    torch.testing.assert_close(weights(found.model), weights(same.model))


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
