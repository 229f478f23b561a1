"""Evaluate: the four settings of POLY-SIM 2026 on clips that did not train the model."""

import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf.data.table.labels import FeatureLabels
from mraf.errors import MissingError, UsageError, choices
from mraf.pipeline.modes import MODES, probabilities
from mraf.pipeline.training.split import match_languages, recordings_of, to_features
from mraf.pipeline.training.train import dims_of, encoders_of_table
from mraf.pipeline.workspace import Workspace, write_text
from mraf.types import Features

if TYPE_CHECKING:
    from mraf.prediction import Model

log = logging.getLogger("mraf")

SETTINGS: dict[str, tuple[bool, bool]] = {
    # name: (in another language than the training clips, with the face)
    "P3": (False, True),
    "P4": (False, False),
    "P5": (True, True),
    "P6": (True, False),
}


@dataclass(frozen=True)
class Setting:
    """Top-1 accuracy on `n` clips; None where there is no such clip."""

    accuracy: float | None
    n: int


@dataclass(frozen=True)
class EvaluateReport:
    """How well a model names clips that it was not trained on.

    `settings` holds P3 to P6: P3 and P5 over the clips with face and voice, P4 and P6 over all
    clips with a voice, the face hidden; P3 and P4 in the languages of the training clips, P5 and P6
    in others. `more` holds the same by language, with the face alone, and clips as they come; only in
    mode `single`.
    """

    model: str
    mode: str
    settings: dict[str, Setting]
    more: dict[str, Setting]
    mean: float | None  # over the settings that have clips
    train_languages: tuple[str, ...]
    other_languages: tuple[str, ...]
    unknown_speakers: int  # clips left out because the model has no such speaker
    notes: tuple[str, ...]  # what to keep in mind when reading the figures
    seconds: float


def evaluate(
    workspace: Workspace | Path | str | None = None,
    model: str | None = None,
    mode: str = "single",
    other: str | None = None,
) -> EvaluateReport:
    """Evaluate a model on all clips of the table whose recordings did not train it.

    `mode` is one of `mraf.pipeline.modes.MODES`. `other` names the language of P5 and P6, by default all
    that did not train the model. Writes the report to `reports/<model>-<mode>.json` too, where that is possible.

    Raises:
        MissingError: there is no model, no table, or no clip left to evaluate on.
        UsageError: the table was made with other encoders than the model.
    """
    from mraf import checkpoint

    started = time.monotonic()
    if mode not in MODES:
        raise UsageError(f"There is no mode '{mode}' {choices(mode, MODES)}")
    workspace = Workspace.at(workspace)
    folder = workspace.model(model)
    loaded = checkpoint.load(folder)
    labels = workspace.table.labels()
    encoders = encoders_of_table(labels)
    check_encoders(loaded.meta, encoders, f"the features in {workspace.table.folder}", folder.name)
    unseen = unseen_clips(labels, loaded.meta)
    known = unseen & np.isin(np.array(labels.speaker, object), loaded.labels)
    if not known.any():
        raise MissingError(
            f"{folder}: every clip in the table trained this model, so nothing can be measured. Extract "
            "other recordings of its speakers, or train with --holdout 0.25."
        )
    features = to_features(labels, loaded.labels, dims_of(encoders), known)
    trained = set(loaded.meta.get("languages", []))
    language = np.array([labels.language[i] or "" for i in np.flatnonzero(known)], object)
    same = np.isin(language, list(trained))
    wanted = match_languages(labels, [other]) if other else None
    elsewhere = ~same if wanted is None else ~same & np.isin(language, list(wanted))
    settings = _settings(loaded.model, features.take(same), features.take(elsewhere), mode)
    scores = [each.accuracy for each in settings.values() if each.accuracy is not None]
    report = EvaluateReport(
        folder.name,
        mode,
        settings,
        _more(loaded.model, features, language) if mode == "single" else {},
        float(np.mean(scores)) if scores else None,
        tuple(sorted(trained)),
        tuple(sorted(set(language[elsewhere]))),
        int((unseen & ~known).sum()),
        _notes(loaded.meta, int(same.sum()), isinstance(loaded.metrics.get("epoch"), int)),
        time.monotonic() - started,
    )
    _write(workspace.reports / f"{folder.name}-{mode}.json", asdict(report))
    return report


def check_encoders(meta: dict[str, Any], encoders: str, what: str, model: str) -> None:
    """Raise UsageError unless a model's encoders are those of `what`."""
    if meta.get("encoders") != encoders:
        raise UsageError(
            f"The model '{model}' was trained on vectors of {meta.get('encoders')}, but {what} are of "
            f"{encoders}; they cannot be compared. Train a model on these features, or extract with "
            "the model's encoders into another workspace."
        )


def unseen_clips(labels: FeatureLabels, meta: dict[str, Any]) -> np.ndarray:
    """Which clips of named speakers did not train a model, nor any of their recording: `[N]` bool."""
    content = set(meta.get("trained_content", []))
    trained = {tuple(name) for name in meta.get("trained_recordings", [])}
    if meta.get("heldout_by") == "clip":
        trained = set()  # other clips of the same recordings were held out
    names = zip(recordings_of(labels), labels.source_hash, strict=True)
    return np.array(
        [name is not None and name not in trained and h not in content for name, h in names], bool
    )


def _settings(model: "Model", same: Features, elsewhere: Features, mode: str) -> dict[str, Setting]:
    """P3 to P6 of clips in the languages of training and in others."""
    answers = probabilities(model, [same, elsewhere], mode)
    return {
        name: score(
            (same, elsewhere)[in_other], answers[in_other][0 if with_face else 1], face=with_face
        )
        for name, (in_other, with_face) in SETTINGS.items()
    }


def score(
    clips: Features, probability: np.ndarray, face: bool = True, voice: bool = True
) -> Setting:
    """Top-1 accuracy over those of N clips that have what is asked for.

    `probability` is `[N, C]`; a row of NaN counts as wrong.
    """
    suits = (clips.face_present | (not face)) & (clips.voice_present | (not voice))
    if not suits.any():
        return Setting(None, 0)
    nothing = np.isnan(probability).any(axis=1)
    guess = np.where(nothing, -2, np.nan_to_num(probability).argmax(axis=1))
    return Setting(float((guess == clips.label)[suits].mean()), int(suits.sum()))


def _more(model: "Model", clips: Features, language: np.ndarray) -> dict[str, Setting]:
    """Each clip alone: as it comes, by its face alone, and by language."""
    from mraf.prediction import predict

    come = predict(model, clips).probability
    alone = predict(model, clips.without_voice()).probability
    more = {
        "as they come": score(clips, come, face=False, voice=False),
        "face only": score(clips, alone, voice=False),
    }
    names = sorted(set(language))
    hidden = predict(model, clips.without_face()).probability if len(names) > 2 else come
    for name in names if len(names) > 2 else []:
        title, which = name or "no language named", language == name
        more[f"{title}, face and voice"] = score(clips.take(which), come[which])
        more[f"{title}, voice only"] = score(clips.take(which), hidden[which], face=False)
    return more


def _notes(meta: dict[str, Any], same: int, chosen: bool) -> tuple[str, ...]:
    """`chosen`: whether held-out clips chose the model's epoch."""
    held = []
    if same and chosen:
        held = ["Clips in the languages of training chose the model's epoch, too."]
    return (*held, *map(str, meta.get("notes", [])))


def _write(path: Path, report: dict[str, Any]) -> None:
    try:
        write_text(path, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:  # the figures are worth showing all the same
        log.warning("%s: the report cannot be written (%s)", path, error.strerror)
