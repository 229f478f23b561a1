from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.inference.calibration import calibration_error
from mraf.inference.folds import recording_folds
from mraf.inference.prediction import predict
from mraf.prototypes.fit import (
    DEFAULT_TEMPERATURE,
    LOWEST_OF_EVIDENCE,
    LOWEST_TEMPERATURE,
    cross_validate,
    fit_prototypes,
    fit_uncalibrated,
    fitted_temperatures,
)
from mraf.prototypes.options import PrototypeOptions
from mraf.types import Features
from tests.mraf.conftest import made_features

CPU = torch.device("cpu")
QUICK = PrototypeOptions(steps=10, batch_size=32)
TINY = PrototypeOptions(steps=2, batch_size=16)


def folds(features: Features, count=2) -> np.ndarray:
    return recording_folds(features.label, features.recording, count, 1)


def fitted(features, classes, options, count=2):
    fold = folds(features, count)
    return fit_prototypes(features, classes, options, fold=fold, device=CPU)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def accuracy(model, features) -> float:
    return float((predict(model, features).probability.argmax(axis=1) == features.label).mean())


def new_recordings(**kinds) -> Features:
    """Return eight times as many clips, of other recordings of the same speakers."""
    parts = [vars(made_features(**kinds, session=session)) for session in range(1, 9)]
    return Features(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def nuisance_features(seed=0):
    """Speakers differ in four weak directions, recordings in four strong ones."""
    random = np.random.default_rng(seed)
    features = made_features(speakers=8, recordings=6, clips=3, voice_dim=8, seed=seed)
    speaker = random.normal(size=(8, 8)) * ([1.0] * 4 + [0.0] * 4)
    recording = random.normal(size=(48, 8)) * ([0.1] * 4 + [2.0] * 4)
    voice = speaker[features.label] + recording[features.recording]
    return replace(features, voice=voice.astype(np.float32)).without_face()


def split(features):
    last = features.recording % 6 >= 4
    return features.take(~last), features.take(last)


def same(a, b):
    for mine, theirs in zip(vars(a).values(), vars(b).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_plain_is_cosine_to_class_means():
    features = made_features(noise=0.8)
    model = fit_uncalibrated(features, 6, PrototypeOptions.cosine())
    expected = 0
    for x, weight in ((features.face, 1), (features.voice, 0.6)):
        x = unit(x)
        means = np.stack([x[features.recording == r].mean(axis=0) for r in range(18)])
        prototypes = unit(means.reshape(6, 3, -1).mean(axis=1))
        expected = expected + weight * (x @ prototypes.T)
    expected = np.exp(expected / 1.6 / 0.1)
    found = predict(model, features)
    np.testing.assert_allclose(
        found.probability, expected / expected.sum(axis=1, keepdims=True), atol=1e-5
    )
    np.testing.assert_allclose(found.face_weight, 1 / 1.6, atol=1e-6)


def test_whitening_and_the_metric_ignore_what_recordings_differ_in():
    train, test = split(nuisance_features())
    whitening_alone = PrototypeOptions(steps=0, voice_shrinkage=0.1, hubness_offset=0)
    metric_alone = PrototypeOptions.cosine(steps=100, lr=1e-2, batch_size=64)
    plain, whitened, learned = (
        accuracy(fit_uncalibrated(train, 8, options), test)
        for options in (PrototypeOptions.cosine(), whitening_alone, metric_alone)
    )
    assert plain < 0.8 and whitened > plain + 0.1 and learned > plain + 0.1


def test_the_hubness_offset_takes_most_off_the_prototype_nearest_to_impostors():
    features = made_features(noise=0.8)
    options = PrototypeOptions.cosine(hubness_offset=0.75)
    voice = fit_uncalibrated(features, 6, options).voice
    q = voice.embed(torch.from_numpy(features.voice))
    cosine = (q @ voice.prototypes.T).numpy()
    impostor = features.label[:, None] != np.arange(6)
    rms = np.array([np.sqrt((cosine[impostor[:, c], c] ** 2).mean()) for c in range(6)])
    np.testing.assert_allclose(voice.offset, 0.75 * (rms - rms.mean()), atol=1e-5)


def test_trains_on_clips_that_lack_one_or_the_other():
    model = fit_uncalibrated(made_features(missing=0.4, clips=8), 6, QUICK)
    test = new_recordings(clips=8)
    assert accuracy(model, test) > 0.99
    assert accuracy(model, test.without_face()) > 0.95
    assert accuracy(model, test.without_voice()) > 0.95


def test_a_modality_that_no_training_clip_has_counts_as_missing():
    model = fit_uncalibrated(made_features().without_face(), 6, QUICK)
    test = made_features(session=1)
    assert accuracy(model, test) > 0.9
    assert np.isnan(predict(model, test.without_voice()).probability).all()


def test_a_speaker_with_one_modality_is_found_by_it():
    features = made_features()
    faceless = features.label == 2
    features = replace(features, face_present=features.face_present & ~faceless)
    model = fit_uncalibrated(features, 6, QUICK)
    test = made_features(session=1)
    assert accuracy(model, test.take(faceless)) > 0.9
    assert (predict(model, test.without_voice()).probability[:, 2] == 0).all()
    assert accuracy(model, test.without_voice().take(~faceless)) > 0.9


def test_posteriors_are_calibrated_on_recordings_that_did_not_train():
    kinds = {"speakers": 10, "recordings": 8, "clips": 3, "noise": 0.8, "seed": 1}
    kinds |= {"face_dim": 6, "voice_dim": 6}
    train, test = made_features(**kinds), new_recordings(**kinds)
    assert not set(train.recording) & set(test.recording)
    model, answers = fitted(train, 10, QUICK, 5)
    cross_validated = answers.scores()
    for clips, name in ((test, "face_voice"), (test.without_face(), "voice")):
        probability = predict(model, clips).probability
        with model.temperature.as_in_training():
            unscaled = predict(model, clips).probability
        error = calibration_error(probability, clips.label)
        assert error < 0.05 and error <= calibration_error(unscaled, clips.label), name
        # The cross-validation foretells the accuracy, which that on training clips does not.
        assert accuracy(model, clips) == pytest.approx(cross_validated[name], abs=0.08)
    assert answers.calibration_error() < 0.12
    assert accuracy(model, train) > cross_validated["face_voice"] + 0.08


def test_answers_out_of_fold_do_not_depend_on_the_recording_they_answer():
    """Its vectors are exchanged for noise: other folds' answers change, its own do not exist in them."""
    train = made_features(recordings=4, noise=0.6)
    fold = folds(train, 4)
    here = fold == 0
    noise = np.random.default_rng(3).normal(size=train.voice.shape).astype(np.float32)
    spoilt = replace(train, voice=np.where(here[:, None], noise, train.voice))
    options = PrototypeOptions(steps=0)
    one, two = (cross_validate(clips, 6, options, fold=fold) for clips in (train, spoilt))
    model = fit_uncalibrated(train.take(~here), 6, options)
    mine = one.index[one.fold == 0].numpy()
    expected = model.voice.compare(model.voice.embed(torch.from_numpy(train.voice[mine])))
    torch.testing.assert_close(one.voice[one.fold == 0], expected)
    # The fold's own models are the same: faces, which stayed, get the same scores.
    torch.testing.assert_close(two.face[two.fold == 0], one.face[one.fold == 0])
    assert not torch.allclose(two.voice[two.fold == 1], one.voice[one.fold == 1])


def test_the_temperatures_of_an_answer_out_of_fold_are_those_of_the_other_folds():
    train = made_features(recordings=4, noise=0.8)
    fold, options = folds(train, 2), PrototypeOptions(steps=0)
    held_out = cross_validate(train, 6, options, fold=fold)
    model, answers = fit_prototypes(train, 6, options, fold=fold, device=CPU)
    first = held_out.fold == 0
    value = fitted_temperatures(model, held_out.take(~first))
    _, scores = held_out.take(first).fused(model, "voice", value)
    expected = (scores / value[1]).softmax(dim=-1).max(dim=-1)
    rows = fold[answers.index] == 0
    np.testing.assert_array_equal(answers.speaker[rows, 1], expected.indices)
    np.testing.assert_allclose(answers.probability[rows, 1], expected.values, atol=1e-6)
    whole = fitted_temperatures(model, held_out)
    torch.testing.assert_close(model.temperature.value, whole)
    assert not torch.allclose(whole, value)


def test_cross_validation_holds_out_whole_recordings_and_all_but_only_ones():
    features = made_features(recordings=3)
    only = (features.label != 4) | (features.recording == 12)
    train = features.take(only)
    heldout = cross_validate(train, 6, TINY, fold=folds(train))
    assert sorted(set(heldout.label.tolist())) == [0, 1, 2, 3, 5]
    assert len(heldout.index) == 5 * 12


def test_no_temperature_falls_below_the_lowest():
    features = made_features(recordings=5, noise=0.01)
    model, answers = fitted(features, 6, TINY)
    assert {name: answers.scores()[name] for name in ("face_voice", "voice", "face")} == {
        "face_voice": 1,
        "voice": 1,
        "face": 1,
    }
    value = model.temperature.value.tolist()
    assert value[0] == pytest.approx(LOWEST_OF_EVIDENCE, rel=1e-3)
    assert value[1:] == pytest.approx([LOWEST_TEMPERATURE] * 2)


def test_one_clip_for_each_speaker_is_enough_to_begin():
    features = made_features(speakers=2, recordings=1, clips=1)
    model, answers = fitted(features, 2, QUICK)
    expected = [1.0, DEFAULT_TEMPERATURE, DEFAULT_TEMPERATURE]
    assert answers is None and model.temperature.value.tolist() == pytest.approx(expected)
    assert accuracy(model, features) == 1


def test_reports_each_fold():
    reports, features = [], made_features(recordings=5)
    fit_prototypes(
        features,
        6,
        QUICK,
        fold=folds(features, 5),
        device=CPU,
        on_fold=lambda *fold: reports.append(fold),
    )
    assert [(count, of) for count, of, _ in reports] == [(k, 6) for k in range(1, 6)]
    assert all(figures["face_voice"] > 0.9 for _, _, figures in reports)


def test_the_same_seed_gives_the_same_model():
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(predict(fitted(made_features(), 6, TINY)[0], made_features()))
    same(*found)


@pytest.mark.parametrize(
    "changes", [{}, {"fusion": "mean"}, {"wrong_face": 0.0, "wrong_voice": 0.0}]
)
@pytest.mark.parametrize("hide", ["none", "faces", "voices", "some", "a speaker's faces"])
def test_trains_on_whatever_there_is(changes, hide):
    features = made_features(speakers=2, recordings=4, missing=0.4 if hide == "some" else 0.0)
    if hide == "faces":
        features = features.without_face()
    elif hide == "voices":
        features = features.without_voice()
    elif hide == "a speaker's faces":
        features = replace(features, face_present=features.label != 1)
    model, _ = fitted(features, 2, replace(TINY, **changes))
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    present = features.face_present | features.voice_present
    found = predict(model, features)
    assert np.isfinite(found.probability[present]).all()
    assert (found.face_weight[~features.face_present] == 0).all()
    assert (found.voice_weight[~features.voice_present] == 0).all()
