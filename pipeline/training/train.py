"""Training: from the feature table to a model folder."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf import __version__
from mraf.data.polysim.index import split_of
from mraf.data.table.labels import FeatureLabels
from mraf.errors import UsageError
from mraf.model_types import DEFAULT, options_of, title_of, type_of, with_epochs
from mraf.pipeline.fingerprints import dims_of, fingerprint_of
from mraf.pipeline.people.enrolment.after_training import following, lost, with_left_out
from mraf.pipeline.people.enrolment.gallery import Gallery, changing
from mraf.pipeline.training.enrolled import one_name_each, usable_only
from mraf.pipeline.training.model_card import TrainReport, model_card
from mraf.pipeline.training.split import Split, folds_of, split, to_features
from mraf.pipeline.upkeep.disk import gone_line, look
from mraf.pipeline.workspace import Workspace
from mraf.types import Features

if TYPE_CHECKING:
    from mraf import checkpoint
    from mraf.fit import Options, Trained
    from mraf.inference.out_of_fold import OutOfFold
    from mraf.network.loop import EpochReport


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
    from mraf.checkpoint import check_target
    from mraf.device import choose_device
    from mraf.fit import fit
    from mraf.recognition.fit import check_false_names

    started = time.monotonic()
    workspace = Workspace.at(workspace)
    chosen = replace(options or options_of(model_type, preset), seed=seed, device=device)
    has_epochs = hasattr(chosen, "epochs")
    if epochs and has_epochs:
        chosen = with_epochs(chosen, epochs)
    model_type = type_of(chosen)
    folder = workspace.new_model(name or title_of(model_type, "default" if options else preset))
    choose_device(device)
    if not 0 <= holdout < 1:
        raise UsageError(f"The share to hold out must be from 0 to below 1, is {holdout}.")
    check_false_names(false_names)
    disk = look(workspace.table)
    labels, doubtful = one_name_each(workspace.table.labels(disk.rows), disk.rows)
    labels = usable_only(labels, disk.rows)
    check_target(folder)
    fingerprint = fingerprint_of(labels)
    named = [languages] if isinstance(languages, str) else languages
    try:
        parts = split(labels, named, holdout, seed)
    except UsageError as error:
        raise UsageError(" ".join(filter(None, (str(error), gone_line(disk.gone))))) from None
    samples, heldout = (
        to_features(labels, parts.speakers, dims_of(fingerprint), index)
        for index in (parts.train, parts.heldout)
    )
    digests = [labels.source_hash[i] for i in np.flatnonzero(parts.train)]
    fold, by_clip = folds_of(samples, digests, seed)
    dev = heldout if len(heldout) else None
    result = fit(
        samples,
        len(parts.speakers),
        chosen,
        fold=fold,
        dev=dev,
        false_names=false_names,
        encoders=(fingerprint.face, fingerprint.voice),
        on_epoch=on_epoch,
    )
    answers = result.out_of_fold
    report = TrainReport(
        model=folder.name,
        folder=folder,
        speakers=len(parts.speakers),
        samples=len(samples),
        heldout=len(heldout),
        cross_validated=len(answers) if answers else 0,
        folds_by="clip" if by_clip else "recording",
        epoch=result.best_epoch,
        seconds=time.monotonic() - started,
        dev=result.dev,
        cross_validation=answers.scores() if answers else {},
        calibration=result.calibration
        or ({"after": answers.calibration_error()} if answers else {}),
        recognition=result.recognition,
        learned=dict(getattr(result.model, "scalars", {})),
        notes=(
            *_notes(labels, parts, samples, by_clip=by_clip, result=result),
            *filter(None, (gone_line(disk.gone),)),
            *doubtful,
        ),
    )
    made = {
        "fingerprint": asdict(fingerprint),
        "preset": None if options else preset,
        "options": asdict(chosen),
    }
    held = {labels.source_hash[i] for i in np.flatnonzero(parts.heldout)}
    gallery = _gallery(result, report=report, parts=parts, labels=labels, made=made)
    trained = [
        (labels.clip[i], labels.source_hash[i], str(labels.speaker[i]))
        for i in np.flatnonzero(parts.train)
    ]
    with changing(workspace):
        gallery, changed = following(gallery, workspace, trained)
        speakers = len(gallery.labels)
        gallery, enrolled, said = with_left_out(gallery, workspace.table, fingerprint, held)
        notes = [*report.notes, *changed, *said, *lost(gallery, workspace)]
        report = replace(report, speakers=speakers, enrolled=enrolled, notes=tuple(notes))
        _save(gallery, report)
    notes = [note for note in disk.notes() if note not in report.notes]
    if epochs and not has_epochs:
        notes.append("Training with these options has no epochs: their number was ignored.")
    return replace(report, notes=(*report.notes, *notes))


def _gallery(
    result: "Trained",
    *,
    report: TrainReport,
    parts: Split,
    labels: FeatureLabels,
    made: dict[str, Any],
) -> Gallery:
    """Return the model and what its folder holds; `made` says of what and how the model was trained."""
    import torch

    from mraf import checkpoint

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


def _notes(
    labels: FeatureLabels,
    parts: Split,
    samples: Features,
    *,
    by_clip: bool,
    result: "Trained",
) -> tuple[str, ...]:
    """Return caveats for whoever reads the figures."""
    notes = []
    answers, measured = result.out_of_fold, parts.heldout.any()
    if parts.by_clip or (by_clip and answers):
        left = " left to train on" if measured and not parts.by_clip else ""
        notes.append(
            f"No speaker has two recordings{left}, so single clips were held out: clips of one recording "
            "are alike, and the figures are better than new recordings will be."
        )
    elif not answers:
        missed = "" if measured else "how good the model is has not been measured, and "
        notes.append(
            "No recording could be held out of training: "
            f"{missed}its probabilities are not calibrated."
        )
    if answers or measured:
        notes += _not_covered(labels, parts, result)
    if answers and result.best_epoch:
        notes.append(
            "A network is measured once, by a fit to four fifths of the recordings; the other clips also "
            "chose its epoch and its temperatures, so the figures are a little too good."
        )
    unknown = sum(1 for i in np.flatnonzero(parts.train) if not labels.recording[i])
    if answers and unknown and not by_clip:
        notes.append(
            f"{unknown} clips do not say which recording they are cut from and were taken as "
            "recordings of their own: the figures may be better than new recordings will be."
        )
    notes += _unnamed(result.recognition)
    notes += [note for name in ("face", "voice") if (note := _lacking(samples, name))]
    rows = zip(labels.speaker, labels.clip, strict=True)
    unnamed = sum(speaker is None and split_of(clip) in (None, "train") for speaker, clip in rows)
    if unnamed:
        notes.append(f"{unnamed} clips have no speaker's name and were left out.")
    return tuple(notes)


def _not_covered(labels: FeatureLabels, parts: Split, result: "Trained") -> list[str]:
    """Return a note on the speakers of whom no clip was answered by a model that did not train on it."""
    answered = set() if result.out_of_fold is None else set(result.out_of_fold.label.tolist())
    covered = {parts.speakers[label] for label in answered}
    covered |= {str(labels.speaker[i]) for i in np.flatnonzero(parts.heldout)}
    missing = set(parts.speakers) - covered
    if not missing:
        return []
    rows = np.flatnonzero(parts.train | parts.heldout)
    recordings = Counter(name[0] for name in {parts.recordings[i] for i in rows} if name)
    single = sum(recordings[speaker] == 1 for speaker in missing)
    who = f"{len(missing)} of {len(parts.speakers)} speakers"
    if single == len(missing):
        return [
            f"{who} have one recording only; all of it trains, and the figures do not cover them."
        ]
    return [
        f"The figures do not cover {who}"
        + (f"; {single} of these have one recording only, all of which trains." if single else ".")
    ]


def _unnamed(recognition: dict[str, Any]) -> list[str]:
    """Return notes on what nobody is named by, as nothing says how known people and strangers score."""
    titles = {
        "face_voice": "face and voice together",
        "voice": "the voice alone",
        "face": "the face alone",
    }
    nobody = [
        title for key, title in titles.items() if recognition.get(key, {}).get("threshold") == 1
    ]
    if not nobody:
        return []
    return [
        f"By {' and by '.join(nobody)} nobody is named: no clip that has them could be held out, so nothing says how "
        "strangers score."
    ]


def _lacking(samples: Features, modality: str) -> str | None:
    """Return a note on the speakers without a training clip that has a face, or a voice."""
    present = getattr(samples, f"{modality}_present")
    if not present.any():
        return (
            f"No training clip has a {modality}: the model leaves {modality}s out of account, and clips "
            "with nothing else get no answer."
        )
    lacking = np.setdiff1d(samples.label, samples.label[present])
    if not len(lacking):
        return None
    speakers = "1 speaker has" if len(lacking) == 1 else f"{len(lacking)} speakers have"
    return (
        f"{speakers} no training clip with a {modality}: the model cannot name them by the {modality} "
        "alone."
    )
