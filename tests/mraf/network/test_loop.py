import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.baselines import FOP
from mraf.errors import UsageError
from mraf.network.batches import Sampler, recording_weights
from mraf.network.loop import TrainOptions, fit, predict
from mraf.network.model import MRAF, MRAFConfig
from tests.mraf.conftest import SMALL, made_features

QUICK = TrainOptions(lr=2e-3, epochs=3, batch_size=16, device="cpu")


def split(features):
    held = features.recording % 3 == 2
    return features.take(~held), features.take(held)


def accuracy(model, features):
    return float((predict(model, features).probability.argmax(1) == features.label).mean())


def test_learns_speakers_and_names_clips_of_new_recordings():
    train, held = split(made_features(face_dim=32, voice_dim=24, missing=0.1))
    result = fit(train, held, 6, replace(QUICK, epochs=25), config=SMALL)
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
    ],
    ids=lambda changes: next(iter(changes.values())),
)
def test_learns_with_what_is_compared(changes):
    train, held = split(made_features(face_dim=32, voice_dim=24, missing=0.1))
    result = fit(train, held, 6, replace(QUICK, epochs=25, **changes), config=SMALL)
    assert {name: getattr(result.model.config, name) for name in changes} == changes
    for setting in ("face_voice", "voice", "face"):
        assert result.dev[setting] > 0.9, setting
    assert ("completion" in result.history[0].loss) == (
        result.model.config.missing_token in ("completion", "memory")
    )


def test_learns_without_normalising():
    train, held = split(made_features(face_dim=32, voice_dim=24))
    train, held = (replace(part, voice=part.voice / 80) for part in (train, held))
    result = fit(train, held, 6, replace(QUICK, epochs=25, normalise=False), config=SMALL)
    assert not result.model.config.normalise
    assert result.dev["face_voice"] > 0.9


def test_fop_learns_speakers_from_both_and_less_from_one():
    train, held = split(made_features(face_dim=32, voice_dim=24))
    options = TrainOptions.fop(lr=3e-3, batch_size=16, epochs=25, device="cpu")
    result = fit(train, held, 6, options, config={"dim": 32})
    assert isinstance(result.model, FOP) and result.model.config.dim == 32
    assert not result.model.config.normalise
    assert result.dev["face_voice"] > 0.9
    assert result.dev["voice"] <= result.dev["face_voice"]
    assert set(result.history[0].loss) == {"total", "fusion", "opl"}
    assert not result.model.training and not result.model.face.norm.training


def test_fop_trains_on_a_last_batch_of_one_and_refuses_fields_of_mraf():
    train = made_features().take(slice(0, 33))
    options = TrainOptions.fop(batch_size=16, epochs=2, device="cpu")
    fit(train, None, 6, options)
    with pytest.raises(UsageError, match="tokens"):
        fit(train, None, 6, options, config={"tokens": 3})


def test_an_unseen_modality_pair_is_answered_from_the_other():
    train, held = split(made_features(face_dim=32, voice_dim=24))
    model = fit(train, None, 6, replace(QUICK, epochs=25), config=SMALL).model
    assert accuracy(model, held.without_face()) > 0.9
    assert accuracy(model, held.without_voice()) > 0.9


