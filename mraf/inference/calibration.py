"""Calibration of probabilities: temperature scaling and the expected calibration error (ECE).

Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

BOUNDS = (1e-3, 1e3)
"""The lowest and the highest temperature that `temperature` returns."""

BINS = 15
"""The number of equal intervals of confidence in the expected calibration error."""


class Temperatures(nn.Module):
    """The temperatures of a model's logits: one each for both modalities, voice alone, face alone.

    They are fitted after training. To divide a clip's scores by one changes no ranking.
    """

    value: Tensor  # [3]

    def __init__(self, both: float = 1.0, voice: float = 1.0, face: float = 1.0) -> None:
        super().__init__()
        self.initial = (both, voice, face)  # the temperatures of training
        self.register_buffer("value", torch.tensor(self.initial))

    @property
    def fitted(self) -> bool:
        """True once any temperature differs from its initial value."""
        return self.value.tolist() != torch.tensor(self.initial).tolist()

    @contextmanager
    def as_in_training(self) -> Iterator[None]:
        """Set the initial values for the time of a `with` block."""
        fitted = self.value.clone()
        self.value.copy_(torch.tensor(self.initial))
        try:
            yield
        finally:
            self.value.copy_(fitted)

    def forward(self, face_present: Tensor, voice_present: Tensor) -> Tensor:
        """Return the temperatures [B, 1] for clips with these modalities (masks [B])."""
        # Positions in `value`: 0 for both, 1 for voice alone (and for neither), 2 for face alone.
        index = torch.where(face_present & voice_present, 0, torch.where(face_present, 2, 1))
        return self.value[index][:, None]


def temperature(logits: Tensor, label: Tensor) -> float:
    """Return the T for which softmax(logits / T) has the lowest cross-entropy; 1 without clips.

    Args:
        logits: [N, C], of clips that did not train the model.
        label: [N], index of the speaker.
    """
    if not len(label):
        return 1.0
    logits = logits.double()

    def loss(log_t: float) -> float:
        # Far below any loss but zero: where every clip is named right by a wide margin, the loss is
        # zero up to some temperature, and this term picks the highest, the least confident one.
        return float(F.cross_entropy(logits / math.exp(log_t), label)) - 1e-18 * log_t

    # The cross-entropy is convex in 1 / T, so it has one minimum in log T.
    low, high = map(math.log, BOUNDS)
    found = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    return math.exp(found.x)


def calibration_error(probability: NDArray[np.floating], label: NDArray[np.integer]) -> float:
    """Return the expected calibration error, 0 to 1; NaN where no clip has an answer.

    The clips are binned by their top probability. The error is the mean over the bins, weighted
    by their clips, of the gap between mean confidence and accuracy.

    Args:
        probability: [N, C], rows sum to 1; clips whose row is NaN are left out.
        label: [N], index of the speaker.
    """
    return calibration_error_of(*_answers(probability, label))


def calibration_error_of(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error of N answers; NaN without any.

    Args:
        confidence: [N], probability of the answer.
        right: [N].
    """
    if not len(right):
        return float("nan")
    return float(np.abs(_gaps(confidence, right)).sum() / len(right))


def confidence_gaps(
    probability: NDArray[np.floating], label: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the sum of confidence minus correctness over the clips of each bin, [BINS].

    Sums of several sets of clips add up to those of all their clips. The arguments are those of
    `calibration_error`.
    """
    return _gaps(*_answers(probability, label))


def _answers(
    probability: NDArray[np.floating], label: NDArray[np.integer]
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Return the confidence of each answer, and a mask of the right ones."""
    answered = ~np.isnan(probability).any(axis=1)
    probability, label = probability[answered], label[answered]
    return probability.max(axis=1), probability.argmax(axis=1) == label


def _gaps(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    # A confidence of exactly 1 belongs to the last bin.
    index = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return np.bincount(index, confidence - right, minlength=BINS).astype(np.float64)
