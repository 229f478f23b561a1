"""Training: from the feature table to a model folder."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf import __version__
from mraf.data.table.features import FeatureTable
from mraf.data.table.labels import FeatureLabels
from mraf.device import choose_device
from mraf.errors import UsageError
from mraf.fingerprint import Fingerprint
from mraf.model_types import DEFAULT, options_of, title_of, type_of, with_epochs
from mraf.pipeline.fingerprints import dims_of, fingerprint_of
from mraf.pipeline.people.enrolment.after_training import following, lost, with_left_out
from mraf.pipeline.people.enrolment.gallery import Gallery, changing
from mraf.pipeline.training.caveats import caveats
from mraf.pipeline.training.enrolled import one_name_each, usable_only
from mraf.pipeline.training.model_card import TrainReport, model_card
from mraf.pipeline.training.split import Split, folds_of, split, to_features
from mraf.pipeline.upkeep.disk import OnDisk, gone_line, look
from mraf.pipeline.workspace import Workspace
from mraf.types import Features

if TYPE_CHECKING:
    from mraf import checkpoint
    from mraf.fit import Options, Trained
    from mraf.inference.out_of_fold import OutOfFold
    from mraf.network.loop import EpochReport


@dataclass(frozen=True, kw_only=True)
class _Clips:
    """The clips of a training, and how they are parted."""

    labels: FeatureLabels  # of all clips of the table that count
    parts: Split
    fingerprint: Fingerprint
    samples: Features  # N clips that train
    heldout: Features
    fold: np.ndarray  # [N], see `folds_of`
    by_clip: bool
    notes: tuple[str, ...]  # on clips that are gone, or have several names


def train(
    workspace: Workspace | Path | str | None = None,
    *,
    name: str | None = None,
    model_type: str = DEFAULT,
    preset: str = "default",
    languages: Sequence[str] | str | None = None,
    holdout: float = 0.0,
    seed: int = 1,
    epochs: int | None = None,
    false_names: float = 0.01,
    device: str = "auto",
    options: "Options | None" = None,
    on_epoch: "Callable[[EpochReport], None] | None" = None,
) -> TrainReport:
    """Train a model on the workspace's features and write the model folder.

    All recordings train, and the run measures itself by cross-validation over recordings. Clips whose
    file is gone (see `mraf.data.table.presence`) do not train.

    Args:
        workspace: a folder, by default `./mraf-workspace`.
        name: of the model, by default the type's, and the preset's where that is not "default" and
            no other options are given.
        model_type: "prototypes", "mraf" or "fop", see `mraf.model_types`.
        preset: options of the model type: "default"; "cosine" of prototypes; "paper" or "authors" of
            mraf.
        languages: train on clips in this language, or these, only; None for all. `evaluate` measures
            on the clips in others.
        holdout: share of each speaker's recordings that does not train and only measures.
        seed: random seed.
        epochs: at most this many passes over the clips; by default the options say how long. Ignored
            by types that have no epochs.
        false_names: share of strangers' clips that may be named, above 0 and below 1.
        device: "auto", "cpu" or "cuda".
        options: in place of a type and its preset; `seed`, `epochs` and `device` still apply.
        on_epoch: called after each epoch.

    Raises:
        MissingError: nothing has been extracted.
        UsageError: too few speakers, an unknown type, preset or language, a share out of range,
            features of several fingerprints, or people of a network left the table meanwhile.
    """
    started = time.monotonic()
    workspace = Workspace.at(workspace)
    chosen = replace(options or options_of(model_type, preset), seed=seed, device=device)
    has_epochs = hasattr(chosen, "epochs")
    if epochs and has_epochs:
        chosen = with_epochs(chosen, epochs)
    model_type = type_of(chosen)
    folder = workspace.new_model(name or title_of(model_type, "default" if options else preset))
    choose_device(device)
    _check_shares(holdout, false_names)
    disk = look(workspace.table)
    clips = _clips_of(workspace.table, disk, folder, languages, holdout, seed)
    result = _fitted(clips, chosen, false_names, on_epoch)
    report = _report(folder, clips, result, seconds=time.monotonic() - started)
    made = {
        "fingerprint": asdict(clips.fingerprint),
        "preset": None if options else preset,
        "options": asdict(chosen),
    }
    report = _written(workspace, _gallery(result, report, clips, made), report, clips)
    notes = [note for note in disk.notes() if note not in report.notes]
    if epochs and not has_epochs:
        notes.append("Training with these options has no epochs: their number was ignored.")
    return replace(report, notes=(*report.notes, *notes))


def _check_shares(holdout: float, false_names: float) -> None:
    from mraf.recognition.fit import check_false_names

    if not 0 <= holdout < 1:
        raise UsageError(f"The share to hold out must be from 0 to below 1, is {holdout}.")
    check_false_names(false_names)


def _clips_of(
    table: FeatureTable,
    disk: OnDisk,
    folder: Path,
    languages: Sequence[str] | str | None,
    holdout: float,
    seed: int,
) -> _Clips:
    """Return the clips that train a model, and those that measure it.

    Raises UsageError as `train` does, and where no model can be written to `folder`.
    """
    from mraf.checkpoint import check_target

    labels, doubtful = one_name_each(table.labels(disk.rows), disk.rows)
    labels = usable_only(labels, disk.rows)
    check_target(folder)
    fingerprint = fingerprint_of(labels)
    named = [languages] if isinstance(languages, str) else languages
    gone = [line for line in (gone_line(disk.gone),) if line]
    try:
        parts = split(labels, named, holdout, seed)
    except UsageError as error:
        raise UsageError(" ".join(filter(None, (str(error), *gone)))) from None
    samples, heldout = (
        to_features(labels, parts.speakers, dims_of(fingerprint), index)
        for index in (parts.train, parts.heldout)
    )
    digests = [labels.source_hash[i] for i in np.flatnonzero(parts.train)]
    fold, by_clip = folds_of(samples, digests, seed)
    return _Clips(
        labels=labels,
        parts=parts,
        fingerprint=fingerprint,
        samples=samples,
        heldout=heldout,
        fold=fold,
        by_clip=by_clip,
        notes=(*gone, *doubtful),
    )


def _fitted(
    clips: _Clips,
    options: "Options",
    false_names: float,
    on_epoch: "Callable[[EpochReport], None] | None",
) -> "Trained":
    from mraf.fit import fit

    return fit(
        clips.samples,
        len(clips.parts.speakers),
        options,
        fold=clips.fold,
        dev=clips.heldout if len(clips.heldout) else None,
        false_names=false_names,
        encoders=(clips.fingerprint.face, clips.fingerprint.voice),
        on_epoch=on_epoch,
    )


def _report(folder: Path, clips: _Clips, result: "Trained", *, seconds: float) -> TrainReport:
    """Return the report of what was trained, before what the table says of people meanwhile."""
    answers = result.out_of_fold
    said = caveats(clips.labels, clips.parts, clips.samples, by_clip=clips.by_clip, result=result)
    return TrainReport(
        model=folder.name,
        folder=folder,
        speakers=len(clips.parts.speakers),
        samples=len(clips.samples),
        heldout=len(clips.heldout),
        cross_validated=len(answers) if answers else 0,
        folds_by="clip" if clips.by_clip else "recording",
        epoch=result.best_epoch,
        seconds=seconds,
        dev=result.dev,
        cross_validation=answers.scores() if answers else {},
        calibration=result.calibration
        or ({"after": answers.calibration_error()} if answers else {}),
        recognition=result.recognition,
        learned=dict(getattr(result.model, "scalars", {})),
        notes=(*said, *clips.notes),
    )


def _written(
    workspace: Workspace, gallery: Gallery, report: TrainReport, clips: _Clips
) -> TrainReport:
    """Write a model with the people as the table has them now; returns the report with these."""
    labels, parts = clips.labels, clips.parts
    held = {labels.source_hash[i] for i in np.flatnonzero(parts.heldout)}
    trained = [
        (labels.clip[i], labels.source_hash[i], str(labels.speaker[i]))
        for i in np.flatnonzero(parts.train)
    ]
    with changing(workspace):
        gallery, changed = following(gallery, workspace, trained)
        speakers = len(gallery.labels)
        gallery, enrolled, said = with_left_out(gallery, workspace.table, clips.fingerprint, held)
        notes = (*report.notes, *changed, *said, *lost(gallery, workspace))
        report = replace(report, speakers=speakers, enrolled=enrolled, notes=notes)
        _save(gallery, report)
    return report


def _gallery(
    result: "Trained", report: TrainReport, clips: _Clips, made: dict[str, Any]
) -> Gallery:
    """Return the model and what its folder holds; `made` says of what and how the model was trained."""
    import torch

    from mraf import checkpoint

    labels, parts = clips.labels, clips.parts
    rows = np.flatnonzero(parts.train)
    recordings = frozenset(name for i in rows if (name := parts.recordings[i]))
    meta = {
        "mraf": __version__,
        "torch": torch.__version__,
        **made,
        "languages": sorted({name[1] for name in recordings}),
        "heldout_by": "clip" if parts.by_clip else "recording",
        "samples": report.samples,
        "heldout": report.heldout,
    }
    metrics = {
        "dev": report.dev,
        "cross_validation": report.cross_validation,
        "calibration": report.calibration,
        "recognition": report.recognition,
        "learned": report.learned,
        "epoch": report.epoch,
        "history": [
            {"epoch": each.epoch, "loss": each.loss, "dev": each.dev} for each in result.history
        ],
    }
    model = checkpoint.Checkpoint(
        model=result.model, labels=parts.speakers, meta=meta, metrics=metrics
    )
    # Names may change, content does not: both keep training clips out of an evaluation.
    trained = checkpoint.TrainedOn(
        content=frozenset(labels.source_hash[i] for i in rows),
        recordings=recordings,
        out_of_fold=_answers(result.out_of_fold, [labels.source_hash[i] for i in rows]),
    )
    return Gallery(folder=report.folder, checkpoint=model, trained=trained, card="")


def _save(gallery: Gallery, report: TrainReport) -> None:
    """Write the model folder in one step, with the notes of the report and the card."""
    meta = {**gallery.checkpoint.meta, "notes": list(report.notes)}
    kind = gallery.checkpoint.model.model_type
    card = model_card(report, model_type=kind, meta=meta, speakers=gallery.labels)
    replace(gallery, checkpoint=replace(gallery.checkpoint, meta=meta), card=card).write(newer=True)


def _answers(found: "OutOfFold | None", digests: Sequence[str]) -> "dict[str, checkpoint.Answer]":
    """Return the answers out of fold by the digest of the clip."""
    if found is None:
        return {}
    rows = zip(found.index, found.speaker.tolist(), found.probability.tolist(), strict=True)
    return {digests[i]: (tuple(speaker), tuple(probability)) for i, speaker, probability in rows}
