"""What MRAF is compared with: FOP, the baseline of the challenge."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.calibration import Temperatures
from mraf.checks import check_flag, check_shape
from mraf.network.model import MRAFOutput


@dataclass(frozen=True)
class FOPConfig:
    """Everything that fixes the shape of the network.

    Raises:
        UsageError: a number is out of range.

    """

    face_dim: int  # D_f
    voice_dim: int  # D_a
    classes: int  # C
    dim: int = 128  # D, of the embeddings
    dropout: float = 0.5
    normalise: bool = False  # the baseline takes vectors as they come

    def __post_init__(self) -> None:
        """Check ranges."""
        check_shape(self, ("face_dim", "voice_dim", "dim"))
        check_flag("normalise", self.normalise)


class FOP(nn.Module):
    """Fusion and Orthogonal Projection: two branches, their weighted sum, one head.

    Saeed et al., "Fusion and Orthogonal Projection for Improved Face-Voice Association", 2022.
    A missing vector is zero, as in the challenge's baseline: nothing prepares the network for it.
    """

    arch = "fop"

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

        The logits of a branch are those of the one head on the branch alone. Nothing is weighed:
        `r` is 1 and `w` an equal share for what is present.

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
        """Embeddings [B, D] of inputs [B, Dm]."""
        # A last batch of one clip has no spread of its own; what was seen so far stands in.
        self.norm.train(self.training and len(x) > 1)
        x = self.dropout(F.relu(self.norm(self.first(x))))
        return F.normalize(self.second(x), dim=-1)
