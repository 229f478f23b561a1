"""Fusion of the scores of face and voice by fixed reliabilities; nothing here is learned."""

from __future__ import annotations

import torch
from torch import Tensor

from mraf.prototypes.options import PrototypicalConfig, PrototypicalOptions

UNKNOWN = -1e4
"""The score of a speaker who has no prototype of a modality, or of a missing modality."""


def fuse_scores(
    c_f: Tensor,
    c_a: Tensor,
    face_present: Tensor,
    voice_present: Tensor,
    options: PrototypicalConfig | PrototypicalOptions,
) -> tuple[Tensor, Tensor, Tensor]:
    """Fuse the scores [B, C] of face and voice, weighted by fixed reliabilities.

    Args:
        c_f: [B, C], scores of the faces, `UNKNOWN` where a speaker has no prototype.
        c_a: [B, C], scores of the voices, likewise.
        face_present: [B] bool.
        voice_present: [B] bool.
        options: `voice_weight` and `power`; reliability is (best score) ** power.

    Returns:
        The fused scores [B, C] and the reliabilities r_f [B] and r_a [B], 0 where missing.
    """
    r_f = fixed_reliability(c_f, options.power) * face_present
    r_a = fixed_reliability(c_a, options.power) * options.voice_weight * voice_present
    return weighted_score(c_f, c_a, r_f, r_a), r_f, r_a


def fixed_reliability(score: Tensor, power: float) -> Tensor:
    """Return the reliability [B] of a modality, (best score) ** power, from its scores [B, C].

    It stands for eq. 10: a vector near no prototype is a bad picture, a noise or an impostor.
    """
    return score.amax(dim=-1).clamp(min=0.05) ** power


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
