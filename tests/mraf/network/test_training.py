from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.inference.prediction import predict, score
from mraf.network.batches import Batch
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.options import TrainOptions
from mraf.network.training import MRAFStep, train_network, trained_cases
from tests.mraf.conftest import SMALL, made_features

QUICK = TrainOptions(
    lr=2e-3,
    steps=None,
    epochs=3,
    batch_size=16,
    p_av=0.7,
    p_f=0.1,
    dim=32,
    tokens=3,
    ffn=48,
    device="cpu",
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
        {"residual": "tokens"},
        {"inputs": "unit"},
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


def test_learns_from_inputs_as_they_come():
    train, held = split(made_features(face_dim=32, voice_dim=24))
    train, held = (replace(part, voice=part.voice / 80) for part in (train, held))
    result = train_network(train, held, 6, replace(QUICK, epochs=25, inputs="raw"))
    assert result.model.config.inputs == "raw"
    assert result.dev["face_voice"] > 0.9


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
    options = replace(QUICK, residual="tokens")  # so that the token reaches the fusion
    learned = train_network(train, None, 6, options).model
    zero = train_network(train, None, 6, replace(options, missing_token="zero")).model
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
def test_data_of_one_modality(which):
    train, held = split(made_features(face_dim=32, voice_dim=24))
    hide = (lambda f: f.without_voice()) if which == "face" else (lambda f: f.without_face())
    result = train_network(hide(train), hide(held), 6, replace(QUICK, epochs=20))
    assert result.dev[which] > 0.9


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


def test_steps_cut_the_last_pass_short():
    train, held = split(made_features())  # 48 clips, 3 batches of 16
    options = replace(QUICK, epochs=None, steps=7)
    result = train_network(train, held, 6, options)
    assert [report.epoch for report in result.history] == [1, 2, 3]
    assert {report.epochs for report in result.history} == {3}
    same = train_network(train, held, 6, replace(options, steps=9)).history
    assert [each.loss for each in same[:2]] == [each.loss for each in result.history[:2]]
    assert same[2].loss != result.history[2].loss  # three steps in place of one


def test_as_many_steps_as_epochs_have_are_the_same_training():
    train, _ = split(made_features())
    by_epochs = train_network(train, None, 6, QUICK).model.state_dict()
    by_steps = train_network(train, None, 6, replace(QUICK, epochs=None, steps=9)).model
    torch.testing.assert_close(by_steps.state_dict(), by_epochs, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("shown", "cases"),
    [
        ({"p_av": 0.8, "p_a": 0.2, "p_f": 0.0}, ("face_voice", "voice")),
        ({"p_av": 0.7, "p_a": 0.2, "p_f": 0.1}, ("face_voice", "voice", "face")),
        ({"p_av": 1.0, "p_a": 0.0, "p_f": 0.0}, ("face_voice", "voice")),  # by distillation
        ({"p_av": 1.0, "p_a": 0.0, "p_f": 0.0, "lambda_kd": 0.0}, ("face_voice",)),
        ({"p_av": 0.0, "p_a": 1.0, "p_f": 0.0}, ("voice",)),
    ],
)
def test_cases_that_training_shows(shown, cases):
    assert trained_cases(made_features(), TrainOptions(**shown)) == cases


def test_cases_of_clips_that_lack_a_modality():
    features, options = made_features(), TrainOptions(p_av=1.0, p_a=0.0, lambda_kd=0.0)
    assert trained_cases(features.without_face(), TrainOptions()) == ("voice",)
    assert trained_cases(features.without_voice(), TrainOptions()) == ("face",)
    mixed = made_features(missing=0.3)
    assert trained_cases(mixed, options) == ("face_voice", "voice", "face")


def test_the_best_epoch_is_chosen_by_what_is_trained_alone():
    """The face alone is measured, but without p_f its cross-entropy chooses nothing."""
    train, held = split(made_features(noise=0.9))
    options = replace(QUICK, epochs=2, p_av=0.8, p_f=0.0)
    without = train_network(train, held, 6, options)
    both_and_voice = score(without.model, Batch.of(held, "cpu"), ("face_voice", "voice"))
    assert without.dev == pytest.approx(both_and_voice) and "face" in without.dev
    every = score(without.model, Batch.of(held, "cpu"))
    assert every["loss"] != pytest.approx(without.dev["loss"])


def test_clips_of_no_trained_case_choose_nothing():
    train, held = split(made_features())
    options = replace(QUICK, p_av=0.8, p_f=0.0)
    result = train_network(train, held.without_voice(), 6, options)
    assert result.best_epoch == 3 and set(result.dev) == {"face"}


@pytest.mark.parametrize("never", ["face", "voice"])
def test_a_modality_that_no_training_clip_had_answers_nothing(never):
    train, held = split(made_features())
    hide = {"face": lambda f: f.without_face(), "voice": lambda f: f.without_voice()}
    model = train_network(hide[never](train), None, 6, QUICK).model
    found, expected = predict(model, held), predict(model, hide[never](held))
    np.testing.assert_array_equal(found.probability, expected.probability)
    assert not getattr(found, f"{never}_weight").any()
    other = {"face": "voice", "voice": "face"}[never]
    assert np.isnan(predict(model, hide[other](held)).probability).all()


def test_a_loss_that_is_not_finite_is_an_error():
    with pytest.raises(UsageError, match=r"the loss became nan; try a smaller lr than 1e\+30"):
        train_network(made_features(), None, 6, replace(QUICK, lr=1e30))


AUTHORS = TrainOptions.authors(
    lr=2e-3, steps=None, epochs=25, batch_size=16, dim=32, tokens=3, ffn=48, device="cpu"
)


def test_the_authors_configuration_learns_speakers():
    train, held = split(made_features(face_dim=32, voice_dim=24, missing=0.1))
    result = train_network(train, held, 6, AUTHORS)
    assert result.dev["face_voice"] > 0.9 and result.dev["voice"] > 0.9
    assert set(result.history[0].loss) == {
        "total", "face", "voice", "fusion", "kd", "center", "floor"
    }  # fmt: skip
    assert result.history[-1].loss["center"] < result.history[0].loss["center"]


def test_learned_centres_are_trained_and_rare_speakers_weigh_more():
    train = made_features().take(slice(0, 66))  # 12 clips a speaker, 6 of the last one
    step = MRAFStep(network(train), train, AUTHORS, torch.device("cpu"))
    before = step.centers.mu.detach().clone()
    step(torch.arange(66))
    assert (step.centers.mu.detach() != before).all()
    assert step.class_weight[:5].tolist() == pytest.approx([(66 / 72) ** 0.5] * 5)
    assert float(step.class_weight[5]) == pytest.approx((66 / 36) ** 0.5)
    assert step.optimizer.param_groups[0]["weight_decay"] == 1e-4


def test_running_centres_are_none_of_the_optimisers():
    train = made_features()
    step = MRAFStep(network(train), train, QUICK, torch.device("cpu"))
    known = sum(len(group["params"]) for group in step.optimizer.param_groups)
    assert known == len(list(step.model.parameters())) and step.class_weight is None
    assert step.optimizer.param_groups[0]["weight_decay"] == 0


def network(train) -> MRAF:
    config = MRAFConfig(
        face_dim=train.face.shape[1], voice_dim=train.voice.shape[1], classes=6, **SMALL
    )
    return MRAF(config)
