"""Train: from the feature table to a model folder."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf import __version__
from mraf.data.polysim.index import split_of
from mraf.data.table.labels import FeatureLabels
from mraf.errors import UsageError, choices
from mraf.extractors.encoders import FACE, VOICE
from mraf.network.options import TrainOptions
from mraf.pipeline.training.model_card import model_card
from mraf.pipeline.training.split import Split, split, to_features
from mraf.pipeline.workspace import Workspace, encoders_of
from mraf.prototypes.options import PrototypicalOptions

if TYPE_CHECKING:
    from mraf.fit import Trained
    from mraf.network.loop import EpochReport

Options = TrainOptions | PrototypicalOptions

PRESETS: dict[str, Callable[[], Options]] = {
    "default": PrototypicalOptions,
    "paper": TrainOptions,
}
"""How MRAF is trained: with prototype heads, or as the paper says."""

BASELINES: dict[str, Callable[[], Options]] = {
    "fop": TrainOptions.fop,
    "prototype": PrototypicalOptions.plain,
}
"""What MRAF is compared with: the challenge's baseline, and cosine to prototypes."""

ARCHITECTURES = ("mraf", *BASELINES)


@dataclass(frozen=True)
class TrainReport:
    """What a training run made."""

    model: str
    folder: Path
    speakers: int
    samples: int
    heldout: int
    epoch: int | None  # whose weights were kept; None where there are no epochs
    seconds: float
    dev: dict[str, float]  # accuracies and loss on the held-out clips; empty without any
    calibration: dict[str, float]  # calibration error there, before and after the temperature
    notes: tuple[str, ...]


