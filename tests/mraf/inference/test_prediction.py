import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.inference.prediction import evaluating, fusion_logits, predict, score
from mraf.network.batches import Batch
from mraf.prototypes.fit import fit_uncalibrated
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import made_features


@pytest.fixture
def model():
    """Cosine to class means, with a temperature for each case."""
    model = fit_uncalibrated(made_features(), 6, PrototypeOptions.cosine())
    model.temperature.value.copy_(torch.tensor([0.1, 0.2, 0.4]))
    return model


def test_an_answer_does_not_depend_on_the_other_clips(model):
    features = made_features(session=1, missing=0.3)
    whole = predict(model, features)
    by_sevens = predict(model, features, batch_size=7)
    alone = predict(model, features.take(slice(5, 6)))
    for name, array in vars(whole).items():
        np.testing.assert_allclose(getattr(by_sevens, name), array, atol=1e-6)
        np.testing.assert_allclose(getattr(alone, name)[0], array[5], atol=1e-6)


def test_the_temperature_is_that_of_the_modalities_present(model):
    features = made_features(session=1)
    samples = Batch.of(features, "cpu")
    for name, clips, t in (
        ("face_voice", features, 0.1),
        ("voice", features.without_face(), 0.2),
        ("face", features.without_voice(), 0.4),
    ):
        logits, label = fusion_logits(model, samples, name)
        np.testing.assert_array_equal(label, features.label)
        found = predict(model, clips).probability
        np.testing.assert_allclose(found, (logits / t).softmax(dim=-1), atol=1e-6)


def test_logits_are_those_of_the_clips_with_all_modalities(model):
    features = made_features(session=1, missing=0.3)
    samples = Batch.of(features, "cpu")
    face, voice = features.face_present, features.voice_present
    for name, mask in (("face_voice", face & voice), ("voice", voice), ("face", face)):
        for batch_size in (1024, 5):
            logits, label = fusion_logits(model, samples, name, batch_size)
            np.testing.assert_array_equal(label, features.label[mask])
            assert logits.shape == (mask.sum(), 6)


def test_scores_are_accuracies_and_the_mean_cross_entropy(model):
    features = made_features(session=1, noise=0.8)
    found = score(model, Batch.of(features, "cpu"))
    losses = []
    for name, clips in (
        ("face_voice", features),
        ("voice", features.without_face()),
        ("face", features.without_voice()),
    ):
        probability = predict(model, clips).probability
        right = probability.argmax(axis=1) == clips.label
        assert found[name] == pytest.approx(right.mean()) and found[name] < 1
        losses.append(-np.log(probability[np.arange(len(clips)), clips.label]).mean())
    assert found["loss"] == pytest.approx(np.mean(losses), rel=1e-4)
    some = score(model, Batch.of(features, "cpu"), loss_over=("voice", "face"))
    assert some == {**found, "loss": pytest.approx(np.mean(losses[1:]), rel=1e-4)}
    faces = score(model, Batch.of(features.without_voice(), "cpu"))
    assert set(faces) == {"face", "loss"}
    assert score(model, Batch.of(features.without_face().without_voice(), "cpu")) == {}
    assert set(score(model, Batch.of(features.without_voice(), "cpu"), ("voice",))) == {"face"}


def test_no_clips_give_empty_arrays(model):
    found = predict(model, made_features().take(slice(0, 0)))
    assert found.probability.shape == (0, 6) and found.embedding.shape == (0, 18)


def test_other_dimensions_are_refused_with_a_remedy(model):
    with pytest.raises(UsageError, match=r"face vectors have 11 numbers.* trained on 10: use"):
        predict(model, made_features(face_dim=11))


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_of_the_model_comes_back(model, training):
    model.train(training)
    with pytest.raises(KeyError), evaluating(model):
        assert not model.training and not torch.is_grad_enabled()
        raise KeyError
    assert model.training is training and torch.is_grad_enabled()


def test_a_modality_that_was_never_learned_has_no_embedding():
    """Propagation would join all clips by the one vector that stands for every such face."""
    voices = fit_uncalibrated(made_features().without_face(), 6, PrototypeOptions.cosine())
    found = predict(voices, made_features(session=1))
    assert np.isnan(found.face_embedding).all() and np.isfinite(found.voice_embedding).all()
    samples = Batch.of(made_features(session=1), "cpu")
    assert set(score(voices, samples)) == {"voice", "loss"}
    assert len(fusion_logits(voices, samples, "face_voice")[1]) == 0
