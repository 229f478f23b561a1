"""Batches of clips on the device, their order in training, and the faces and voices shown of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from mraf.types import Features


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B clips as tensors on one device."""

    face: Tensor  # [B, Df]
    face_present: Tensor  # [B] bool
    voice: Tensor  # [B, Dv]
    voice_present: Tensor  # [B] bool
    label: Tensor  # [B]

    @classmethod
    def of(cls, features: Features, device: torch.device | str) -> Batch:
        """Copy `features` to `device`; missing vectors become zero."""
        arrays = {
            "face": np.where(features.face_present[:, None], features.face, np.float32(0)),
            "face_present": features.face_present,
            "voice": np.where(features.voice_present[:, None], features.voice, np.float32(0)),
            "voice_present": features.voice_present,
            "label": features.label,
        }
        # from_numpy refuses views with negative strides.
        return cls(
            **{
                name: torch.from_numpy(np.ascontiguousarray(array)).to(device)
                for name, array in arrays.items()
            }
        )

    def __len__(self) -> int:
        """Return B, the number of clips."""
        return len(self.label)

    def take(self, index: Tensor | slice) -> Batch:
        """Return the clips at positions [M], in a mask [B] or in a slice."""
        return Batch(**{name: value[index] for name, value in vars(self).items()})


class Sampler:
    """Draws the batches of an epoch and the faces and voices shown in them, all from one seed."""

    def __init__(
        self,
        features: Features,
        *,
        batch_size: int,
        seed: int,
        device: torch.device,
        balance: Literal["none", "recording"] = "none",
    ) -> None:
        self.size, self.batch_size, self.device = len(features), batch_size, device
        self.generator = torch.Generator().manual_seed(seed)
        self.weights: Tensor | None = None
        if balance == "recording":
            self.weights = torch.from_numpy(balanced(features))

    def batches(self) -> list[Tensor]:
        """Return the positions [<= batch_size] of the clips of one epoch's batches."""
        if self.weights is None:
            order = torch.randperm(self.size, generator=self.generator)
        else:
            order = torch.multinomial(
                self.weights, self.size, replacement=True, generator=self.generator
            )
        return list(order.to(self.device).split(self.batch_size))

    def shown(self, batch: Batch, *, p_a: float, p_f: float) -> tuple[Tensor, Tensor]:
        """Return masks [B] of the faces and of the voices that this step shows of `batch`.

        Clips that have both are shown by their voice alone with probability p_a and by their face
        alone with probability p_f; all others as they are.
        """
        draw = torch.rand(len(batch), generator=self.generator).to(self.device)  # in [0, 1)
        complete = batch.face_present & batch.voice_present
        hide_face = complete & (draw < p_a)
        hide_voice = complete & (draw >= p_a) & (draw < p_a + p_f)
        return batch.face_present & ~hide_face, batch.voice_present & ~hide_voice


def balanced(features: Features) -> np.ndarray:
    """Return weights [N] that give speakers, and the recordings of a speaker, the same total."""
    pairs = np.stack([features.label, features.recording])  # [2, N]
    # R different recordings [2, R], the one that each clip is of [N], and its number of clips [R].
    recordings, of, clips = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    recordings_of_speaker = np.bincount(recordings[0])
    return 1 / (recordings_of_speaker[features.label] * clips[of])
