"""FOP, the official baseline of the challenge: two branches, their weighted sum, one head."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.fop.options import FOPConfig
from mraf.inference.calibration import Temperatures
from mraf.inference.modalities import TrainedModalities
from mraf.network.model import MRAFOutput
from mraf.recognition.recogniser import Recogniser


class Branch(nn.Module):
    """One modality: e = l2(dropout(ReLU(BatchNorm(W x + b))))."""

    def __init__(self, input_dim: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(input_dim, dim)
        self.norm = nn.BatchNorm1d(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings [B, D] of inputs [B, D_m]."""
        # A last batch of one clip has no variance of its own; the running mean and variance serve.
        self.norm.train(self.training and len(x) > 1)
        return F.normalize(self.dropout(F.relu(self.norm(self.linear(x)))), dim=-1)


class FOP(nn.Module):
    """Fusion and Orthogonal Projection: e_c = w_f e_f + w_a e_a, and a linear head on e_c.

    Saeed et al., "Fusion and Orthogonal Projection for Improved Face-Voice Association", 2022, as the
    challenge's baseline configures it. Both scalars are learned; how much the model relies on the
    voice depends on their random start. Vectors are taken as they come and a missing one is zero,
    which nothing in training prepares the network for.
    """

    model_type = "fop"

    def __init__(self, config: FOPConfig) -> None:
        super().__init__()
        self.config = config
        self.face = Branch(config.face_dim, config.dim, config.dropout)
        self.voice = Branch(config.voice_dim, config.dim, config.dropout)
        self.weight = nn.Parameter(torch.rand(2))  # w_f, w_a; start uniformly in 0..1
        self.head = nn.Linear(config.dim, config.classes)
        self.temperature = Temperatures()
        self.recogniser = Recogniser(config.classes)
        self.trained = TrainedModalities()

    @property
    def scalars(self) -> dict[str, float]:
        """The learned scalars of the fusion, by name: w_f of the face and w_a of the voice."""
        face, voice = self.weight.tolist()
        return {"w_f": face, "w_a": voice}

    def forward(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Answer for B clips, each alone.

        The logits of a branch are those of the one head on the branch alone. There is no reliability:
        the output's `r` is presence, and its `w` the share of a scalar's size in what is present.

        Args:
            face: [B, D_f], as the encoder gives it; rows that are not present are ignored.
            voice: [B, D_a], likewise.
            face_present: [B] bool.
            voice_present: [B] bool.
        """
        face_present, voice_present = self.trained(face_present, voice_present)
        e_f = self.face(face.masked_fill(~face_present[:, None], 0))
        e_a = self.voice(voice.masked_fill(~voice_present[:, None], 0))
        e_c = self.weight[0] * e_f + self.weight[1] * e_a
        r_f, r_a = face_present.to(e_f.dtype), voice_present.to(e_a.dtype)
        size = self.weight.detach().abs().clamp(min=1e-6)
        w_f, w_a = size[0] * r_f, size[1] * r_a
        total = (w_f + w_a).clamp(min=1e-9)
        return MRAFOutput(
            face_logits=self.head(self.weight[0] * e_f),
            voice_logits=self.head(self.weight[1] * e_a),
            fusion_logits=self.head(e_c),
            e_f=e_f,
            e_a=e_a,
            e_c=e_c,
            r_f=r_f,
            r_a=r_a,
            w_f=w_f / total,
            w_a=w_a / total,
            face_used=face_present,
            voice_used=voice_present,
        )
