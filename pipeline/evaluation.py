"""Evaluation: the four settings of POLY-SIM 2026 on clips that did not train the model."""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf.data.table.labels import FeatureLabels
from mraf.errors import MissingError
from mraf.fingerprint import Fingerprint
from mraf.json_text import finite
from mraf.pipeline.fingerprints import check_fits, dims_of, fingerprint_of
from mraf.pipeline.modes import probabilities
from mraf.pipeline.recognition.plot import write_curves
from mraf.pipeline.recognition.rates import OpenSet, kept, measured
from mraf.pipeline.selection import Selection, select
from mraf.pipeline.training.split import to_features
from mraf.pipeline.upkeep.disk import look
from mraf.pipeline.workspace import Workspace, write_text
from mraf.types import Features

if TYPE_CHECKING:
    from mraf.checkpoint import Checkpoint, TrainedOn
    from mraf.inference.prediction import Model

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


@dataclass(frozen=True, kw_only=True)
class EvaluateReport:
    """Accuracies of a model on clips that did not train it, and of models that did not train on clips.

    Clips of the training recordings are answered by the models of the cross-validation in training.

    `settings` holds P3 to P6: P3 and P5 over the clips with face and voice, P4 and P6 over all
    clips with a voice, the face hidden; P3 and P4 in the languages of the training clips, P5 and P6
    in others. `more` holds the same by language, with the face alone, and clips as they come; only in
    mode `single`. Clips without a language count in `more` only, unless such clips trained the model.

    `open_set` tells known people from strangers, by who answered and by
    `mraf.inference.prediction.MODALITIES`: the "model", clips that did not train it, each alone,
    whatever their language; and in "cross_validation" models of training, clips that trained the
    others, with speakers left out in turn.
    """

    model: str
    mode: str
    settings: dict[str, Setting]
    more: dict[str, Setting]
    mean: float | None  # over the settings that have clips
    train_languages: tuple[str, ...]
    other_languages: tuple[str, ...]
    out_of_fold: int  # clips that trained the model, answered by models that did not train on them
    held_out: int  # clips in the training languages that did not train it, answered by the model
    unknown_speakers: int  # clips of speakers that the model does not have: in `open_set` only
    open_set: dict[str, dict[str, OpenSet]]
    files: tuple[Path, ...]  # of the curves of `open_set`: CSV and picture
    notes: tuple[str, ...]  # caveats for whoever reads the figures
    seconds: float


def evaluate(
    workspace: Workspace | Path | str | None = None,
    *,
    model: str | None = None,
    mode: str = "single",
    other: str | None = None,
) -> EvaluateReport:
    """Evaluate a model on the table's clips, none of which was answered by a model that trained on it.

    Clips whose file is gone (see `mraf.data.table.presence`) do not count.

    Recordings that did not train the model are answered by the model itself, in the languages of
    training and in others. Those that did train it, in P3 and P4, have the answers that training kept
    from its cross-validation: of models that had not trained on the clip's recording. Those of a
    network of linear heads chose its epoch, too, which a note says.

    P5 and P6 leave out clips in another language of recordings that trained the model. In the
    challenge these are 118 Urdu clips, cut from videos of the English set, and the two settings have
    9,186 clips; `mraf polysim dev` counts all 9,304.

    The report goes to `reports/<model>-<mode>.json` of the workspace too, where that can be written,
    and the curve over all thresholds to `<model>-<mode>-open-set.csv` and `.svg`.

    Args:
        workspace: a folder, by default `./mraf-workspace`.
        model: its name, by default the one trained last.
        mode: one of `mraf.pipeline.modes.MODES`.
        other: language of P5 and P6, by default all named ones that did not train the model.

    Raises:
        MissingError: there is no model, no table, or no clip left to evaluate on.
        UsageError: the model was not trained on features like those of the table, or was trained on
            the language `other`.
    """
    started = time.monotonic()
    workspace = Workspace.at(workspace)
    folder = workspace.model(model)
    subject = _subject(workspace, folder, mode, other)
    base = workspace.reports / f"{folder.name}-{mode}"
    report = _report(subject, mode, base, started)
    values = asdict(report) | {"files": [str(file) for file in report.files]}
    _write(base.with_name(base.name + ".json"), values)
    return report


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """A model, and the clips of a table that measure it."""

    name: str
    loaded: "Checkpoint"
    trained: "TrainedOn"
    labels: FeatureLabels
    dims: tuple[int, int]  # Df and Dv
    clips: Selection
    notes: tuple[str, ...]


