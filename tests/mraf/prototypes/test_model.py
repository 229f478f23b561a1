from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from mraf.architectures import build
from mraf.checkpoint import Checkpoint, load, save
from mraf.errors import UsageError
from mraf.inference.prediction import predict
from mraf.prototypes.fit import fit_prototypes, fit_uncalibrated
from mraf.prototypes.fusion import UNKNOWN
from mraf.prototypes.model import ClassMeans, PrototypeConfig
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import made_features

CPU = torch.device("cpu")
QUICK = PrototypeOptions(steps=2, batch_size=16, head_steps=5, head_batch=16, folds=2)


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


def test_is_saved_and_built_from_its_configuration_alone(tmp_path):
    features = made_features(recordings=4)
    changes = {"candidates": 3, "attention": False, "missing_token": "zero", "head_dim": 8}
    for options in (QUICK, replace(QUICK, **changes), replace(QUICK, candidates=0)):
        model, _ = fit_prototypes(features, 6, options, CPU)
        save(tmp_path / "m", Checkpoint(model=model, labels=tuple("abcdef")), "")
        same(predict(load(tmp_path / "m").model, features), predict(model, features))
        assert build("mraf-prototypes", asdict(model.config)).config == model.config
    assert model.head is None


@pytest.mark.parametrize(
    "changes",
    [
        {"face_dim": 0},
        {"classes": 1},
        {"voice_weight": -1},
        {"power": "2"},
        {"voice_dim": 2.5},
        {"limit": 0},
        {"candidates": -1},
        {"dim": 7},
        {"attention": 1},
        {"missing_token": "memory"},
    ],
)
def test_wrong_shapes_are_named(changes):
    with pytest.raises(UsageError, match=next(iter(changes))):
        PrototypeConfig(**{"face_dim": 4, "voice_dim": 4, "classes": 2, **changes})
