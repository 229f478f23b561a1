"""Training: from the feature table to a model folder."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf import __version__
from mraf.data.polysim.index import split_of
from mraf.data.table.labels import FeatureLabels
from mraf.errors import UsageError
from mraf.fop.options import FOPOptions
from mraf.network.options import TrainOptions
from mraf.pipeline.fingerprints import dims_of, fingerprint_of
from mraf.pipeline.training.model_card import TrainReport, model_card
from mraf.pipeline.training.presets import Options, options_of
from mraf.pipeline.training.split import Split, split, to_features
from mraf.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mraf.fit import Trained
    from mraf.network.loop import EpochReport


def train(
    workspace: Workspace | Path | str | None = None,
    *,
    name: str | None = None,
    preset: str = "default",
    languages: Sequence[str] | str | None = None,
    holdout: float = 0.25,
    seed: int = 1,
    epochs: int | None = None,
    device: str = "auto",
    options: Options | None = None,
    arch: str = "mraf",
    on_epoch: "Callable[[EpochReport], None] | None" = None,
) -> TrainReport:
    """Train MRAF on the workspace's features and write the model folder.

    Args:
        workspace: a folder, by default `./mraf-workspace`.
        name: of the model, by default the preset's.
        preset: "default" or "paper", of the architecture "mraf".
        languages: train on clips in this language, or these, only; None for all. `evaluate` measures
            on the clips in others.
        holdout: share of each speaker's recordings that does not train, and that `evaluate` measures
            on; where there are epochs, it chooses among them. 0 trains on everything.
        seed: random seed.
        epochs: at most this many; by default the options'. Ignored where prototypes are trained,
            which has no epochs.
        device: "auto", "cpu" or "cuda".
        options: in place of the preset's; `seed`, `epochs` and `device` still apply.
        arch: "mraf", "fop" (the baseline of the challenge) or "prototype" (cosine to prototypes).
        on_epoch: called after each epoch.

    Raises:
        MissingError: nothing has been extracted.
        UsageError: too few speakers, an unknown preset or language, or features of several
            fingerprints.
    """
    from mraf.checkpoint import check_target
    from mraf.fit import fit
    from mraf.network.loop import choose_device

    started = time.monotonic()
    workspace = Workspace.at(workspace)
    chosen = replace(options or options_of(arch, preset), seed=seed, device=device)
    if epochs and isinstance(chosen, TrainOptions):
        chosen = replace(chosen, epochs=epochs, steps=None)
    elif epochs and isinstance(chosen, FOPOptions):
        chosen = replace(chosen, epochs=epochs, unwatched_epochs=epochs)
    folder = workspace.new_model(name or (preset if arch == "mraf" else arch))
    choose_device(device)
    if not 0 <= holdout < 1:
        raise UsageError(f"The share to hold out must be from 0 to below 1, is {holdout}.")
    labels = workspace.table.labels()
    check_target(folder)
    fingerprint = fingerprint_of(labels)
    named = [languages] if isinstance(languages, str) else languages
    parts = split(labels, named, holdout, seed)
    samples, heldout = (
        to_features(labels, parts.speakers, dims_of(fingerprint), index)
        for index in (parts.train, parts.heldout)
    )
    dev = heldout if len(heldout) else None
    result = fit(samples, dev, len(parts.speakers), chosen, on_epoch=on_epoch)
    report = TrainReport(
        model=folder.name,
        folder=folder,
        speakers=len(parts.speakers),
        samples=len(samples),
        heldout=len(heldout),
        epoch=result.best_epoch,
        seconds=time.monotonic() - started,
        dev=result.dev,
        calibration=result.calibration,
        notes=_notes(labels, parts, holdout) + _calibration_notes(result),
    )
    made = {
        "fingerprint": asdict(fingerprint),
        "arch": arch,
        "preset": preset if arch == "mraf" else None,
        "options": asdict(chosen),
    }
    _save(result, report=report, parts=parts, labels=labels, made=made)
    if epochs and result.best_epoch is None:
        note = "There are no epochs in training with prototypes: their number was ignored."
        return replace(report, notes=(*report.notes, note))
    return report


def _save(
    result: "Trained",
    *,
    report: TrainReport,
    parts: Split,
    labels: FeatureLabels,
    made: dict[str, Any],
) -> None:
    """Write the model folder; `made` says of what and with which options the model was trained."""
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
        "notes": list(report.notes),
    }
    metrics = {
        "dev": report.dev,
        "calibration": report.calibration,
        "cross_validation": result.cross_validation,
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
    )
    checkpoint.save(report.folder, model, model_card(report, meta, parts.speakers), trained)


def _notes(labels: FeatureLabels, parts: Split, holdout: float) -> tuple[str, ...]:
    notes = []
    if not holdout:
        notes.append("Nothing was held out: how good the model is has not been measured.")
    elif parts.by_clip:
        notes.append(
            "No speaker has two recordings, so single clips were held out: clips of one recording "
            "are alike, and the figures are better than new recordings will be."
        )
    elif parts.untested:
        notes.append(
            f"{parts.untested} of {len(parts.speakers)} speakers have one recording only; all of it "
            "trains, and the figures do not cover them."
        )
    unknown = sum(1 for i in np.flatnonzero(parts.train) if not labels.recording[i])
    if holdout and unknown and not parts.by_clip:
        notes.append(
            f"{unknown} clips do not say which recording they are cut from and were taken as "
            "recordings of their own: the figures may be better than new recordings will be."
        )
    rows = zip(labels.speaker, labels.clip, strict=True)
    unnamed = sum(speaker is None and split_of(clip) in (None, "train") for speaker, clip in rows)
    if unnamed:
        notes.append(f"{unnamed} clips have no speaker's name and were left out.")
    return tuple(notes)


def _calibration_notes(result: "Trained") -> tuple[str, ...]:
    """Return caveats about a network's probabilities; prototypes need no held-out clips."""
    if result.best_epoch is None:
        return ()
    if result.calibration:
        return (
            "The calibration error was measured on the held-out clips that chose the temperatures: it "
            "will be higher on other clips.",
        )
    return ("No held-out clips, so the probabilities are not calibrated.",)
