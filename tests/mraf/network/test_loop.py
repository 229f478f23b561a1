import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.baselines import FOP
from mraf.errors import UsageError
from mraf.inference.prediction import predict
from mraf.network.loop import train_network
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.options import TrainOptions
from tests.mraf.conftest import SMALL, made_features

QUICK = TrainOptions(
    lr=2e-3, epochs=3, batch_size=16, p_av=0.7, p_f=0.1, dim=32, tokens=3, ffn=48, device="cpu"
)


def split(features):
    held = features.recording % 3 == 2
    return features.take(~held), features.take(held)


def accuracy(model, features):
    return float((predict(model, features).probability.argmax(1) == features.label).mean())


def test_learns_speakers_and_names_clips_of_new_recordings():
    train, held = split(made_features(face_dim=32, voice_dim=24, missing=0.1))
    result = train_network(train, held, 6, replace(QUICK, epochs=25))
    assert result.dev["face_voice"] > 0.95
    assert result.dev["voice"] > 0.95
    assert result.dev["face"] > 0.95
    assert accuracy(result.model, train.take(train.face_present | train.voice_present)) == 1
    assert result.history[-1].loss["total"] < result.history[0].loss["total"]


@pytest.mark.parametrize(
    "changes",
    [
        {"fusion": "linear"},
        {"fusion": "gated"},
        {"fusion": "lstm"},
        {"missing_token": "zero"},
        {"missing_token": "completion"},
        {"missing_token": "memory"},
        {"residual": "weighted"},
    ],
    ids=lambda changes: next(iter(changes.values())),
)
def test_learns_with_what_is_compared(changes):
    train, held = split(made_features(face_dim=32, voice_dim=24, missing=0.1))
    result = train_network(train, held, 6, replace(QUICK, epochs=25, **changes))
    assert {name: getattr(result.model.config, name) for name in changes} == changes
    for setting in ("face_voice", "voice", "face"):
        assert result.dev[setting] > 0.9, setting
    assert ("completion" in result.history[0].loss) == (
        result.model.config.missing_token in ("completion", "memory")
    )


def test_learns_without_normalising():
    train, held = split(made_features(face_dim=32, voice_dim=24))
    train, held = (replace(part, voice=part.voice / 80) for part in (train, held))
    result = train_network(train, held, 6, replace(QUICK, epochs=25, normalise=False))
    assert not result.model.config.normalise
    assert result.dev["face_voice"] > 0.9


def test_fop_learns_speakers_from_both_and_less_from_one():
    train, held = split(made_features(face_dim=32, voice_dim=24))
    options = TrainOptions.fop(lr=3e-3, batch_size=16, epochs=25, dim=32, device="cpu")
    result = train_network(train, held, 6, options)
    assert isinstance(result.model, FOP) and result.model.config.dim == 32
    assert not result.model.config.normalise
    assert result.dev["face_voice"] > 0.9
    assert result.dev["voice"] <= result.dev["face_voice"]
    assert set(result.history[0].loss) == {"total", "fusion", "opl"}
    assert not result.model.training and not result.model.face.norm.training


def test_fop_trains_on_a_last_batch_of_one_and_refuses_fields_of_mraf():
    train = made_features().take(slice(0, 33))
    options = TrainOptions.fop(batch_size=16, epochs=2, device="cpu")
    train_network(train, None, 6, options)
    with pytest.raises(UsageError, match="model: tokens"):
        train_network(train, None, 6, replace(options, tokens=3))


def test_an_unseen_modality_pair_is_answered_from_the_other():
    train, held = split(made_features(face_dim=32, voice_dim=24))
    model = train_network(train, None, 6, replace(QUICK, epochs=25)).model
    assert accuracy(model, held.without_face()) > 0.9
    assert accuracy(model, held.without_voice()) > 0.9


