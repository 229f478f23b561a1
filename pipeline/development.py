"""The development protocol: P3 to P6 measured without any test label, over several seeds.

P3 and P4 by cross-validation over the recordings of the training language, P5 and P6 on all clips
of the other language by models of the whole training language. Every fit is a line in a file under
`reports/`, so that a run that was stopped goes on where it was.
"""

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.features import FeatureArrays
from mraf import __version__
from mraf.errors import MissingError, UsageError
from mraf.folds import recording_folds
from mraf.types import Features
from pipeline.evaluate import SETTINGS, score
from pipeline.modes import MODES, probabilities
from pipeline.split import match_languages, recordings_of, to_features
from pipeline.train import Options, dims_of, encoders_of_table
from pipeline.workers import available_cores, run
from pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mraf.inference import Network

log = logging.getLogger("mraf")

WRONG_FACES = 0.2
"""Share of the faces that are exchanged to see what a model does where the face is not the speaker's."""

WHOLE = "whole"
"""The part of a seed that trains on the whole training language; the others are folds 0, 1, ..."""


@dataclass(frozen=True)
class Spec:
    """One thing to measure: how a model is trained, under a name for the tables."""

    name: str
    options: Options

    @property
    def identity(self) -> str:
        """What distinguishes it from others, whatever it is called."""
        values = asdict(self.options)
        for name in ("seed", "device", "threads"):
            values.pop(name)
        return json.dumps([type(self.options).__name__, values], sort_keys=True)


@dataclass(frozen=True)
class Material:
    """The clips of the protocol."""

    train: Features  # of the training language
    other: Features  # of the other language, speakers of the training language only
    classes: int
    digest: str  # of the clips' content and labels


@dataclass(frozen=True)
class Score:
    """The figures of a spec in a mode, by setting: P3 to P6, and their `mean`."""

    name: str
    mode: str
    accuracy: dict[str, float]  # means over seeds
    deviation: dict[str, float]  # standard deviations over seeds
    n: dict[str, int]  # clips
    loss: dict[str, float]  # cross-entropy, means over seeds; in mode `single` only
    wrong_faces: dict[str, float]  # P3 and P5 with every fifth face another speaker's; likewise
    calibration_before: float | None  # mean calibration error over the settings
    calibration_after: float | None
    seeds: int
    seconds: float  # of one fit of the whole training language, mean


@dataclass(frozen=True)
class _Job:
    spec: Spec
    seed: int
    part: int | str
    folds: int
    modes: tuple[str, ...]


