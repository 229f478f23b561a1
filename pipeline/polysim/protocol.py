"""The development protocol: P3 to P6 measured without any test label, over several seeds.

P3 and P4 are measured by cross-validation over the recordings of the training language, P5 and P6 on
all clips of the other language, by models of the whole training language. Every fit becomes a line of
a file under `reports/`, so a stopped run continues where it stopped.
"""

import hashlib
import inspect
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mraf
from mraf.errors import MissingError, MrafError, UsageError
from mraf.fop.options import FOPOptions
from mraf.inference.folds import recording_folds
from mraf.network.options import TrainOptions
from mraf.pipeline.evaluation import score
from mraf.pipeline.extraction.processes import Work, available_cores, one_by_one, run
from mraf.pipeline.fingerprints import dims_of, fingerprint_of
from mraf.pipeline.modes import MODES, probabilities
from mraf.pipeline.polysim.scores import WHOLE, Score, measure, pool
from mraf.pipeline.training.split import match_languages, to_features, trainable
from mraf.pipeline.workspace import Workspace
from mraf.types import Features

__all__ = ["Material", "Score", "Spec", "develop", "material"]

if TYPE_CHECKING:
    from mraf.fit import Options

log = logging.getLogger("mraf")


@dataclass(frozen=True)
class Spec:
    """One thing to measure: the options of training, and a name for the tables."""

    name: str
    options: "Options"

    @property
    def identity(self) -> str:
        """The options as JSON, without the name and what `develop` sets: equal for equal specs."""
        values = asdict(self.options)
        for name in ("seed", "device", "threads"):
            values.pop(name)
        return json.dumps([type(self.options).__name__, values], sort_keys=True)