def _subject(workspace: Workspace, folder: Path, mode: str, other: str | None) -> _Subject:
    """Return what is measured. Raises as `evaluate` does."""
    from mraf import checkpoint

    described = checkpoint.describe(folder)
    loaded = checkpoint.load(described)
    disk = look(workspace.table)
    labels = workspace.table.labels(disk.rows)
    fingerprint = fingerprint_of(labels)
    origin = check_fits(
        Fingerprint.from_dict(loaded.meta.get("fingerprint")),
        fingerprint,
        what=f"the features in {workspace.table.folder}",
        model=folder.name,
    )
    trained = checkpoint.load_trained(described)
    clips = select(labels, loaded, trained, learned=_learned(loaded.model), other=other)
    if not clips.new.any() and not (clips.answered.any() and mode == "single"):
        reason = clips.nothing_left(labels, loaded.labels, mode)
        raise MissingError(" ".join([f"{folder}: {reason}", *disk.notes()]))
    trained_notes = map(str, loaded.meta.get("notes", []))
    return _Subject(
        name=folder.name,
        loaded=loaded,
        trained=trained,
        labels=labels,
        dims=dims_of(fingerprint),
        clips=clips,
        notes=tuple(dict.fromkeys([*origin, *clips.notes(mode), *disk.notes(), *trained_notes])),
    )


def _report(subject: _Subject, mode: str, base: Path, started: float) -> EvaluateReport:
    """Measure, and write the curves beside `base`."""
    clips = subject.clips
    settings, more = _accuracies(subject, mode)
    scores = [each.accuracy for each in settings.values() if each.accuracy is not None]
    open_set = _open_set(subject)
    title = f"{subject.name}: known people and strangers"
    return EvaluateReport(
        model=subject.name,
        mode=mode,
        settings=settings,
        more=more,
        mean=float(np.mean(scores)) if scores else None,
        train_languages=tuple(sorted(subject.loaded.meta.get("languages", []))),
        other_languages=tuple(sorted(set(clips.language[clips.measured & clips.elsewhere]))),
        out_of_fold=int(clips.answered.sum()) if mode == "single" else 0,
        held_out=int((clips.measured & clips.same).sum()),
        unknown_speakers=int(clips.unknown.sum()),
        open_set=open_set,
        files=write_curves(base.with_name(base.name + "-open-set"), title, open_set),
        notes=subject.notes,
        seconds=time.monotonic() - started,
    )


def _accuracies(subject: _Subject, mode: str) -> tuple[dict[str, Setting], dict[str, Setting]]:
    """Return P3 to P6 and the figures beside them; the latter in mode `single` only."""
    loaded, clips = subject.loaded, subject.clips
    features = to_features(subject.labels, loaded.labels, subject.dims, clips.measured)
    # Of what the model has not learned there are no answers out of fold either.
    features = features if clips.learned["face"] else features.without_face()
    features = features if clips.learned["voice"] else features.without_voice()
    here = np.flatnonzero(clips.measured)
    same, elsewhere = features.take(clips.same[here]), features.take(clips.elsewhere[here])
    settings = _settings(loaded.model, same, elsewhere, mode)
    if mode != "single":
        return settings, {}
    languages = sorted(set(clips.language[clips.measured | clips.answered]))
    more = _more(loaded.model, features, clips.language[here], languages)
    return _with_out_of_fold(settings, more, subject)


def _open_set(subject: _Subject) -> dict[str, dict[str, OpenSet]]:
    """Return what the model decides on new clips, and what training measured, where there is any."""
    loaded, labels = subject.loaded, subject.labels
    rows = np.flatnonzero(subject.clips.measured | subject.clips.unknown)
    features = to_features(labels, loaded.labels, subject.dims, rows)
    speaker = np.array([str(labels.speaker[i]) for i in rows])
    found = {
        "model": measured(loaded.model, features, speaker) if len(rows) else {},
        "cross_validation": kept(loaded.metrics),
    }
    return {source: some for source, some in found.items() if some}