def test_same_seed_same_weights_and_the_callers_randomness_is_left_alone():
    train, held = split(made_features(missing=0.1))
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = train_network(train, held, 6, QUICK)
    assert torch.equal(torch.get_rng_state(), state)
    torch.randn(3)
    second = train_network(train, held, 6, QUICK)
    other = train_network(train, held, 6, replace(QUICK, seed=2))
    weights = [r.model.state_dict() for r in (first, second, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["fusion_head.weight"], weights[2]["fusion_head.weight"])


def test_the_missing_token_is_learned_or_stays_zero():
    train, _ = split(made_features(missing=0.2))
    learned = train_network(train, None, 6, QUICK).model
    zero = train_network(train, None, 6, replace(QUICK, missing_token="zero")).model
    assert zero.config.missing_token == "zero"
    assert not zero.missing_face.token.any() and not zero.missing_voice.token.any()
    assert learned.missing_face.token.requires_grad and learned.missing_face.token.any()
    a, b = (predict(m, train.without_face()).probability for m in (learned, zero))
    assert np.nanmax(np.abs(a - b)) > 1e-3


def test_reports_and_the_best_epoch():
    train, held = split(made_features())
    reports = []
    options = replace(QUICK, epochs=30, patience=4, lr=5e-3)
    result = train_network(train, held, 6, options, on_epoch=reports.append)
    assert reports == result.history
    losses = [report.dev["loss"] for report in reports]
    assert result.best_epoch == int(np.argmin(losses)) + 1
    assert result.dev == reports[result.best_epoch - 1].dev
    assert reports[-1].epochs == 30
    assert len(reports) == min(30, result.best_epoch + 4)
    assert not result.model.training
    assert set(reports[0].loss) == {"total", "face", "voice", "fusion", "kd", "center"}


def test_without_development_clips_the_last_epoch_is_kept():
    train, held = split(made_features())
    nothing = held.take(held.label < 0)
    for dev in (None, nothing, replace(held, label=held.label * 0 - 1)):
        result = train_network(train, dev, 6, QUICK)
        assert (result.best_epoch, result.dev, len(result.history)) == (3, {}, 3)


def test_development_settings_without_clips_are_left_out():
    train, held = split(made_features())
    assert set(train_network(train, held.without_face(), 6, QUICK).dev) == {"voice", "loss"}


def test_a_last_batch_of_one_and_fewer_clips_than_a_batch():
    features = made_features()
    train_network(features.take(slice(0, 33)), None, 6, QUICK)
    train_network(features.take(slice(0, 72, 12)), None, 6, QUICK)


@pytest.mark.parametrize("which", ["face", "voice"])
def test_data_of_one_modality(which, caplog):
    train, held = split(made_features(face_dim=32, voice_dim=24))
    hide = (lambda f: f.without_voice()) if which == "face" else (lambda f: f.without_face())
    with caplog.at_level(logging.WARNING, "mraf"):
        result = train_network(hide(train), hide(held), 6, replace(QUICK, epochs=20))
    assert result.dev[which] > 0.9
    assert "no training clip has a" in caplog.text


def test_rows_without_anything_are_dropped_before_training():
    features = made_features()
    blind = replace(features, face_present=features.label > 2, voice_present=features.label > 3)
    train_network(blind, None, 6, QUICK)
    with pytest.raises(UsageError, match="nothing to learn from"):
        train_network(features.without_face().without_voice(), None, 6, QUICK)


@pytest.mark.parametrize(
    ("classes", "message"), [(1, "at least two speakers"), (5, "0 to 4 was expected")]
)
def test_labels_that_do_not_fit(classes, message):
    with pytest.raises(UsageError, match=message):
        train_network(made_features(), None, classes, QUICK)


def test_nothing_present_is_not_a_guess():
    features = made_features(missing=0.4)
    model = MRAF(MRAFConfig(face_dim=10, voice_dim=8, classes=6, **SMALL))
    posterior = predict(model, features, batch_size=7)
    nothing = ~features.face_present & ~features.voice_present
    assert nothing.any()
    assert np.isnan(posterior.probability[nothing]).all()
    assert np.isnan(posterior.embedding[nothing]).all()
    assert np.isfinite(posterior.embedding[~nothing]).all()
    np.testing.assert_allclose(posterior.probability[~nothing].sum(1), 1, atol=1e-5)
    total = posterior.face_weight + posterior.voice_weight
    np.testing.assert_allclose(total, ~nothing, atol=1e-5)
    assert (posterior.face_weight[~features.face_present] == 0).all()
    assert posterior.probability.dtype == np.float32
    assert model.training


def test_predict_in_batches_and_of_nothing():
    features = made_features()
    model = MRAF(MRAFConfig(face_dim=10, voice_dim=8, classes=6, **SMALL)).eval()
    a, b = predict(model, features), predict(model, features, batch_size=1)
    np.testing.assert_allclose(a.probability, b.probability, atol=1e-6)
    empty = predict(model, features.take(slice(0, 0)))
    assert empty.probability.shape == (0, 6) and empty.embedding.shape == (0, 32)


def test_vectors_of_another_encoder_are_refused():
    model = MRAF(MRAFConfig(face_dim=10, voice_dim=9, classes=6, **SMALL))
    with pytest.raises(UsageError, match=r"voice vectors have 8 .* trained on 9"):
        predict(model, made_features())
    with pytest.raises(UsageError, match=r"face vectors have 12 .* trained on 10"):
        train_network(made_features(), made_features(face_dim=12), 6, QUICK)


def test_unknown_device():
    with pytest.raises(UsageError, match="warp"):
        train_network(made_features(), None, 6, replace(QUICK, device="warp"))
