"""The decision before any clip is seen.

It rules where few speakers were trained, and is what training draws the weights to. Cosines and
thresholds are what `benchmarks/priors.py` printed, rounded. Weights are its too, but a fit that starts from
weights set by hand and is held near them, so they have moved little. `LEVEL` and `UNKNOWN_ENCODER` are guesses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mraf.recognition.likeness import Likeness


@dataclass(frozen=True, kw_only=True)
class Cosines:
    """The mean cosine of a clip to a prototype of the same person and of a different one."""

    same: float
    different: float

    @property
    def gap(self) -> float:
        """The difference, in units of which scores of encoders are alike."""
        return self.same - self.different


@dataclass(frozen=True, kw_only=True)
class EncoderCosines:
    """The cosines of an encoder's vectors as they are, and less the mean of the training recordings."""

    plain: Cosines
    centred: Cosines


# 2026-11-27, one shared core of an AMD EPYC; galleries of 2 to 8 people.
# FaceNet and ECAPA, and the weights and thresholds below: `benchmarks/priors.py WORKSPACE --draws 20` on the
# vectors of POLY-SIM v1, 70 people. dlib and CAM++: the same with `--draws 60` on videos of 8 people, no more; take
# them as a first idea.
FACES = {
    "facenet": EncoderCosines(
        plain=Cosines(same=0.81, different=0.11), centred=Cosines(same=0.76, different=0.03)
    ),
    "dlib": EncoderCosines(
        plain=Cosines(same=0.97, different=0.85), centred=Cosines(same=0.75, different=0.0)
    ),
}
VOICES = {
    "ecapa": EncoderCosines(
        plain=Cosines(same=0.69, different=0.10), centred=Cosines(same=0.70, different=0.02)
    ),
    "campplus": EncoderCosines(
        plain=Cosines(same=0.62, different=0.12), centred=Cosines(same=0.51, different=0.0)
    ),
}
UNKNOWN_ENCODER = EncoderCosines(
    plain=Cosines(same=0.95, different=0.60), centred=Cosines(same=0.85, different=0.15)
)
"""Cautious: of an encoder that was not measured, little counts as the same person."""

# Of signals in units of `Cosines.gap`, 0 at `different`.
WEIGHT = ((7.5, 5.5, 2.9, 2.9, 4.2), (0.0, 0.0, 3.7, 3.7, 4.0), (6.6, 6.6, 0.0, 0.0, 0.0))
BIAS = (-12.2, -6.2, -7.9)
THRESHOLD = (1.3, 1.1, 1.6)
"""Logits that 1 % of strangers' clips reach, in galleries of 2 to 8 people."""
TAIL = (0.75, 0.75, 0.75)
"""Logits by which the threshold rises where 1 / e of that share is allowed."""
LEVEL = 0.2
"""The least score of a cohort that counts, in the same units."""


@dataclass(frozen=True, kw_only=True)
class Prior:
    """The decision without any clip, of one pair of encoders."""

    weight: Tensor  # [3, S]
    bias: Tensor  # [3]
    level: Tensor  # [2]
    likeness: Likeness

    def threshold(self, false_names: float) -> Tensor:
        """Return the logits [3] above which that share of strangers' clips is named."""
        share = math.log(0.01 / false_names)
        return torch.tensor([t + share * each for t, each in zip(THRESHOLD, TAIL, strict=True)])


def prior_of(encoders: tuple[str | None, str | None] = (None, None), *, centred: bool) -> Prior:
    """Return the decision without any clip.

    Args:
        encoders: names of the face and the voice encoder; one that was not measured counts as unknown.
        centred: the model subtracts the mean of its training recordings.
    """
    face = FACES.get(encoders[0] or "", UNKNOWN_ENCODER)
    voice = VOICES.get(encoders[1] or "", UNKNOWN_ENCODER)
    scores = [each.centred if centred else each.plain for each in (face, voice)]
    of_signals = [scores[0], scores[0], scores[1], scores[1], voice.plain]
    weight = torch.tensor(WEIGHT) / torch.tensor([each.gap for each in of_signals])
    # Margins are differences: no level of their own.
    zero = torch.tensor(
        [0.0 if index in (1, 3) else each.different for index, each in enumerate(of_signals)]
    )
    return Prior(
        weight=weight,
        bias=torch.tensor(BIAS) - weight @ zero,
        likeness=Likeness.of(encoders),
        level=torch.tensor([each.different + LEVEL * each.gap for each in scores]),
    )
