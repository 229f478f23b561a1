"""FOP, a baseline: Fusion and Orthogonal Projection, with its loss."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from mraf.inference.calibration import Temperatures
from mraf.network.batches import Batch
from mraf.network.losses import cross_entropy
from mraf.network.model import MRAFOutput
from mraf.network.options import TrainOptions
from mraf.options import checked


@checked("model")
class FOPConfig:
    """The shape of the network.

    Raises:
        UsageError: a number is out of range.
    """

    face_dim: PositiveInt  # D_f
    voice_dim: PositiveInt  # D_a
    classes: Annotated[int, Field(ge=2)]  # C
    dim: PositiveInt = 128  # D, of the embeddings
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    normalise: bool = False  # the baseline takes vectors as they come


class FOP(nn.Module):
    """Two branches, their weighted sum, one head.

    Saeed et al., "Fusion and Orthogonal Projection for Improved Face-Voice Association", 2022.
    A missing vector is zero, as in the challenge's baseline: nothing prepares the network for it.
    """

    model_type = "fop"

    def __init__(self, config: FOPConfig) -> None:
        super().__init__()
        self.config = config
        self.face = Branch(config.face_dim, config.dim, config.dropout)
        self.voice = Branch(config.voice_dim, config.dim, config.dropout)
        self.weight = nn.Parameter(torch.ones(2))  # of face and voice in the linear fusion
        self.head = nn.Linear(config.dim, config.classes)
        self.temperature = Temperatures()

    def forward(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Answer for B clips, each alone.

        The logits of a branch are those of the one head on the branch alone. There is no
        reliability: `r` is presence and `w` an equal share for what is present.

        Args:
            face: [B, Df], of any length; rows that are not present are ignored.
            voice: [B, Dv], likewise.
            face_present: [B] bool.
            voice_present: [B] bool.
        """
        e_f = self.face(self._input(face, face_present))
        e_a = self.voice(self._input(voice, voice_present))
        fused = self.weight[0] * e_f + self.weight[1] * e_a
        r_f, r_a = face_present.to(e_f.dtype), voice_present.to(e_a.dtype)
        total = (r_f + r_a).clamp(min=1)
        return MRAFOutput(
            face_logits=self.head(self.weight[0] * e_f),
            voice_logits=self.head(self.weight[1] * e_a),
            fusion_logits=self.head(fused),
            e_f=e_f,
            e_a=e_a,
            e_c=fused,
            r_f=r_f,
            r_a=r_a,
            w_f=r_f / total,
            w_a=r_a / total,
            face_used=face_present,
            voice_used=voice_present,
        )

    def _input(self, x: Tensor, present: Tensor) -> Tensor:
        x = F.normalize(x, dim=-1) if self.config.normalise else x
        return x.masked_fill(~present[:, None], 0)


class Branch(nn.Module):
    """One modality's embedding of unit length."""

    def __init__(self, input_dim: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Linear(input_dim, dim)
        self.norm = nn.BatchNorm1d(dim)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings [B, D] of inputs [B, Dm]."""
        # A last batch of one clip has no variance of its own; the running mean and variance serve.
        self.norm.train(self.training and len(x) > 1)
        x = self.dropout(F.relu(self.norm(self.first(x))))
        return F.normalize(self.second(x), dim=-1)


def fop_losses(
    model: FOP, batch: Batch, face: Tensor, voice: Tensor, *, options: TrainOptions
) -> dict[str, Tensor]:
    """Return the loss of a training step, "total", and its parts without their weights.

    Args:
        model: in training mode.
        batch: B clips.
        face: [B] bool, the faces that are shown.
        voice: [B] bool, the voices that are shown.
        options: the weights.
    """
    out = model(batch.face, batch.voice, face, voice)
    parts = {
        "fusion": cross_entropy(out.fusion_logits, batch.label, face | voice),
        "opl": orthogonal_projection(out.e_c, batch.label),
    }
    total = options.lambda_c * parts["fusion"] + options.lambda_opl * parts["opl"]
    return {"total": total, **parts}


def orthogonal_projection(e: Tensor, label: Tensor, share: float = 0.7) -> Tensor:
    """Return the loss of FOP (Saeed et al. 2022, eq. 4): a speaker's clips alike, others orthogonal.

    Args:
        e: embeddings [B, D], of any length.
        label: [B].
        share: weight of the second half, as in the authors' code.
    """
    e = F.normalize(e, dim=-1)
    cosine = e @ e.T
    same = label[:, None] == label
    itself = torch.eye(len(label), dtype=torch.bool, device=label.device)
    return 1 - _mean(cosine, same & ~itself) + share * _mean(cosine, ~same).abs()


def _mean(x: Tensor, where: Tensor) -> Tensor:
    """Return the mean of `x` over a mask; 0 where it is empty."""
    return (x * where).sum() / where.sum().clamp(min=1)