def test_same_seed_same_weights_and_the_callers_randomness_is_left_alone():
    train, held = split(made_features(missing=0.1))
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = fit(train, held, 6, QUICK, config=SMALL)
    assert torch.equal(torch.get_rng_state(), state)
    torch.randn(3)
    second = fit(train, held, 6, QUICK, config=SMALL)
    other = fit(train, held, 6, replace(QUICK, seed=2), config=SMALL)
    weights = [r.model.state_dict() for r in (first, second, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert not torch.equal(weights[0]["fusion_head.weight"], weights[2]["fusion_head.weight"])


def test_the_missing_token_is_learned_or_stays_zero():
    train, _ = split(made_features(missing=0.2))
    learned = fit(train, None, 6, QUICK, config=SMALL).model
    zero = fit(train, None, 6, replace(QUICK, missing_token="zero"), config=SMALL).model
    assert zero.config.missing_token == "zero"
    assert not zero.face.missing.any() and not zero.voice.missing.any()
    assert learned.face.missing.requires_grad and learned.face.missing.any()
    a, b = (predict(m, train.without_face()).probability for m in (learned, zero))
    assert np.nanmax(np.abs(a - b)) > 1e-3


def test_reports_and_the_best_epoch():
    train, held = split(made_features())
    seen = []
    options = replace(QUICK, epochs=30, patience=4, lr=5e-3)
    result = fit(train, held, 6, options, config=SMALL, on_epoch=seen.append)
    assert seen == result.history
    losses = [report.dev["loss"] for report in seen]
    assert result.best_epoch == int(np.argmin(losses)) + 1
    assert result.dev == seen[result.best_epoch - 1].dev
    assert seen[-1].epochs == 30
    assert len(seen) == min(30, result.best_epoch + 4)
    assert not result.model.training
    assert set(seen[0].loss) == {"total", "face", "voice", "fusion", "kd", "center"}


def test_without_development_clips_the_last_epoch_is_kept():
    train, held = split(made_features())
    nothing = held.take(held.label < 0)
    for dev in (None, nothing, replace(held, label=held.label * 0 - 1)):
        result = fit(train, dev, 6, QUICK, config=SMALL)
        assert (result.best_epoch, result.dev, len(result.history)) == (3, {}, 3)


def test_development_settings_without_clips_are_left_out():
    train, held = split(made_features())
    assert set(fit(train, held.without_face(), 6, QUICK, config=SMALL).dev) == {"voice", "loss"}


def test_a_last_batch_of_one_and_fewer_clips_than_a_batch():
    features = made_features()
    fit(features.take(slice(0, 33)), None, 6, QUICK, config=SMALL)
    fit(features.take(slice(0, 72, 12)), None, 6, QUICK, config=SMALL)


@pytest.mark.parametrize("which", ["face", "voice"])
def test_data_of_one_modality(which, caplog):
    train, held = split(made_features(face_dim=32, voice_dim=24))
    hide = (lambda f: f.without_voice()) if which == "face" else (lambda f: f.without_face())
    with caplog.at_level(logging.WARNING, "mraf"):
        result = fit(hide(train), hide(held), 6, replace(QUICK, epochs=20), config=SMALL)
    assert result.dev[which] > 0.9
    assert "no training clip has a" in caplog.text


def test_balance_draws_recordings_alike():
    features = made_features(speakers=2, recordings=2, clips=4)
    features = features.take(np.array([0, 1, 2, 3, 4, 8, 9, 12]))  # 4 + 1 and 2 + 1 clips
    weight = recording_weights(features)
    assert weight == pytest.approx([1 / 16] * 4 + [1 / 4] + [1 / 8] * 2 + [1 / 4])
    fit(features, None, 2, replace(QUICK, balance="recording"), config=SMALL)


def test_shares_of_what_is_hidden():
    features = made_features(speakers=10, clips=40, missing=0.2)
    sampler = Sampler(features, TrainOptions(p_av=0.5, p_a=0.3, p_f=0.2), torch.device("cpu"))
    from mraf.network.batches import Samples

    samples = Samples.of(features, "cpu")
    face, voice = sampler.hide(samples)
    complete = samples.face_present & samples.voice_present
    assert not (face & voice).any() and not ((face | voice) & ~complete).any()
    assert abs(float(face[complete].float().mean()) - 0.3) < 0.06
    assert abs(float(voice[complete].float().mean()) - 0.2) < 0.06


def test_rows_without_anything_are_dropped_before_training():
    features = made_features()
    blind = replace(features, face_present=features.label > 2, voice_present=features.label > 3)
    fit(blind, None, 6, QUICK, config=SMALL)
    with pytest.raises(UsageError, match="nothing to learn from"):
        fit(features.without_face().without_voice(), None, 6, QUICK)


@pytest.mark.parametrize(
    ("classes", "said"), [(1, "at least two speakers"), (5, "0 to 4 was expected")]
)
def test_labels_that_do_not_fit(classes, said):
    with pytest.raises(UsageError, match=said):
        fit(made_features(), None, classes, QUICK, config=SMALL)


def test_unknown_settings_of_the_model_are_refused():
    with pytest.raises(UsageError, match="depth"):
        fit(made_features(), None, 6, QUICK, config={"depth": 3})


def test_nothing_present_is_not_a_guess():
    features = made_features(missing=0.4)
    model = MRAF(MRAFConfig(10, 8, 6, **SMALL))
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
    model = MRAF(MRAFConfig(10, 8, 6, **SMALL)).eval()
    a, b = predict(model, features), predict(model, features, batch_size=1)
    np.testing.assert_allclose(a.probability, b.probability, atol=1e-6)
    empty = predict(model, features.take(slice(0, 0)))
    assert empty.probability.shape == (0, 6) and empty.embedding.shape == (0, 32)


def test_vectors_of_another_encoder_are_refused():
    model = MRAF(MRAFConfig(10, 9, 6, **SMALL))
    with pytest.raises(UsageError, match=r"voice vectors have 8 .* trained on 9"):
        predict(model, made_features())
    with pytest.raises(UsageError, match=r"face vectors have 12 .* trained on 10"):
        fit(made_features(), made_features(face_dim=12), 6, QUICK, config=SMALL)


def test_paper_preset_and_the_number_of_epochs():
    paper = TrainOptions.paper(seed=3)
    assert (paper.p_av, paper.p_a, paper.p_f, paper.seed) == (0.8, 0.2, 0.0, 3)
    assert (paper.lr, paper.batch_size, paper.temperature) == (1e-4, 64, 2.0)
    assert (paper.lambda_f, paper.lambda_a, paper.lambda_c) == (1, 1, 1)
    assert (paper.lambda_kd, paper.lambda_center) == (0.2, 0.1)
    assert (paper.epochs, TrainOptions.paper(epochs=2).epochs) == (24, 2)
    assert (paper.fusion, paper.missing_token) == ("cross_attention", "learned")
    config = MRAFConfig(512, 192, 70)
    assert (config.dim, config.dropout) == (512, 0.1)
    epochs = [TrainOptions().epochs_for(n) for n in (10, 108, 1000, 4039, 100_000)]
    assert epochs == sorted(epochs, reverse=True) and epochs[-1] >= 10
    assert TrainOptions(epochs=3).epochs_for(10) == 3


def test_fop_preset():
    fop = TrainOptions.fop(seed=3)
    assert (fop.arch, fop.normalise, fop.batch_size, fop.seed) == ("fop", False, 128, 3)
    assert (fop.p_av, fop.p_a, fop.p_f) == (1, 0, 0)
    assert fop.lambda_kd == fop.lambda_center == fop.lambda_f == fop.lambda_a == 0
    assert TrainOptions.fop(normalise=True).normalise and TrainOptions().normalise


@pytest.mark.parametrize(
    "changes",
    [
        {"p_a": 0.5},
        {"p_av": 1.2, "p_a": -0.2, "p_f": 0},
        {"lr": 0},
        {"lr": float("nan")},
        {"batch_size": 0},
        {"temperature": 0},
        {"epochs": 0},
        {"epochs": -1},
        {"lambda_kd": -1},
        {"balance": "speaker"},
        {"center_reduction": "max"},
        {"missing_token": "none"},
        {"fusion": "sum"},
        {"arch": "prototype"},
        {"lambda_completion": -1},
        {"lambda_opl": float("nan")},
    ],
)
def test_options_refuse(changes):
    with pytest.raises(UsageError, match="training"):
        TrainOptions(**changes)


def test_unknown_device():
    with pytest.raises(UsageError, match="warp"):
        fit(made_features(), None, 6, replace(QUICK, device="warp"), config=SMALL)
