from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from mraf.checkpoint import Checkpoint, load, save
from mraf.errors import UsageError
from mraf.inference.folds import recording_folds
from mraf.inference.prediction import predict
from mraf.model_types import build
from mraf.prototypes.fit import fit_prototypes, fit_uncalibrated
from mraf.prototypes.fusion import UNKNOWN
from mraf.prototypes.model import ClassMeans, PrototypeConfig
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import made_features

CPU = torch.device("cpu")
QUICK = PrototypeOptions(steps=2, batch_size=16)


def same(a, b):
    for mine, theirs in zip(vars(a).values(), vars(b).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_scores_are_cosines_less_the_offset():
    means = ClassMeans(2, 3)
    means.mean.copy_(torch.tensor([0.0, 1.0]))
    means.prototypes.copy_(torch.tensor([[1.0, 0], [0, 1], [0.6, 0.8]]))
    means.offset.copy_(torch.tensor([0.1, 0, 0]))
    means.known.copy_(torch.tensor([True, True, False]))
    q = means.embed(torch.tensor([[5.0, 0.0]]))  # l2([1, 0] - [0, 1])
    half = 0.5**0.5
    np.testing.assert_allclose(q, [[half, -half]], rtol=1e-6)
    np.testing.assert_allclose(means.compare(q), [[half - 0.1, -half, UNKNOWN]], rtol=1e-6)


def test_a_missing_face_has_no_influence():
    features = made_features()
    model = fit_uncalibrated(features, 6, QUICK)
    hidden = features.without_face()
    same(predict(model, hidden), predict(model, replace(hidden, face=hidden.face + 100)))
    assert (predict(model, hidden).face_weight == 0).all()


def test_nothing_present_gives_no_answer():
    features = made_features()
    model = fit_uncalibrated(features, 6, QUICK)
    found = predict(model, features.without_face().without_voice())
    assert np.isnan(found.probability).all() and np.isnan(found.embedding).all()


def test_the_fused_embedding_weighs_those_of_both():
    features = made_features()
    found = predict(fit_uncalibrated(features, 6, QUICK), features)
    parts = [
        found.face_weight[:, None] * found.face_embedding,
        found.voice_weight[:, None] * found.voice_embedding,
    ]
    expected = np.concatenate(parts, axis=1)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(found.embedding, expected, atol=1e-5)


def test_a_wrong_face_is_outvoted_and_its_weight_is_low():
    """The face of another speaker, who is known too, beside the right voice."""
    train, test = made_features(recordings=4), made_features(recordings=4, session=1)
    fold = recording_folds(train.label, train.recording, 2, 1)
    other = np.roll(test.face, len(test) // 2, axis=0)
    swapped = replace(test, face=other)
    assert (np.roll(test.label, len(test) // 2) != test.label).all()
    # Where both say who it is beyond doubt, the voice wins by the smaller share of wrong ones.
    options = replace(QUICK, wrong_face=0.5, wrong_voice=0.01, voice_softening=1.0)
    model, _ = fit_prototypes(train, 6, options, fold=fold, device=CPU)
    found, clean = predict(model, swapped), predict(model, test)
    assert (found.probability.argmax(axis=1) == test.label).mean() > 0.9
    assert found.face_weight.mean() < 0.1 < 0.4 < clean.face_weight.mean()
    assert (found.probability.max(axis=1) < clean.probability.max(axis=1)).mean() > 0.9
    mean, _ = fit_prototypes(train, 6, replace(QUICK, fusion="mean"), fold=fold, device=CPU)
    assert (predict(mean, swapped).probability.argmax(axis=1) == test.label).mean() < 0.5


def test_the_masks_say_which_modalities_the_model_has_learned():
    features = made_features()
    model = fit_uncalibrated(features.without_face(), 6, QUICK)
    yes = torch.ones(len(features), dtype=torch.bool)
    out = model(torch.from_numpy(features.face), torch.from_numpy(features.voice), yes, yes)
    assert not out.face_used.any() and out.voice_used.all() and not out.w_f.any()


def test_a_face_changes_nothing_where_the_model_has_learned_none():
    """Neither the answer nor the temperature: with both, the value of both is not used."""
    train = made_features(recordings=4, noise=0.8).without_face()
    fold = recording_folds(train.label, train.recording, 2, 1)
    model, _ = fit_prototypes(train, 6, QUICK, fold=fold, device=CPU)
    test = made_features(recordings=4, session=1)
    same_answers = (predict(model, test), predict(model, test.without_face()))
    np.testing.assert_array_equal(*(each.probability for each in same_answers))


def test_is_saved_and_built_from_its_configuration_alone(tmp_path):
    features = made_features(recordings=4)
    fold = recording_folds(features.label, features.recording, 2, 1)
    for options in (QUICK, replace(QUICK, wrong_face=0.3), PrototypeOptions.cosine()):
        model, _ = fit_prototypes(features, 6, options, fold=fold, device=CPU)
        save(tmp_path / "m", Checkpoint(model=model, labels=tuple("abcdef")), "")
        same(predict(load(tmp_path / "m").model, features), predict(model, features))
        assert build("prototypes", asdict(model.config)).config == model.config


@pytest.mark.parametrize(
    "changes",
    [
        {"face_dim": 0},
        {"classes": 0},
        {"voice_weight": -1},
        {"power": "2"},
        {"voice_dim": 2.5},
        {"wrong_face": 1.5},
        {"wrong_voice": -0.1},
        {"voice_softening": 0},
        {"fusion": "attention"},
        {"sharpness": -1},
    ],
)
def test_wrong_shapes_are_named(changes):
    with pytest.raises(UsageError, match=next(iter(changes))):
        PrototypeConfig(**{"face_dim": 4, "voice_dim": 4, "classes": 2, **changes})


def test_plain_cosines_are_those_to_the_mean_vector_of_a_speaker():
    features = made_features(speakers=6, recordings=4, noise=0.2)
    model = fit_uncalibrated(features, 6, PrototypeOptions(steps=5, batch_size=16))
    voice = features.voice / np.linalg.norm(features.voice, axis=1, keepdims=True)
    means = np.stack([voice[features.label == speaker].mean(axis=0) for speaker in range(6)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    found = model.voice.plain(torch.from_numpy(features.voice)).numpy()
    assert np.abs(found - voice @ means.T).max() < 0.1
    assert np.corrcoef(found.ravel(), (voice @ means.T).ravel())[0, 1] > 0.99
