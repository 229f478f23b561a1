from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.fop.model import FOP
from mraf.fop.options import FOPConfig, FOPOptions
from mraf.fop.training import fop_losses, orthogonal_projection, train_fop
from mraf.inference.prediction import predict
from mraf.network.batches import Batch
from tests.mraf.conftest import made_features

QUICK = FOPOptions(
    lr=3e-3, batch_size=16, epochs=25, unwatched_epochs=3, patience=None, dim=32, device="cpu"
)


def split(features):
    held = features.recording % 3 == 2
    return features.take(~held), features.take(held)


def test_learns_speakers_from_both_and_less_from_one():
    train, held = split(made_features(face_dim=32, voice_dim=24))
    result = train_fop(train, held, 6, QUICK)
    assert isinstance(result.model, FOP) and result.model.config.dim == 32
    assert result.dev["face_voice"] > 0.9
    assert result.dev["voice"] <= result.dev["face_voice"]
    assert result.dev["accuracy"] == result.dev["face_voice"]  # all clips are complete
    assert set(result.history[0].loss) == {"total", "fusion", "opl"}
    assert not result.model.training and not result.model.face.norm.training


def test_the_kept_epoch_is_the_last_that_raised_the_accuracy():
    train, held = split(made_features(noise=0.9, missing=0.2))
    result = train_fop(train, held, 6, replace(QUICK, gain=0.02, patience=4))
    best, kept = -1.0, 0
    for report in result.history:
        if report.dev["accuracy"] > best + 0.02:
            best, kept = report.dev["accuracy"], report.epoch
    assert result.best_epoch == kept
    assert len(result.history) == min(25, kept + 4)
    named = predict(result.model, held).probability.argmax(axis=1)
    shown = held.face_present | held.voice_present
    assert result.dev["accuracy"] == pytest.approx(np.mean((named == held.label)[shown]))


def test_without_development_clips_it_lasts_as_long_as_said():
    train, held = split(made_features())
    for dev in (None, replace(held, label=held.label * 0 - 1)):
        result = train_fop(train, dev, 6, QUICK)
        assert (result.best_epoch, result.dev, len(result.history)) == (3, {}, 3)


def test_the_seed_gives_the_model_and_its_scalars():
    train, _ = split(made_features())
    torch.manual_seed(5)
    state = torch.get_rng_state()
    one, two = (train_fop(train, None, 6, QUICK).model for _ in range(2))
    other = train_fop(train, None, 6, replace(QUICK, seed=2)).model
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(one.state_dict(), two.state_dict(), rtol=0, atol=0)
    assert one.scalars == two.scalars != other.scalars


def test_a_last_batch_of_one():
    train_fop(made_features().take(slice(0, 33)), None, 6, QUICK)


def test_a_modality_that_no_training_clip_had_answers_nothing():
    train, held = split(made_features())
    model = train_fop(train.without_face(), None, 6, QUICK).model
    assert np.isnan(predict(model, held.without_voice()).probability).all()
    found, expected = predict(model, held), predict(model, held.without_face())
    np.testing.assert_array_equal(found.probability, expected.probability)


def test_what_cannot_be_trained_on_is_named():
    train, _ = split(made_features())
    with pytest.raises(UsageError, match="two speakers"):
        train_fop(train, None, 1, QUICK)
    with pytest.raises(UsageError, match="numbers each"):
        train_fop(train, made_features(voice_dim=9), 6, QUICK)


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_loss_is_cross_entropy_and_weighted_orthogonal_projection(weight):
    model, batch = (
        FOP(FOPConfig(face_dim=10, voice_dim=8, classes=6)),
        Batch.of(made_features(), "cpu"),
    )
    losses = fop_losses(model.eval(), batch, lambda_opl=weight)
    out = model(batch.face, batch.voice, batch.face_present, batch.voice_present)
    expected = torch.nn.functional.cross_entropy(out.fusion_logits, batch.label)
    torch.testing.assert_close(losses["fusion"], expected)
    torch.testing.assert_close(losses["opl"], orthogonal_projection(out.e_c, batch.label))
    torch.testing.assert_close(losses["total"], losses["fusion"] + weight * losses["opl"])
    losses["total"].backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in model.parameters())


def test_orthogonal_projection_of_four_vectors_by_hand():
    # Two of speaker 0, at 60 degrees; two of speaker 1, opposite to each other. Lengths do not count.
    root = 3**0.5
    e = torch.tensor([[2.0, 0.0], [0.5, root / 2], [0.0, 5.0], [0.0, -1.0]])
    label = torch.tensor([0, 0, 1, 1])
    equal = (0.5 + -1.0) / 2
    others = (0 + 0 + root / 2 + root / 2) / 4  # the signed mean would be 0
    expected = 1 - equal + 0.7 * others
    assert float(orthogonal_projection(e, label)) == pytest.approx(expected, abs=1e-6)
    assert float(orthogonal_projection(e[:1], label[:1])) == 1  # no pairs at all