def develop(
    specs: Sequence[Spec],
    workspace: Workspace | Path | str | None = None,
    seeds: int = 3,
    folds: int = 5,
    language: str = "English",
    workers: int | None = None,
    modes: Sequence[str] = tuple(MODES),
    progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Measure specs by the development protocol, in every mode or in some.

    Args:
        specs: what to measure; their options' seed, device and threads are set here.
        workspace: with the features of two languages or more, as `mraf polysim import` makes it.
        seeds: how many, 1 to `seeds`; a seed draws the folds and everything in training.
        folds: of the cross-validation.
        language: that trains.
        workers: processes, each with one thread; by default one a core. 0 works in this process.
        modes: some of `pipeline.modes.MODES`.
        progress: called with the number of fits done and of all.

    Raises:
        MissingError: there are no features, or none of another language.
        UsageError: a language is unknown, or a number is out of range.

    """
    workspace = Workspace.at(workspace)
    if seeds < 1:
        raise UsageError(f"At least 1 seed is needed, not {seeds}.")
    if folds < 2:
        raise UsageError(f"At least 2 folds are needed, not {folds}.")
    clips = material(workspace, language)
    file = workspace.reports / "development" / f"{clips.digest}.jsonl"
    done = _read(file)
    jobs = [
        _Job(spec, seed, part, folds, tuple(modes))
        for seed in range(1, seeds + 1)
        for spec in specs
        for part in (*range(folds), WHOLE)
    ]
    open_ = {_key(job): job for job in jobs if _key(job) not in done}
    count = len(set(map(_key, jobs)))
    if progress is not None:
        progress(count - len(open_), count)
    workers = min(available_cores(), len(open_)) if workers is None else workers
    for job, result in run(iter(open_.values()), workers, _setup, workspace.root, language):
        if isinstance(result, Exception):
            raise result
        done[_key(job)] = result
        _append(file, _key(job), job.spec.name, result)
        if progress is not None:
            progress(count - sum(key not in done for key in open_), count)
    return [
        _score(spec, mode, seeds, [job for job in jobs if job.spec == spec], done)
        for spec in specs
        for mode in modes
    ]


def material(workspace: Workspace, language: str) -> Material:
    """The labelled clips of the training language and of all others.

    Raises:
        MissingError: no features, or none of another language.
        UsageError: no clip in `language`.

    """
    arrays = workspace.table.arrays()
    trains = match_languages(arrays, [language]) or set()
    named = np.array([speaker is not None for speaker in arrays.speaker], bool)
    same = named & np.isin(np.array(arrays.language, object), list(trains))
    speakers = sorted({str(arrays.speaker[i]) for i in np.flatnonzero(same)})
    known = named & np.isin(np.array(arrays.speaker, object), speakers)
    elsewhere = known & ~same
    if not elsewhere.any():
        raise MissingError(
            f"{workspace.table.folder}: P5 and P6 need clips of the speakers of {language} in another "
            "language; import or extract them first."
        )
    dims = dims_of(encoders_of_table(arrays))
    train, other = (to_features(arrays, speakers, dims, index) for index in (same, elsewhere))
    return Material(train, other, len(speakers), _digest(arrays, same, elsewhere))


def _digest(arrays: FeatureArrays, same: np.ndarray, elsewhere: np.ndarray) -> str:
    names = recordings_of(arrays)
    rows = [
        [arrays.source_hash[i], names[i], bool(same[i])] for i in np.flatnonzero(same | elsewhere)
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]


def _key(job: _Job) -> str:
    parts = [job.spec.identity, job.seed, job.part, job.folds, sorted(job.modes), __version__]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _setup(root: Path, language: str) -> Callable[[_Job], dict[str, Any]]:
    clips = material(Workspace(root), language)
    return lambda job: _measure(job, clips)


def _measure(job: _Job, clips: Material) -> dict[str, Any]:
    """Train one part of one seed and score what it was not trained on."""
    from mraf.training import fit

    started = time.monotonic()
    train, test, settings = clips.train, clips.other, ("P5", "P6")
    if job.part != WHOLE:
        fold = recording_folds(train.label, train.recording, job.folds, job.seed)
        train, test, settings = (
            train.take(fold != job.part),
            train.take(fold == job.part),
            ("P3", "P4"),
        )
    options = replace(job.spec.options, seed=job.seed, device="cpu", threads=1)
    model = fit(train, None, clips.classes, options).model
    seconds = time.monotonic() - started
    found = _settings(model, test, settings, options, job.modes)
    return {"seconds": seconds, "settings": found}


def _settings(
    model: "Network",
    test: Features,
    names: tuple[str, str],
    options: Options,
    modes: tuple[str, ...],
) -> dict[str, Any]:
    """By mode and setting: the number of clips, of right answers, and calibration errors."""
    found: dict[str, Any] = {}
    for mode in modes:
        answer = probabilities(model, [test], mode)[0]
        for name, probability in zip(names, answer, strict=True):
            result = score(test, probability, face=SETTINGS[name][1])
            right = round((result.accuracy or 0) * result.n)
            found.setdefault(mode, {})[name] = {"n": result.n, "right": right}
    if "single" in modes:
        for name, each in _calibration(model, test, names, options).items():
            found["single"][name].update(each)
        found["single"][names[0]]["wrong_faces"] = _with_wrong_faces(model, test, options.seed)
    return found


def _with_wrong_faces(model: "Network", test: Features, seed: int) -> float:
    """Accuracy on the clips with both, every fifth of them with the face of another speaker."""
    from mraf.inference import predict

    clips = test.take(test.face_present & test.voice_present)
    random = np.random.default_rng(seed)
    face = clips.face.copy()
    for index in np.flatnonzero(random.random(len(clips)) < WRONG_FACES):
        strangers = np.flatnonzero(clips.label != clips.label[index])
        if len(strangers):
            face[index] = clips.face[random.choice(strangers)]
    return score(clips, predict(model, replace(clips, face=face)).probability).accuracy or 0.0


def _calibration(
    model: "Network", test: Features, names: tuple[str, str], options: Options
) -> dict[str, dict[str, float]]:
    """Cross-entropy, and the calibration error with and without the fitted temperature."""
    import torch
    import torch.nn.functional as F

    from mraf.batches import Samples
    from mraf.calibration import calibration_error
    from mraf.inference import answers

    found = {}
    for name in names:
        shown = "face_voice" if SETTINGS[name][1] else "voice"
        logits, label = answers(model, Samples.of(test, "cpu"), shown)
        if not len(label):
            continue
        fitted = logits / model.temperature.value[0 if shown == "face_voice" else 1]
        unscaled = logits * getattr(options, "scale", 1.0)
        before, after = (
            calibration_error(each.softmax(dim=-1).numpy(), label.numpy())
            for each in (unscaled, fitted)
        )
        loss = float(F.cross_entropy(fitted.to(torch.float64), label))
        found[name] = {"loss": loss, "before": before, "after": after}
    return found


def _score(
    spec: Spec, mode: str, seeds: int, jobs: list[_Job], done: dict[str, dict[str, Any]]
) -> Score:
    """What was measured of one spec in one mode, over its seeds."""
    by_seed = []
    for seed in range(1, seeds + 1):
        parts = [done[_key(job)]["settings"][mode] for job in jobs if job.seed == seed]
        by_seed.append({name: [p[name] for p in parts if name in p] for name in SETTINGS})
    accuracy = {
        name: [_mean(each[name], "right", total=True) for each in by_seed] for name in SETTINGS
    }
    accuracy["mean"] = [float(np.mean(each)) for each in zip(*accuracy.values(), strict=True)]
    pooled = {name: [part for each in by_seed for part in each[name]] for name in SETTINGS}
    everything = [part for each in pooled.values() for part in each]
    whole = [done[_key(job)]["seconds"] for job in jobs if job.part == WHOLE]
    return Score(
        spec.name,
        mode,
        {name: float(np.mean(each)) for name, each in accuracy.items()},
        {
            name: float(np.std(each, ddof=1)) if seeds > 1 else 0.0
            for name, each in accuracy.items()
        },
        {name: sum(part["n"] for part in each) for name, each in by_seed[0].items()},
        {n: _mean(each, "loss") for n, each in pooled.items() if each and "loss" in each[0]},
        {
            n: _mean(each, "wrong_faces")
            for n, each in pooled.items()
            if each and "wrong_faces" in each[0]
        },
        _mean(everything, "before") if "before" in everything[0] else None,
        _mean(everything, "after") if "after" in everything[0] else None,
        seeds,
        float(np.mean(whole)),
    )


def _mean(parts: list[dict[str, Any]], key: str, total: bool = False) -> float:
    """The mean of a figure over the clips of all parts, of which it is the mean or the total."""
    clips = max(1, sum(part["n"] for part in parts))
    return float(sum(part[key] * (1 if total else part["n"]) for part in parts) / clips)


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """What was measured before; a line that was cut off is left out."""
    done: dict[str, dict[str, Any]] = {}
    if not file.is_file():
        return done
    for line in file.read_text("utf-8").splitlines():
        try:
            entry = json.loads(line)
            done[entry["key"]] = entry["result"]
        except (ValueError, KeyError, TypeError):
            log.warning("%s: a line cannot be read and is measured again", file)
    return done


def _append(file: Path, key: str, name: str, result: dict[str, Any]) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        whole = not file.is_file() or file.read_bytes()[-1:] in (b"\n", b"")
        with file.open("a", encoding="utf-8") as out:
            entry = json.dumps({"key": key, "name": name, "result": result})
            out.write(("" if whole else "\n") + entry + "\n")
    except OSError as error:
        raise UsageError(
            f"{file}: what was measured cannot be written ({error.strerror}); choose another workspace"
        ) from None
