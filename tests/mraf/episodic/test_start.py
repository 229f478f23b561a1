from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mraf.episodic.start import dimensions, main_directions, orthonormal_basis, quarter_turn
from mraf.network.batches import Batch
from tests.mraf.conftest import made_features
from tests.mraf.episodic.conftest import START, fitted, training_clips

PLAIN = replace(START, hubness_offset=0.0)


def output(model, features):
    batch = Batch.of(features, "cpu")
    with torch.no_grad():
        return model(batch.face, batch.voice, batch.face_present, batch.voice_present)


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def class_means(x: np.ndarray, features) -> np.ndarray:
    means = np.stack([x[features.recording == r].mean(axis=0) for r in range(18)])
    return unit(means.reshape(6, 3, -1).mean(axis=1))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tokens": 1},
        {"tokens": 3, "spread": 1.2},
        {"layers": 2},
        {"layers": 3, "tokens": 4},
    ],
)
def test_before_the_first_step_scores_are_those_of_whitened_prototypes(changes):
    train, test = made_features(noise=0.8), made_features(noise=0.8, session=1)
    options = replace(PLAIN, **changes)
    found = output(fitted(train, options), test)
    clips = training_clips(train, options)
    x = {}
    for name, modality in (("face", clips.face), ("voice", clips.voice)):
        whiten = modality.whitening.numpy(), modality.mean.numpy()
        x[name] = [
            unit((unit(getattr(each, name)) - whiten[1]) @ whiten[0]) for each in (train, test)
        ]
    (train_f, test_f), (train_a, test_a) = x["face"], x["voice"]
    z_f, z_a = test_f @ class_means(train_f, train).T, test_a @ class_means(train_a, train).T
    np.testing.assert_allclose(found.face_logits, z_f, atol=2e-5)
    np.testing.assert_allclose(found.voice_logits, z_a, atol=2e-5)
    # e_c is [w_f x_f; w_a x_a]; the prototypes' weights have no factor of reliability.
    r_f, r_a = 0.5 * z_f.max(axis=1) ** 2, 0.3875 * z_a.max(axis=1) ** 2
    e_c = unit(np.concatenate([r_f[:, None] * test_f, r_a[:, None] * test_a], axis=1))
    of_train = unit(np.concatenate([0.5 * train_f, 0.3875 * train_a], axis=1))
    np.testing.assert_allclose(found.fusion_logits, e_c @ class_means(of_train, train).T, atol=5e-5)
    np.testing.assert_allclose(found.w_f, r_f / (r_f + r_a), atol=1e-5)


def test_alone_a_modality_scores_as_its_own_head_does():
    test, model = made_features(session=1), fitted(options=PLAIN)
    by_voice, by_face = output(model, test.without_face()), output(model, test.without_voice())
    np.testing.assert_allclose(by_voice.fusion_logits, by_voice.voice_logits, atol=2e-5)
    np.testing.assert_allclose(by_face.fusion_logits, by_face.face_logits, atol=2e-5)


def test_in_a_narrow_network_inputs_are_projected_onto_their_main_directions():
    options, features = replace(PLAIN, dim=12, face_share=0.5), made_features(noise=0.8)
    model, clips = fitted(features, options), training_clips(features, options)
    directions = main_directions(clips.face, 5)
    expected = F.normalize(clips.face.u @ directions, dim=-1)
    found = output(model, features).e_f
    torch.testing.assert_close(found @ found.T, expected @ expected.T, atol=2e-5, rtol=0)
    # Directions beyond the fifth hold less of the recordings' means.
    means = F.normalize(clips.face.recordings.means(clips.face.u), dim=-1)
    kept = (means @ directions).square().sum()
    assert kept > 0.7 * means.square().sum()


def test_the_tokens_of_a_clip_differ_by_the_spread():
    model = fitted(options=PLAIN)
    tokens = model.encode(torch.randn(4, 10), torch.randn(4, 8)).voice.tokens  # [4, 2, d]
    cosine = F.cosine_similarity(tokens[:, 0], tokens[:, 1], dim=-1)
    torch.testing.assert_close(cosine, torch.full((4,), np.cos(2 * PLAIN.spread)).float())


@pytest.mark.parametrize("dim", [4, 7, 32])
def test_the_basis_is_orthonormal_and_sums_to_zero(dim):
    basis = orthonormal_basis(dim)
    n = basis.shape[1]
    assert n % 2 == 0 and dim - 3 < n < dim
    torch.testing.assert_close(basis.T @ basis, torch.eye(n), atol=1e-5, rtol=0)
    torch.testing.assert_close(basis.sum(dim=0), torch.zeros(n), atol=1e-5, rtol=0)
    x, J = basis @ torch.randn(n), quarter_turn(basis)
    torch.testing.assert_close((J @ x) @ x, torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close((J @ x).norm(), x.norm())


@pytest.mark.parametrize(
    ("n", "face", "voice", "expected"),
    [
        (254, 512, 192, (95, 159)),
        (254, 60, 192, (60, 192)),
        (254, 512, 50, (204, 50)),
        (30, 10, 8, (10, 8)),
        (2, 512, 192, (1, 1)),
    ],
)
def test_dimensions_are_shared_and_what_one_leaves_is_the_others(n, face, voice, expected):
    assert dimensions(n, face, voice, START) == expected
    assert sum(expected) <= n


def test_missing_tokens_start_at_unit_length_or_stay_zero():
    assert 0.3 < fitted(options=START).missing_voice.token.norm().item() < 2
    zero = fitted(options=replace(START, missing_token="zero"))
    assert not zero.missing_face.token.any() and not zero.missing_voice.token.any()
