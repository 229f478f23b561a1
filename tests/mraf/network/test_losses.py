from dataclasses import fields
from typing import get_args

import numpy as np
import pytest
import torch

from mraf.network.batches import Batch
from mraf.network.losses import (
    CenterLoss,
    LearnedCenters,
    class_weights,
    completion_loss,
    cross_entropy,
    distillation,
    floor_loss,
    training_losses,
)
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.options import FusionName, MissingInput, NetworkOptions, TrainOptions
from tests.mraf.conftest import SMALL, made_features
from tests.mraf.network import authors_reference
from tests.mraf.network.reference import Reference, softmax


def test_cross_entropy_of_the_present_against_numpy():
    logits, label = torch.randn(5, 4), torch.tensor([0, 3, 1, 1, 2])
    present = torch.tensor([True, False, True, True, False])
    p = softmax(logits.double().numpy())
    expected = -np.mean([np.log(p[i, label[i]]) for i in (0, 2, 3)])
    assert float(cross_entropy(logits, label, present)) == pytest.approx(expected, abs=1e-6)
    assert float(cross_entropy(logits, label, ~present | present)) == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, label))
    )
    assert float(cross_entropy(logits, label, present & ~present)) == 0


def test_distillation_against_numpy():
    teacher, student = torch.randn(5, 4), torch.randn(5, 4)
    p, q = softmax(teacher.double().numpy() / 2), softmax(student.double().numpy() / 2)
    expected = 4 * np.mean((p * np.log(p / q)).sum(axis=1))
    assert float(distillation(teacher, student, 2.0)) == pytest.approx(expected, abs=1e-6)
    assert float(distillation(teacher, teacher, 2.0)) == pytest.approx(0, abs=1e-6)
    assert float(distillation(teacher[:0], student[:0], 2.0)) == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_smoothed_and_weighted_cross_entropy_against_numpy_and_torch(smoothing, weighted):
    logits, label = torch.randn(5, 4), torch.tensor([0, 3, 1, 1, 2])
    weight = torch.tensor([0.5, 1.0, 2.0, 1.5]) if weighted else None
    present = torch.tensor([True, False, True, True, False])
    numbers = None if weight is None else weight.double().numpy()
    expected = authors_reference.cross_entropy(
        list(logits[present].double().numpy()), label[present].tolist(), numbers, smoothing
    )
    settings = {"class_weight": weight, "smoothing": smoothing}
    assert float(cross_entropy(logits, label, present, **settings)) == pytest.approx(expected)
    theirs = torch.nn.functional.cross_entropy(logits, label, weight, label_smoothing=smoothing)
    torch.testing.assert_close(cross_entropy(logits, label, present | True, **settings), theirs)
    assert float(cross_entropy(logits, label, present & False, **settings)) == 0


def test_rare_speakers_weigh_more():
    found = class_weights(torch.tensor([0, 0, 0, 0, 1, 2, 2, 2]), 3)  # 8 clips of 3 speakers
    expected = [(8 / (3 * n)) ** 0.5 for n in (4, 1, 3)]
    assert found.tolist() == pytest.approx(expected)
    assert torch.isfinite(class_weights(torch.tensor([0, 0]), 3)).all()


def test_floor_of_the_reliability_of_present_faces():
    r_f, face = torch.tensor([0.2, 0.9, 0.6, 0.0]), torch.tensor([True, True, True, False])
    expected = (0.5**2 + 0 + 0.1**2) / 3
    assert float(floor_loss(r_f, face, 0.7)) == pytest.approx(expected)
    assert float(floor_loss(r_f, face & False, 0.7)) == 0


def test_learned_centres_are_parameters_at_the_mean_squared_distance():
    centers, e_c = LearnedCenters(4, 3), torch.randn(5, 3)
    label = torch.tensor([0, 1, 1, 3, 3])
    mu = centers.mu.detach().double().numpy()
    assert np.abs(mu).max() <= (6 / 7) ** 0.5 and mu.std() > 0.2  # Xavier
    expected = np.mean((e_c.double().numpy() - mu[label.numpy()]) ** 2)
    loss = centers(e_c, label)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    loss.backward()
    assert centers.mu.grad[[0, 1, 3]].abs().max() > 0 and not centers.mu.grad[2].any()


