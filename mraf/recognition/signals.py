"""The signals that tell an enrolled person from a stranger, from the scores of one clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

SIGNALS = ("face", "face_margin", "voice", "voice_margin", "voice_plain")
"""The signals in their order; those of a missing modality are 0, and `voice_plain` where a model has none."""

COHORT = 10
"""The number of other speakers whose mean score makes the margin."""


ANY = -1e4
"""The least score of a cohort that counts, where every score does."""
LEAST_SCORE = -1e3
"""Speakers without a prototype score below; see `mraf.prototypes.fusion.UNKNOWN`."""


class Scores(Protocol):
    """What a model gives of B clips and C speakers: see `mraf.network.model.MRAFOutput`."""

    @property
    def face_logits(self) -> Tensor:
        """[B, C]."""

    @property
    def voice_logits(self) -> Tensor:
        """[B, C]."""

    @property
    def voice_plain(self) -> Tensor | None:
        """[B, C], cosines of the voice as the encoder gives it; None where the model has none."""

    @property
    def face_plain(self) -> Tensor | None:
        """[B, C], likewise of the face."""

    @property
    def fusion_logits(self) -> Tensor:
        """[B, C], the answer."""

    @property
    def face_used(self) -> Tensor:
        """[B] bool."""

    @property
    def voice_used(self) -> Tensor:
        """[B] bool."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """B clips compared with the speaker that each is most like.

    A face or voice that the speaker has no prototype of counts as missing.
    """

    # [B, 6]: face, the face's cohort, voice, the voice's cohort, plain voice, plain face
    scores: Tensor
    named: Tensor  # [B], index of the speaker
    column: Tensor  # [B], of `mraf.inference.prediction.MODALITIES`


def compare(output: Scores) -> Compared:
    """Return how B clips compare with the speakers that the model names.

    The cohort's score is the mean of the `COHORT` best scores of other speakers, or of all where they
    are fewer; -inf without others.
    """
    named = output.fusion_logits.argmax(dim=-1)
    face, face_cohort, has_face = _of(output.face_logits, named, output.face_used)
    voice, voice_cohort, has_voice = _of(output.voice_logits, named, output.voice_used)
    plain = [
        torch.zeros_like(voice)
        if cosine is None
        else cosine.gather(1, named[:, None]).squeeze(-1).masked_fill(~present, 0)
        for cosine, present in ((output.voice_plain, has_voice), (output.face_plain, has_face))
    ]
    column = torch.where(has_face & has_voice, 0, torch.where(has_face, 2, 1))
    scores = torch.stack([face, face_cohort, voice, voice_cohort, *plain], dim=-1)
    return Compared(scores=scores, named=named, column=column)


def signals(scores: Tensor, column: Tensor, level: Tensor) -> Tensor:
    """Return the signals [B, S] of `Compared.scores` [B, 6] and `Compared.column` [B].

    The margin is the score less that of the cohort, or less the level where the cohort has less: in a
    gallery of few nobody may be like a stranger but the one who is most like, and that is no merit.

    Args:
        scores: of `Compared`.
        column: of `Compared`.
        level: [2], of face and voice, the least score of a cohort that counts, or `ANY`.
    """
    face, voice = column != 1, column != 2
    found = []
    for present, (score, cohort), least in (
        (face, scores[:, :2].T, level[0]),
        (voice, scores[:, 2:4].T, level[1]),
    ):
        floor = torch.where(least <= ANY, torch.where(cohort.isinf(), 0.0, cohort), least)
        found += [score, (score - cohort.maximum(floor)).masked_fill(~present, 0)]
    return torch.stack([*found, scores[:, 4]], dim=-1)


def _of(scores: Tensor, named: Tensor, used: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the score [B] of the speakers named, that of their cohort, and a mask; 0 where missing."""
    known = scores > LEAST_SCORE
    score = scores.gather(1, named[:, None]).squeeze(-1)
    used = used & known.gather(1, named[:, None]).squeeze(-1)
    others = scores.masked_fill(~known, -torch.inf).scatter(1, named[:, None], -torch.inf)
    top = others.topk(min(COHORT, others.shape[1]), dim=-1).values
    real = top > -torch.inf
    number = real.sum(dim=-1)
    mean = top.masked_fill(~real, 0).sum(dim=-1) / number.clamp(min=1)
    mean = mean.masked_fill(number == 0, -torch.inf)
    return score.masked_fill(~used, 0), mean.masked_fill(~used, 0), used