@dataclass(frozen=True, kw_only=True)
class Material:
    """The clips of the protocol."""

    train: Features  # of the training language
    other: Features  # of the other language, speakers of the training language only
    classes: int

    @property
    def digest(self) -> str:
        """The hash of all vectors, masks, labels and recordings."""
        content = hashlib.sha256(str(self.classes).encode())
        for clips in (self.train, self.other):
            for name, array in vars(clips).items():
                content.update(f"{name} {array.dtype} {array.shape}".encode())
                content.update(array.tobytes())
        return content.hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class _Job:
    spec: Spec
    seed: int
    part: int | str
    folds: int
    modes: tuple[str, ...]

    @property
    def key(self) -> str:
        """The hash of everything but the clips that a result depends on."""
        parts = [self.spec.identity, self.seed, self.part, self.folds, _code()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def develop(
    specs: Sequence[Spec],
    workspace: Workspace | Path | str | None = None,
    *,
    seeds: int = 3,
    folds: int = 5,
    language: str = "English",
    workers: int | None = None,
    modes: Sequence[str] = tuple(MODES),
    progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Measure specs by the development protocol, in every mode or in some.

    Args:
        specs: what to measure; the seed, device and threads of their options are set here.
        workspace: with the features of two languages or more, as `mraf polysim import` makes it.
        seeds: the number of seeds, 1 to `seeds`; a seed draws the folds and everything in training.
        folds: the number of folds of the cross-validation.
        language: the training language.
        workers: processes, each with one thread; by default one for each core. 0 works in this
            process.
        modes: some of `mraf.pipeline.modes.MODES`.
        progress: called with the number of fits done and of all.

    Raises:
        MissingError: there are no features, or none of another language.
        UsageError: a language is unknown, or a number is out of range.

    """
    workspace = Workspace.at(workspace)
    specs = list({spec.name: spec for spec in specs}.values())
    _check(specs, seeds, folds)
    file = workspace.reports / "development" / f"{material(workspace, language).digest}.jsonl"
    done = _read(file)
    jobs = [
        _Job(spec=spec, seed=seed, part=part, folds=folds, modes=tuple(modes))
        for seed in range(1, seeds + 1)
        for spec in specs
        for part in (*range(folds), WHOLE)
    ]
    _run_missing(
        jobs, done, file=file, setup=(workspace.root, language), workers=workers, progress=progress
    )
    return [
        pool(spec.name, mode, [_of_seed(jobs, spec, seed, done) for seed in range(1, seeds + 1)])
        for spec in specs
        for mode in modes
    ]


def _check(specs: Sequence[Spec], seeds: int, folds: int) -> None:
    if not specs:
        raise UsageError("There is nothing to measure: name a model type.")
    if seeds < 1:
        raise UsageError(f"At least 1 seed is needed, not {seeds}.")
    if folds < 2:
        raise UsageError(f"At least 2 folds are needed, not {folds}.")


def _run_missing(
    jobs: list[_Job],
    done: dict[str, dict[str, Any]],
    *,
    file: Path,
    setup: tuple[Path, str],
    workers: int | None,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Do the jobs without a result in `done`; add their results to it and to the file."""

    def missing(job: _Job) -> bool:
        settings = done.get(job.key, {"settings": {}})["settings"]
        return not all(mode in settings for mode in job.modes)

    def report() -> None:
        if progress is not None:
            progress(sum(not missing(job) for job in unique.values()), len(unique))

    unique = {job.key: job for job in jobs}
    missing_jobs = [job for job in unique.values() if missing(job)]
    report()
    workers = min(available_cores(), len(missing_jobs)) if workers is None else workers
    for job, result in run(iter(missing_jobs), workers, _setup, *setup):
        if isinstance(result, Exception):
            raise result
        done[job.key] = result
        _append(file, job.key, job.spec.name, result)
        report()


def _of_seed(
    jobs: list[_Job], spec: Spec, seed: int, done: dict[str, dict[str, Any]]
) -> dict[int | str, dict[str, Any]]:
    """Return the results of all parts of a seed."""
    return {job.part: done[job.key] for job in jobs if job.spec == spec and job.seed == seed}


def material(workspace: Workspace, language: str) -> Material:
    """Return the labelled clips of the training language and of all others.

    Raises:
        MissingError: no features, or none of another language.
        UsageError: no clip in `language`.

    """
    labels = workspace.table.labels()
    training = match_languages(labels, [language]) or set()
    named = trainable(labels)
    same = named & np.isin(np.array(labels.language, object), list(training))
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
    return Material(train=train, other=other, classes=len(speakers))


@cache
def _code() -> str:
    """Return the hash of the code that a result depends on: sources and versions of libraries."""
    code = hashlib.sha256()
    for source in _sources():
        code.update(source.read_bytes())
    for library in ("torch", "numpy", "scipy"):
        code.update(f"{library} {version(library)}".encode())
    return code.hexdigest()[:16]


def _sources() -> list[Path]:
    """Return the files of the model and of the measurement, in a fixed order.

    The clips themselves are in `Material.digest`, so the code that reads them is not needed here.
    """
    package = Path(mraf.__file__).parent
    others = ("cli.py", "__main__.py", "data", "extractors", "pipeline")
    parts = [path for path in package.iterdir() if path.name not in others]
    model = [file for path in parts for file in (path.rglob("*.py") if path.is_dir() else [path])]
    model = [file for file in model if file.suffix == ".py"]
    measurement = {inspect.getfile(each) for each in (develop, measure, probabilities, score)}
    return sorted(model) + sorted(map(Path, measurement))


def _setup(root: Path, language: str) -> Work:
    clips = material(Workspace(root), language)
    return one_by_one(lambda job: _attempt(job, clips))


def _attempt(job: _Job, clips: Material) -> dict[str, Any] | MrafError:
    """Return the result of a job, or its error: raised, it would count as a crash of the worker."""
    try:
        return _measure(job, clips)
    except MrafError as error:
        return type(error)(f"{job.spec.name}: {error}")


def _measure(job: _Job, clips: Material) -> dict[str, Any]:
    """Train one part of one seed, and measure on the clips that did not train."""
    from mraf.fit import fit

    started = time.monotonic()
    train, test, settings = clips.train, clips.other, ("P5", "P6")
    if job.part != WHOLE:
        fold = recording_folds(train.label, train.recording, job.folds, job.seed)
        train, test = train.take(fold != job.part), train.take(fold == job.part)
        settings = ("P3", "P4")
    options = replace(job.spec.options, seed=job.seed, device="cpu", threads=1)
    # Networks of linear heads hold nothing out of these clips, which would double their time, and are
    # not calibrated. That changes no accuracy in mode `single`; the other modes start from posteriors.
    is_network = isinstance(options, TrainOptions | FOPOptions)
    held_out = np.full(len(train), -1) if is_network else None
    model = fit(train, clips.classes, options, fold=held_out).model
    seconds = time.monotonic() - started
    return {
        "seconds": seconds,
        "settings": measure(model, test, settings, modes=job.modes, seed=job.seed),
    }


def _read(file: Path) -> dict[str, dict[str, Any]]:
    """Return the results in a file by their keys; a line that was cut off is left out."""
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
        complete = not file.is_file() or file.read_bytes()[-1:] in (b"\n", b"")
        with file.open("a", encoding="utf-8") as out:
            entry = json.dumps({"key": key, "name": name, "result": result})
            out.write(("" if complete else "\n") + entry + "\n")
    except OSError as error:
        raise UsageError(
            f"{file}: the results cannot be written ({error.strerror}); choose another workspace"
        ) from None
