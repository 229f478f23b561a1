"""The answer where face and voice, each alone, are two different people's, enrolled or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TWO_PEOPLE = 0.05
"""Probability, before the clip is looked at, that its face is one person's and its voice another's."""
VOICE_SHARE = 0.75
"""Share of the voice in the answer for two people: it is asked who speaks."""


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """An answer that allows for two people."""

    probability: NDArray[np.float64]  # [C], sums to 1
    two: float  # probability that face and voice are two people's

    @property
    def told(self) -> bool:
        """Whether two people are more likely than one."""
        return self.two > 0.5


def reconcile(
    fused: NDArray[np.floating], face: NDArray[np.floating], voice: NDArray[np.floating]
) -> Reconciled:
    """Return the posterior of a clip that may show one person and let another be heard.

    If face and voice are one person's, what was seen and heard is C * sum_c p_face(c) p_voice(c) times
    as likely as if they are two people's. With a prior for the latter this gives its probability `two`,
    and the answer is (1 - two) * fused + two * (a mixture of voice alone and face alone). Where one of
    the two is undecided that factor is 1 or more, and little changes; where the two agree in the first
    place the answer is `fused`.

    Args:
        fused: `[C]`, the model's posterior.
        face: `[C]`, that of the face alone; NaN where the model has not learned it.
        voice: `[C]`, that of the voice alone, likewise.
    """
    both = np.asarray(face, np.float64), np.asarray(voice, np.float64)
    exact = np.asarray(fused, np.float64)
    if not np.isfinite(both).all() or both[0].argmax() == both[1].argmax():
        return Reconciled(probability=exact, two=0.0)
    alike = len(exact) * float(both[0] @ both[1])
    two = TWO_PEOPLE / (TWO_PEOPLE + (1 - TWO_PEOPLE) * alike)
    apart = VOICE_SHARE * both[1] + (1 - VOICE_SHARE) * both[0]
    return Reconciled(probability=(1 - two) * exact + two * apart, two=two)


def stranger(known: float) -> bool:
    """Return whether a face or voice is likelier another person's than that of the other modality's person.

    The other modality is of an enrolled person. What was seen or heard is known / (1 - known) times as likely
    for an enrolled person as for a stranger, and `TWO_PEOPLE` says how often that is another one.
    """
    return TWO_PEOPLE * (1 - known) > (1 - TWO_PEOPLE) * known
