"""Measurements of one trained model, and the figures of many models pooled."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf.pipeline.evaluation import SETTINGS, score
from mraf.pipeline.modes import probabilities
from mraf.types import Features

if TYPE_CHECKING:
    from mraf.inference.prediction import Model

WHOLE = "whole"
"""The part of a seed that trains on the whole training language; the others are folds 0, 1, ..."""

WRONG_FACES = 0.2
"""Share of the faces that are exchanged for an impostor's, to measure the harm."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """The figures of a spec in a mode, by setting: P3 to P6, and their `mean`.

    A setting without clips has None, and is left out of the mean.
    """

    name: str
    mode: str
    accuracy: dict[str, float | None]  # means over seeds
    deviation: dict[str, float | None]  # standard deviations over seeds
    n: dict[str, int]  # clips
    loss: dict[str, float]  # cross-entropy, means over seeds; in mode `single` only
    wrong_faces: dict[str, float]  # P3 and P5 with every fifth face an impostor's; likewise
    # Expected calibration error over the clips of all settings and folds of a seed, mean over seeds;
    # before and after the temperatures were fitted. None where none were, and in other modes.
    calibration_before: float | None
    calibration_after: float | None
    seeds: int
    seconds: float  # of one fit of the whole training language, mean


def measure(
    model: "Model", test: Features, names: tuple[str, str], *, modes: Sequence[str], seed: int
) -> dict[str, Any]:
    """Return the clips and the right answers by mode and setting, with more figures in `single`.

    Args:
        model: that none of the clips trained.
        test: clips of one language.
        names: the settings, with the face and without it.
        modes: of `mraf.pipeline.modes.MODES`.
        seed: random seed of the exchanged faces.
    """
    figures: dict[str, Any] = {}
    for mode in modes:
        answers = probabilities(model, [test], mode)[0]
        for name, probability in zip(names, answers, strict=True):
            result = score(test, probability, face=SETTINGS[name][1])
            right = round((result.accuracy or 0) * result.n)
            figures.setdefault(mode, {})[name] = {"n": result.n, "right": right}
    if "single" in modes:
        for name in names:
            figures["single"][name] |= _calibration(model, test, face=SETTINGS[name][1])
        figures["single"][names[0]] |= _with_wrong_faces(model, test, seed)
    return figures


def pool(name: str, mode: str, seeds: Sequence[dict[int | str, dict[str, Any]]]) -> Score:
    """Pool the figures of one spec in one mode.

    `seeds` holds for each seed its parts, and for each part `seconds` and the result of `measure` as
    `settings`.
    """
    by_seed = [_by_setting(mode, parts.values()) for parts in seeds]
    accuracy = {s: [_mean(each[s], "right", total=True) for each in by_seed] for s in SETTINGS}
    accuracy["mean"] = [
        _average(value for value in each if value is not None)
        for each in zip(*accuracy.values(), strict=True)
    ]
    pooled = {s: [part for each in by_seed for part in each[s]] for s in SETTINGS}
    return Score(
        name=name,
        mode=mode,
        accuracy={s: _average(v for v in each if v is not None) for s, each in accuracy.items()},
        deviation={
            s: _deviation([v for v in each if v is not None]) for s, each in accuracy.items()
        },
        n={s: sum(part["n"] for part in each) for s, each in by_seed[0].items()},
        loss=_known({s: _mean(each, "loss") for s, each in pooled.items()}),
        wrong_faces=_known({s: _mean(each, "wrong_faces") for s, each in pooled.items()}),
        calibration_before=_calibration_error(by_seed, "gaps_before"),
        calibration_after=_calibration_error(by_seed, "gaps_after"),
        seeds=len(seeds),
        seconds=float(np.mean([parts[WHOLE]["seconds"] for parts in seeds])),
    )


def _calibration(model: "Model", test: Features, *, face: bool) -> dict[str, Any]:
    """Return the cross-entropy, and the confidence gaps with and without fitted temperatures."""
    import torch.nn.functional as F

    from mraf.inference.calibration import confidence_gaps
    from mraf.inference.prediction import fusion_logits
    from mraf.network.batches import Batch

    modalities = "face_voice" if face else "voice"
    logits, label = fusion_logits(model, Batch.of(test, "cpu"), modalities)
    if not len(label):
        return {}
    index = 0 if face else 1
    fitted = logits / model.temperature.value[index]
    figures: dict[str, Any] = {"loss": float(F.cross_entropy(fitted.double(), label))}
    if model.temperature.fitted:
        with model.temperature.as_in_training():
            logits, _ = fusion_logits(model, Batch.of(test, "cpu"), modalities)
            unscaled = logits / model.temperature.value[index]
        for name, each in (("gaps_before", unscaled), ("gaps_after", fitted)):
            gaps = confidence_gaps(each.softmax(dim=-1).numpy(), label.numpy())
            figures[name] = gaps.tolist()
    return figures


def _calibration_error(
    by_seed: Sequence[dict[str, list[dict[str, Any]]]], key: str
) -> float | None:
    """Return the calibration error over all clips of a seed, mean over seeds.

    The gaps of a bin are added before their sizes are taken: gaps of opposite signs in two folds
    cancel, as they do when the clips of both are binned together.
    """
    errors = []
    for settings in by_seed:
        parts = [part for each in settings.values() for part in each if key in part]
        if parts:
            gaps = np.sum([part[key] for part in parts], axis=0)
            errors.append(float(np.abs(gaps).sum() / sum(part["n"] for part in parts)))
    return _average(errors)


def _with_wrong_faces(model: "Model", test: Features, seed: int) -> dict[str, float]:
    """Return the accuracy on the clips with both, every fifth of them with an impostor's face."""
    from mraf.inference.prediction import predict

    clips = test.take(test.face_present & test.voice_present)
    random = np.random.default_rng(seed)
    face = clips.face.copy()
    for index in np.flatnonzero(random.random(len(clips)) < WRONG_FACES):
        impostors = np.flatnonzero(clips.label != clips.label[index])
        if len(impostors):
            face[index] = clips.face[random.choice(impostors)]
    result = score(clips, predict(model, replace(clips, face=face)).probability)
    return {} if result.accuracy is None else {"wrong_faces": result.accuracy}


def _by_setting(mode: str, parts: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return for each setting the figures of the parts that have clips of it."""
    settings = [part["settings"][mode] for part in parts]
    return {s: [each[s] for each in settings if s in each and each[s]["n"]] for s in SETTINGS}


def _mean(parts: list[dict[str, Any]], key: str, total: bool = False) -> float | None:
    """Return the mean over the clips of all parts; a part's figure is its mean, or its total."""
    known = [part for part in parts if key in part]
    if not known:
        return None
    clips = sum(part["n"] for part in known)
    return float(sum(part[key] * (1 if total else part["n"]) for part in known) / clips)


def _average(values: Iterable[float]) -> float | None:
    known = list(values)
    return float(np.mean(known)) if known else None


def _deviation(values: list[float]) -> float | None:
    if not values:
        return None
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _known(figures: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if value is not None}
