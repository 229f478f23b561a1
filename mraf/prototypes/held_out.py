"""The scores of held-out clips, which calibrate a model and train its reliability head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from mraf.inference.prediction import MODALITIES
from mraf.network.batches import Batch
from mraf.prototypes.fusion import hide_missing
from mraf.prototypes.model import PrototypicalMRAF


@dataclass(frozen=True, kw_only=True)
class HeldOutScores:
    """The scores of N clips, by models that did not train on their recordings."""

    face: Tensor  # [N, C], `UNKNOWN` where a speaker has no prototype or the face is missing
    voice: Tensor  # [N, C], likewise
    face_present: Tensor  # [N] bool, and the model knows faces
    voice_present: Tensor  # [N] bool, likewise
    label: Tensor  # [N]

    @classmethod
    @torch.no_grad()
    def of(cls, model: PrototypicalMRAF, samples: Batch) -> HeldOutScores:
        """Score clips by a model; a modality without any prototype counts as missing."""
        face_present = samples.face_present & model.face.known.any()
        voice_present = samples.voice_present & model.voice.known.any()
        c_f = model.face.compare(model.face.embed(samples.face))
        c_a = model.voice.compare(model.voice.embed(samples.voice))
        return cls(
            face=hide_missing(c_f, face_present),
            voice=hide_missing(c_a, voice_present),
            face_present=face_present,
            voice_present=voice_present,
            label=samples.label,
        )

    @classmethod
    def joined(cls, parts: Sequence[HeldOutScores], classes: int) -> HeldOutScores:
        """Return the clips of all parts; without a part, no clips of `classes` speakers."""
        if not parts:
            scores, mask = torch.zeros(0, classes), torch.zeros(0, dtype=torch.bool)
            return cls(
                face=scores, voice=scores, face_present=mask, voice_present=mask, label=mask.long()
            )
        names = (each.name for each in fields(cls))
        return cls(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})

    def __len__(self) -> int:
        """Return N, the number of clips."""
        return len(self.label)

    def take(self, index: Tensor) -> HeldOutScores:
        """Return the clips at positions [M] or in a mask [N]."""
        return replace(self, **{name: tensor[index] for name, tensor in vars(self).items()})

    def with_modalities(self, name: str) -> HeldOutScores:
        """Return the clips that have all modalities of a key of `MODALITIES`, the other hidden."""
        face, voice = MODALITIES[name]
        suits = (self.face_present | (not face)) & (self.voice_present | (not voice))
        chosen = self.take(suits)
        shown = torch.ones_like(chosen.face_present)
        return replace(chosen, face_present=shown & face, voice_present=shown & voice)

    def fused(self, model: PrototypicalMRAF, centre: Tensor | None = None) -> Tensor:
        """Return the model's fused scores [N, C] before the temperature; see its `fuse`."""
        scores, _, _ = model.fuse(
            self.face, self.voice, self.face_present, self.voice_present, centre
        )
        return scores
