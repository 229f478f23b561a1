"""What is measured of one trained model, and the figures of many taken together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf.pipeline.evaluation import SETTINGS, score
from mraf.pipeline.modes import probabilities
from mraf.types import Features

if TYPE_CHECKING:
    from mraf.prediction import Network

WHOLE = "whole"
"""The part of a seed that trains on the whole training language; the others are folds 0, 1, ..."""

WRONG_FACES = 0.2
"""Share of the faces that are exchanged to see what a model does where the face is not the speaker's."""


@dataclass(frozen=True)
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
    wrong_faces: dict[str, float]  # P3 and P5 with every fifth face another speaker's; likewise
    # Mean calibration error over the settings, before and after the temperatures were fitted; None
    # where none were.
    calibration_before: float | None
    calibration_after: float | None
    seeds: int
    seconds: float  # of one fit of the whole training language, mean


def measure(
    model: "Network", test: Features, names: tuple[str, str], modes: Sequence[str], seed: int
) -> dict[str, Any]:
    """By mode and setting the clips, the right answers and, in `single`, more about them.

    Args:
        model: that none of the clips trained.
        test: clips of one language.
        names: the settings, with the face and without it.
        modes: of `mraf.pipeline.modes.MODES`.
        seed: of the faces that are exchanged.

    """
    found: dict[str, Any] = {}
    for mode in modes:
        answer = probabilities(model, [test], mode)[0]
        for name, probability in zip(names, answer, strict=True):
            result = score(test, probability, face=SETTINGS[name][1])
            right = round((result.accuracy or 0) * result.n)
            found.setdefault(mode, {})[name] = {"n": result.n, "right": right}
    if "single" in modes:
        for name in names:
            found["single"][name] |= _calibration(model, test, face=SETTINGS[name][1])
        found["single"][names[0]] |= _with_wrong_faces(model, test, seed)
    return found


def pool(name: str, mode: str, seeds: Sequence[dict[int | str, dict[str, Any]]]) -> Score:
    """The figures of one spec in one mode from what `measure` found.

    `seeds` holds for each seed its parts, and for each part `seconds` and `settings`.
    """
    by_seed = [_by_setting(mode, parts.values()) for parts in seeds]
    accuracy = {s: [_mean(each[s], "right", total=True) for each in by_seed] for s in SETTINGS}
    accuracy["mean"] = [
        _average(value for value in each if value is not None)
        for each in zip(*accuracy.values(), strict=True)
    ]
    pooled = {s: [part for each in by_seed for part in each[s]] for s in SETTINGS}
    everything = [part for each in pooled.values() for part in each]
    return Score(
        name,
        mode,
        {s: _average(v for v in each if v is not None) for s, each in accuracy.items()},
        {s: _deviation([v for v in each if v is not None]) for s, each in accuracy.items()},
        {s: sum(part["n"] for part in each) for s, each in by_seed[0].items()},
        _known({s: _mean(each, "loss") for s, each in pooled.items()}),
        _known({s: _mean(each, "wrong_faces") for s, each in pooled.items()}),
        _mean(everything, "before"),
        _mean(everything, "after"),
        len(seeds),
        float(np.mean([parts[WHOLE]["seconds"] for parts in seeds])),
    )


def _calibration(model: "Network", test: Features, face: bool) -> dict[str, float]:
    """Cross-entropy, and where temperatures were fitted the error with and without them."""
    import torch.nn.functional as F

    from mraf.calibration import calibration_error
    from mraf.network.batches import Batch
    from mraf.prediction import answers

    logits, label = answers(model, Batch.of(test, "cpu"), "face_voice" if face else "voice")
    if not len(label):
        return {}
    fitted = logits / model.temperature.value[0 if face else 1]
    found = {"loss": float(F.cross_entropy(fitted.double(), label))}
    if model.temperature.fitted:
        unscaled = logits / model.temperature.initial
        for name, each in (("before", unscaled), ("after", fitted)):
            found[name] = calibration_error(each.softmax(dim=-1).numpy(), label.numpy())
    return found


def _with_wrong_faces(model: "Network", test: Features, seed: int) -> dict[str, float]:
    """Accuracy on the clips with both, every fifth of them with the face of another speaker."""
    from mraf.prediction import predict

    clips = test.take(test.face_present & test.voice_present)
    random = np.random.default_rng(seed)
    face = clips.face.copy()
    for index in np.flatnonzero(random.random(len(clips)) < WRONG_FACES):
        strangers = np.flatnonzero(clips.label != clips.label[index])
        if len(strangers):
            face[index] = clips.face[random.choice(strangers)]
    result = score(clips, predict(model, replace(clips, face=face)).probability)
    return {} if result.accuracy is None else {"wrong_faces": result.accuracy}


def _by_setting(mode: str, parts: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """For each setting what the parts found of it, without parts that have no clip of it."""
    settings = [part["settings"][mode] for part in parts]
    return {s: [each[s] for each in settings if s in each and each[s]["n"]] for s in SETTINGS}


def _mean(parts: list[dict[str, Any]], key: str, total: bool = False) -> float | None:
    """The mean over the clips of all parts of a figure that is a mean, or a total, of each."""
    known = [part for part in parts if key in part]
    if not known:
        return None
    clips = sum(part["n"] for part in known)
    return float(sum(part[key] * (1 if total else part["n"]) for part in known) / clips)


def _average(values: Iterable[float]) -> float | None:
    found = list(values)
    return float(np.mean(found)) if found else None


def _deviation(values: list[float]) -> float | None:
    if not values:
        return None
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _known(figures: dict[str, float | None]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if value is not None}
