import numpy as np
import pytest
import torch

from mraf.prototypes.fusion import (
    UNKNOWN,
    evidence,
    fuse_posteriors,
    hide_missing,
    sharpen,
    weighted_mean,
)
from mraf.prototypes.options import PrototypeConfig, PrototypeOptions

C_F, C_A = torch.tensor([[0.9, 0.1]]), torch.tensor([[0.3, 0.6]])
YES, NO = torch.tensor([True]), torch.tensor([False])
T = torch.tensor([1.0, 0.2, 0.1])


def config(classes=2, **changes) -> PrototypeConfig:
    return PrototypeConfig(face_dim=2, voice_dim=2, classes=classes, **changes)


def mean(c_f=C_F, c_a=C_A, face=YES, voice=YES):
    return weighted_mean(c_f, c_a, face, voice, PrototypeOptions(voice_weight=0.5, power=2.0))


def posteriors(c_f=C_F, c_a=C_A, face=YES, voice=YES, **changes):
    shape = config(c_f.shape[1], **changes)
    return fuse_posteriors(c_f, c_a, face, voice, temperature=T, config=shape)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


def test_the_mean_is_weighted_by_a_power_of_the_best_score():
    found = mean()
    assert found.r_f.item() == pytest.approx(0.81) and found.r_a.item() == pytest.approx(0.18)
    np.testing.assert_allclose(found.score, [[0.783 / 0.99, 0.189 / 0.99]], rtol=1e-5)


def test_the_evidence_of_both_is_that_of_numpy():
    found = posteriors(wrong_face=0.2, wrong_voice=0.1, voice_softening=2.0, sharpness=0.5)
    s_f, s_a = np.array([0.9, 0.1]) * 0.9**0.5, np.array([0.3, 0.6]) * 0.6**0.5
    own_f, own_a = 0.8 * 2 * softmax(s_f / 0.1), 0.9 * 2 * softmax(s_a / 0.4)
    expected = np.log(own_f + 0.2) + np.log(own_a + 0.1)
    np.testing.assert_allclose(found.score[0], expected, rtol=1e-5)
    named = expected.argmax()
    assert found.r_f.item() == pytest.approx((own_f / (own_f + 0.2))[named], rel=1e-5)
    assert found.r_a.item() == pytest.approx((own_a / (own_a + 0.1))[named], rel=1e-5)


@pytest.mark.parametrize(("face", "voice", "alone"), [(YES, NO, C_F), (NO, YES, C_A)])
def test_one_modality_keeps_its_own_scores(face, voice, alone):
    found = posteriors(face=face, voice=voice, sharpness=0.0)
    torch.testing.assert_close(found.score, alone)
    assert (found.r_f.item() > 0, found.r_a.item() > 0) == (face.item(), voice.item())
    torch.testing.assert_close(mean(face=face, voice=voice).score, alone)


@pytest.mark.parametrize("rule", [mean, posteriors])
def test_without_both_nothing_is_known(rule):
    found = rule(face=NO, voice=NO)
    assert (found.score == UNKNOWN).all() and not found.r_f.any() and not found.r_a.any()


def test_a_wrong_face_gives_way_to_a_certain_voice_unless_it_is_held_to_be_right():
    face, voice = torch.tensor([[0.8, 0.1, 0.1]]), torch.tensor([[0.0, 0.9, 0.0]])
    assert posteriors(face, voice, wrong_face=0.3, wrong_voice=0.01).score.argmax() == 1
    assert posteriors(face, voice, wrong_face=0.0, wrong_voice=0.3).score.argmax() == 0


def test_no_vector_rules_a_speaker_out():
    L, own = evidence(torch.tensor([[5.0, -5.0, UNKNOWN]]), torch.tensor(0.01), 0.1)
    np.testing.assert_allclose(L, [[1.9, 0.1, 1.0]], rtol=1e-6)  # 1: nothing is said of the third
    np.testing.assert_allclose(own, [[1.8, 0.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize("rule", [mean, posteriors])
def test_a_speaker_without_a_prototype_of_one_modality_can_be_named_by_the_other(rule):
    c_f, c_a = torch.tensor([[0.1, UNKNOWN, UNKNOWN]]), torch.tensor([[0.1, 0.9, UNKNOWN]])
    found = rule(c_f, c_a)
    assert found.score.argmax() == 1 and found.score[0, 2] == UNKNOWN
    assert found.r_a.item() > 0


def test_sharpening_draws_the_scores_of_a_far_vector_together():
    score = torch.tensor([[0.8, 0.4, UNKNOWN], [0.2, 0.1, UNKNOWN]])
    expected = [
        [0.8 * 0.8**0.5, 0.4 * 0.8**0.5, UNKNOWN],
        [0.2 * 0.2**0.5, 0.1 * 0.2**0.5, UNKNOWN],
    ]
    np.testing.assert_allclose(sharpen(score, 0.5), expected, rtol=1e-6)
    torch.testing.assert_close(sharpen(score, 0.0), score)


def test_hidden_rows_are_unknown_whatever_they_held():
    score = torch.tensor([[0.1, 0.2], [float("nan"), 0.4]])
    hidden = hide_missing(score, torch.tensor([True, False]))
    np.testing.assert_allclose(hidden, [[0.1, 0.2], [UNKNOWN, UNKNOWN]])
