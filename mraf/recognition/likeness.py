"""The least likeness of a clip to the person named, whatever a model has learned.

Centre, whitening and metric come from the training recordings. Of a few people they say little: whoever
is none of these is off the centre in the same direction, so strangers are alike, and a newcomer is like
all of them. The encoders' own vectors do not know whom a model was trained on: the log odds that clip and
prototype are one person's by these (`mraf.recognition.pairs`) must reach a least value too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from mraf.recognition.pairs import BOTH, FACE, VOICE

# By face and voice, the voice alone, the face alone. Chosen on POLY-SIM's v1 vectors, 4 draws of 5 and of 50 trained
# people, without and with 10 newcomers of two clips each (`benchmarks/newcomers.py`, 2026-11-27).
TRAINED = (3.0, 2.5, 3.0)
NEWCOMER = (3.0, 3.6, 3.6)
TAIL = 0.6
"""Log odds by which the least value rises where 1 / e of the share of false names is allowed."""
NUMBER = 10
"""The number of newcomers that the least values were chosen with."""
OFF = -1e4
"""The least value where nothing is asked."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """The log odds of plain cosines, and the least values that are asked of them."""

    odds: Tensor  # [7]: slope and bias of the face, of the voice; both weights and the bias of the two
    trained: Tensor  # [3], of people who trained, for 1 % of strangers' clips
    newcomer: Tensor  # [3], of people who came later

    @classmethod
    def of(cls, encoders: tuple[str | None, str | None]) -> Likeness:
        """Return the likeness that is asked with two encoders; nothing where one was not measured."""
        face, voice = encoders
        if face not in FACE or voice not in VOICE:
            return cls(
                odds=torch.zeros(7), trained=torch.full((3,), OFF), newcomer=torch.full((3,), OFF)
            )
        return cls(
            odds=torch.tensor([*FACE[face], *VOICE[voice], *BOTH]),
            trained=torch.tensor(TRAINED),
            newcomer=torch.tensor(NEWCOMER),
        )

    def least(self, false_names: float) -> Tensor:
        """Return the least values [2, 3], of trained people and of newcomers, for a share of false names."""
        return torch.stack([self.trained, self.newcomer]) + TAIL * math.log(0.01 / false_names)


def for_number(newcomers: Tensor) -> Tensor:
    """Return what is asked of newcomers beyond the least value, where there are more than `NUMBER`.

    A stranger is like the most alike of many by chance: the odds that it is one of them fall as their
    number grows. Trained people have the margin to the others for that.
    """
    return (newcomers.float() / NUMBER).clamp(min=1).log()


def log_odds(scores: Tensor, column: Tensor, odds: Tensor) -> Tensor:
    """Return the log odds [B] that clips and those they are named as are one person.

    Args:
        scores: [B, 6], of `mraf.recognition.signals.Compared`.
        column: [B], likewise.
        odds: [7], of `Likeness`.
    """
    by_face = odds[0] * scores[:, 5] + odds[1]
    by_voice = odds[2] * scores[:, 4] + odds[3]
    both = odds[4] * by_face + odds[5] * by_voice + odds[6]
    return torch.where(column == 0, both, torch.where(column == 1, by_voice, by_face))


def lowered(logit: Tensor, threshold: Tensor, room: Tensor) -> Tensor:
    """Return logits [B] that lie below the threshold [B] where the likeness is less than the least.

    `room` [B] is the likeness less the least. All three have one shape.
    """
    return torch.where(room < 0, torch.minimum(logit, threshold + room), logit)
