"""The architecture of the preset `default`: comparison with a prototype of each speaker.

A head of weights, as in the paper, learns each speaker from scratch and fits the recordings it was
trained on. A head that compares with the mean of a speaker's recordings has no weights to overfit.
What is learned, which directions of the voice vary between recordings of one speaker and which
between speakers, is shared by all speakers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.inference.calibration import Temperatures
from mraf.network.model import MRAFOutput
from mraf.prototypes.fusion import UNKNOWN, fuse_scores, hide_missing
from mraf.prototypes.options import PrototypicalConfig
from mraf.prototypes.reliability import Correction, ReliabilityHead

INITIAL_TEMPERATURE = 0.1
"""The temperature of cosine scores in training, before any is fitted."""


class ClassMeans(nn.Module):
    """One modality: the embedding of a vector, and its scores against the speakers' prototypes.

    The embedding is q = l2((l2(x) - mean) projection). The score of a speaker is its cosine to the
    prototype, less the prototype's hubness offset. Everything is computed from training recordings.
    """

    mean: Tensor
    projection: Tensor
    prototypes: Tensor
    offset: Tensor
    known: Tensor

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))  # [D], mu
        self.register_buffer("projection", torch.eye(dim))  # [D, D], whitening times metric
        self.register_buffer("prototypes", torch.zeros(classes, dim))  # [C, D], unit rows
        self.register_buffer("offset", torch.zeros(classes))  # [C], hubness offset
        self.register_buffer("known", torch.zeros(classes, dtype=torch.bool))  # [C]

    def embed(self, x: Tensor) -> Tensor:
        """Return unit embeddings [B, D] of vectors [B, D] of any length."""
        return F.normalize((F.normalize(x, dim=-1) - self.mean) @ self.projection, dim=-1)

    def compare(self, q: Tensor) -> Tensor:
        """Return scores [B, C] of unit embeddings [B, D]; `UNKNOWN` without a prototype."""
        return (q @ self.prototypes.T - self.offset).masked_fill(~self.known, UNKNOWN)


class PrototypicalMRAF(nn.Module):
    """Late fusion of the scores that face and voice give to the speakers' prototypes.

    Each modality is embedded by whitening and a learned metric and compared with prototypes. Their
    scores z_f and z_a are averaged by their reliabilities (eq. 11) into z_c. Reliabilities come from
    the best score; the `ReliabilityHead`, which runs the paper's tokens and cross-attention on the
    scores of the best candidates, corrects them.
    """

    arch = "mraf-prototypes"

    def __init__(self, config: PrototypicalConfig) -> None:
        super().__init__()
        self.config = config
        self.face = ClassMeans(config.face_dim, config.classes)
        self.voice = ClassMeans(config.voice_dim, config.classes)
        self.head: ReliabilityHead | None = None
        if config.candidates:
            self.head = ReliabilityHead(config)
        self.temperature = Temperatures(INITIAL_TEMPERATURE)

    def forward(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Score B clips, each independently of the others.

        The output's e_c is [w_f e_f; w_a e_a] at unit length, [B, D_f + D_a]. The e_c of eq. 14 exists
        only within the head, where it gives the scale of the score.

        Args:
            face: [B, D_f], of any length; rows that are not present are ignored.
            voice: [B, D_a], likewise.
            face_present: [B] bool.
            voice_present: [B] bool.
        """
        # Without any prototype of a modality there is nothing to compare with: it counts as missing.
        face_present = face_present & self.face.known.any()
        voice_present = voice_present & self.voice.known.any()
        q_f, q_a = self.face.embed(face), self.voice.embed(voice)
        c_f, c_a = self.face.compare(q_f), self.voice.compare(q_a)
        z_c, r_f, r_a = self.fuse(c_f, c_a, face_present, voice_present)
        total = (r_f + r_a).clamp(min=1e-9)
        w_f, w_a = r_f / total, r_a / total
        e_c = F.normalize(torch.cat([w_f[:, None] * q_f, w_a[:, None] * q_a], dim=-1), dim=-1)
        return MRAFOutput(
            face_logits=c_f,
            voice_logits=c_a,
            fusion_logits=z_c,
            e_f=q_f,
            e_a=q_a,
            e_c=e_c,
            r_f=r_f,
            r_a=r_a,
            w_f=w_f,
            w_a=w_a,
            face_used=face_present,
            voice_used=voice_present,
        )

    def fuse(
        self,
        c_f: Tensor,
        c_a: Tensor,
        face_present: Tensor,
        voice_present: Tensor,
        centre: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return fused scores [B, C] and reliabilities r_f and r_a [B] of scores [B, C].

        With `centre` [B], a mask, corrections are centred on these clips, as in training.
        """
        # A missing modality has no influence, whatever stands in its row.
        c_f, c_a = hide_missing(c_f, face_present), hide_missing(c_a, voice_present)
        score, r_f, r_a = fuse_scores(c_f, c_a, face_present, voice_present, self.config)
        if self.head is None:
            return score, r_f, r_a
        correction: Correction = self.head(c_f, c_a, score, r_f, r_a)
        if centre is not None:
            correction = correction.centred(centre)
        return correction.apply(c_f, c_a, r_f, r_a)
