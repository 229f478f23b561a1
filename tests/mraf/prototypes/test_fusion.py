import numpy as np
import pytest
import torch

from mraf.prototypes.fusion import UNKNOWN, fuse_scores, hide_missing, weighted_score
from mraf.prototypes.options import PrototypeOptions

C_F, C_A = torch.tensor([[0.9, 0.1]]), torch.tensor([[0.3, 0.6]])


def fused(face: bool, voice: bool):
    options = PrototypeOptions(voice_weight=0.5, power=2.0)
    return fuse_scores(C_F, C_A, torch.tensor([face]), torch.tensor([voice]), options)


def test_reliability_is_a_power_of_the_best_score():
    score, r_f, r_a = fused(face=True, voice=True)
    assert r_f.item() == pytest.approx(0.81) and r_a.item() == pytest.approx(0.18)
    np.testing.assert_allclose(score, [[0.783 / 0.99, 0.189 / 0.99]], rtol=1e-5)


def test_a_missing_modality_has_no_weight():
    score, r_f, _ = fused(face=False, voice=True)
    np.testing.assert_allclose(score, C_A, rtol=1e-5)
    assert r_f.item() == 0
    assert (fused(face=False, voice=False)[0] == UNKNOWN).all()


def test_a_speaker_without_a_prototype_of_one_modality_gets_the_other_score():
    c_f, c_a = torch.tensor([[UNKNOWN, 0.4, UNKNOWN]]), torch.tensor([[0.2, UNKNOWN, UNKNOWN]])
    weight = torch.tensor([0.5])
    np.testing.assert_allclose(weighted_score(c_f, c_a, weight, weight), [[0.2, 0.4, UNKNOWN]])


def test_hidden_rows_are_unknown_whatever_they_held():
    score = torch.tensor([[0.1, 0.2], [float("nan"), 0.4]])
    hidden = hide_missing(score, torch.tensor([True, False]))
    np.testing.assert_allclose(hidden, [[0.1, 0.2], [UNKNOWN, UNKNOWN]])
