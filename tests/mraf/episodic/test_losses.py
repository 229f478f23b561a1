from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.episodic.episodes import Episode
from mraf.episodic.losses import Comparison, compare, episode_losses
from mraf.prototypes.fusion import UNKNOWN
from tests.mraf.conftest import made_features
from tests.mraf.episodic.conftest import QUICK, fitted, training_clips


def test_queries_are_compared_with_the_means_of_their_support():
    episode = Episode(
        query=torch.tensor([0, 1]),
        label=torch.tensor([0, 1]),
        support=torch.tensor([0, 1, 2]),
        support_label=torch.tensor([0, 0, 1]),
    )
    e = torch.tensor([[2.0, 0], [0, 2.0], [9.0, 9.0], [1.0, 1.0], [0, 1.0]])  # S = 3, Q = 2
    present = torch.tensor([True, True, False, True, True])
    found = Comparison.of(e, present, episode, 3)
    np.testing.assert_allclose(
        found.cosine, [[1, UNKNOWN, UNKNOWN], [0.5**0.5, UNKNOWN, UNKNOWN]], rtol=1e-6
    )
    assert found.counts.tolist() == [True, False]  # speaker 1's only recording is missing
    assert float(found.distance()) == pytest.approx(0, abs=1e-6)
    assert float(found.cross_entropy()) == pytest.approx(0, abs=1e-6)


def losses(features, model=None, **changes):
    options = replace(QUICK, **changes)
    clips = training_clips(features, options)
    model = fitted(features, replace(options, episodes=0)) if model is None else model
    torch.manual_seed(5)
    return episode_losses(model, clips, clips.episode(options), options)


def test_the_total_weighs_its_parts():
    weights = {
        "f": 0.5,
        "a": 2.0,
        "c": 3.0,
        "f_alone": 0.4,
        "a_alone": 0.7,
        "kd": 0.3,
        "center": 0.2,
    }
    found = losses(made_features(), **{f"lambda_{name}": w for name, w in weights.items()})
    total, *parts = found.values()
    names = ("face", "voice", "fusion", "face_alone", "voice_alone", "kd", "center")
    assert tuple(found) == ("total", *names)
    assert all(part > 0 for part in parts)
    expected = sum(w * part for w, part in zip(weights.values(), parts, strict=True))
    torch.testing.assert_close(total, expected)


def test_noise_moves_the_queries_in_both_modalities():
    still, moved = losses(made_features(), noise=0.0), losses(made_features(), noise=2.0)
    assert moved["face"] > 1.1 * still["face"] and moved["voice"] > 1.1 * still["voice"]


@pytest.mark.parametrize("reliable", ["face", "voice"])
def test_the_factors_of_reliability_weigh_the_queries_and_not_the_support(reliable):
    options = replace(QUICK, episodes=0, noise=0.0)
    model, clips = fitted(options=options), training_clips(made_features(), options)
    episode = clips.episode(options)
    n = len(episode.query)
    model.factor = lambda z_f, z_a: (
        torch.full((n,), float(reliable == "face")),
        torch.full((n,), float(reliable == "voice")),
    )
    before = compare(model, clips, episode, options)["fusion"].cosine
    for name in ("face", "voice"):
        # Other vectors of the queries; the means that are the support stay.
        other = replace(getattr(clips, name), u=-getattr(clips, name).u)
        after = compare(model, replace(clips, **{name: other}), episode, options)["fusion"].cosine
        assert torch.allclose(after, before, atol=1e-5) == (name != reliable)
    assert before.max() < 0.9  # the support has both modalities


def test_a_missing_modality_leaves_its_losses_out():
    voices, faces = losses(made_features().without_face()), losses(made_features().without_voice())
    assert voices["voice"] > 0 and voices["voice_alone"] > 0
    assert not any(voices[name] for name in ("face", "face_alone", "fusion", "kd", "center"))
    assert faces["face"] > 0 and faces["face_alone"] > 0
    assert not any(faces[name] for name in ("voice", "voice_alone", "fusion", "kd", "center"))


def test_gradients_are_finite_where_some_are_missing():
    model = fitted(made_features(missing=0.5))
    model.train()
    losses(made_features(missing=0.5), model=model)["total"].backward()
    gradients = [each.grad for each in model.parameters() if each.grad is not None]
    assert gradients and all(each.isfinite().all() for each in gradients)


def test_no_gradient_reaches_the_teacher():
    features = made_features()
    model = fitted(features)  # trained, so that what is attended to counts
    zero = {f"lambda_{name}": 0.0 for name in ("f", "a", "c", "f_alone", "a_alone", "center")}
    losses(features, model=model, **zero)["total"].backward()
    # The teacher alone sees the faces; the student sees the missing token.
    assert not model.fusion.face_attention.in_proj_weight.grad.any()
    assert model.fusion.voice_attention.in_proj_weight.grad.any()
    assert model.missing_face.token.grad.any()
