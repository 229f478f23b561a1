import numpy as np
import pytest
import torch
from conftest import SMALL, made_features
from reference import softmax

from mraf.batches import Samples
from mraf.losses import CenterLoss, cross_entropy, distillation
from mraf.model import MRAF, MRAFConfig
from mraf.objective import training_loss
from mraf.options import TrainOptions


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
        centers.update(e_c, torch.from_numpy(label))
        old = mu.copy()
        for c in range(4):
            n = (label == c).sum()
            mu[c] += 0.5 * sum(x[i] - old[c] for i in np.flatnonzero(label == c)) / (1 + n)
        np.testing.assert_allclose(centers.mu.numpy(), mu, atol=1e-6)
    assert centers.seen.tolist() == [True, True, False, True]


def batch_and_model():
    features = made_features(missing=0.3)
    samples = Samples.of(features, "cpu").take(slice(0, 24))
    model = MRAF(MRAFConfig(10, 8, 6, **{**SMALL, "dropout": 0.0}))
    complete = samples.face_present & samples.voice_present
    hide_face = complete & (torch.rand(24) < 0.4)
    hide_voice = complete & ~hide_face & (torch.rand(24) < 0.4)
    assert hide_face.any() and hide_voice.any() and (complete & ~hide_face & ~hide_voice).any()
    return samples, model, hide_face, hide_voice


def test_shared_work_gives_the_losses_of_three_plain_passes():
    samples, model, hide_face, hide_voice = batch_and_model()
    options = TrainOptions()
    centers = CenterLoss(6, 32)
    shared = training_loss(model, centers, samples, (hide_face, hide_voice), options)
    grads = torch.autograd.grad(shared.total, list(model.parameters()))

    faces, voices = samples.face_present & ~hide_face, samples.voice_present & ~hide_voice
    seen = model(samples.face, samples.voice, faces, voices)
    pairs = samples.face_present & samples.voice_present & ~hide_voice
    all_of = model(samples.face, samples.voice, samples.face_present, samples.voice_present)
    voice_only = model(samples.face, samples.voice, faces & False, samples.voice_present)
    y = samples.label
    parts = {
        "face": torch.nn.functional.cross_entropy(seen.face_logits[faces], y[faces]),
        "voice": torch.nn.functional.cross_entropy(seen.voice_logits[voices], y[voices]),
        "fusion": cross_entropy(seen.fusion_logits, y, faces | voices),
        "kd": distillation(all_of.fusion_logits[pairs], voice_only.fusion_logits[pairs], 2.0),
        "center": centers(seen.e_c, y),
    }
    for name, expected in parts.items():
        torch.testing.assert_close(shared.parts[name], expected, atol=1e-5, rtol=1e-5)
    total = parts["face"] + parts["voice"] + parts["fusion"] + 0.2 * parts["kd"]
    total = total + 0.1 * parts["center"]
    torch.testing.assert_close(shared.total, total, atol=1e-5, rtol=1e-5)
    plain = torch.autograd.grad(total, list(model.parameters()))
    for mine, theirs in zip(grads, plain, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_training_teaches_both_missing_tokens_and_every_part():
    samples, model, hide_face, hide_voice = batch_and_model()
    training_loss(
        model, CenterLoss(6, 32), samples, (hide_face, hide_voice), TrainOptions()
    ).total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().max() > 0, name


def test_a_head_learns_nothing_from_a_missing_modality():
    samples, model, hide_face, hide_voice = batch_and_model()
    options = TrainOptions(lambda_c=0, lambda_kd=0, lambda_center=0)
    loss = training_loss(model, CenterLoss(6, 32), samples, (hide_face, hide_voice), options)
    loss.total.backward()
    assert not model.face.missing.grad.any() and not model.voice.missing.grad.any()


def test_without_distillation_nothing_is_fused_twice(monkeypatch):
    samples, model, *hidden = batch_and_model()
    rows = []
    fuse = model.fuse
    monkeypatch.setattr(
        model, "fuse", lambda f, *rest: (rows.append(len(f.tokens)), fuse(f, *rest))[1]
    )
    for weight in (0.0, 0.2):
        options = TrainOptions(lambda_kd=weight)
        training_loss(model, CenterLoss(6, 32), samples, tuple(hidden), options)
    pairs = samples.face_present & samples.voice_present & ~hidden[1]
    assert rows == [24, 24 + int(pairs.sum())]
