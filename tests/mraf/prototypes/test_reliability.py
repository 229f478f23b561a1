from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.prototypes.fusion import UNKNOWN
from mraf.prototypes.options import PrototypicalOptions
from mraf.prototypes.reliability import Correction, candidate_features
from tests.mraf.prototypes.conftest import C, fuse, made_model, made_scores


def randomise(model):
    torch.manual_seed(1)
    for parameter in model.head.parameters():
        torch.nn.init.normal_(parameter)
    return model


def test_starts_as_fixed_reliability():
    scores = made_scores()
    for mine, theirs in zip(
        fuse(made_model(PrototypicalOptions()), scores),
        fuse(made_model(PrototypicalOptions(candidates=0)), scores),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


@pytest.mark.parametrize(("attention", "depends"), [(True, True), (False, False)])
def test_only_cross_attention_lets_one_modality_depend_on_the_other(attention, depends):
    model = randomise(
        # All speakers are candidates, so that the voice does not choose the face's.
        made_model(PrototypicalOptions(attention=attention, head_limit=100, candidates=C))
    )
    model.head.face.position = torch.nn.Parameter(torch.zeros(C, 16))
    model.head.voice.position = torch.nn.Parameter(torch.zeros(C, 16))
    s = made_scores(n=8)
    r_f, r_a = torch.ones(8), torch.ones(8)
    with torch.no_grad():
        one = model.head(s.face, s.voice, s.face, r_f, r_a)
        other = model.head(s.face, s.voice.flip(0), s.face, r_f, r_a)
    assert torch.allclose(one.log_r_f, other.log_r_f) is not depends


def test_corrections_are_bounded():
    model, s = randomise(made_model(PrototypicalOptions())), made_scores(n=64)
    with torch.no_grad():
        found = model.head(s.face, s.voice, s.face, torch.ones(64), torch.ones(64))
    for log_r in (found.log_r_f, found.log_r_a):
        assert 0.06 < log_r.abs().max() <= 0.07 + 1e-6


def test_a_missing_face_has_no_influence():
    model, s = randomise(made_model(PrototypicalOptions())), made_scores(n=8)
    hidden = s.with_modalities("voice")
    other = replace(hidden, face=torch.full_like(s.face, torch.nan))
    for mine, theirs in zip(fuse(model, hidden), fuse(model, other), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)
    assert (fuse(model, hidden)[1] == 0).all()


def test_features_of_candidates():
    score = torch.tensor([[0.9, 0.1, 0.5, UNKNOWN]])
    features, known = candidate_features(score, torch.tensor([[0, 2, 3]]))
    assert known.tolist() == [[True, True, False]]
    spread = np.std([0.9, 0.1, 0.5])
    np.testing.assert_allclose(features[0, 0], [0.9, 0.4, 0.4 / spread, 0], atol=1e-5)
    np.testing.assert_allclose(features[0, 1], [0.5, -0.4, 0, np.log(2)], atol=1e-5)
    assert (features[0, 2] == 0).all()
    alone, _ = candidate_features(torch.tensor([[UNKNOWN, 0.4, UNKNOWN]]), torch.tensor([[1, 0]]))
    assert alone.isfinite().all()


def test_a_correction_is_centred_on_some_clips():
    correction = Correction(
        log_r_f=torch.tensor([0.1, 0.3, 0.9]),
        log_r_a=torch.tensor([-0.2, 0.0, 0.5]),
        log_scale=torch.tensor([1.0, 2.0, 3.0]),
    )
    found = correction.centred(torch.tensor([True, True, False]))
    np.testing.assert_allclose(found.log_r_f, [-0.1, 0.1, 0.7], atol=1e-6)
    np.testing.assert_allclose(found.log_r_a, [-0.1, 0.1, 0.6], atol=1e-6)
    np.testing.assert_allclose(found.log_scale, [1, 2, 3])


def test_a_correction_shifts_the_weights_and_scales_the_score():
    c_f, c_a = torch.tensor([[0.8, 0.2, UNKNOWN]]), torch.tensor([[0.2, 0.6, UNKNOWN]])
    correction = Correction(
        log_r_f=torch.tensor([0.0]),
        log_r_a=torch.tensor([np.log(3.0)]),
        log_scale=torch.tensor([np.log(2.0)]),
    )
    one = torch.ones(1)
    score, r_f, r_a = correction.apply(c_f, c_a, one, one)
    np.testing.assert_allclose([r_f.item(), r_a.item()], [1, 3], rtol=1e-6)
    # (0.8 + 3 * 0.2) / 4 and (0.2 + 3 * 0.6) / 4, doubled
    np.testing.assert_allclose(score, [[0.7, 1.0, UNKNOWN]], rtol=1e-6)
