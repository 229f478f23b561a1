from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.episodic.fit import cross_validate, fit_episodic, fit_uncalibrated, fitted_temperatures
from mraf.episodic.options import EpisodicOptions
from mraf.inference.calibration import calibration_error
from mraf.inference.folds import recording_folds
from mraf.inference.prediction import predict
from mraf.prototypes.fit import DEFAULT_TEMPERATURE, LOWEST_TEMPERATURE
from mraf.types import Features
from tests.mraf.conftest import made_features
from tests.mraf.episodic.conftest import QUICK, SIZES, START, accuracy, fitted, same

CPU = torch.device("cpu")
TINY = EpisodicOptions(**SIZES, episodes=2)


def folds(features: Features) -> np.ndarray:
    return recording_folds(features.label, features.recording, 2, 1)


def calibrated(features: Features, classes: int, options: EpisodicOptions):
    return fit_episodic(features, classes, options, fold=folds(features), device=CPU)


def new_recordings(**kinds) -> Features:
    """Return eight times as many clips, of other recordings of the same speakers."""
    parts = [vars(made_features(**kinds, session=session)) for session in range(1, 9)]
    return Features(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def nuisance_features():
    """Speakers differ in four weak directions of the voice, recordings in four strong ones."""
    random = np.random.default_rng(0)
    features = made_features(speakers=8, recordings=6, clips=3, voice_dim=8)
    speaker = random.normal(size=(8, 8)) * ([1.0] * 4 + [0.0] * 4)
    recording = random.normal(size=(48, 8)) * ([0.1] * 4 + [2.0] * 4)
    voice = speaker[features.label] + recording[features.recording]
    features = replace(features, voice=voice.astype(np.float32)).without_face()
    last = features.recording % 6 >= 4
    return features.take(~last), features.take(last)


def test_episodes_teach_to_ignore_what_recordings_differ_in():
    train, test = nuisance_features()
    plain = replace(START, voice_shrinkage=1.0)
    long = replace(plain, episodes=60, lr=1e-2, queries=3)
    before, after = (
        accuracy(fit_uncalibrated(train, 8, options), test) for options in (plain, long)
    )
    assert before < 0.8 and after > before + 0.1


def test_trains_on_clips_that_lack_one_or_the_other():
    model = fitted(made_features(missing=0.4, clips=8))
    test = new_recordings(clips=8)
    assert accuracy(model, test) > 0.99
    assert accuracy(model, test.without_face()) > 0.95
    assert accuracy(model, test.without_voice()) > 0.95


def test_a_modality_that_no_training_clip_has_counts_as_missing():
    test = made_features(session=1)
    model = fitted(made_features().without_face())
    assert accuracy(model, test) > 0.9
    assert np.isnan(predict(model, test.without_voice()).probability).all()
    model = fitted(made_features().without_voice())
    assert accuracy(model, test) > 0.9
    assert np.isnan(predict(model, test.without_face()).probability).all()


def test_posteriors_are_calibrated_on_recordings_that_did_not_train():
    kinds = {"speakers": 10, "recordings": 8, "clips": 3, "noise": 0.8, "seed": 1}
    kinds |= {"face_dim": 6, "voice_dim": 6}
    train, test = made_features(**kinds), new_recordings(**kinds)
    model, answers = calibrated(train, 10, QUICK)
    cross_validated = answers.scores()
    for clips, name in ((test, "face_voice"), (test.without_face(), "voice")):
        error = calibration_error(predict(model, clips).probability, clips.label)
        with model.temperature.as_in_training():
            unscaled = calibration_error(predict(model, clips).probability, clips.label)
        assert error < 0.07 and error < unscaled, name
        assert accuracy(model, clips) == pytest.approx(cross_validated[name], abs=0.06)


def test_answers_out_of_fold_are_those_of_a_model_of_the_other_folds():
    train = made_features(recordings=4, noise=0.8)
    fold = folds(train)
    for k, part in enumerate(cross_validate(train, 6, TINY, fold=fold)):
        held = train.take(fold == k)
        model = fit_uncalibrated(train.take(fold != k), 6, TINY)
        answers = part.answers(model.temperature.value)
        for column, clips in enumerate((held, held.without_face(), held.without_voice())):
            expected = predict(model, clips).probability
            np.testing.assert_array_equal(answers.speaker[:, column], expected.argmax(axis=1))
            np.testing.assert_allclose(
                answers.probability[:, column], expected.max(axis=1), rtol=1e-4
            )


def test_the_temperatures_of_an_answer_out_of_fold_are_those_of_the_other_folds():
    train = made_features(recordings=4, noise=0.8)
    fold = folds(train)
    first, second = cross_validate(train, 6, TINY, fold=fold)
    _, answers = calibrated(train, 6, TINY)
    expected = first.answers(fitted_temperatures([second]))
    np.testing.assert_array_equal(answers.index[: len(expected)], expected.index)
    np.testing.assert_allclose(answers.probability[: len(expected)], expected.probability)
    assert not np.allclose(
        expected.probability, first.answers(fitted_temperatures([first])).probability
    )


def test_cross_validation_holds_out_whole_recordings_and_all_but_only_ones():
    features = made_features(recordings=3)
    only = (features.label != 4) | (features.recording == 12)
    train = features.take(only)
    parts = cross_validate(train, 6, TINY, fold=folds(train))
    for part, k in zip(parts, (0, 1), strict=True):
        np.testing.assert_array_equal(part.index, np.flatnonzero(folds(train) == k))
        assert all(mask.all() for mask in part.masks)
    label = torch.cat([part.label for part in parts])
    assert sorted(set(label.tolist())) == [0, 1, 2, 3, 5] and len(label) == 5 * 12


def test_no_temperature_falls_below_the_lowest():
    features = made_features(recordings=5, noise=0.01)
    model, answers = calibrated(features, 6, TINY)
    found = answers.scores()
    assert [found[name] for name in ("face_voice", "voice", "face")] == [1, 1, 1]
    assert model.temperature.value.min() == pytest.approx(LOWEST_TEMPERATURE)


def test_one_clip_for_each_speaker_is_enough_to_begin():
    features = made_features(speakers=2, recordings=1, clips=1)
    model, answers = calibrated(features, 2, QUICK)
    assert answers is None
    assert model.temperature.value.tolist() == pytest.approx([DEFAULT_TEMPERATURE] * 3)
    assert accuracy(model, features) == 1


def test_reports_each_fold():
    reports = []
    features = made_features()
    fit_episodic(
        features,
        6,
        TINY,
        fold=folds(features),
        device=CPU,
        on_fold=lambda *fold: reports.append(fold),
    )
    assert [(count, of) for count, of, _ in reports] == [(1, 3), (2, 3)]
    assert all(figures["face_voice"] > 0.9 for _, _, figures in reports)


def test_the_same_seed_gives_the_same_model_and_leaves_the_callers_random_state():
    features = made_features()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    first = predict(fitted(features, TINY), features)
    assert torch.equal(torch.rand(3), expected)
    same(predict(fitted(features, TINY), features), first)
    other = predict(fitted(features, replace(TINY, seed=2)), features)
    assert not np.array_equal(other.probability, first.probability)


@pytest.mark.parametrize("recordings", [1, 4])
@pytest.mark.parametrize("hide", ["none", "faces", "voices", "some", "a speaker's faces"])
def test_trains_on_whatever_there_is(recordings, hide):
    missing = 0.4 if hide == "some" else 0.0
    features = made_features(speakers=2, recordings=recordings, missing=missing)
    if hide == "faces":
        features = features.without_face()
    elif hide == "voices":
        features = features.without_voice()
    elif hide == "a speaker's faces":
        features = replace(features, face_present=features.label != 1)
    model, _ = calibrated(features, 2, TINY)
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    present = features.face_present | features.voice_present
    found = predict(model, features)
    assert np.isfinite(found.probability[present]).all()
    assert (found.face_weight[~features.face_present] == 0).all()
    assert (found.voice_weight[~features.voice_present] == 0).all()


def test_clips_of_one_speaker_leave_the_others_unknown():
    features = made_features()
    model = fitted(features.take(features.label == 3))
    assert model.fusion_head.known.tolist() == [False] * 3 + [True] + [False] * 2
    assert (predict(model, features).probability[:, 3] == 1).all()
