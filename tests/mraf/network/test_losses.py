import numpy as np
import pytest
import torch

from mraf.network.batches import Samples
from mraf.network.losses import CenterLoss, cross_entropy, distillation, orthogonal_projection
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.objective import training_loss
from mraf.network.options import FUSIONS, MISSING_TOKENS, TrainOptions
from tests.mraf.conftest import SMALL, made_features
from tests.mraf.network.reference import softmax


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


def test_orthogonal_projection_against_numpy():
    e, label = 3 * torch.randn(6, 5), np.array([0, 1, 1, 2, 0, 1])
    x = e.double().numpy()
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    same = np.mean([x[i] @ x[j] for i, j in pairs if label[i] == label[j]])
    other = np.mean([x[i] @ x[j] for i, j in pairs if label[i] != label[j]])
    found = float(orthogonal_projection(e, torch.from_numpy(label)))
    assert found == pytest.approx(1 - same + 0.7 * abs(other), abs=1e-6)
    assert float(orthogonal_projection(e[:1], torch.tensor([0]))) == 1  # no pairs at all


def batch_and_model(**changes):
    features = made_features(missing=0.3)
    samples = Samples.of(features, "cpu").take(slice(0, 24))
    model = MRAF(MRAFConfig(10, 8, 6, **{**SMALL, "dropout": 0.0, **changes}))
    complete = samples.face_present & samples.voice_present
    turn = complete.cumsum(dim=0) % 3
    hide_face, hide_voice = complete & (turn == 0), complete & (turn == 1)
    assert hide_face.any() and hide_voice.any() and (complete & ~hide_face & ~hide_voice).any()
    return samples, model, hide_face, hide_voice


