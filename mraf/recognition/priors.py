"""The weights of the decision before any clip is seen, by encoder."""

from __future__ import annotations

import torch
from torch import Tensor

PRIOR_WEIGHT = torch.tensor(
    [[10.0, 5.0, 6.0, 3.0, 0.0], [0.0, 0.0, 12.0, 8.0, 0.0], [12.0, 8.0, 0.0, 0.0, 0.0]]
)
"""[3, S]"""
PRIOR_BIAS = torch.tensor([-9.0, -7.0, -9.0])
PRIOR_THRESHOLD = 0.9


def prior() -> tuple[Tensor, Tensor, Tensor]:
    """Return weight [3, S], bias [3] and threshold [3] of the decision without any clip."""
    return PRIOR_WEIGHT.clone(), PRIOR_BIAS.clone(), torch.full((3,), PRIOR_THRESHOLD)
