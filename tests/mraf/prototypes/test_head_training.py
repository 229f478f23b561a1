import pytest
import torch

from mraf.prototypes.head_training import _blend
from mraf.prototypes.options import PrototypicalOptions
from tests.mraf.prototypes.conftest import C, fuse, made_model, made_scores, trained_model

FIXED = PrototypicalOptions(candidates=0)


def unbounded(**changes: object) -> PrototypicalOptions:
    return PrototypicalOptions(**{"head_steps": 60, "head_batch": 64, "head_limit": 1, **changes})


def accuracy(model, scores) -> float:
    return float((fuse(model, scores)[0].argmax(dim=1) == scores.label).double().mean())


def factors(model, scores):
    """Return the factors of r_f and r_a [N], and the clips with an impostor's face [N]."""
    fixed = fuse(made_model(FIXED), scores)
    _, r_f, r_a = fuse(model, scores)
    return r_f / fixed[1], r_a / fixed[2], scores.face.argmax(dim=1) != scores.label


def test_the_default_shifts_a_little_weight_off_impostors_faces():
    model = trained_model(made_scores(n=2000), PrototypicalOptions())
    test = made_scores(n=2000, impostor_faces=0.2, seed=1)
    face, voice, impostor = factors(model, test)
    assert 0.92 < face[impostor].mean() < 0.96 and 1.06 < voice[impostor].mean() < 1.12
    assert face[~impostor].mean() == pytest.approx(1, abs=0.005)
    assert voice[~impostor].mean() == pytest.approx(1, abs=0.005)
    # Corrections before centring are within 0.07, so no factor leaves exp(+-0.14).
    assert max(each.log().abs().max() for each in (face, voice)) < 0.14
    fixed = made_model(FIXED)
    assert 0.01 < accuracy(model, test) - accuracy(fixed, test) < 0.04
    clean = made_scores(n=2000, seed=2)
    assert accuracy(model, clean) == accuracy(fixed, clean)


def test_a_head_of_wider_bounds_would_suppress_impostors_faces():
    model = trained_model(made_scores(impostor_faces=0.2), unbounded())
    test = made_scores(n=2000, impostor_faces=0.2, seed=1)
    face, _, impostor = factors(model, test)
    assert face[impostor].mean() < 0.75 < face[~impostor].mean()
    assert accuracy(model, test) > accuracy(made_model(FIXED), test) + 0.05


def test_corrections_of_reliability_have_the_mean_zero():
    scores = made_scores(impostor_faces=0.1)
    model = trained_model(scores, unbounded())
    for factor in factors(model, scores)[:2]:
        change = factor.log()
        assert abs(change.mean()) < 1e-4 and change.std() > 1e-3 and change.abs().max() < 2


def test_without_learned_reliability_only_the_scale_changes():
    scores = made_scores(impostor_faces=0.2)
    found = fuse(trained_model(scores, unbounded(learn_reliability=False)), scores)
    fixed = fuse(made_model(FIXED), scores)
    torch.testing.assert_close(found[1:], fixed[1:], rtol=0, atol=0)
    scale = found[0] / fixed[0]
    torch.testing.assert_close(scale, scale[:, :1].expand_as(scale), rtol=1e-3, atol=1e-4)
    assert scale[:, 0].std() > 1e-3


def test_the_zero_token_stays_zero_and_the_learned_one_learns():
    scores = made_scores()
    start = made_model(unbounded()).head.face.missing
    learned = trained_model(scores, unbounded())
    assert not torch.equal(learned.head.face.missing, start)
    zero = trained_model(scores, unbounded(missing_token="zero"))
    assert not zero.head.face.missing.any() and not zero.head.voice.missing.any()
    assert "head.face.missing" not in dict(zero.named_parameters())


def test_a_blend_leaves_the_clean_half_and_mixes_the_rest():
    scores = torch.zeros(200, C)
    impostor = torch.ones(50, C)
    mixed = _blend(scores, impostor, clean=100, largest_share=0.4, impostors=0.0)
    assert not mixed[:100].any()
    share = mixed[100:, 0]  # s / sqrt((1 - s)^2 + s^2), s uniform in 0 to 0.4
    assert 0 <= share.min() < 0.05 and 0.5 < share.max() <= 0.4 / (0.6**2 + 0.4**2) ** 0.5 + 1e-6
    replaced = _blend(scores, impostor, clean=100, largest_share=0.4, impostors=1.0)
    assert not replaced[:100].any() and (replaced[100:] == 1).all()