def test_the_teacher_is_not_taught():
    teacher = torch.randn(5, 4, requires_grad=True)
    student = torch.randn(5, 4, requires_grad=True)
    distillation(teacher, student, 2.0).backward()
    assert teacher.grad is None
    assert student.grad.abs().max() > 0


@pytest.mark.parametrize(("reduction", "share"), [("sum", 1), ("batch", 1 / 6), ("mean", 1 / 18)])
def test_center_loss_against_numpy(reduction, share):
    centers = CenterLoss(4, 3, rate=0.5, reduction=reduction)
    label = np.array([0, 1, 1, 3, 3, 3])
    mu = np.zeros((4, 3))
    for step in range(3):
        e_c = torch.randn(6, 3)
        x = e_c.double().numpy()
        if step == 0:
            for c in (0, 1, 3):
                mu[c] = x[label == c].mean(axis=0)
        expected = share * sum(np.sum((x[i] - mu[label[i]]) ** 2) for i in range(6)) / 2
        assert float(centers(e_c, torch.from_numpy(label))) == pytest.approx(expected, abs=1e-5)
        old = mu.copy()
        for c in range(4):
            n = (label == c).sum()
            mu[c] += 0.5 * sum(x[i] - old[c] for i in np.flatnonzero(label == c)) / (1 + n)
        np.testing.assert_allclose(centers.mu.numpy(), mu, atol=1e-6)
    assert centers.started.tolist() == [True, True, False, True]


def test_centres_move_in_training_alone_and_without_a_gradient():
    centers, e_c, label = CenterLoss(4, 3).eval(), torch.randn(2, 3), torch.tensor([0, 1])
    centers(e_c, label)
    started = centers.mu.clone()
    moved = (e_c + 1).requires_grad_()
    centers(moved, label).backward()
    assert torch.equal(centers.mu, started) and not centers.mu.requires_grad
    torch.testing.assert_close(moved.grad, (moved.detach() - started[:2]) / 6)
    centers.train()(e_c + 1, label)
    assert not torch.equal(centers.mu, started)


def batch_and_model(**changes):
    """Clips of every kind: complete and shown so, by voice alone, by face alone; incomplete."""
    batch = Batch.of(made_features(missing=0.3), "cpu").take(slice(0, 72, 3))
    sizes = {**SMALL, "dropout": 0.0, **changes}
    model = MRAF(MRAFConfig(face_dim=10, voice_dim=8, classes=6, **sizes))
    complete = batch.face_present & batch.voice_present
    turn = complete.cumsum(dim=0) % 3
    face = batch.face_present & ~(complete & (turn == 0))
    voice = batch.voice_present & ~(complete & (turn == 1))
    assert (face & voice).any() and (complete & ~face).any() and (complete & ~voice).any()
    return batch, model, face, voice


def losses_of(model, batch, face, voice, **changes):
    options = TrainOptions(**changes)
    return training_losses(model, batch, face, voice, centers=CenterLoss(6, 32), options=options)


