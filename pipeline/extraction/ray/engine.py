"""The engine that works on a Ray cluster: Ray Data hands blocks of clips to a pool of actors.

Ray decides where an actor runs, feeds it, starts it elsewhere when its node is lost, and does again what
was lost with it. Rows come back to the process that started the run, which alone writes the table:
a block that Ray did twice is taken once, and no node but this one needs to see the workspace.
"""

import logging
import os
import pickle
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow
from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction import rows as embedding
from mraf.pipeline.extraction.machine import CLIPS_AT_ONCE
from mraf.pipeline.extraction.ray.connection import Cluster, connected, import_ray, short
from mraf.pipeline.extraction.ray.node import COLUMN, Answer, ClipWorker, Task, can_read, probe
from mraf.pipeline.extraction.run import Run

TRIES = 3
"""How often Ray may do a block again whose actor died; what is left then is tried once more, alone."""
BLOCKS_A_WORKER = 32
"""Into how many blocks each worker's share of the clips is cut, so that all end at about one time."""
LARGEST_BLOCK = 32
PROBED = 8
"""Clips, spread over all, that every node must be able to open before work starts."""
PROBE_SECONDS = 120.0
"""How long a node may take to answer whether it can take part; its first import of mraf is in it."""
_HOURS_OF_SILENCE = 6  # in which no clip of any block ends: then Ray gives up

log = logging.getLogger("mraf")


