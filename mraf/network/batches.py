"""The training samples on the device, the order they come in, and what of each is hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mraf.network.options import TrainOptions
from mraf.types import Features


@dataclass(frozen=True)
class Samples:
    """B clips as tensors on one device."""

    face: Tensor  # [B, Df]
    face_present: Tensor  # [B] bool
    voice: Tensor  # [B, Dv]
    voice_present: Tensor  # [B] bool
    label: Tensor  # [B]

    @classmethod
    def of(cls, features: Features, device: torch.device | str) -> Samples:
        """Copy `features` to `device`; what is missing becomes zero."""
        face = np.where(features.face_present[:, None], features.face, np.float32(0))
        voice = np.where(features.voice_present[:, None], features.voice, np.float32(0))
        return cls(
            *(
                torch.from_numpy(np.ascontiguousarray(array)).to(device)
                for array in (
                    face,
                    features.face_present,
                    voice,
                    features.voice_present,
                    features.label,
                )
            )
        )

    def __len__(self) -> int:
        """B, the number of clips."""
        return len(self.label)

    def take(self, index: Tensor | slice) -> Samples:
        """The clips at `index` [M], or in that slice."""
        return Samples(*(value[index] for value in vars(self).values()))


class Sampler:
    """Draws the batches of an epoch and what is hidden in them, all from one seed."""

    def __init__(self, features: Features, options: TrainOptions, device: torch.device) -> None:
        self.size, self.options, self.device = len(features), options, device
        self.generator = torch.Generator().manual_seed(options.seed)
        self.weights: Tensor | None = None
        if options.balance == "recording":
            self.weights = torch.from_numpy(recording_weights(features))

    def batches(self) -> list[Tensor]:
        """The indices [<= batch_size] of one epoch's batches."""
        if self.weights is None:
            order = torch.randperm(self.size, generator=self.generator)
        else:
            order = torch.multinomial(
                self.weights, self.size, replacement=True, generator=self.generator
            )
        return list(order.to(self.device).split(self.options.batch_size))

    def hide(self, batch: Samples) -> tuple[Tensor, Tensor]:
        """Masks [B] of the faces and of the voices to hide; only in complete samples."""
        draw = torch.rand(len(batch), generator=self.generator).to(self.device)
        complete = batch.face_present & batch.voice_present
        face = complete & (draw < self.options.p_a)
        voice = complete & (draw >= self.options.p_a) & (draw < self.options.p_a + self.options.p_f)
        return face, voice


def recording_weights(features: Features) -> np.ndarray:
    """Weights [N] that give speakers, and the recordings of a speaker, the same total."""
    weight = np.zeros(len(features))
    for speaker in np.unique(features.label):
        mine = features.label == speaker
        _, recording, clips = np.unique(
            features.recording[mine], return_inverse=True, return_counts=True
        )
        weight[mine] = 1 / (len(clips) * clips[recording])
    return weight / weight.sum()