@pytest.mark.parametrize("missing_token", MISSING_TOKENS)
@pytest.mark.parametrize(
    ("fusion", "residual"),
    [*((fusion, "tokens") for fusion in FUSIONS), ("cross_attention", "weighted")],
)
def test_shared_work_gives_the_losses_of_three_plain_passes(missing_token, fusion, residual):
    changes = {"missing_token": missing_token, "fusion": fusion, "residual": residual}
    samples, model, hide_face, hide_voice = batch_and_model(**changes)
    options = TrainOptions()
    centers = CenterLoss(6, 32)
    shared = training_loss(model, centers, samples, (hide_face, hide_voice), options)
    grads = gradients(shared.total, model)

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
    if "completion" in shared.parts:
        total = total + shared.parts["completion"]
    assert ("completion" in shared.parts) == (missing_token in ("completion", "memory"))
    assert sorted(shared.label.tolist()) == sorted(y.tolist())
    for e_c, label in zip(shared.e_c, shared.label, strict=True):  # in an order of its own
        assert label in y[(seen.e_c - e_c).abs().amax(dim=1) < 1e-5]
    torch.testing.assert_close(shared.total, total, atol=1e-5, rtol=1e-5)
    plain = gradients(total, model)
    for mine, theirs in zip(grads, plain, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def gradients(loss, model) -> list[torch.Tensor]:
    """Of every parameter, zero where the loss does not depend on it."""
    wanted = list(model.parameters())
    found = torch.autograd.grad(loss, wanted, allow_unused=True, retain_graph=True)
    return [torch.zeros_like(p) if g is None else g for p, g in zip(wanted, found, strict=True)]


@pytest.mark.parametrize("hide", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("missing_token", ["learned", "memory"])
@pytest.mark.parametrize("kd", [0.0, 0.2])
def test_batches_of_one_kind(hide, missing_token, kd):
    """All complete, all by voice, all by face: the same fusion loss as a plain pass."""
    samples, model, *_ = batch_and_model(missing_token=missing_token)
    samples = samples.take(samples.face_present & samples.voice_present)
    hidden = [torch.full_like(samples.face_present, each) for each in hide]
    losses = training_loss(
        model, CenterLoss(6, 32), samples, tuple(hidden), TrainOptions(lambda_kd=kd)
    )
    out = model(samples.face, samples.voice, ~hidden[0], ~hidden[1])
    expected = torch.nn.functional.cross_entropy(out.fusion_logits, samples.label)
    torch.testing.assert_close(losses.parts["fusion"], expected, atol=1e-5, rtol=1e-5)
    assert (losses.parts["kd"] > 0) == (kd > 0 and not hide[1])
    losses.total.backward()


@pytest.mark.parametrize("missing_token", MISSING_TOKENS)
@pytest.mark.parametrize("fusion", FUSIONS)
def test_training_teaches_both_missing_tokens_and_every_part(missing_token, fusion):
    samples, model, hide_face, hide_voice = batch_and_model(
        missing_token=missing_token, fusion=fusion
    )
    training_loss(
        model, CenterLoss(6, 32), samples, (hide_face, hide_voice), TrainOptions()
    ).total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


def test_completion_learns_to_predict_the_other_modality():
    for kind in ("completion", "memory"):
        samples, model, *hidden = batch_and_model(missing_token=kind)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        history = []
        for _ in range(60):
            losses = training_loss(model, CenterLoss(6, 32), samples, tuple(hidden), TrainOptions())
            optimizer.zero_grad()
            losses.total.backward()
            optimizer.step()
            history.append(float(losses.parts["completion"].detach()))
        assert history[-1] < 0.5 * history[0], kind


def test_the_weight_of_completion():
    samples, model, *hidden = batch_and_model(missing_token="completion")
    one, three = (
        training_loss(
            model, CenterLoss(6, 32), samples, tuple(hidden), TrainOptions(lambda_completion=w)
        )
        for w in (1.0, 3.0)
    )
    torch.testing.assert_close(three.total - one.total, 2 * one.parts["completion"])


def test_a_head_learns_nothing_from_a_missing_modality():
    samples, model, hide_face, hide_voice = batch_and_model()
    options = TrainOptions(lambda_c=0, lambda_kd=0, lambda_center=0)
    loss = training_loss(model, CenterLoss(6, 32), samples, (hide_face, hide_voice), options)
    loss.total.backward()
    assert not model.face.missing.grad.any() and not model.voice.missing.grad.any()


def test_without_distillation_nothing_is_fused_twice(monkeypatch):
    samples, model, *hidden = batch_and_model()
    there = samples.face_present | samples.voice_present
    samples, hidden = samples.take(there), [mask[there] for mask in hidden]
    rows = []
    fuse = model.fusion.forward
    monkeypatch.setattr(
        model.fusion, "forward", lambda *args: (rows.append(len(args[2])), fuse(*args))[1]
    )
    pairs = samples.face_present & samples.voice_present & ~hidden[1]
    for weight, expected in ((0.0, len(samples)), (0.2, len(samples) + int(pairs.sum()))):
        rows.clear()
        options = TrainOptions(lambda_kd=weight)
        training_loss(model, CenterLoss(6, 32), samples, tuple(hidden), options)
        assert sum(rows) == expected


def test_no_vector_is_encoded_twice(monkeypatch):
    samples, model, *hidden = batch_and_model()
    there = samples.face_present & samples.voice_present
    samples, hidden = samples.take(there), [mask[there] for mask in hidden]
    rows = {"face": 0, "voice": 0}

    def count(name, encoder):
        encode = encoder.encode

        def counted(x):
            rows[name] += len(x)
            return encode(x)

        monkeypatch.setattr(encoder, "encode", counted)

    count("face", model.face)
    count("voice", model.voice)
    training_loss(model, CenterLoss(6, 32), samples, tuple(hidden), TrainOptions())
    # All faces, the voices that are not hidden (nothing learns from the others), and the tokens.
    assert rows == {"face": len(samples) + 1, "voice": int((~hidden[1]).sum()) + 1}
