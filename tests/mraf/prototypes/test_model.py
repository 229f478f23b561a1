from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.prediction import predict
from mraf.prototypes.fit import DEFAULT_TEMPERATURE, enrol, fit_once
from mraf.prototypes.model import UNKNOWN, PrototypicalConfig, fuse_scores
from mraf.prototypes.options import PrototypicalOptions
from tests.mraf.conftest import made_features

CPU = torch.device("cpu")
QUICK = PrototypicalOptions(steps=10, batch_size=32)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def accuracy(model, features) -> float:
    return float((predict(model, features).probability.argmax(axis=1) == features.label).mean())


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


def test_plain_is_cosine_to_prototypes():
    features = made_features(noise=0.8)
    model = fit_once(features, 6, PrototypicalOptions.plain())
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


def test_whitening_and_the_metric_see_through_what_recordings_differ_in():
    train, test = split(nuisance_features())
    plain = accuracy(fit_once(train, 8, PrototypicalOptions.plain()), test)
    whitened = accuracy(
        fit_once(train, 8, PrototypicalOptions(steps=0, voice_shrinkage=0.1, bias=0)), test
    )
    learned = accuracy(
        fit_once(train, 8, PrototypicalOptions.plain(steps=100, lr=1e-2, batch_size=64)), test
    )
    assert plain < 0.8 and whitened > plain + 0.1 and learned > plain + 0.1


def test_a_missing_face_is_never_looked_at():
    features = made_features()
    model = fit_once(features, 6, QUICK)
    hidden = features.without_face()
    other = replace(hidden, face=hidden.face + 100)
    for mine, theirs in zip(
        vars(predict(model, hidden)).values(), vars(predict(model, other)).values(), strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert (predict(model, hidden).face_weight == 0).all()


def test_trains_on_clips_that_lack_one_or_the_other():
    features = made_features(missing=0.4, clips=8)
    assert accuracy(fit_once(features, 6, QUICK), made_features(clips=8)) > 0.9


def test_nothing_present_gives_no_answer():
    features = made_features()
    found = predict(fit_once(features, 6, QUICK), features.without_face().without_voice())
    assert np.isnan(found.probability).all() and np.isnan(found.embedding).all()


def test_a_modality_that_no_training_clip_has_counts_as_missing():
    features = made_features()
    model = fit_once(features.without_face(), 6, QUICK)
    assert accuracy(model, features) > 0.9
    assert np.isnan(predict(model, features.without_voice()).probability).all()


def test_a_speaker_known_by_one_modality_is_found_by_it():
    features = made_features()
    faceless = features.label == 2
    features = replace(features, face_present=features.face_present & ~faceless)
    model = fit_once(features, 6, QUICK)
    assert accuracy(model, made_features().take(faceless)) > 0.9
    probability = predict(model, made_features().without_voice()).probability
    assert (probability[:, 2] == 0).all() and accuracy(model, made_features().without_voice()) > 0.6


def test_reliability_is_the_best_score():
    c_f, c_a = torch.tensor([[0.9, 0.1]]), torch.tensor([[0.3, 0.6]])
    here = torch.ones(1, dtype=torch.bool)
    score, r_f, r_a = fuse_scores(c_f, c_a, here, here, voice_weight=0.5, power=2)
    assert r_f.item() == pytest.approx(0.81) and r_a.item() == pytest.approx(0.18)
    np.testing.assert_allclose(score, [[0.783 / 0.99, 0.189 / 0.99]], rtol=1e-5)
    alone, _, _ = fuse_scores(c_f, c_a, ~here, here, 0.5, 2)
    np.testing.assert_allclose(alone, c_a, rtol=1e-5)
    nothing, _, _ = fuse_scores(c_f, c_a, ~here, ~here, 0.5, 2)
    assert (nothing == UNKNOWN).all()


def test_enrolling_calibrates_on_recordings_that_did_not_train():
    features = made_features(speakers=6, recordings=5, clips=6, noise=1.2, voice_dim=4)
    model, found = enrol(features, 6, QUICK, CPU)
    assert set(found) == {"face_voice", "voice", "face"}
    assert 0.3 < found["voice"] < 1 and found["voice"] < found["face_voice"]
    assert (model.temperature.value != 1).all()
    test = made_features(speakers=6, recordings=5, clips=6, noise=1.2, voice_dim=4)
    said = predict(model, test.without_face()).probability.max(axis=1).mean()
    assert abs(said - accuracy(model, test.without_face())) < 0.2


def test_one_clip_a_speaker_is_enough_to_begin():
    features = made_features(speakers=2, recordings=1, clips=1)
    model, found = enrol(features, 2, QUICK, CPU)
    assert found == {} and model.temperature.value.tolist() == pytest.approx(
        [DEFAULT_TEMPERATURE] * 3
    )
    assert accuracy(model, features) == 1


def test_reports_each_fold():
    seen = []
    enrol(made_features(recordings=5), 6, QUICK, CPU, lambda *fold: seen.append(fold))
    assert [(count, of) for count, of, _ in seen] == [(k, 6) for k in range(1, 6)]
    assert all(figures["face_voice"] > 0.9 for _, _, figures in seen)


@pytest.mark.parametrize(
    "changes",
    [{"face_dim": 0}, {"classes": 1}, {"voice_weight": -1}, {"power": "2"}, {"voice_dim": 2.5}],
)
def test_wrong_sizes_are_named(changes):
    with pytest.raises(UsageError, match=next(iter(changes))):
        PrototypicalConfig(**{"face_dim": 4, "voice_dim": 4, "classes": 2, **changes})


@pytest.mark.parametrize(
    "changes", [{"voice_shrinkage": 1.5}, {"lr": 0}, {"folds": 1}, {"bias": -1}, {"batch_size": 0}]
)
def test_wrong_options_are_named(changes):
    with pytest.raises(UsageError, match=next(iter(changes))):
        PrototypicalOptions(**changes)
