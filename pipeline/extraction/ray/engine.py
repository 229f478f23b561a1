"""The engine that works on a Ray cluster: Ray Data hands blocks of clips to a pool of actors.

Ray decides where an actor runs, feeds it, starts it elsewhere when its node is lost, and does its blocks
again. Rows come back to the process that started the run, which alone writes the table: of a block that
Ray did twice one answer counts, and no other node needs to see the workspace.
"""

import logging
import os
import pickle
import warnings
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction import rows
from mraf.pipeline.extraction.local import CLIPS_AT_ONCE
from mraf.pipeline.extraction.ray.connection import Cluster, connected, import_ray, short
from mraf.pipeline.extraction.ray.node import COLUMN, Answer, ClipWorker, Task, can_read, probe
from mraf.pipeline.extraction.rows import Result
from mraf.pipeline.extraction.stream import ClipStream
from mraf.pipeline.extraction.turns.options import TurnOptions

TRIES = 3
"""Times that Ray does a block again whose actor died; its clips are tried once more then, one by one."""
BLOCKS_A_WORKER = 32
"""Blocks that each worker's share of the clips is cut into, so that all workers end at about one time."""
LARGEST_BLOCK = 32
PROBED = 8
"""Clips, spread over the run, that every node must be able to open before work starts."""
ROOM_SECONDS = 2.0
"""Time between two looks at a cluster that has no room for a worker."""
PROBE_SECONDS = 120.0
"""Time that a node has to answer whether it can take part, its first import of mraf included."""
_HOURS_OF_SILENCE = 6  # without the end of any block: Ray gives up then

log = logging.getLogger("mraf")