@dataclass(frozen=True)
class RayEngine:
    """Works on a Ray cluster; an `Engine` of `mraf.pipeline.extraction.extract`.

    Attributes:
        address: HOST:PORT of the head of a cluster that this machine is part of; "auto" for the one that
            runs here, or that RAY_ADDRESS names; "local" to start one on this machine; None: "auto"
            where there is one, else "local".
        workers: at most so many actors; None for as many as the cluster has room for, now and later.
        gpus: of each actor, 0.25 to share one by four; 0 works on CPUs.
        on_start: called when the cluster has been found and every node can take part.
    """

    address: str | None = None
    workers: int | None = None
    gpus: float = 0.0
    on_start: Callable[[Cluster], None] | None = None

    def __call__(
        self, run: Run, encoders: EncoderPair, options: ExtractOptions
    ) -> Generator[FeatureRow, None, None]:
        """Rows of the clips that the run cannot re-use.

        Raises:
            MissingError: Ray is not installed, there is no such cluster, or a node lacks weights.
            UsageError: a node has other versions or does not see the clips.
            MrafError: Ray ended the run.
        """
        if not run.clips:
            return
        ray = import_ray()
        try:
            with connected(ray, self.address) as cluster:
                task = self._task(ray, run, encoders, options)
                able = _able(ray.nodes(), task.decoders, self.gpus)
                if not able:
                    raise UsageError(_no_room(cluster, task.decoders, self.gpus))
                _probe_nodes(ray, able, task, _some(run.clips))
                if self.on_start:
                    self.on_start(cluster)
                with _quiet():
                    yield from self._rows(run, task, cluster)
        except MrafError:
            raise
        except Exception as error:  # Ray's have no base class of their own
            log.debug("Ray ended the run", exc_info=True)
            raise MrafError(
                f"Ray ended the run ({short(error)}). What was embedded is kept: the same command "
                "goes on from there."
            ) from error

    def _task(self, ray: Any, run: Run, encoders: EncoderPair, options: ExtractOptions) -> Task:
        specs = (encoders.face, encoders.voice)
        files = {spec.sha256 or "": spec.weights for spec in specs if spec.weights}
        cpus = _cpus_of_worker(ray.nodes(), self.gpus)
        return Task(
            encoders,
            options,
            run.fingerprint,
            Path(os.path.commonpath([f.absolute().parent for c in run.clips for f in c.files])),
            device="cuda" if self.gpus else "cpu",
            decoders=cpus,
            at_once=CLIPS_AT_ONCE if self.gpus else 1,
            known=ray.put(run.reusable()),
            weights={sha: ray.put(file.read_bytes()) for sha, file in files.items()},
            setup=embedding.setup_worker,
        )

    def _rows(self, run: Run, task: Task, cluster: Cluster) -> Generator[FeatureRow, None, None]:
        pending = {clip.id: _absolute(clip) for clip in run.clips}
        room = int(cluster.gpus / self.gpus) if self.gpus else cluster.cpus
        slots = max(1, min(room, self.workers or room))
        size = min(LARGEST_BLOCK, max(task.at_once, len(pending) // (BLOCKS_A_WORKER * slots)))
        # What was lost is tried again, clip by clip.
        for is_last, each in ((False, size), (True, 1)):
            for answer in self._answers(task, slots, list(pending.values()), each):
                for clip_id, digest in answer.known:
                    if clip := pending.pop(clip_id, None):
                        run.reuse(clip, digest)
                for row in answer.rows:
                    if pending.pop(row.clip, None):
                        yield row
                if answer.fatal and (is_last or _is_lasting(answer.fatal)):
                    raise answer.fatal
            if not pending:
                return
        for clip in pending.values():
            error = "Ray gave it up: its worker died again and again, perhaps for want of memory"
            yield embedding.failed_row(clip, "", run.fingerprint, error)

    def _answers(
        self, task: Task, slots: int, clips: Sequence[Clip], size: int
    ) -> Iterator[Answer]:
        """Answers to blocks of `size` clips, as they come; a block that Ray gave up has none."""
        import ray.data

        blocks = [pickle.dumps(clips[i : i + size]) for i in range(0, len(clips), size)]
        with _settings(ray.data.DataContext):
            made = ray.data.from_items(
                [{COLUMN: block} for block in blocks], override_num_blocks=len(blocks)
            ).map_batches(
                ClipWorker,
                fn_constructor_args=(task,),
                # One row, which is one block of clips, a call; Ray would merge and cut larger ones.
                batch_size=1,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(
                    min_size=slots, max_size=self.workers, max_tasks_in_flight_per_actor=2
                ),
                num_cpus=task.decoders,
                num_gpus=self.gpus or None,
                max_task_retries=TRIES,
            )
        batches: Iterable[Any] = made.iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=0
        )
        for batch in batches:
            for content in batch[COLUMN].to_pylist():
                yield pickle.loads(content)


def _some(clips: Sequence[Clip]) -> list[Clip]:
    """A few of the clips, spread over all, that can be opened here."""
    count = min(PROBED, len(clips))
    some = [_absolute(clips[i * len(clips) // count]) for i in range(count)]
    return [clip for clip in some if all(can_read(file) is None for file in clip.files)]


def _able(nodes: Sequence[dict[str, Any]], cpus: int, gpus: float) -> list[dict[str, Any]]:
    """The nodes that have room for an actor when nothing else runs there."""
    return [
        node
        for node in nodes
        if node["Alive"]
        and node["Resources"].get("CPU", 0) >= cpus
        and node["Resources"].get("GPU", 0) >= gpus
    ]


def _no_room(cluster: Cluster, cpus: int, gpus: float) -> str:
    if gpus:
        return (
            f"{cluster.address}: a worker was to have {gpus:g} GPUs, and no node has so many "
            f"({cluster.gpus} in all). Leave --gpus-per-worker out to work on CPUs."
        )
    return (
        f"{cluster.address}: no node of the cluster offers {cpus} cores to work on "
        f"({cluster.cpus} in all). Add one with `ray start --address={cluster.address}`."
    )


def _is_lasting(fatal: MrafError) -> bool:
    """Whether a fault of one node would come again; else, as for want of memory, others go on."""
    return isinstance(fatal, UsageError | MissingError)


def _probe_nodes(
    ray: Any, nodes: Sequence[dict[str, Any]], task: Task, some: Sequence[Clip]
) -> None:
    """Ask nodes whether they can take part. Raises the first reason why one cannot."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    remote = ray.remote(num_cpus=0, max_retries=0)(probe)
    asked = {
        remote.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote(task, some): node["NodeManagerHostname"]
        for node in nodes
    }
    for answer, name in asked.items():
        try:
            problem = ray.get(answer, timeout=PROBE_SECONDS)
        except ray.exceptions.GetTimeoutError:
            raise UsageError(
                f"node {name}: does not answer within {PROBE_SECONDS:g} s. Perhaps a drive that the clips "
                "lie on hangs there."
            ) from None
        except (
            ray.exceptions.NodeDiedError,
            ray.exceptions.LocalRayletDiedError,
            ray.exceptions.TaskUnschedulableError,
        ):
            continue  # it has gone meanwhile
        except ray.exceptions.RayError as error:
            raise MissingError(
                f"node {name}: mraf cannot be used there ({short(error)}). Install the same version "
                "on all nodes."
            ) from None
        if problem:
            raise problem


def _absolute(clip: Clip) -> Clip:
    """The clip with paths that do not depend on the current folder, which nodes do not share."""
    paths = {role: getattr(clip, role) for role in ("video", "audio", "image")}
    if all(path is None or path.is_absolute() for path in paths.values()):
        return clip
    return replace(clip, **{role: path and path.absolute() for role, path in paths.items()})


def _cpus_of_worker(nodes: Sequence[dict[str, Any]], gpus: float) -> int:
    """Cores of an actor: one, or where it shares a GPU those that fall to it, for its decoders."""
    shares = [
        node["Resources"].get("CPU", 1) * gpus / node["Resources"]["GPU"]
        for node in nodes
        if gpus and node["Alive"] and node["Resources"].get("GPU")
    ]
    return min(CLIPS_AT_ONCE, max(1, int(min(shares, default=1))))


@contextmanager
def _settings(context: Any) -> Iterator[None]:
    """Ray Data's settings for the datasets that are made within."""
    ours = context.get_current().copy()
    ours.enable_progress_bars = ours.print_on_execution_start = False
    ours.max_errored_blocks = -1
    ours.execution_no_progress_timeout_s = _HOURS_OF_SILENCE * 3600
    with context.current(ours):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of Ray's: of what moves in 2.64, and of fewer actors than asked for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"ray\..*")
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
        yield
