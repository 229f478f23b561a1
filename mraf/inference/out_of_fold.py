"""Answers to training clips by models that have not trained on their recordings.

They say how good a model of all recordings is, though no clip is kept from its training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mraf.inference.calibration import calibration_error_of
from mraf.inference.prediction import MODALITIES, Model, evaluating
from mraf.network.batches import Batch

BATCH = 1024
"""The number of clips that are answered at once."""


@dataclass(frozen=True, kw_only=True)
class OutOfFold:
    """The answers to M of the clips that train a model, with both modalities and with each alone.

    The columns are those of `MODALITIES`: both, the voice alone, the face alone.
    """

    index: NDArray[np.int64]  # [M], positions among the training clips
    label: NDArray[np.int64]  # [M], the right answer
    speaker: NDArray[np.int64]  # [M, 3], the answer; -1 where a modality is missing
    probability: NDArray[np.float32]  # [M, 3], of the answer; 0 where there is none
    loss: NDArray[np.float32]  # [M, 3], -log of the right answer's probability; 0 where none

    def __len__(self) -> int:
        """Return M, the number of clips."""
        return len(self.index)

    @classmethod
    def of(cls, index: Tensor, label: Tensor, logits: Sequence[tuple[Tensor, Tensor]]) -> OutOfFold:
        """Return the answers to M clips from their logits.

        Args:
            index: [M].
            label: [M].
            logits: for each of `MODALITIES`, a mask [M] of the clips that have these modalities, and
                their logits [sum of the mask, C], divided by the temperature.
        """
        speaker = torch.full((len(index), len(MODALITIES)), -1)
        probability, loss = torch.zeros(2, len(index), len(MODALITIES))
        for column, (mask, z) in enumerate(logits):
            best = z.softmax(dim=-1).max(dim=-1)
            speaker[mask, column] = best.indices
            probability[mask, column] = best.values
            loss[mask, column] = F.cross_entropy(z, label[mask], reduction="none")
        return cls(
            index=index.numpy(),
            label=label.numpy(),
            speaker=speaker.numpy(),
            probability=probability.numpy(),
            loss=loss.numpy(),
        )

    @classmethod
    def joined(cls, parts: Sequence[OutOfFold]) -> OutOfFold | None:
        """Return the answers of all parts; None without a part."""
        if not parts:
            return None
        names = [each.name for each in fields(cls)]
        return cls(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        )

    def scores(self) -> dict[str, float]:
        """Return what `mraf.inference.prediction.score` returns, over these answers."""
        answered = self.speaker >= 0
        right = (self.speaker == self.label[:, None]) & answered
        columns = [column for column in range(len(MODALITIES)) if answered[:, column].any()]
        names = list(MODALITIES)
        found = {names[c]: float(right[:, c].sum() / answered[:, c].sum()) for c in columns}
        losses = [float(self.loss[answered[:, c], c].mean(dtype=np.float64)) for c in columns]
        return {**found, "loss": float(np.mean(losses))} if losses else {}

    def calibration_error(self) -> float:
        """Return the expected calibration error over the answers with all that a clip has, and by voice."""
        answered = self.speaker >= 0
        come = np.where(answered[:, 0], 0, np.where(answered[:, 1], 1, 2))
        rows = np.arange(len(self))
        confidence = np.concatenate([self.probability[rows, come], self.probability[:, 1]])
        given = np.concatenate([self.speaker[rows, come], self.speaker[:, 1]])
        label = np.concatenate([self.label, self.label])
        keep = given >= 0
        return calibration_error_of(confidence[keep], (given == label)[keep])


@dataclass(frozen=True, kw_only=True)
class HeldOutLogits:
    """The logits, before any temperature, of M clips by a model that did not train on them."""

    index: Tensor  # [M], positions among the training clips
    label: Tensor  # [M]
    masks: Sequence[Tensor]  # for each of `MODALITIES`, [M] bool: the clips that have them
    logits: Sequence[Tensor]  # for each of `MODALITIES`, of the clips of its mask [.., C]

    @classmethod
    def of(cls, model: Model, samples: Batch, index: NDArray[np.int64]) -> HeldOutLogits:
        """Return the logits of M clips, which are at `index` [M] among the training clips.

        A modality that the model has not learned counts as missing.
        """
        masks, logits = [], []
        for face, voice in MODALITIES.values():
            used, z = [], []
            with evaluating(model):
                for start in range(0, len(samples), BATCH):
                    batch = samples.take(slice(start, start + BATCH))
                    has_face, has_voice = batch.face_present & face, batch.voice_present & voice
                    output = model(batch.face, batch.voice, has_face, has_voice)
                    mask = (output.face_used == face) & (output.voice_used == voice)
                    used.append(mask.cpu())
                    z.append(output.fusion_logits[mask].cpu())
            masks.append(torch.cat(used))
            logits.append(torch.cat(z))
        return cls(
            index=torch.from_numpy(index), label=samples.label.cpu(), masks=masks, logits=logits
        )

    def of_modalities(self, column: int) -> tuple[Tensor, Tensor]:
        """Return the logits and labels of the clips that have one of `MODALITIES`."""
        return self.logits[column], self.label[self.masks[column]]

    def answers(self, temperature: Tensor) -> OutOfFold:
        """Return the answers at temperatures [3]."""
        scaled = [z / t for z, t in zip(self.logits, temperature.cpu(), strict=True)]
        return OutOfFold.of(self.index, self.label, list(zip(self.masks, scaled, strict=True)))