@dataclass(frozen=True)
class RayEngine:
    """An `Engine` of `mraf.pipeline.extraction.extract` that works on a Ray cluster.

    Attributes:
        address: HOST:PORT of the head of a cluster that this machine is part of; "auto" for the one that
            runs here, or that RAY_ADDRESS names; "local" to start one on this machine; None: "auto"
            where there is one, else "local".
        workers: the most actors; None for as many as the cluster has room for, now and later.
        gpus: of each actor, 0.25 to share one by four; 0 works on CPUs.
        precision: of the encoders' arithmetic on CPUs; "auto" is each node's fastest.
        on_start: called when the cluster has been found and every node can take part.
        on_note: called with a line for people: what the run waits for, and a node that is left out.
    """

    address: str | None = None
    _: KW_ONLY
    workers: int | None = None
    gpus: float = 0.0
    precision: str = "auto"
    on_start: Callable[[Cluster], None] | None = None
    on_note: Callable[[str], None] = lambda line: None

    def __call__(
        self,
        clips: ClipStream,
        *,
        encoders: EncoderPair,
        options: ExtractOptions,
        known: np.ndarray,
        turns: TurnOptions | None = None,
    ) -> Generator[Result, None, None]:
        """Yield the result of each clip, when all have been found: they are cut into blocks before.

        Raises:
            MissingError: Ray is not installed, there is no such cluster, or a node lacks weights.
            UsageError: a node has other versions or does not see the clips, at the start; of those
                that join later, each is left out.
            MrafError: Ray ended the run.
        """
        clips.wait()
        if not clips.count:
            return
        found = [_absolute(clip) for clip in clips.take(clips.count)]
        ray = import_ray()
        try:
            with connected(ray, self.address) as cluster:
                task = self._task(ray, found, encoders, options, known, turns)
                able = _able(ray.nodes(), task.decoders, self.gpus)
                if not able:
                    raise UsageError(_no_room(cluster, task.decoders, self.gpus))
                _probe_nodes(ray, able, task, _some(found))
                if self.on_start:
                    self.on_start(cluster)
                _wait_for_room(ray, task.decoders, self.gpus, self.on_note)
                with _quiet():
                    yield from self._results(ray, found, task, cluster)
        except MrafError:
            raise
        except Exception as error:  # Ray's have no base class of their own
            log.debug("Ray ended the run", exc_info=True)
            raise MrafError(
                f"Ray ended the run ({short(error)}). What was embedded is kept: the same command "
                "goes on from there."
            ) from error

    def _task(
        self,
        ray: Any,
        clips: Sequence[Clip],
        encoders: EncoderPair,
        options: ExtractOptions,
        known: np.ndarray,
        turns: TurnOptions | None,
    ) -> Task:
        specs = (encoders.face, encoders.voice)
        files = {spec.sha256 or "": spec.weights for spec in specs if spec.weights}
        if turns is not None:
            files |= {turns.sums[name]: path for name, path in turns.networks.items()}
        return Task(
            encoders=encoders,
            options=options,
            fingerprint=options.fingerprint(encoders),
            root=Path(os.path.commonpath([f.parent for clip in clips for f in clip.files])),
            device="cuda" if self.gpus else "cpu",
            precision=self.precision,
            decoders=_cpus_of_worker(ray.nodes(), self.gpus),
            at_once=CLIPS_AT_ONCE if self.gpus else 1,
            known=ray.put(known),
            weights={sha: ray.put(file.read_bytes()) for sha, file in files.items()},
            setup=rows.setup_worker,
            turns=turns,
        )

    def _results(
        self, ray: Any, clips: Sequence[Clip], task: Task, cluster: Cluster
    ) -> Generator[Result, None, None]:
        left_out: set[str] = set()  # ids of nodes
        pending = {clip.id: clip for clip in clips}
        room = int(cluster.gpus / self.gpus) if self.gpus else cluster.cpus
        slots = max(1, min(room, self.workers or room))
        size = min(LARGEST_BLOCK, max(task.at_once, len(pending) // (BLOCKS_A_WORKER * slots)))
        is_last = False
        while pending:
            faulty: Answer | None = None
            answers = self._answers(
                task, slots, list(pending.values()), size, left_out, is_last=is_last
            )
            with closing(answers):
                for answer in answers:
                    for clip_id, digest, found in answer.results:
                        if clip := pending.pop(clip_id, None):
                            yield Result(clip, digest, found)
                    if answer.fatal and (is_last or _is_lasting(answer.fatal)):
                        faulty = answer
                        break
            if faulty and faulty.fatal:
                # Begun anew without that node, which answers faster than any that works.
                is_new = faulty.node not in (*left_out, "")
                left_out.add(faulty.node)
                nodes = [node for node in ray.nodes() if node["NodeID"] not in left_out]
                others = _able(nodes, task.decoders, self.gpus)
                if not (is_new and others and _is_lasting(faulty.fatal)):
                    raise faulty.fatal
                self.on_note(f"{faulty.fatal} It is left out.")
            elif is_last:
                break
            else:  # the clips of lost blocks are tried again one by one
                is_last, size = True, 1
        for clip in pending.values():
            error = "Ray gave it up: its worker died again and again, perhaps for want of memory"
            row = rows.failed_row(clip, error, task.fingerprint.to_json())
            yield Result(clip, None, [row])

    def _answers(
        self,
        task: Task,
        slots: int,
        clips: Sequence[Clip],
        size: int,
        left_out: Collection[str],
        *,
        is_last: bool,
    ) -> Generator[Answer, None, None]:
        """Yield answers to blocks of `size` clips as they come; a block that Ray gave up has none.

        No actor runs on the nodes that are left out; in the last round none has a block waiting. Closing
        the generator ends the actors.
        """
        import ray.data
        from ray.util.scheduling_strategies import NodeLabelSchedulingStrategy, NotIn

        place: dict[str, Any] = {}
        if left_out:
            elsewhere: dict[str, Any] = {"ray.io/node-id": NotIn(*sorted(left_out))}
            place["scheduling_strategy"] = NodeLabelSchedulingStrategy(elsewhere)

        blocks = [pickle.dumps(clips[i : i + size]) for i in range(0, len(clips), size)]
        with _settings(ray.data.DataContext):
            made = ray.data.from_items(
                [{COLUMN: block} for block in blocks], override_num_blocks=len(blocks)
            ).map_batches(
                ClipWorker,
                fn_constructor_args=(task,),
                # One row, which is one block of clips, in each call: Ray merges and cuts larger ones.
                batch_size=1,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(
                    min_size=slots,
                    max_size=self.workers,
                    # A block that waits behind a deadly one would be lost with it again and again.
                    max_tasks_in_flight_per_actor=1 if is_last else 2,
                ),
                num_cpus=task.decoders,
                num_gpus=self.gpus or None,
                max_task_retries=TRIES,
                **place,
            )
        batches: Iterable[Any] = made.iter_batches(
            batch_size=None, batch_format="pyarrow", prefetch_batches=0
        )
        for batch in batches:
            for content in batch[COLUMN].to_pylist():
                yield pickle.loads(content)


def _some(clips: Sequence[Clip]) -> list[Clip]:
    """Return a few of the clips, spread over all, that can be opened here."""
    count = min(PROBED, len(clips))
    some = [clips[i * len(clips) // count] for i in range(count)]
    return [clip for clip in some if all(can_read(file) is None for file in clip.files)]


def _able(nodes: Sequence[dict[str, Any]], cpus: int, gpus: float) -> list[dict[str, Any]]:
    """Return the nodes that have room for an actor when nothing else runs there."""
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


def _wait_for_room(ray: Any, cpus: int, gpus: float, on_note: Callable[[str], None]) -> None:
    """Wait until the cluster has room for a worker; `on_note` is told what is free when that changes."""
    # A task that needs what a worker needs: it runs as soon as there is room, and a cluster that grows
    # when it is needed grows for it.
    scout = ray.remote(num_cpus=cpus, num_gpus=gpus or None)(lambda: None).remote()
    told = ""
    while not ray.wait([scout], timeout=ROOM_SECONDS)[0]:
        free, total = ray.available_resources(), ray.cluster_resources()
        kinds = [("GPU", "GPUs")] * bool(gpus) + [("CPU", "cores")]
        parts = [f"{free.get(k, 0):g} of {total.get(k, 0):g} {name}" for k, name in kinds]
        line = f"Ray: waiting for room: {' and '.join(parts)} free"
        if line != told:
            on_note(line)
        told = line


def _is_lasting(fatal: MrafError) -> bool:
    """Return True if the fault would recur on any node; the run survives others, such as lack of memory."""
    return isinstance(fatal, UsageError | MissingError)


def _probe_nodes(
    ray: Any, nodes: Sequence[dict[str, Any]], task: Task, some: Sequence[Clip]
) -> None:
    """Check that nodes can take part. Raises the error of the first one that cannot."""
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
            continue  # the node has left meanwhile
        except ray.exceptions.RayError as error:
            raise MissingError(
                f"node {name}: mraf cannot be used there ({short(error)}). Install the same version "
                "on all nodes."
            ) from None
        if problem:
            raise problem


def _absolute(clip: Clip) -> Clip:
    """Return the clip with absolute paths: nodes do not share the current folder."""
    paths = {role: getattr(clip, role) for role in ("video", "audio", "image")}
    if all(path is None or path.is_absolute() for path in paths.values()):
        return clip
    return replace(clip, **{role: path and path.absolute() for role, path in paths.items()})


def _cpus_of_worker(nodes: Sequence[dict[str, Any]], gpus: float) -> int:
    """Return the cores of an actor: one, or its share of those beside a GPU, for its decoders."""
    shares = [
        node["Resources"].get("CPU", 1) * gpus / node["Resources"]["GPU"]
        for node in nodes
        if gpus and node["Alive"] and node["Resources"].get("GPU")
    ]
    return min(CLIPS_AT_ONCE, max(1, int(min(shares, default=1))))


@contextmanager
def _settings(context: Any) -> Iterator[None]:
    """Set Ray Data's options for the datasets that are made in a `with` block."""
    ours = context.get_current().copy()
    ours.enable_progress_bars = ours.print_on_execution_start = False
    ours.max_errored_blocks = -1
    ours.execution_no_progress_timeout_s = _HOURS_OF_SILENCE * 3600
    with context.current(ours):
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Ray's warnings: of names that move in 2.64, and of fewer actors than asked for."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"ray\..*")
        warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")
        yield
