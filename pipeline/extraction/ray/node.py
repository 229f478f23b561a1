"""The work of a node of a Ray cluster: the worker process of the local engine, behind an actor.

An actor keeps its encoders in a child process. A clip that kills the child is found by the rules of
`mraf.pipeline.extraction.processes`; the actor lives on, which Ray would otherwise start again for ever.
"""

import os
import pickle
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf import __version__
from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow
from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors import weights
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.extractor import ExtractOptions
from mraf.fingerprint import Fingerprint
from mraf.pipeline.extraction import processes, rows
from mraf.pipeline.extraction.hashing import Job, Unreadable, digest_of, holds
from mraf.pipeline.extraction.rows import Made
from mraf.pipeline.extraction.turns.options import TurnOptions

if TYPE_CHECKING:
    import pyarrow as pa

COLUMN = "content"
"""The only column of an actor's input and output: a row is a pickled block of clips, or its `Answer`."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """The settings of a run, which every actor gets once."""

    encoders: EncoderPair
    options: ExtractOptions
    fingerprint: Fingerprint  # of encoders and options on the machine that started the run
    root: Path  # a folder that holds all clips
    device: str = "cpu"
    precision: str = "auto"
    decoders: int = 1
    at_once: int = 1  # clips that go through the networks together
    known: Any = None  # in Ray's store: digests of the rows that can be re-used, sorted
    weights: dict[str, Any] = field(default_factory=dict)  # in Ray's store: files by SHA-256
    version: str = __version__
    setup: processes.Setup = rows.setup_worker
    turns: TurnOptions | None = None  # their weights, too, are in `weights`, by SHA-256


Done = tuple[str, str | None, list[FeatureRow] | None]
"""The id and the digest of a clip, and its rows."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The results of a block of clips."""

    # Id and digest of each clip, and its rows: None where the table has those of this content.
    results: tuple[Done, ...] = ()
    fatal: MrafError | None = None  # why the rest cannot be worked on here
    node: str = ""  # Ray's id of the node where it is fatal


class ClipWorker:
    """An actor. Its constructor does nothing that can fail, and its calls answer with the error."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._pool: processes.Pool | None = None
        self._known: np.ndarray | None = None

    def __call__(self, batch: "pa.Table") -> "pa.Table":
        """Answer a block of clips."""
        import pyarrow as pa

        done: list[Done] = []
        fatal: MrafError | None = None
        try:
            self._work(pickle.loads(batch[COLUMN][0].as_py()), done)
        except MrafError as error:
            fatal = type(error)(f"{here()}: {error}")
        except Exception as error:
            fatal = MrafError(f"{here()}: unexpected: {type(error).__name__}: {error}")
        answer = Answer(results=tuple(done), fatal=fatal, node=_node_id() if fatal else "")
        return pa.table({COLUMN: [pickle.dumps(answer)]})

    def _work(self, clips: Sequence[Clip], done: list[Done]) -> None:
        """Append to `done`, which keeps what came before an error."""
        jobs: list[Job] = []
        task = self._task
        pool, made = self._pool or self._start(), Made.by(task.options, task.encoders, task.turns)
        assert self._known is not None
        for clip in clips:
            digest = digest_of(clip)
            if isinstance(digest, Unreadable):
                done.append((clip.id, None, [rows.failed_row(clip, digest.error, made.whole)]))
            elif holds(self._known, digest):
                done.append((clip.id, digest, None))
            else:
                jobs.append(Job(clip, digest))
        for job, outcome in pool.run(processes.batches_of(jobs, self._task.at_once)):
            found = rows.finished_rows(job, outcome, made)
            done.append((job.clip.id, job.digest, found))

    def _start(self) -> processes.Pool:
        """Check this node and make the pool, which starts its process with the first job."""
        task = self._task
        check_node(task)
        pair = replace(
            task.encoders,
            face=at_hand(task.encoders.face, task.weights),
            voice=at_hand(task.encoders.voice, task.weights),
        )
        self._known = np.zeros(0, "S16") if task.known is None else _fetched(task.known)
        setup = partial(
            task.setup,
            pair,
            task.options,
            task.device,
            task.decoders,
            task.precision,
            turns_at_hand(task),
        )
        self._pool = processes.Pool(1, setup)
        return self._pool


def check_node(task: Task) -> None:
    """Raise UsageError where this node has other versions or does not see the clips."""
    if __version__ != task.version:
        raise UsageError(f"has mraf {__version__}, the run was started with {task.version}.")
    made = task.options.fingerprint(task.encoders)
    if made != task.fingerprint:
        raise UsageError(
            f"has {made}, the run was started with {task.fingerprint}. Install the same packages."
        )
    if not os.path.isdir(task.root):  # noqa: PTH112  # False, too, where it may not be looked at
        raise UsageError(
            f"does not see the folder {task.root}, which holds the clips. Mount it there, or start Ray "
            "on the nodes that have it."
        )


def at_hand(spec: EncoderSpec, store: dict[str, Any]) -> EncoderSpec:
    """Return the encoder with weights that are on this node, copied from Ray's store if need be."""
    if spec.weights is None:
        return spec
    path = _file_at_hand(spec.name, spec.weights, spec.sha256 or "", store)
    return spec if path == spec.weights else replace(spec, weights=path)


def _file_at_hand(name: str, file: Path, sha256: str, store: dict[str, Any]) -> Path:
    """Return a file of weights that is on this node, copied from Ray's store if need be."""
    if can_read(file) is None:
        return file
    path = weights.cache_dir() / f"{sha256[:16]}-{file.name}"
    if can_read(path) is not None:
        if sha256 not in store:
            raise MissingError(f"lacks the weights of '{name}' ({file}).")
        content = _fetched(store[sha256])
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError as error:
            raise MissingError(
                f"cannot keep the weights of '{name}' in {path.parent} ({error.strerror})."
            ) from None
        finally:
            temporary.unlink(missing_ok=True)
    return path


def turns_at_hand(task: Task) -> TurnOptions | None:
    """Return the options of turns with weights that are on this node, where observations are not kept."""
    turns = task.turns
    if turns is None:
        return None
    networks = {
        name: _file_at_hand(name, path, turns.sums[name], task.weights)
        for name, path in turns.networks.items()
    }
    return replace(turns, networks=networks, workspace=None)


def probe(task: Task, some: Sequence[Clip]) -> MrafError | None:
    """Return the reason why this node cannot take part in a run; None where it can.

    The files of `some`, a few of the clips, must be there.
    """
    try:
        check_node(task)
        for clip in some:
            for path in clip.files:
                if problem := can_read(path):
                    raise UsageError(f"cannot read {path} ({problem}), though it sees {task.root}.")
        for spec in (task.encoders.face, task.encoders.voice):
            at_hand(spec, task.weights)
        turns_at_hand(task)
    except MrafError as error:
        return type(error)(f"{here()}: {error}")
    return None


def can_read(path: Path) -> str | None:
    """Return the reason why this process cannot read a file; None where it can."""
    try:
        if not path.is_file():
            return "no such file"
        with path.open("rb"):
            return None
    except OSError as error:
        return error.strerror or str(error)


def here() -> str:
    """Return the name of this node, for messages."""
    return f"node {platform.node()}"


def _node_id() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id()) if ray.is_initialized() else ""


def _fetched(reference: Any) -> Any:
    """Return the object of a reference to Ray's store."""
    import ray

    return ray.get(reference) if isinstance(reference, ray.ObjectRef) else reference
