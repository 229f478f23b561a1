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
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from mraf.data.table.labels import FeatureLabels
from mraf.errors import MissingError, MrafError, UsageError
from mraf.folds import recording_folds
from mraf.pipeline.extraction.processes import Work, available_cores, one_by_one, run
from mraf.pipeline.fingerprints import dims_of, fingerprint_of
from mraf.pipeline.modes import MODES
from mraf.pipeline.polysim.scores import WHOLE, Score, measure, pool
from mraf.pipeline.training.presets import Options
from mraf.pipeline.training.split import match_languages, recordings_of, to_features, trainable
from mraf.pipeline.workspace import Workspace
from mraf.types import Features

__all__ = ["Material", "Score", "Spec", "develop", "material"]

log = logging.getLogger("mraf")


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
        modes: some of `mraf.pipeline.modes.MODES`.
        progress: called with the number of fits done and of all.

    Raises:
        MissingError: there are no features, or none of another language.
        UsageError: a language is unknown, or a number is out of range.

    """
    workspace = Workspace.at(workspace)
    specs = list({spec.name: spec for spec in specs}.values())
    _check(specs, seeds, folds)
    clips = material(workspace, language)
    file = workspace.reports / "development" / f"{clips.digest}.jsonl"
    done = _read(file)
    jobs = [
        _Job(spec, seed, part, folds, tuple(modes))
        for seed in range(1, seeds + 1)
        for spec in specs
        for part in (*range(folds), WHOLE)
    ]
    _run_missing(jobs, done, file, workspace, language, workers, progress)
    return [
        pool(spec.name, mode, [_of_seed(jobs, spec, seed, done) for seed in range(1, seeds + 1)])
        for spec in specs
        for mode in modes
    ]


def _check(specs: Sequence[Spec], seeds: int, folds: int) -> None:
    if not specs:
        raise UsageError("There is nothing to measure: name an architecture or a preset.")
    if seeds < 1:
        raise UsageError(f"At least 1 seed is needed, not {seeds}.")
    if folds < 2:
        raise UsageError(f"At least 2 folds are needed, not {folds}.")


def _run_missing(
    jobs: list[_Job],
    done: dict[str, dict[str, Any]],
    file: Path,
    workspace: Workspace,
    language: str,
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Do the jobs whose result is not in `done`, and put it there and into the file."""

    def missing(job: _Job) -> bool:
        found = done.get(_key(job), {"settings": {}})["settings"]
        return not all(mode in found for mode in job.modes)

    def tell() -> None:
        if progress is not None:
            progress(sum(not missing(job) for job in unique.values()), len(unique))

    unique = {_key(job): job for job in jobs}
    open_ = [job for job in unique.values() if missing(job)]
    tell()
    workers = min(available_cores(), len(open_)) if workers is None else workers
    for job, result in run(iter(open_), workers, _setup, workspace.root, language):
        if isinstance(result, Exception):
            raise result
        if isinstance(result, str):  # what a person should do, from another process
            raise UsageError(result)
        done[_key(job)] = result
        _append(file, _key(job), job.spec.name, result)
        tell()


def _of_seed(
    jobs: list[_Job], spec: Spec, seed: int, done: dict[str, dict[str, Any]]
) -> dict[int | str, dict[str, Any]]:
    """The results of all parts of a seed."""
    mine = (job for job in jobs if job.spec == spec and job.seed == seed)
    return {job.part: done[_key(job)] for job in mine}


def material(workspace: Workspace, language: str) -> Material:
    """The labelled clips of the training language and of all others.

    Raises:
        MissingError: no features, or none of another language.
        UsageError: no clip in `language`.

    """
    labels = workspace.table.labels()
    trains = match_languages(labels, [language]) or set()
    named = trainable(labels)
    same = named & np.isin(np.array(labels.language, object), list(trains))
    speakers = sorted({str(labels.speaker[i]) for i in np.flatnonzero(same)})
    known = named & np.isin(np.array(labels.speaker, object), speakers)
    elsewhere = known & ~same
    if not elsewhere.any():
        raise MissingError(
            f"{workspace.table.folder}: P5 and P6 need clips of the speakers of {language} in another "
            "language; import or extract them first."
        )
    dims = dims_of(fingerprint_of(labels))
    train, other = (to_features(labels, speakers, dims, index) for index in (same, elsewhere))
    return Material(train, other, len(speakers), _digest(labels, same, elsewhere))


def _digest(labels: FeatureLabels, same: np.ndarray, elsewhere: np.ndarray) -> str:
    names = recordings_of(labels)
    chosen = np.flatnonzero(same | elsewhere)
    rows = [[labels.source_hash[i], names[i], bool(same[i])] for i in chosen]
    return hashlib.sha256(json.dumps([labels.extractors, rows]).encode()).hexdigest()[:16]


def _key(job: _Job) -> str:
    parts = [job.spec.identity, job.seed, job.part, job.folds, _code()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@cache
def _code() -> str:
    """What distinguishes this version of the model from others: its source."""
    sources = sorted(files("mraf").iterdir(), key=lambda file: file.name)
    code = b"".join(file.read_bytes() for file in sources if file.name.endswith(".py"))
    return hashlib.sha256(code).hexdigest()[:16]


def _setup(root: Path, language: str) -> Work:
    clips = material(Workspace(root), language)
    return one_by_one(lambda job: _attempt(job, clips))


def _attempt(job: _Job, clips: Material) -> dict[str, Any] | str:
    try:
        return _measure(job, clips)
    except MrafError as error:  # which a pool of workers would take for a crash
        return f"{job.spec.name}: {error}"


def _measure(job: _Job, clips: Material) -> dict[str, Any]:
    """Train one part of one seed and score what it was not trained on."""
    from mraf.fit import fit

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
    return {"seconds": seconds, "settings": measure(model, test, settings, job.modes, job.seed)}


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
