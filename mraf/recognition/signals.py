"""The signals that tell an enrolled person from a stranger, from the scores of one clip."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

SIGNALS = ("face", "face_margin", "voice", "voice_margin", "recordings")
"""The signals in their order; those of a missing modality are 0."""

COHORT = 10
"""The number of other speakers whose mean score makes the margin."""


class Scores(Protocol):
    """What a model gives of B clips and C speakers: see `mraf.network.model.MRAFOutput`."""

    @property
    def face_logits(self) -> Tensor:
        """[B, C]."""

    @property
    def voice_logits(self) -> Tensor:
        """[B, C]."""

    @property
    def fusion_logits(self) -> Tensor:
        """[B, C], the answer."""

    @property
    def face_used(self) -> Tensor:
        """[B] bool."""

    @property
    def voice_used(self) -> Tensor:
        """[B] bool."""


def signals(output: Scores, recordings: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return signals [B, S] of the speaker that each of B clips is most like, and who that is.

    The second and third result are the speaker's index [B] and the column [B] of
    `mraf.inference.prediction.MODALITIES` that the comparison used. A face or voice that the speaker
    has no prototype of is not used.

    Args:
        output: of a model, for B clips.
        recordings: [C], of each speaker in the gallery.
    """
    named = output.fusion_logits.argmax(dim=-1)
    face, face_margin, has_face = _of(output.face_logits, named, output.face_used)
    voice, voice_margin, has_voice = _of(output.voice_logits, named, output.voice_used)
    number = recordings.to(face)[named].clamp(min=1).log()
    column = torch.where(has_face & has_voice, 0, torch.where(has_face, 2, 1))
    return torch.stack([face, face_margin, voice, voice_margin, number], dim=-1), named, column


def _of(scores: Tensor, named: Tensor, used: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the score and the margin [B] of the speakers named, 0 where there is none, and a mask."""
    known = scores > -1e3
    score = scores.gather(1, named[:, None]).squeeze(-1)
    used = used & known.gather(1, named[:, None]).squeeze(-1)
    others = scores.masked_fill(~known, -torch.inf).scatter(1, named[:, None], -torch.inf)
    top = others.topk(min(COHORT, others.shape[1]), dim=-1).values
    real = top > -torch.inf
    mean = top.masked_fill(~real, 0).sum(dim=-1) / real.sum(dim=-1).clamp(min=1)
    return score.masked_fill(~used, 0), (score - mean).masked_fill(~used, 0), used