@pytest.mark.parametrize("missing_token", get_args(MissingInput))
@pytest.mark.parametrize(
    ("fusion", "residual"),
    [*((fusion, "weighted") for fusion in get_args(FusionName)), ("cross_attention", "tokens")],
)
def test_clips_encoded_once_give_the_losses_of_three_passes(missing_token, fusion, residual):
    changes = {"missing_token": missing_token, "fusion": fusion, "residual": residual}
    batch, model, face, voice = batch_and_model(**changes)
    found = losses_of(model, batch, face, voice)
    gradients_found = gradients(found["total"], model)

    shown = model(batch.face, batch.voice, face, voice)
    pairs = batch.face_present & batch.voice_present & voice
    teacher = model(batch.face, batch.voice, batch.face_present, batch.voice_present)
    student = model(batch.face, batch.voice, face & False, batch.voice_present)
    y = batch.label
    expected = {
        "face": torch.nn.functional.cross_entropy(shown.face_logits[face], y[face]),
        "voice": torch.nn.functional.cross_entropy(shown.voice_logits[voice], y[voice]),
        "fusion": cross_entropy(shown.fusion_logits, y, face | voice),
        "kd": distillation(teacher.fusion_logits[pairs], student.fusion_logits[pairs], 2.0),
        "center": CenterLoss(6, 32)(shown.e_c, y),
    }
    total = expected["face"] + expected["voice"] + expected["fusion"]
    total = total + 0.2 * expected["kd"] + 0.1 * expected["center"]
    assert ("completion" in found) == (missing_token in ("completion", "memory"))
    total = total + found.get("completion", 0)
    for name, value in {**expected, "total": total}.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-5, msg=name)
    for mine, theirs in zip(gradients_found, gradients(total, model), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


REFERENCES = {
    "paper": (TrainOptions(), Reference),
    "authors": (TrainOptions.authors(), authors_reference.AuthorsReference),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_all_losses_of_a_step_against_numpy(name):
    """From the vectors to the total, in float64, for clips of every kind."""
    options, kind = REFERENCES[name]
    network = {f.name: getattr(options, f.name) for f in fields(NetworkOptions)}
    batch, model, face, voice = batch_and_model(**{**network, **SMALL, "dropout": 0.0})
    weight = class_weights(batch.label, 6) if options.class_weights == "rare" else None
    centers = LearnedCenters(6, 32) if options.centers == "learned" else CenterLoss(6, 32)
    found = training_losses(
        model, batch, face, voice, centers=centers, options=options, class_weight=weight
    )
    weights = {k: v.double().numpy() for k, v in model.state_dict().items()}
    run = Runs(kind(weights, model.config), batch)
    shown = run(face, voice)
    both = (batch.face_present & batch.voice_present & voice).tolist()
    teacher = run(batch.face_present, batch.voice_present)
    student = run(face & False, batch.voice_present)
    y = batch.label.tolist()
    n = np.bincount(y, minlength=6)
    numbers = np.sqrt(len(y) / (6 * n)) if name == "authors" else None
    smoothing = {"paper": 0.0, "authors": 0.1}[name]

    def entropy(head, mask):
        chosen = [i for i, used in enumerate(mask.tolist()) if used]
        logits = [shown[i][head] for i in chosen]
        return authors_reference.cross_entropy(logits, [y[i] for i in chosen], numbers, smoothing)

    e_c = np.array([each["e_c"] for each in shown])
    if name == "authors":
        mu = centers.mu.detach().double().numpy()
        center = np.mean((e_c - mu[y]) ** 2)
    else:
        mu = np.array([e_c[np.array(y) == c].mean(axis=0) for c in range(6)])
        center = np.sum((e_c - mu[y]) ** 2) / 2 / e_c.size
    expected = {
        "face": entropy("face_logits", face),
        "voice": entropy("voice_logits", voice),
        "fusion": entropy("fusion_logits", face | voice),
        "kd": authors_reference.distillation(
            [z["fusion_logits"] for z, used in zip(teacher, both, strict=True) if used],
            [z["fusion_logits"] for z, used in zip(student, both, strict=True) if used],
            2.0,
        ),
        "center": center,
    }
    total = expected["face"] + expected["voice"] + expected["fusion"] + 0.2 * expected["kd"]
    total += {"paper": 0.1, "authors": 0.15}[name] * center
    if name == "authors":
        r_f = np.array([each["r_f"] for each in shown])[face.numpy()]
        expected["floor"] = np.mean(np.maximum(0.7 - r_f, 0) ** 2)
        total += 0.1 * expected["floor"]
    assert found.keys() == {"total", *expected}
    for part, value in {**expected, "total": total}.items():
        assert found[part].item() == pytest.approx(value, rel=1e-4, abs=1e-6), part


class Runs:
    """A reference's outputs for the clips of a batch, shown in several ways."""

    def __init__(self, reference, batch) -> None:
        self.reference, self.batch = reference, batch

    def __call__(self, face, voice) -> list[dict[str, np.ndarray]]:
        found = []
        for i in range(len(self.batch)):
            x_f = self.batch.face[i].double().numpy() if face[i] else None
            x_a = self.batch.voice[i].double().numpy() if voice[i] else None
            found.append(self.reference(x_f, x_a))
        return found


def gradients(loss, model) -> list[torch.Tensor]:
    """Return that of every parameter, zero where the loss does not depend on it."""
    wanted = list(model.parameters())
    found = torch.autograd.grad(loss, wanted, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(wanted, found, strict=True)]


def test_every_vector_and_every_missing_token_is_encoded_once():
    batch, model, face, voice = batch_and_model()
    rows = {"face": [], "voice": []}
    for name, encoder in (("face", model.face), ("voice", model.voice)):
        encoder.register_forward_hook(lambda _, given, __, n=name: rows[n].append(len(given[0])))
    losses_of(model, batch, face, voice)
    assert rows == {"face": [len(batch), 1], "voice": [len(batch), 1]}


@pytest.mark.parametrize("hide", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("missing_token", ["learned", "memory"])
def test_batches_of_one_kind(hide, missing_token):
    """All complete, all by voice alone, all by face alone: the fusion loss of a plain pass."""
    batch, model, *_ = batch_and_model(missing_token=missing_token)
    batch = batch.take(batch.face_present & batch.voice_present)
    face, voice = (torch.full_like(batch.face_present, not each) for each in hide)
    losses = losses_of(model, batch, face, voice)
    out = model(batch.face, batch.voice, face, voice)
    expected = torch.nn.functional.cross_entropy(out.fusion_logits, batch.label)
    torch.testing.assert_close(losses["fusion"], expected, atol=1e-5, rtol=1e-5)
    assert (losses["kd"] > 0) == (not hide[1])  # no student without a voice
    losses["total"].backward()


@pytest.mark.parametrize("missing_token", get_args(MissingInput))
@pytest.mark.parametrize("fusion", get_args(FusionName))
def test_training_reaches_both_missing_tokens_and_every_part(missing_token, fusion):
    batch, model, face, voice = batch_and_model(
        missing_token=missing_token, fusion=fusion, residual="tokens"
    )
    losses_of(model, batch, face, voice)["total"].backward()
    unused = "fallback" if missing_token in ("completion", "memory") else None
    for name, parameter in model.named_parameters():
        if unused is None or unused not in name:
            assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("kind", ["completion", "memory"])
def test_completion_learns_to_predict_the_other_modality(kind):
    batch, model, face, voice = batch_and_model(missing_token=kind)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    history = []
    for _ in range(60):
        losses = losses_of(model, batch, face, voice)
        optimizer.zero_grad()
        losses["total"].backward()
        optimizer.step()
        history.append(float(losses["completion"].detach()))
    assert history[-1] < 0.5 * history[0]


def test_completion_loss_is_one_less_the_mean_cosine_of_complete_clips():
    batch, model, *_ = batch_and_model(missing_token="completion")
    both = batch.face_present & batch.voice_present
    yes = both[both]
    cosine = torch.nn.functional.cosine_similarity
    face = cosine(model.missing_face(batch.voice[both], yes), batch.face[both])
    voice = cosine(model.missing_voice(batch.face[both], yes), batch.voice[both])
    expected = 1 - (face.mean() + voice.mean()) / 2
    torch.testing.assert_close(completion_loss(model, batch), expected)
    assert completion_loss(model, batch.take(~both)).item() == 0


def test_the_weight_of_completion():
    batch, model, face, voice = batch_and_model(missing_token="completion")
    one, three = (losses_of(model, batch, face, voice, lambda_completion=w) for w in (1.0, 3.0))
    torch.testing.assert_close(three["total"] - one["total"], 2 * one["completion"])


def test_a_head_learns_nothing_from_a_missing_modality():
    batch, model, face, voice = batch_and_model()
    losses = losses_of(model, batch, face, voice, lambda_c=0, lambda_kd=0, lambda_center=0)
    losses["total"].backward()
    for token in (model.missing_face.token, model.missing_voice.token):
        assert token.grad is None or not token.grad.any()
