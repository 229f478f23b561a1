"""The rates that training measures: what the decision names right, wrong and not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mraf.inference.calibration import calibration_error_of
from mraf.inference.prediction import MODALITIES
from mraf.recognition.curve import curve, known_rates, stranger_rates
from mraf.recognition.recogniser import Recogniser

RESAMPLED = 500


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The answers to M trials, by a decision that was fitted to other speakers."""

    known: NDArray[np.bool_]  # [M], the person is in the gallery
    right: NDArray[np.bool_]  # [M], and is the one named
    speaker: NDArray[np.int64]  # [M]
    logit: NDArray[np.float64]  # [M]
    accepted: NDArray[np.bool_]  # [M], the clip got a name


def report(
    measured: Sequence[Decided | None], recogniser: Recogniser, *, false_names: float, by: str
) -> dict[str, Any]:
    """Return what was measured, as JSON: `false_names`, `by`, and an object for each of `MODALITIES`.

    Each object has the `threshold` of the probability `known`; one of 1 is never reached. Where clips could be held out, it has
    `known` and `strangers` (`mraf.recognition.curve`: rates at the threshold, numbers of clips and
    speakers; `error`, the standard error of the share of strangers named), `calibration_error` of
    `known`, and `curve` (`false_alarm`, `identified`; `threshold`, a logit).

    Args:
        measured: for each of `MODALITIES`.
        recogniser: of the model, fitted.
        false_names: share of strangers' clips that may be named.
        by: of what the strangers were made.
    """
    found: dict[str, Any] = {"false_names": false_names, "by": by}
    threshold = recogniser.threshold.tolist()
    for column, (name, decided) in enumerate(zip(MODALITIES, measured, strict=True)):
        found[name] = {"threshold": threshold[column]}
        if decided is not None:
            found[name].update(_rates(decided))
    return found


def _rates(decided: Decided) -> dict[str, Any]:
    known, strangers = decided.known, ~decided.known
    found: dict[str, Any] = {}
    of_known = known_rates(decided.accepted[known], decided.right[known], decided.speaker[known])
    if of_known is not None:
        found["known"] = asdict(of_known)
    named = stranger_rates(decided.accepted[strangers], decided.speaker[strangers])
    if named is not None:
        error = share_error(decided.accepted[strangers], decided.speaker[strangers])
        found["strangers"] = {**asdict(named), "error": error}
    if of_known is not None and named is not None:
        found["calibration_error"] = _calibration_error(decided)
        steps = curve(
            decided.logit[known], decided.right[known], decided.logit[strangers]
        ).sampled()
        finite = np.where(np.isfinite(steps.threshold), steps.threshold, np.nan)
        found["curve"] = {
            "false_alarm": steps.false_alarm.tolist(),
            "identified": steps.identified.tolist(),
            "threshold": [None if np.isnan(each) else float(each) for each in finite],
        }
    return found


def share_error(accepted: NDArray[np.bool_], speaker: NDArray[np.int64]) -> float:
    """Return the standard error of a share of clips [M], as it varies with the speakers drawn.

    Where no clip is accepted, it is what one clip of one speaker would make.
    """
    _, who = np.unique(speaker, return_inverse=True)
    number = int(who.max()) + 1
    clips = np.bincount(who, minlength=number)
    hits = np.bincount(who, accepted, minlength=number)
    if not hits.any():
        return float(1 / max(number, 1))
    drawn = np.random.default_rng(0).integers(number, size=(RESAMPLED, number))
    shares = hits[drawn].sum(axis=1) / clips[drawn].sum(axis=1)
    return float(shares.std())


def _calibration_error(decided: Decided) -> float:
    """Return the expected calibration error of `known`, as if half of the clips were of known people."""
    errors = []
    random = np.random.default_rng(0)
    p = 1 / (1 + np.exp(-np.clip(decided.logit, -500, 500)))
    number = min(decided.known.sum(), (~decided.known).sum())
    for kind in (True, False):
        errors.append(random.permutation(np.flatnonzero(decided.known == kind))[:number])
    index = np.concatenate(errors)
    answer = p[index] >= 0.5
    confidence = np.where(answer, p[index], 1 - p[index])
    return calibration_error_of(confidence, answer == decided.known[index])