def train(
    workspace: Workspace | Path | str | None = None,
    name: str | None = None,
    preset: str = "default",
    languages: tuple[str, ...] | None = None,
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
        languages: train on clips in these languages only; None for all. Clips in other languages
            are left for `evaluate`.
        holdout: share of each speaker's recordings that does not train and is left for `evaluate`;
            where there are epochs, it chooses among them. 0 trains on everything.
        seed: of everything that is drawn.
        epochs: at most this many; by default as in the options. Ignored where prototypes are
            trained, which has no epochs.
        device: "auto", "cpu" or "cuda".
        options: in place of the preset's; `seed`, `epochs` and `device` still apply.
        arch: "mraf", "fop" (the baseline of the challenge) or "prototype" (cosine to prototypes).
        on_epoch: called after each epoch.

    Raises:
        MissingError: nothing has been extracted.
        UsageError: too few speakers, an unknown preset or language, features of mixed encoders.
    """
    from mraf.checkpoint import check_target
    from mraf.fit import fit
    from mraf.network.loop import choose_device

    started = time.monotonic()
    workspace = Workspace.at(workspace)
    chosen = _with(options or options_of(arch, preset), seed, device, epochs)
    folder = workspace.new_model(name or (preset if arch == "mraf" else arch))
    choose_device(device)
    if not 0 <= holdout < 1:
        raise UsageError(f"The share to hold out must be from 0 to below 1, is {holdout}.")
    labels = workspace.table.labels()
    check_target(folder)
    encoders = encoders_of_table(labels)
    parts = split(labels, languages, holdout, seed)
    samples, heldout = (
        to_features(labels, parts.speakers, dims_of(encoders), index)
        for index in (parts.train, parts.heldout)
    )
    dev = heldout if len(heldout) else None
    result = fit(samples, dev, len(parts.speakers), chosen, on_epoch=on_epoch)
    report = TrainReport(
        folder.name,
        folder,
        len(parts.speakers),
        len(samples),
        len(heldout),
        result.best_epoch,
        time.monotonic() - started,
        result.dev,
        result.calibration,
        _notes(labels, parts, holdout) + _calibration_notes(result),
    )
    _save(result, report, parts, _meta(labels, parts, encoders, arch, preset, chosen, report))
    if epochs and result.best_epoch is None:
        note = "There are no epochs in training with prototypes: their number was ignored."
        return replace(report, notes=(*report.notes, note))
    return report


def encoders_of_table(labels: FeatureLabels) -> str:
    """Identity of the encoders that made the table. Raises UsageError where there are several."""
    found = sorted({encoders_of(made) for made in labels.extractors})
    if len(found) != 1:
        raise UsageError(
            f"The feature table mixes encoders ({'; '.join(found)}). Extract into a new workspace."
        )
    return found[0]


def dims_of(encoders: str) -> tuple[int, int]:
    """Lengths of the face's and the voice's vectors of two encoders."""
    names = {k: v.split("@")[0] for k, v in (part.split("=", 1) for part in encoders.split())}
    try:
        return FACE[names["face"]].dim, VOICE[names["voice"]].dim
    except KeyError:
        raise UsageError(
            f"The features were made with {encoders}, and this version of mraf has no such encoder."
        ) from None


def options_of(arch: str, preset: str = "default") -> Options:
    """How an architecture is trained, for "mraf" by a preset. Raises UsageError naming the choices."""
    if arch not in ARCHITECTURES:
        raise UsageError(f"There is no architecture '{arch}' {choices(arch, ARCHITECTURES)}")
    if preset not in PRESETS:
        raise UsageError(f"There is no preset '{preset}' {choices(preset, PRESETS)}")
    if arch != "mraf" and preset != "default":
        raise UsageError(
            f"The preset '{preset}' is one of the architecture 'mraf', not of '{arch}'."
        )
    return (PRESETS[preset] if arch == "mraf" else BASELINES[arch])()


def changed(options: Options, changes: Mapping[str, Any]) -> Options:
    """The options with some of them set otherwise.

    Raises UsageError for a name or a type that is not right, or one that every run sets itself.
    """
    known = {each.name: getattr(options, each.name) for each in fields(options)}
    for name in ("seed", "device", "threads", "arch"):
        known.pop(name, None)
    for name, value in changes.items():
        if name not in known:
            raise UsageError(f"training: there is no option '{name}' {choices(name, known)}")
        kind = type(known[name]) if known[name] is not None else int
        right = isinstance(value, kind) or (kind is float and isinstance(value, int))
        if not right or (isinstance(value, bool) and kind is not bool):
            raise UsageError(f"training: {name} is {value!r}; {_KINDS[kind]} was expected")
    return replace(options, **changes)


_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def _with(options: Options, seed: int, device: str, epochs: int | None) -> Options:
    options = replace(options, seed=seed, device=device)
    if epochs and isinstance(options, TrainOptions):
        options = replace(options, epochs=epochs)
    return options


def _save(result: "Trained", report: TrainReport, parts: Split, meta: dict[str, Any]) -> None:
    from mraf import checkpoint

    metrics = {
        "dev": report.dev,
        "calibration": report.calibration,
        "cross_validation": result.cross_validation,
        "epoch": report.epoch,
        "history": _history(result.history),
    }
    model = checkpoint.Checkpoint(result.model, parts.speakers, meta, metrics)
    checkpoint.save(report.folder, model, model_card(report, meta))


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
    """Return what to know of a network's probabilities; prototypes do not need held-out clips."""
    if result.best_epoch is None:
        return ()
    if result.calibration:
        return (
            "The calibration error was measured on the held-out clips that chose the temperatures: it "
            "will be higher on other clips.",
        )
    return ("No held-out clips, so the probabilities are not calibrated.",)


def _meta(
    labels: FeatureLabels,
    parts: Split,
    encoders: str,
    arch: str,
    preset: str,
    options: Options,
    report: TrainReport,
) -> dict[str, Any]:
    import torch

    trained = [parts.recordings[i] for i in np.flatnonzero(parts.train)]
    return {
        "mraf": __version__,
        "torch": torch.__version__,
        "encoders": encoders,
        "extractor": list(labels.extractors),
        "arch": arch,
        "preset": preset if arch == "mraf" else None,
        "options": asdict(options),
        "languages": sorted({name[1] for name in trained if name}),
        "trained_recordings": sorted({name for name in trained if name}),
        # Names may change, content does not: both keep training clips out of an evaluation.
        "trained_content": sorted({labels.source_hash[i] for i in np.flatnonzero(parts.train)}),
        "heldout_by": "clip" if parts.by_clip else "recording",
        "samples": report.samples,
        "heldout": report.heldout,
        "notes": list(report.notes),
    }


def _history(history: "list[EpochReport]") -> list[dict[str, Any]]:
    return [{"epoch": each.epoch, "loss": each.loss, "dev": each.dev} for each in history]
