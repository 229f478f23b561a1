"""One training step's loss: equations 15 to 17 over what is shown and what is hidden.

The vectors are encoded once and the missing token once; teacher and student of the
distillation differ only in the fusion, which is all that runs twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mraf.batches import Samples
from mraf.losses import CenterLoss, cross_entropy, distillation
from mraf.model import MRAF, MRAFOutput
from mraf.options import TrainOptions


@dataclass(frozen=True)
class Losses:
    """The parts of the loss (scalars) and the embeddings that the centres learn from."""

    total: Tensor  # (17)
    parts: dict[str, Tensor]  # "face", "voice", "fusion", "kd", "center", without their weights
    e_c: Tensor  # [B, D], detached


def training_loss(
    model: MRAF,
    centers: CenterLoss,
    batch: Samples,
    hidden: tuple[Tensor, Tensor],
    options: TrainOptions,
) -> Losses:
    """The loss of `batch` with the faces and voices in `hidden` (masks [B]) put out of sight."""
    seen, teacher, student = _forward(model, batch, *hidden, distil=options.lambda_kd > 0)
    shown_face = batch.face_present & ~hidden[0]
    shown_voice = batch.voice_present & ~hidden[1]
    parts = {
        "face": cross_entropy(seen.face_logits, batch.label, shown_face),
        "voice": cross_entropy(seen.voice_logits, batch.label, shown_voice),
        "fusion": cross_entropy(seen.fusion_logits, batch.label, shown_face | shown_voice),
        "kd": distillation(teacher, student, options.temperature),
        "center": centers(seen.e_c, batch.label),
    }
    weights = {
        "face": options.lambda_f,
        "voice": options.lambda_a,
        "fusion": options.lambda_c,
        "kd": options.lambda_kd,
        "center": options.lambda_center,
    }
    total = sum((weights[name] * part for name, part in parts.items()), start=parts["kd"] * 0)
    return Losses(total, parts, seen.e_c.detach())


def _forward(
    model: MRAF, batch: Samples, hide_face: Tensor, hide_voice: Tensor, distil: bool
) -> tuple[MRAFOutput, Tensor, Tensor]:
    """The output [B] on what is shown, and the fusion logits of teacher and student [M, C].

    Each of the M complete samples not shown by face alone is fused twice, with and without its
    face: one of the two is what is shown, the other is a row added at the end.
    """
    B = len(batch)
    pairs = batch.face_present & batch.voice_present & ~hide_voice & distil
    rows = torch.cat([torch.arange(B, device=pairs.device), pairs.nonzero().squeeze(-1)])
    hide_face = torch.cat([hide_face, ~hide_face[pairs]])
    hide_voice = hide_voice[rows]
    f, no_f = model.face.with_missing(batch.face, batch.face_present)
    a, no_a = model.voice.with_missing(batch.voice, batch.voice_present)
    out = model.fuse(
        f.take(rows).where(~hide_face, no_f),
        a.take(rows).where(~hide_voice, no_a),
        batch.face_present[rows] & ~hide_face,
        batch.voice_present[rows] & ~hide_voice,
    )
    first, second = out.fusion_logits[:B][pairs], out.fusion_logits[B:]
    swapped = hide_face[:B][pairs][:, None]  # shown without the face: the student comes first
    teacher, student = second.where(swapped, first), first.where(swapped, second)
    return MRAFOutput(**{name: value[:B] for name, value in vars(out).items()}), teacher, student
