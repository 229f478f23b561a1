"""The modalities that a model has learned: it answers by no other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mraf.types import Features


class TrainedModalities(nn.Module):
    """Flags of a network that are saved with its weights: did training clips have faces, and voices?

    An encoder that no clip has trained still gives a vector for a clip, and a head still names a
    speaker, by chance. So what was never trained counts as missing.
    """

    value: Tensor  # [2] bool: face, voice

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.ones(2, dtype=torch.bool))

    def learn(self, train: Features) -> None:
        """Keep the modalities that any of the training clips has."""
        self.value[0] = bool(train.face_present.any())
        self.value[1] = bool(train.voice_present.any())

    def forward(self, face_present: Tensor, voice_present: Tensor) -> tuple[Tensor, Tensor]:
        """Return the masks [B] of the faces and of the voices that can be used."""
        return face_present & self.value[0], voice_present & self.value[1]
