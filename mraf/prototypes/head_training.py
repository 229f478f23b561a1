"""Training of the reliability head on the scores of held-out clips."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from mraf.network.losses import cross_entropy, distillation
from mraf.prototypes.fusion import UNKNOWN, fuse_scores
from mraf.prototypes.held_out import HeldOutScores
from mraf.prototypes.model import PrototypicalMRAF
from mraf.prototypes.options import PrototypicalOptions


def train_head(
    model: PrototypicalMRAF, heldout: HeldOutScores, options: PrototypicalOptions
) -> None:
    """Train the reliability head on the scores of held-out clips [N], N > 0.

    The first half of a batch keeps its scores, the second half gets worse ones. The model's
    temperatures, which turn scores into logits here, have to be fitted before.
    """
    assert model.head is not None
    _standardise(model, heldout)
    parameters = [each for each in model.head.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=options.head_lr, weight_decay=options.head_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, options.head_rate)
    model.train()
    for _ in range(options.head_steps):
        index = torch.randint(len(heldout), (options.head_batch,))
        loss = _loss(model, heldout, index, options)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    _centre(model, heldout)


def _loss(
    model: PrototypicalMRAF, heldout: HeldOutScores, index: Tensor, options: PrototypicalOptions
) -> Tensor:
    """Return the loss of equations 15 to 17, without the centre loss and the face's branch."""
    rows = heldout.take(index)
    clean = len(rows) // 2
    worse = replace(
        rows,
        face=_blend(
            rows.face,
            heldout.face,
            clean=clean,
            largest_share=options.face_blend,
            impostors=options.impostor_faces,
        ),
        voice=_blend(
            rows.voice,
            heldout.voice,
            clean=clean,
            largest_share=options.voice_blend,
            impostors=options.impostor_voices,
        ),
    )
    complete = rows.face_present & rows.voice_present
    # Clips with both modalities and their own scores: the teacher, and what corrections centre on.
    teacher = complete & (torch.arange(len(rows)) < clean)
    z_c = _logits(model, worse, teacher)
    z_a = _logits(model, replace(rows, face_present=torch.zeros_like(complete)))
    return (
        options.lambda_c * cross_entropy(z_c, rows.label, rows.face_present | rows.voice_present)
        + options.lambda_a * cross_entropy(z_a, rows.label, rows.voice_present)
        + options.lambda_kd * distillation(z_c[teacher], z_a[teacher], options.temperature)
    )


def _logits(model: PrototypicalMRAF, rows: HeldOutScores, centre: Tensor | None = None) -> Tensor:
    temperature = model.temperature(rows.face_present, rows.voice_present)
    return rows.fused(model, centre) / temperature


def _blend(
    scores: Tensor, every: Tensor, *, clean: int, largest_share: float, impostors: float
) -> Tensor:
    """Return a batch's scores [B, C], all but the first `clean` mixed with those of other clips.

    The vector (1 - s) x + s y has the scores (1 - s) c_x + s c_y, divided by its length; the length is
    about sqrt((1 - s)^2 + s^2), as x and y are nearly orthogonal.

    Args:
        scores: [B, C], of the batch.
        every: [N, C], of all clips; the other clips are drawn from them.
        clean: how many clips of the batch stay as they are.
        largest_share: of the other clip; shares are uniform from 0.
        impostors: the part of the clips whose scores are replaced by the other clip's.
    """
    share = largest_share * torch.rand(len(scores), 1)
    share = torch.where(torch.rand(len(scores), 1) < impostors, 1.0, share)
    share[:clean] = 0
    other = every[torch.randint(len(every), (len(scores),))]
    known = (scores > UNKNOWN) & (other > UNKNOWN)
    mixed = ((1 - share) * scores + share * other) / ((1 - share) ** 2 + share**2).sqrt()
    return torch.where(known, mixed, scores)


@torch.no_grad()
def _standardise(model: PrototypicalMRAF, heldout: HeldOutScores) -> None:
    """Set mean and deviation of the candidate features to those of held-out clips."""
    head = model.head
    assert head is not None
    by_modality = head.features(heldout.face, heldout.voice, heldout.fused(model))
    for tokens, (features, known) in zip((head.face, head.voice), by_modality, strict=True):
        x = features[known]
        if len(x):
            tokens.mean.copy_(x.mean(dim=0))
            tokens.std.copy_(x.std(dim=0, correction=0).clamp(min=1e-3))


@torch.no_grad()
def _centre(model: PrototypicalMRAF, heldout: HeldOutScores) -> None:
    """Set the head's mean correction to that of the held-out clips with both modalities."""
    rows = heldout.with_modalities("face_voice")
    assert model.head is not None
    if len(rows):
        score, r_f, r_a = fuse_scores(
            rows.face, rows.voice, rows.face_present, rows.voice_present, model.config
        )
        correction = model.head(rows.face, rows.voice, score, r_f, r_a)
        means = torch.stack([correction.log_r_f.mean(), correction.log_r_a.mean()])
        model.head.mean_correction += means
