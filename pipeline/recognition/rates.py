"""Shares of known people and of strangers that a model names: on new clips, and as training measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mraf.pipeline.answers.people import of_face_and_voice
from mraf.types import Features, Posterior

if TYPE_CHECKING:
    from mraf.inference.prediction import Model
    from mraf.recognition.curve import Curve, KnownRates, StrangerRates

Rates = TypeVar("Rates", "KnownRates", "StrangerRates")

POINTS = 100
"""The number of points at which a curve is stated, at most, besides that of no false alarm."""

Points = dict[str, list[float | None]]
"""A curve in numbers: `false_alarm`, `identified` and, where it was kept, `threshold`: of the
probability, or of its logit where training measured it; None where everything is accepted."""


@dataclass(frozen=True, kw_only=True)
class OpenSet:
    """The decision on clips with some modalities: shares at the model's threshold, and all thresholds."""

    threshold: float | None  # of the probability that the person is enrolled
    known: "KnownRates | None"  # None without a clip of a known person
    strangers: "StrangerRates | None"  # None without a stranger's clip
    curve: Points | None  # None without both
    error: float | None = None  # standard error of the share of strangers named, where it was kept


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The decisions on N clips."""

    score: (
        np.ndarray
    )  # [N], the probability that the person is enrolled; NaN where nothing is compared
    probability: np.ndarray  # [N], of the most probable speaker, given that the person is enrolled
    best: np.ndarray  # [N], that speaker's index
    accepted: np.ndarray  # [N] bool: gets a name
    possible: np.ndarray  # [N] bool: the model can tell known people from strangers


def decided(model: "Model", clips: Features) -> Decided:
    """Return a model's decisions on clips [N], as `mraf identify` makes them of clear speech."""
    from mraf.inference.prediction import predict, references_of

    whole = predict(model, clips)
    score = np.full(len(clips), np.nan) if whole.known is None else whole.known.copy()
    probability, accepted = whole.probability.copy(), whole.is_known.copy()
    both = clips.face_present & clips.voice_present
    some, references = clips.take(both), references_of(model)
    alone = [predict(model, each) for each in (some.without_voice(), some.without_face())]
    for at, clip in enumerate(np.flatnonzero(both).tolist()):
        rows = _stacked([(whole, clip), *((each, at) for each in alone)])
        answer = of_face_and_voice(rows, np.inf, None, references)
        score[clip] = np.nan if answer.known is None else answer.known
        probability[clip], accepted[clip] = answer.probability, not answer.unknown
    possible = np.isfinite(score)
    return Decided(
        score=score,
        probability=probability.max(axis=1, initial=0.0),
        best=np.nan_to_num(probability).argmax(axis=1),
        accepted=accepted & possible,
        possible=possible,
    )


def _stacked(rows: Sequence[tuple[Posterior, int]]) -> Posterior:
    """Return rows of posteriors, each with its index, as one."""

    def column(name: str) -> np.ndarray:
        return np.stack([getattr(posterior, name)[row] for posterior, row in rows])

    can = all(posterior.known is not None for posterior, _ in rows)
    return Posterior(
        probability=column("probability"),
        face_weight=column("face_weight"),
        voice_weight=column("voice_weight"),
        known=column("known") if can else None,
        threshold=column("threshold") if can else None,
    )


def showing(clips: Features, modalities: str) -> np.ndarray:
    """Return a mask [N] of the clips that have all modalities of a key of `MODALITIES`."""
    from mraf.inference.prediction import MODALITIES

    face, voice = MODALITIES[modalities]
    mask: np.ndarray = (clips.face_present | (not face)) & (clips.voice_present | (not voice))
    return mask


def only(clips: Features, modalities: str) -> Features:
    """Return clips with everything hidden but the modalities of a key of `MODALITIES`."""
    from mraf.inference.prediction import MODALITIES

    face, voice = MODALITIES[modalities]
    clips = clips if face else clips.without_face()
    return clips if voice else clips.without_voice()


def measured(model: "Model", clips: Features, speaker: np.ndarray) -> dict[str, OpenSet]:
    """Return the decisions on clips that did not train a model, by `MODALITIES`.

    Modalities that no clip has, or that the model cannot decide by, are left out.

    Args:
        model: with its decision fitted.
        clips: N clips, with the label -1 where the speaker is not enrolled.
        speaker: [N], names.
    """
    from mraf.inference.prediction import MODALITIES
    from mraf.recognition.curve import curve, known_rates, stranger_rates

    found = {}
    for column, modalities in enumerate(MODALITIES):
        shown = showing(clips, modalities)
        some, who = only(clips.take(shown), modalities), speaker[shown]
        given = decided(model, some)
        if not given.possible.any():
            continue
        known, right = some.label >= 0, given.best == some.label
        both = known.any() and not known.all()
        found[modalities] = OpenSet(
            threshold=float(model.recogniser.threshold[column]),
            known=known_rates(given.accepted[known], right[known], who[known]),
            strangers=stranger_rates(given.accepted[~known], who[~known]),
            curve=points(curve(given.score[known], right[known], given.score[~known]))
            if both
            else None,
        )
    return found


def kept(metrics: Mapping[str, Any]) -> dict[str, OpenSet]:
    """Return the decisions that training measured by leaving speakers out, as a model folder has them.

    Figures that are not in the folder, or in another form, are left out.
    """
    from mraf.inference.prediction import MODALITIES
    from mraf.recognition.curve import KnownRates, StrangerRates

    found = {}
    stored = metrics.get("recognition")
    for name in MODALITIES:
        values = stored.get(name) if isinstance(stored, Mapping) else None
        if not isinstance(values, Mapping):
            continue
        try:
            known, strangers = (values.get(kind) or {} for kind in ("known", "strangers"))
            found[name] = OpenSet(
                threshold=values.get("threshold"),
                known=_rates(KnownRates, known) if known else None,
                strangers=_rates(StrangerRates, strangers) if strangers else None,
                curve=values.get("curve") or None,
                error=strangers.get("error"),
            )
        except (AttributeError, TypeError, KeyError):  # made by another version
            continue
    return {name: each for name, each in found.items() if each.known or each.strangers}


def _rates(kind: type[Rates], values: Mapping[str, Any]) -> Rates:
    """Return rates from JSON, which may hold more."""
    return kind(**{each.name: values[each.name] for each in fields(kind)})


def points(rising: "Curve") -> Points:
    """Return a curve in numbers: all its points, or of many those at rates in equal ratios."""
    if len(rising.false_alarm) > POINTS:
        least = rising.false_alarm[rising.false_alarm > 0][0]
        grid = np.append(0.0, np.geomspace(least, 1.0, POINTS)).clip(max=1.0)
        rising = rising.sampled(np.unique(grid).tolist())
    return {
        "false_alarm": rising.false_alarm.tolist(),
        "identified": rising.identified.tolist(),
        "threshold": [each if np.isfinite(each) else None for each in rising.threshold.tolist()],
    }
