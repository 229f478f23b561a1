"""The engine that works on a Ray cluster: Ray Data hands blocks of clips to a pool of actors.

Ray decides where an actor runs, feeds it, starts it elsewhere when its node is lost, and does again what
was lost with it. Rows come back to the process that started the run, which alone writes the table:
a block that Ray did twice is taken once, and no node but this one needs to see the workspace.
"""

import logging
import os
import pickle
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.features import FeatureRow
from data.manifest import Clip
from extractors.clip import ExtractOptions
from extractors.encoders import EncoderPair
from mraf.errors import MissingError, MrafError, UsageError
from pipeline import embedding
from pipeline.cluster_worker import COLUMN, Answer, ClipWorker, Task, can_read, probe
from pipeline.plan import CLIPS_AT_ONCE
from pipeline.run import Run

CONNECT_SECONDS = 5.0
"""How long a cluster may take to answer; Ray itself would ask for minutes."""
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
class Cluster:
    """The cluster that a run works on."""

    address: str  # of its head, HOST:PORT
    is_own: bool  # started by this run, on this machine
    nodes: int
    cpus: int
    gpus: int
    dashboard: str | None  # address of its web page


@dataclass(frozen=True)
class RayEngine:
    """Works on a Ray cluster; an `Engine` of `pipeline.extract`.

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
        ray = _import_ray()
        try:
            with _connected(ray, self.address) as cluster:
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
                f"Ray ended the run ({_short(error)}). What was embedded is kept: the same command "
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


def _import_ray() -> Any:
    """Ray, told to be quiet and to report nothing to its makers."""
    settings = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        "RAY_BACKEND_LOG_LEVEL": "fatal",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingError(
            f"--engine ray needs Ray, which cannot be imported ({error}). Install it, on all nodes: "
            "pip install 'mraf[ray]'."
        ) from None
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return ray


@contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[Cluster]:
    """Ray connected to a cluster, and left as it was afterwards."""
    if ray.is_initialized():  # by whoever uses us as a library
        yield _describe(ray, ray.get_runtime_context().gcs_address, False, None)
        return
    if address in (None, "auto"):  # a cluster that was named is not to be passed over
        address = os.environ.get("RAY_ADDRESS") or address
    if address not in (None, "auto", "local"):
        _knock(str(address))
    try:
        with redirect_stdout(_WithoutRay(sys.stdout)):
            # Ray has its nodes look for modules in the current folder.
            with _own_sigterm(), _silent_stderr(), chdir(os.sep):
                context, is_own = _join(ray, address)
            found = context.address_info["gcs_address"]
            yield _describe(ray, found, is_own, context.dashboard_url or None)
    finally:
        ray.shutdown()


def _join(ray: Any, address: str | None) -> tuple[Any, bool]:
    """Connect; whether the cluster was started by us."""
    options = {"log_to_driver": False, "logging_level": "CRITICAL"}
    if address in (None, "auto"):
        try:
            return ray.init(address="auto", **options), False
        except ConnectionError as error:
            if address:
                raise MissingError(
                    f"--address auto: no Ray cluster here to join ({_short(error)}). Start one with "
                    "`ray start --head`, or leave --address out to work on this machine alone."
                ) from None
        except (RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise _cannot_join(address or "auto", error) from None
        address = "local"
    try:
        return ray.init(address=address, **options), address == "local"
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise _cannot_join(str(address), error) from None


def _cannot_join(address: str, error: Exception) -> UsageError:
    if "No node info found" in str(error):
        return UsageError(
            f"{address}: this machine is not part of that cluster. Say `ray start --address={address} "
            "--num-cpus=0` here first (without --num-cpus=0 it works too), or run mraf on a machine "
            "that is."
        )
    if "ersion mismatch" in str(error):
        return UsageError(
            f"{address}: the cluster runs other versions of Ray or Python than this program: "
            f"{' '.join(str(error).split())}. Install the same ones on all nodes."
        )
    return UsageError(f"{address}: cannot join the Ray cluster ({_short(error)}).")


def _knock(address: str) -> None:
    """Raise where nothing listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdigit():
        raise UsageError(
            f"--address {address}: expected HOST:PORT of the cluster's head, as `ray start --head` "
            "prints it, auto, or local."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise MissingError(
            f"--address {address}: no Ray cluster answers there ({said}). `ray status` on its head "
            "says whether it runs."
        ) from None


def _describe(ray: Any, address: str, is_own: bool, dashboard: str | None) -> Cluster:
    nodes = [node for node in ray.nodes() if node["Alive"]]
    total = ray.cluster_resources()
    url = f"http://{dashboard}" if dashboard else None
    cpus, gpus = int(total.get("CPU", 0)), int(total.get("GPU", 0))
    return Cluster(address, is_own, len(nodes), cpus, gpus, url)


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
                f"node {name}: mraf cannot be used there ({_short(error)}). Install the same version "
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


class _WithoutRay:
    """Standard output without what threads of Ray print there about workers that ended."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if not threading.current_thread().name.startswith("ray_"):
            return int(self._stream.write(text))
        if text.strip():
            log.debug("ray: %s", text.rstrip())
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


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


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Put the handler of SIGTERM back, in whose place Ray puts its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Nothing goes to the process's standard error, not even from libraries in C++."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _short(error: Exception) -> str:
    """The last line of what an error says: Ray's begin with the trace of another process."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__