def _learned(model: "Model") -> dict[str, bool]:
    """Return for faces and for voices whether the model has learned any, so that one alone is answered."""
    from mraf.inference.prediction import predict

    one = Features(
        face=np.ones((1, model.config.face_dim), np.float32),
        face_present=np.ones(1, bool),
        voice=np.ones((1, model.config.voice_dim), np.float32),
        voice_present=np.ones(1, bool),
        label=np.full(1, -1),
        recording=np.zeros(1, np.int64),
    )
    alone = {"face": one.without_voice(), "voice": one.without_face()}
    return {
        name: bool(np.isfinite(predict(model, clip).probability).all())
        for name, clip in alone.items()
    }


def _settings(model: "Model", same: Features, elsewhere: Features, mode: str) -> dict[str, Setting]:
    """Return P3 to P6 of clips in the languages of training and in others."""
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
    """Return the top-1 accuracy over the clips of N that have a face and a voice, where asked for.

    `probability` is `[N, C]`; a row of NaN counts as wrong.
    """
    suits = (clips.face_present | (not face)) & (clips.voice_present | (not voice))
    if not suits.any():
        return Setting(None, 0)
    nothing = np.isnan(probability).any(axis=1)
    guess = np.where(nothing, -2, np.nan_to_num(probability).argmax(axis=1))
    return Setting(float((guess == clips.label)[suits].mean()), int(suits.sum()))


def _more(
    model: "Model", clips: Features, language: np.ndarray, names: Sequence[str]
) -> dict[str, Setting]:
    """Return the accuracy of clips as they come, by the face alone, and by language.

    Args:
        model: that none of the clips trained.
        clips: N clips.
        language: [N], the language of each, "" where none is named.
        names: all languages that are measured; of more than two, each has its figures.
    """
    from mraf.inference.prediction import predict

    come = predict(model, clips).probability
    alone = predict(model, clips.without_voice()).probability
    more = {
        "as they come": score(clips, come, face=False, voice=False),
        "face only": score(clips, alone, voice=False),
    }
    hidden = predict(model, clips.without_face()).probability if len(names) > 2 else come
    for name in names if len(names) > 2 else []:
        title, which = name or "no language named", language == name
        more[f"{title}, face and voice"] = score(clips.take(which), come[which])
        more[f"{title}, voice only"] = score(clips.take(which), hidden[which], face=False)
    return more


def _with_out_of_fold(
    settings: dict[str, Setting], more: dict[str, Setting], subject: _Subject
) -> tuple[dict[str, Setting], dict[str, Setting]]:
    """Return P3, P4 and the figures of `more` with the answers out of fold added."""
    labels, trained = subject.labels, subject.trained
    rows = np.flatnonzero(subject.clips.answered)
    if not len(rows):
        return settings, more
    classes = {name: index for index, name in enumerate(subject.loaded.labels)}
    label = np.array([classes[str(labels.speaker[i])] for i in rows])
    # [M, 3]: by face and voice, by the voice alone, by the face alone.
    guess = np.array([trained.out_of_fold[labels.source_hash[i]][0] for i in rows])
    come = np.where(guess[:, 0] >= 0, guess[:, 0], guess[:, 1:].max(axis=1))
    columns = {"P3": guess[:, 0], "P4": guess[:, 1], "as they come": come, "face only": guess[:, 2]}
    spoken = np.array([labels.language[i] or "" for i in rows], object)
    for name in set(spoken):
        title, which = name or "no language named", spoken == name
        columns[f"{title}, face and voice"] = np.where(which, guess[:, 0], -1)
        columns[f"{title}, voice only"] = np.where(which, guess[:, 1], -1)

    def add(name: str, setting: Setting) -> Setting:
        if name not in columns:
            return setting
        given = columns[name] >= 0
        right = ((columns[name] == label) & given).sum() + (setting.accuracy or 0) * setting.n
        n = int(given.sum()) + setting.n
        return Setting(float(right / n), n) if n else setting

    return (
        {name: add(name, setting) for name, setting in settings.items()},
        {name: add(name, setting) for name, setting in more.items()},
    )


def _write(path: Path, report: dict[str, Any]) -> None:
    try:
        write_text(path, json.dumps(finite(report), indent=2, ensure_ascii=False) + "\n")
    except OSError as error:  # the figures are shown all the same
        log.warning("%s: the report cannot be written (%s)", path, error.strerror)
