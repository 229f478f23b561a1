"""Are probabilities what they say? Temperature scaling and the expected calibration error.

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

BOUNDS = (1e-3, 1e3)


class Temperatures(nn.Module):
    """The temperatures of a model's logits: one each for both modalities, voice alone, face alone.

    They are fitted after training and change no ranking.
    """

    value: Tensor

    def __init__(self, initial: float = 1.0) -> None:
        super().__init__()
        self.initial = initial  # the temperature of training
        self.register_buffer("value", torch.full((3,), initial))

    @property
    def fitted(self) -> bool:
        """Whether any of them has left its initial value."""
        return bool((self.value != self.initial).any())

    def forward(self, face_present: Tensor, voice_present: Tensor) -> Tensor:
        """The temperatures [B, 1] of clips of which this is present (masks [B])."""
        index = torch.where(face_present & voice_present, 0, torch.where(face_present, 2, 1))
        return self.value[index][:, None]


def temperature(logits: Tensor, label: Tensor) -> float:
    """The T for which softmax(logits / T) has the smallest cross-entropy; 1 without clips.

    Args:
        logits: [N, C], of clips that did not train the model.
        label: [N], index of the speaker.

    """
    if not len(label):
        return 1.0
    logits = logits.double()
    # Convex in 1 / T, with one minimum: golden sections on its logarithm find it.
    low, high = np.log(BOUNDS)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(60):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if _loss(logits, label, a) < _loss(logits, label, b):
            high = b
        else:
            low = a
    return float(np.exp((low + high) / 2))


def calibration_error(
    probability: NDArray[np.floating], label: NDArray[np.integer], bins: int = 15
) -> float:
    """Expected calibration error (ECE): how far confidence is from accuracy, 0 to 1.

    Clips are put into `bins` equal intervals of their top probability; the gap between mean
    confidence and accuracy of each is averaged, weighted by its clips. Clips whose row is NaN are
    left out; without any clip the error is NaN.

    Args:
        probability: [N, C], rows sum to 1.
        label: [N].
        bins: number of intervals.

    """
    said = ~np.isnan(probability).any(axis=1)
    if not said.any():
        return float("nan")
    probability, label = probability[said], label[said]
    confidence = probability.max(axis=1)
    right = probability.argmax(axis=1) == label
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gap = np.bincount(index, confidence - right, minlength=bins)
    return float(np.abs(gap).sum() / len(label))


def _loss(logits: Tensor, label: Tensor, log_temperature: float) -> float:
    return float(F.cross_entropy(logits / float(np.exp(log_temperature)), label))
