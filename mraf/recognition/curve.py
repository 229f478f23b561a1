"""Rates of open-set identification, at a threshold and over all thresholds.

A clip of an enrolled person is named right, named wrong or left unknown; a stranger's clip is named or
not. The share of the enrolled people's clips that are named right (the speaker ranks first and is
accepted) is the detection and identification rate, that of the strangers' clips that are named the
false-alarm rate: P. J. Phillips, P. Grother and R. Micheals, "Evaluation methods in face recognition",
Handbook of Face Recognition, Springer 2011; one less the former and the latter are FNIR and FPIR at
rank 1 in NIST's FRVT 1:N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mraf.errors import UsageError

_DECADE = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
FALSE_ALARMS = (0.0, *(round(n * s, 6) for s in (0.001, 0.01, 0.1) for n in _DECADE), 1.0)
"""False-alarm rates at which a curve is stated in few numbers: 0, 0.1 % and up to all."""


@dataclass(frozen=True, kw_only=True)
class KnownRates:
    """Shares of the clips of enrolled people, which sum to 1."""

    right: float
    wrong: float
    unknown: float
    clips: int
    speakers: int


@dataclass(frozen=True, kw_only=True)
class StrangerRates:
    """The share of the clips of people who are not enrolled that got a name."""

    named: float
    clips: int
    speakers: int


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The detection and identification rate over the false-alarm rate, both rising.

    A step function: between two points the rates of the lower one hold. The last point accepts every score.
    """

    false_alarm: NDArray[np.float64]  # [P], from 0 to 1
    identified: NDArray[np.float64]  # [P]
    threshold: NDArray[np.float64]  # [P], falling; a score above it is accepted

    def at(self, false_alarm: float) -> float:
        """Return the detection and identification rate where at most this share of strangers is named."""
        return float(self.identified[self._point(false_alarm)])

    def sampled(self, false_alarms: Sequence[float] = FALSE_ALARMS) -> Curve:
        """Return the curve at a few false-alarm rates."""
        points = [self._point(each) for each in false_alarms]
        return replace(
            self,
            false_alarm=np.array(false_alarms, np.float64),
            identified=self.identified[points],
            threshold=self.threshold[points],
        )

    def _point(self, false_alarm: float) -> int:
        if not 0 <= false_alarm <= 1:
            raise UsageError(f"A false-alarm rate is from 0 to 1, not {false_alarm}.")
        # A share such as 3 of 100 must not miss 0.03 by rounding.
        return int(np.searchsorted(self.false_alarm, false_alarm + 1e-12, side="right")) - 1


def curve(
    known: ArrayLike,
    right: ArrayLike,
    strangers: ArrayLike,
    *,
    known_weight: ArrayLike | None = None,
    stranger_weight: ArrayLike | None = None,
) -> Curve:
    """Return the curve of scores: the higher, the rather is the person enrolled.

    Args:
        known: scores [N] of clips of enrolled people; NaN is never accepted.
        right: [N] bool: the person who scores best is the right one.
        strangers: scores [M] of strangers' clips; NaN is never accepted.
        known_weight: [N], what a clip counts; 1 each by default.
        stranger_weight: [M], likewise; see `per_speaker`.

    Raises:
        UsageError: there is no clip of the one kind or the other, or lengths differ.
    """
    k, r = _scores(known), np.asarray(right, bool)
    s = _scores(strangers)
    if not len(k) or not len(s):
        raise UsageError("A curve needs scores of known people and of strangers.")
    if r.shape != k.shape:
        raise UsageError(f"There are {len(k)} scores of known people and {r.size} answers.")
    w_k, w_s = _weights(known_weight, len(k)), _weights(stranger_weight, len(s))
    levels, where = np.unique(s, return_inverse=True)
    mass = np.bincount(where, w_s, minlength=len(levels))[::-1]
    # Thresholds: each score of a stranger, who is just refused then, and one that accepts every score.
    threshold = np.append(levels[::-1], -np.inf)
    false_alarm = np.append(0.0, np.cumsum(mass))
    if np.isneginf(levels[0]):  # of clips without a score
        threshold, false_alarm = threshold[:-1], false_alarm[:-1]
    right_scores, of_right = k[r], w_k[r]
    order = np.argsort(right_scores)
    at_least = np.append(np.cumsum(of_right[order][::-1])[::-1], 0.0)  # from each on upwards
    first = np.searchsorted(right_scores[order], threshold, side="right")
    identified = at_least[first]
    return Curve(
        false_alarm=np.clip(false_alarm, 0.0, 1.0),
        identified=np.clip(identified, 0.0, 1.0),
        threshold=threshold,
    )


def known_rates(
    accepted: ArrayLike, right: ArrayLike, speaker: ArrayLike | None = None
) -> KnownRates | None:
    """Return the shares of N clips of enrolled people; None without a clip.

    Args:
        accepted: [N] bool: the clip got a name.
        right: [N] bool: the name, or the best candidate, is right.
        speaker: [N], to count them; 0 speakers where it is None.
    """
    a, r = np.asarray(accepted, bool), np.asarray(right, bool)
    if not len(a):
        return None
    return KnownRates(
        right=float((a & r).mean()),
        wrong=float((a & ~r).mean()),
        unknown=float((~a).mean()),
        clips=len(a),
        speakers=_number(speaker),
    )


def stranger_rates(accepted: ArrayLike, speaker: ArrayLike | None = None) -> StrangerRates | None:
    """Return the share of M strangers' clips that got a name, from a mask [M]; None without a clip."""
    a = np.asarray(accepted, bool)
    if not len(a):
        return None
    return StrangerRates(named=float(a.mean()), clips=len(a), speakers=_number(speaker))


def per_speaker(speaker: ArrayLike) -> NDArray[np.float64]:
    """Return weights [N], sum 1, by which every speaker counts the same, however many clips there are."""
    _, index, number = np.unique(np.asarray(speaker), return_inverse=True, return_counts=True)
    return 1 / (number[index] * max(1, len(number)))


def _scores(values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, np.float64)
    return np.where(np.isnan(found), -np.inf, found)


def _weights(values: ArrayLike | None, number: int) -> NDArray[np.float64]:
    found = np.ones(number) if values is None else np.asarray(values, np.float64)
    if found.shape != (number,):
        raise UsageError(f"There are {number} scores and {found.size} weights.")
    return found / found.sum()


def _number(speaker: ArrayLike | None) -> int:
    return 0 if speaker is None else len(np.unique(np.asarray(speaker)))
