"""A head that compares embeddings with the mean embedding of each speaker."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.prototypes.fusion import UNKNOWN
from mraf.prototypes.recordings import Recordings, hubness


class PrototypeHead(nn.Module):
    """Scores of embeddings: the cosine to each prototype, less the prototype's hubness offset.

    It takes the place of a linear head g_m. It has no weights: its prototypes are computed from the
    embeddings of the training clips.
    """

    prototypes: Tensor
    offset: Tensor
    known: Tensor

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("prototypes", torch.zeros(classes, dim))  # [C, D], unit rows
        self.register_buffer("offset", torch.zeros(classes))  # [C], hubness offset
        self.register_buffer("known", torch.zeros(classes, dtype=torch.bool))  # [C]

    def forward(self, e: Tensor) -> Tensor:
        """Return scores [B, C] of embeddings [B, D]; `UNKNOWN` without a prototype."""
        cosine = F.normalize(e, dim=-1) @ self.prototypes.T
        return (cosine - self.offset).masked_fill(~self.known, UNKNOWN)

    def cosine(self, e: Tensor) -> Tensor:
        """Return cosines [B, C] of embeddings [B, D], without the offset."""
        cosine = F.normalize(e, dim=-1) @ self.prototypes.T
        return cosine.masked_fill(~self.known, UNKNOWN)

    @torch.no_grad()
    def fill(self, e: Tensor, recordings: Recordings, share: float) -> None:
        """Set the prototypes to those of training clips.

        Args:
            e: embeddings [N, D].
            recordings: of the same clips.
            share: of each prototype's hubness, less the mean hubness, that becomes its offset.
        """
        known, e = recordings.known, F.normalize(e, dim=-1)
        self.known.copy_(known)
        if known.any():
            self.prototypes.copy_(F.normalize(recordings.prototypes(e), dim=-1))
            found = hubness(e @ self.prototypes.T, recordings)
            self.offset.copy_(share * (found - found[known].mean()) * known)
