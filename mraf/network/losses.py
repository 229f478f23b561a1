"""The losses of the paper's network: equations 15 to 17."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.network.alternatives import PredictedInput
from mraf.network.batches import Batch
from mraf.network.model import MRAF
from mraf.network.options import TrainOptions


def training_losses(
    model: MRAF,
    batch: Batch,
    face: Tensor,
    voice: Tensor,
    *,
    centers: CenterLoss | LearnedCenters,
    options: TrainOptions,
    class_weight: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return the loss of a training step, "total" (eq. 17), and its parts without their weights.

    Every vector is encoded once and every missing token once. The same encoded clips are fused
    three times: as they are shown, complete for the teacher, and without the face for the student.

    Args:
        model: in training mode.
        batch: B clips.
        face: [B] bool, the faces that are shown.
        voice: [B] bool, the voices that are shown.
        centers: of the speakers; in training mode they move.
        options: weights and temperature.
        class_weight: [C], weights of the speakers in the cross-entropies; None for equal ones.
    """
    entropy = partial(
        cross_entropy,
        label=batch.label,
        class_weight=class_weight,
        smoothing=options.label_smoothing,
    )
    clips = model.encode(batch.face, batch.voice, batch.face_present, batch.voice_present)
    shown = model.answer(clips, face, voice)
    with torch.no_grad():
        teacher = model.answer(clips, batch.face_present, batch.voice_present)
    student = model.answer(clips, torch.zeros_like(face), batch.voice_present)
    taught = batch.face_present & batch.voice_present & voice
    parts = {
        "face": entropy(shown.face_logits, present=face),  # (15)
        "voice": entropy(shown.voice_logits, present=voice),
        "fusion": entropy(shown.fusion_logits, present=face | voice),
        "kd": distillation(  # (16)
            teacher.fusion_logits[taught], student.fusion_logits[taught], options.temperature
        ),
        "center": centers(shown.e_c, batch.label),
    }
    if options.lambda_floor:
        parts["floor"] = floor_loss(shown.r_f, face, options.reliability_floor)
    if isinstance(model.missing_face, PredictedInput):  # Table 4
        parts["completion"] = completion_loss(model, batch)
    weights = _weights(options)
    total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()  # (17)
    return {"total": total, **parts}


def _weights(options: TrainOptions) -> dict[str, float]:
    """Return the weight of each part of the loss."""
    return {
        "face": options.lambda_f,
        "voice": options.lambda_a,
        "fusion": options.lambda_c,
        "kd": options.lambda_kd,
        "center": options.lambda_center,
        "floor": options.lambda_floor,
        "completion": options.lambda_completion,
    }


