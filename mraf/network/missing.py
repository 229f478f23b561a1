"""What stands in for a missing face or voice: the ways compared in Table 4 of the paper.

`learned`, the paper's own (eq. 9), and `zero` are one vector for all clips, which the encoder of a
modality holds itself. `completion` and `memory` make one for each clip, out of the vector of the
modality that is there; both are trained to resemble the real vector on clips that have both.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def predictor(kind: str, dim: int, other_dim: int) -> nn.Module | None:
    """What predicts unit vectors [B, dim] from unit vectors [B, other_dim] of the other modality.

    None where one vector serves all clips.
    """
    if kind == "completion":
        return Completion(dim, other_dim)
    if kind == "memory":
        return MemoryBank(dim, other_dim)
    return None


class Completion(nn.Module):
    """Completion from the other modality: a perceptron with one hidden layer."""

    def __init__(self, dim: int, other_dim: int, hidden: int = 512) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(other_dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))

    def forward(self, other: Tensor) -> Tensor:
        """Unit vectors [B, dim] from unit vectors [B, other_dim]."""
        # Components near 1, which the layers are made for, in place of 1 / sqrt(other_dim).
        return F.normalize(self.layers(other * other.shape[-1] ** 0.5), dim=-1)


class MemoryBank(nn.Module):
    """Memory guided by the other modality: attention over M learned slots.

    A slot is a key in the other modality's space and a value in this one's.
    """

    def __init__(self, dim: int, other_dim: int, slots: int = 64) -> None:
        super().__init__()
        self.keys = nn.Parameter(F.normalize(torch.randn(slots, other_dim), dim=-1))
        self.values = nn.Parameter(F.normalize(torch.randn(slots, dim), dim=-1))
        self.sharpness = nn.Parameter(torch.tensor(10.0))  # of the softmax over cosines

    def forward(self, other: Tensor) -> Tensor:
        """Unit vectors [B, dim] from unit vectors [B, other_dim]."""
        cosine = other @ F.normalize(self.keys, dim=-1).T  # [B, M]
        return F.normalize((self.sharpness * cosine).softmax(dim=-1) @ self.values, dim=-1)


def completion_loss(predicted: Tensor, real: Tensor) -> Tensor:
    """1 - cosine of predicted [B, D] to real vectors [B, D], the mean over B clips; 0 without any."""
    each = 1 - F.cosine_similarity(predicted, real.detach(), dim=-1)
    return each.sum() / max(1, len(each))
