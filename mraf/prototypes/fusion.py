"""Fusion of the scores of face and voice; nothing here is learned.

`fuse_posteriors` is the rule of the default. It allows for a face that shows somebody else, and for a
voice that is somebody else's, so that one wrong vector does not outvote the other, right one.
`weighted_mean` is the rule of plain cosines, and that of the metric's training.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mraf.prototypes.options import PrototypeConfig, PrototypeOptions

UNKNOWN = -1e4
"""The score of a speaker who has no prototype of a modality, or of a missing modality."""

LEAST = 0.05
"""The least best score that counts: a vector may be far from every prototype."""


@dataclass(frozen=True, kw_only=True)
class FusedScores:
    """The fused scores of B clips, and the reliability of each modality."""

    score: Tensor  # [B, C], `UNKNOWN` where the modalities at hand have no prototype of a speaker
    r_f: Tensor  # [B], 0 where the face is missing
    r_a: Tensor  # [B], 0 where the voice is missing


def fuse_posteriors(
    c_f: Tensor,
    c_a: Tensor,
    face_present: Tensor,
    voice_present: Tensor,
    *,
    temperature: Tensor,
    config: PrototypeConfig,
) -> FusedScores:
    """Fuse scores [B, C] by the product of the evidence of face and voice.

    A clip with one modality keeps its sharpened scores. With both, the fused score of a speaker is
    log L_f + log L_a, where L_m is how much likelier the vector is if the speaker is this one than if
    it is any (`evidence`). The reliability of a modality is the probability that its vector is that of
    the speaker named, and not somebody else's.

    Args:
        c_f: [B, C], scores of the faces, `UNKNOWN` where a speaker has no prototype.
        c_a: [B, C], scores of the voices, likewise.
        face_present: [B] bool.
        voice_present: [B] bool.
        temperature: [3], of both, of the voice alone, of the face alone; the last two make posteriors
            of sharpened scores.
        config: the shares of wrong vectors, `voice_softening` and `sharpness`.
    """
    c_f, c_a = hide_missing(c_f, face_present), hide_missing(c_a, voice_present)
    s_f, s_a = sharpen(c_f, config.sharpness), sharpen(c_a, config.sharpness)
    both = face_present & voice_present
    L_f, own_f = evidence(s_f, temperature[2], config.wrong_face, config.face_speakers)
    softer = temperature[1] * config.voice_softening
    L_a, own_a = evidence(s_a, softer, config.wrong_voice, config.voice_speakers)
    score = torch.where(
        both[:, None], L_f.log() + L_a.log(), torch.where(face_present[:, None], s_f, s_a)
    )
    score = score.masked_fill((c_f <= UNKNOWN) & (c_a <= UNKNOWN), UNKNOWN)
    named = score.argmax(dim=-1, keepdim=True)
    return FusedScores(
        score=score,
        r_f=(own_f / L_f).gather(1, named).squeeze(-1) * face_present,
        r_a=(own_a / L_a).gather(1, named).squeeze(-1) * voice_present,
    )


def sharpen(score: Tensor, sharpness: float) -> Tensor:
    """Return scores [B, C] times (best score) ** sharpness.

    Scores of a vector that is near no prototype, a bad picture or noise, move closer together.
    """
    best = score.amax(dim=-1, keepdim=True).clamp(min=LEAST)
    return torch.where(score > UNKNOWN, score * best**sharpness, UNKNOWN)


def evidence(
    score: Tensor, temperature: Tensor, wrong: float, speakers: int = 0
) -> tuple[Tensor, Tensor]:
    """Return L [B, C] = (1 - wrong) K p + wrong, and its first part, of one modality.

    p is softmax(score / temperature) over the K speakers that have a prototype, and `wrong` the share of
    vectors that are somebody else's and say nothing about the speaker. L lies between `wrong` and K, so
    no vector rules a speaker out. Without a prototype of a speaker, L is 1: the vector says nothing.

    A larger K makes vectors count more beside the share that says nothing. Enrolment keeps the K of
    training (`speakers`), so that a newcomer to whom no vector is like changes nothing between the others.

    Args:
        score: [B, C], `UNKNOWN` where a speaker has no prototype.
        temperature: a single number.
        wrong: share of the vectors.
        speakers: K; 0 counts the prototypes.
    """
    known = score > UNKNOWN
    number = speakers or known.sum(dim=-1, keepdim=True)
    own = (1 - wrong) * number * (score / temperature).softmax(dim=-1)
    own = own * known
    return torch.where(known, own + wrong, 1.0).clamp(min=1e-12), own


def weighted_mean(
    c_f: Tensor,
    c_a: Tensor,
    face_present: Tensor,
    voice_present: Tensor,
    options: PrototypeConfig | PrototypeOptions,
) -> FusedScores:
    """Fuse scores [B, C] by their mean, weighted by (best score) ** power, times `voice_weight`.

    A speaker with a prototype of one modality gets the score of that one; without any, `UNKNOWN`.
    Arguments as in `fuse_posteriors`; missing vectors have no influence.
    """
    c_f, c_a = hide_missing(c_f, face_present), hide_missing(c_a, voice_present)
    r_f = fixed_reliability(c_f, options.power) * face_present
    r_a = fixed_reliability(c_a, options.power) * options.voice_weight * voice_present
    return FusedScores(score=weighted_score(c_f, c_a, r_f, r_a), r_f=r_f, r_a=r_a)


def fixed_reliability(score: Tensor, power: float) -> Tensor:
    """Return (best score) ** power [B] of the scores [B, C] of one modality.

    A vector near no prototype is a bad picture, a noise or an impostor.
    """
    return score.amax(dim=-1).clamp(min=LEAST) ** power


def weighted_score(c_f: Tensor, c_a: Tensor, r_f: Tensor, r_a: Tensor) -> Tensor:
    """Return the mean [B, C] of the scores of face and voice [B, C], weighted by r [B] (eq. 11).

    A speaker with a prototype of one modality gets the score of that one; without any, `UNKNOWN`.
    """
    w_f, w_a = r_f[:, None] * (c_f > UNKNOWN), r_a[:, None] * (c_a > UNKNOWN)
    total = w_f + w_a
    score = (w_f * c_f + w_a * c_a) / total.clamp(min=1e-9)
    return score.masked_fill(total <= 0, UNKNOWN)


def hide_missing(score: Tensor, present: Tensor) -> Tensor:
    """Return scores [B, C] with `UNKNOWN` in the rows that are not present [B]."""
    return torch.where(present[:, None], score, UNKNOWN)