def cross_entropy(
    logits: Tensor,
    label: Tensor,
    present: Tensor,
    *,
    class_weight: Tensor | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """Return CE of eq. 15, the weighted mean over the clips that are `present`; 0 where none is.

    A head whose modality is missing gets the same missing token for every speaker and could
    only learn how often each speaker occurs, so such clips are left out of its loss.

    Args:
        logits: [B, C].
        label: [B], index of the speaker.
        present: [B] bool.
        class_weight: [C], weights of the speakers; None for equal ones.
        smoothing: share of the target that is spread evenly over the C speakers.
    """
    each = F.cross_entropy(logits, label, class_weight, reduction="none", label_smoothing=smoothing)
    weight = present.to(each.dtype) if class_weight is None else class_weight[label] * present
    return (each * present).sum() / weight.sum().clamp(min=1e-9)


def class_weights(label: Tensor, classes: int) -> Tensor:
    """Return the weights [C] sqrt(N / (C n_c)) of speakers with n_c of the N training clips.

    Rare speakers weigh more, those with the mean number of clips 1.
    """
    n = torch.bincount(label, minlength=classes).clamp(min=1)
    return (len(label) / (classes * n)).sqrt()


def distillation(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """Return L_kd of eq. 16, the mean over B clips; 0 where there is none.

    No gradient flows into the teacher.

    Args:
        teacher: [B, C], fusion logits of the complete input, z_c^AV.
        student: [B, C], fusion logits of the voice alone, z_c^A.
        temperature: T.
    """
    p = F.log_softmax(teacher.detach() / temperature, dim=-1)
    q = F.log_softmax(student / temperature, dim=-1)
    total = F.kl_div(q, p, reduction="sum", log_target=True)
    return temperature**2 * total / max(1, len(teacher))


def completion_loss(model: MRAF, batch: Batch) -> Tensor:
    """Return 1 - cosine of predicted to real inputs, the mean over the clips that have both."""
    both = batch.take(batch.face_present & batch.voice_present)
    face = model.missing_face(both.voice, both.voice_present)
    voice = model.missing_voice(both.face, both.face_present)
    cosine = F.cosine_similarity(face, both.face) + F.cosine_similarity(voice, both.voice)
    return (1 - cosine / 2).sum() / max(1, len(both))


def floor_loss(r_f: Tensor, face: Tensor, floor: float) -> Tensor:
    """Return the mean of relu(floor - r_f)^2 over the faces shown, a mask [B]; 0 without any."""
    return ((floor - r_f).relu().square() * face).sum() / face.sum().clamp(min=1)


class CenterLoss(nn.Module):
    """L_center: half the squared distance of e_c to the centre of its speaker.

    The paper prints the sum over the batch of summed squares. After the LayerNorm of eq. 14 e_c
    has a length of about sqrt(D), so that this sum is some D * B times larger than the other
    losses and, weighted by 0.1, pulls all speakers into one point. The weight 0.1 suits the
    mean over clips and dimensions, which is the default here.

    The centres are running means, as in Wen et al. (2016), eq. 4: in training, after each batch, a
    centre moves by `rate` * sum(e_c - mu) / (1 + n) over the n clips of its speaker. A centre
    starts at the mean of the first batch that holds its speaker.

    Args:
        classes: C.
        dim: D.
        rate: alpha.
        reduction: `mean` over clips and dimensions, `batch` for the mean over clips of the
            squared distance, or `sum` as the paper prints it.
    """

    mu: Tensor
    started: Tensor

    def __init__(
        self, classes: int, dim: int, *, rate: float = 0.5, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.rate, self.reduction = rate, reduction
        self.register_buffer("mu", torch.zeros(classes, dim))
        self.register_buffer("started", torch.zeros(classes, dtype=torch.bool))

    def forward(self, e_c: Tensor, label: Tensor) -> Tensor:
        """Return the loss of embeddings [B, D] of speakers [B]."""
        one_hot = F.one_hot(label, len(self.mu)).to(e_c.dtype)  # [B, C]
        n = one_hot.sum(dim=0)[:, None]  # [C, 1], clips of each speaker
        with torch.no_grad():
            new = (n > 0) & ~self.started[:, None]
            self.mu = torch.where(new, one_hot.T @ e_c / n.clamp(min=1), self.mu)
            self.started |= new.squeeze(-1)
        off = e_c - self.mu[label]
        if self.training:
            with torch.no_grad():
                self.mu = self.mu + self.rate * (one_hot.T @ off) / (1 + n)
        each = off.square().sum(dim=-1) / 2
        if self.reduction == "sum":
            return each.sum()
        return each.mean() / (e_c.shape[-1] if self.reduction == "mean" else 1)


class LearnedCenters(nn.Module):
    """The centre loss of the authors' code: mean squared error of e_c to learned centres.

    The mean is over clips and dimensions, and without the half of `CenterLoss`. The centres are
    parameters, for the optimiser to move.
    """

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.mu = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, dim)))

    def forward(self, e_c: Tensor, label: Tensor) -> Tensor:
        """Return the loss of embeddings [B, D] of speakers [B]."""
        return F.mse_loss(e_c, self.mu[label])
