from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from mraf.episodic.model import EpisodicMRAF, WhitenedInput
from mraf.episodic.options import EpisodicConfig
from mraf.inference.prediction import predict
from mraf.network.batches import Batch
from tests.mraf.conftest import made_features
from tests.mraf.episodic.conftest import QUICK, accuracy, fitted, same


def test_inputs_are_whitened_and_of_unit_length():
    inputs = WhitenedInput(2)
    inputs.mean.copy_(torch.tensor([0.0, 1.0]))
    inputs.whitening.copy_(torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    x = torch.tensor([[5.0, 0.0], [torch.nan, torch.inf]])
    expected = np.array([[2.0, -1.0], [0, 0]]) / [[5**0.5], [1]]
    np.testing.assert_allclose(inputs(x, torch.tensor([True, False])), expected, rtol=1e-6)


def test_an_answer_depends_on_its_own_clip_alone():
    features = made_features(missing=0.3)
    model = fitted(features)
    together = predict(model, features).probability
    for i in range(0, len(features), 7):
        alone = predict(model, features.take(slice(i, i + 1))).probability
        np.testing.assert_allclose(alone[0], together[i], atol=1e-5)


@pytest.mark.parametrize("filler", [0.0, 1e30, np.nan])
def test_values_in_absent_rows_are_ignored(filler):
    features, model = made_features(missing=0.4), fitted(made_features(missing=0.4))
    face, voice = features.face.copy(), features.voice.copy()
    face[~features.face_present], voice[~features.voice_present] = filler, filler
    same(predict(model, features), predict(model, replace(features, face=face, voice=voice)))


def test_missing_tokens_matter_after_training_to_the_clips_that_lack_something():
    features = made_features(noise=0.8)
    model = fitted(features, replace(QUICK, lr=3e-3, fusion_lr=1.0))
    shown = features, features.without_face(), features.without_voice()
    before = [predict(model, each) for each in shown]
    with torch.no_grad():
        model.missing_face.token.mul_(-3)
        model.missing_voice.token.mul_(-3)
    complete, *lacking = [predict(model, each) for each in shown]
    np.testing.assert_array_equal(complete.probability, before[0].probability)
    for now, then in zip(lacking, before[1:], strict=True):
        assert np.abs(now.probability - then.probability).max() > 1e-4


def test_weights_are_zero_for_what_is_missing_and_sum_to_one():
    features, model = made_features(missing=0.4), fitted()
    found = predict(model, features)
    assert (found.face_weight[~features.face_present] == 0).all()
    assert (found.voice_weight[~features.voice_present] == 0).all()
    some = features.face_present | features.voice_present
    np.testing.assert_allclose((found.face_weight + found.voice_weight)[some], 1, atol=1e-4)


def test_nothing_present_gives_no_answer():
    found = predict(fitted(), made_features().without_face().without_voice())
    assert np.isnan(found.probability).all() and np.isnan(found.embedding).all()


def test_a_face_far_from_all_prototypes_counts_less():
    features, model = made_features(), fitted()
    strange = replace(
        features, face=np.random.default_rng(0).normal(size=features.face.shape).astype(np.float32)
    )
    assert (
        predict(model, strange).face_weight.mean()
        < predict(model, features).face_weight.mean() - 0.1
    )


def test_a_speaker_with_one_modality_is_found_by_it():
    features = made_features()
    faceless = features.label == 2
    features = replace(features, face_present=features.face_present & ~faceless)
    model, test = fitted(features), made_features(session=1)
    assert accuracy(model, test) > 0.9 and accuracy(model, test.take(faceless)) > 0.9
    assert (predict(model, test.without_voice()).probability[:, 2] == 0).all()
    assert accuracy(model, test.without_voice().take(~faceless)) > 0.9


def test_faces_and_voices_of_a_speaker_need_not_come_from_the_same_clips():
    features = made_features()
    apart = features.label == 2
    first = features.recording % 3 == 0
    features = replace(features, face_present=~apart | first, voice_present=~apart | ~first)
    model, test = fitted(features), made_features(session=1)
    assert not model.fusion_head.known[2] and model.fusion_head.known.sum() == 5
    assert accuracy(model, test.take(apart)) > 0.9 and accuracy(model, test) > 0.9
    batch = Batch.of(test, "cpu")
    with torch.no_grad():
        both, by_face, by_voice = (
            model(batch.face, batch.voice, face, voice)
            for face, voice in (
                (batch.face_present, batch.voice_present),
                (batch.face_present, ~batch.voice_present),
                (~batch.face_present, batch.voice_present),
            )
        )
    mean = both.w_f * by_face.fusion_logits[:, 2] + both.w_a * by_voice.fusion_logits[:, 2]
    torch.testing.assert_close(both.fusion_logits[:, 2], mean, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("missing_token", ["learned", "zero"])
def test_is_built_from_its_configuration_and_tensors_alone(missing_token):
    features = made_features()
    model = fitted(features, replace(QUICK, missing_token=missing_token, tokens=3))
    built = EpisodicMRAF(EpisodicConfig(**asdict(model.config)))
    built.load_state_dict(model.state_dict())
    same(predict(built, features), predict(model, features))
