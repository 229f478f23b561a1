"""Clips of enrolled people and of strangers, made of training clips."""

import numpy as np
import torch

from mraf.inference.folds import FOLDS, recording_folds
from mraf.prototypes.fit import fit_uncalibrated
from mraf.prototypes.options import PrototypeOptions
from mraf.recognition.trials import Trials, groups_of, leave_out, safe_quantile, trials_of
from tests.mraf.conftest import made_features

PLAIN = PrototypeOptions.cosine()


def test_every_speaker_is_a_stranger_once():
    train = made_features(speakers=7)
    fold = recording_folds(train.label, train.recording, FOLDS, 1)
    strangers = np.zeros(len(train), int)
    for _, rest, held, stranger in leave_out(train, fold, 1):
        assert not (rest & held).any() and (rest | held | stranger).all()
        assert not np.isin(train.label[rest | held], train.label[stranger]).any()
        assert not np.isin(train.recording[rest], train.recording[held]).any()
        strangers += stranger
    assert (strangers == 1).all()


def test_two_speakers_are_strangers_to_each_other():
    train = made_features(speakers=2, recordings=1)
    fold = np.full(len(train), -1)
    parts = list(leave_out(train, fold, 1))
    assert len(parts) == 2
    assert all(rest.any() and stranger.any() for _, rest, _, stranger in parts)


def test_all_and_each_modality_alone_are_tried():
    train = made_features(speakers=4)
    model = fit_uncalibrated(train, 4, PLAIN)
    group = groups_of(train, 1)
    found = trials_of(model, train, group=group, enrolled=np.ones(4, bool))
    assert found is not None and np.bincount(found.column).tolist() == [len(train)] * 3
    assert found.known.all() and found.right.mean() > 0.9
    faceless = trials_of(model, train.without_face(), group=group, enrolled=np.ones(4, bool))
    assert faceless is not None and set(faceless.column.tolist()) == {1}


def test_a_hidden_speaker_is_a_stranger():
    train = made_features(speakers=4)
    model = fit_uncalibrated(train, 4, PLAIN)
    kinds = {"group": groups_of(train, 1), "enrolled": np.ones(4, bool)}
    known = trials_of(model, train, **kinds)
    hidden = trials_of(model, train, **kinds, hidden=True)
    assert known is not None and hidden is not None
    assert not hidden.known.any() and not hidden.right.any()
    both = known.column == 0
    assert hidden.scores[both, 0].mean() < known.scores[both, 0].mean() - 0.3


def test_without_clips_there_are_no_trials():
    train = made_features(speakers=3)
    model = fit_uncalibrated(train, 3, PLAIN)
    none = train.take(np.zeros(len(train), bool))
    empty = np.zeros(0, np.int64)
    assert trials_of(model, none, group=empty, enrolled=np.ones(3, bool)) is None
    assert Trials.joined([]) is None


def test_the_models_mode_does_not_change():
    train = made_features(speakers=3)
    model = fit_uncalibrated(train, 3, PLAIN).train()
    trials_of(model, train, group=groups_of(train, 1), enrolled=np.ones(3, bool))
    assert model.training and torch.is_grad_enabled()


def test_one_look_alike_raises_the_threshold():
    logit, speaker = np.linspace(-5, 0, 1000), np.arange(1000) % 10
    alike = np.where(speaker == 0, logit + 4, logit)
    assert safe_quantile(alike, speaker, 0.01) > safe_quantile(logit, speaker, 0.01) + 2
