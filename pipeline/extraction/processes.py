"""A pool of single-threaded worker processes that survives a job that kills one of them."""

import logging
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import connection, get_context, parent_process, process
from typing import Any, NamedTuple, Protocol

from mraf.errors import MrafError, how_it_ended
from mraf.pipeline.extraction.spawning import starting
from mraf.pipeline.extraction.turns.telling import OnTold, listen

TRIES = 2
"""Workers that a job may kill before it is given up."""

STARTS = 3
"""Workers in a row that may end before they have taken their first job."""

CLOSE_SECONDS = 5.0
"""Time that workers have to end. One that waits for a drive that hangs cannot, and is left behind."""

log = logging.getLogger("mraf")

Work = Callable[[list[Any]], list[Any]]
"""A function that does several jobs and returns their results, in order."""

Setup = Callable[..., Work]
"""A function that a worker calls once, before the first jobs that need it, and that returns `Work`."""


class Batch(NamedTuple):
    """Jobs that a worker does together."""

    jobs: list[Any]
    setup: int = 0  # number of the setup whose `Work` does them


class Bell(Protocol):
    """A thing that makes more batches ready, in another thread."""

    @property
    def connection(self) -> connection.Connection:
        """Readable where something has happened."""

    def answer(self) -> None:
        """Take note of what has happened; `connection` can then be read no more."""


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    jobs: Iterable[Any], workers: int, setup: Setup, *arguments: Any, at_once: int = 1
) -> Generator[tuple[Any, Any], None, None]:
    """Do jobs that are known before, `at_once` of them together. See `run_batches`."""
    return run_batches(batches_of(jobs, at_once), workers, partial(setup, *arguments))


def run_batches(
    batches: Iterator[Batch | None],
    workers: int,
    *setups: Callable[[], Work],
    bell: Bell | None = None,
    on_told: OnTold | None = None,
) -> Generator[tuple[Any, Any], None, None]:
    """Do jobs and yield pairs of job and result, in any order.

    A job whose worker died is tried again, alone, when all others are done; if its worker dies again,
    its result is a `WorkerDiedError`. Where a job raises an exception, the jobs that its worker got
    together with it are done one by one, and the result of the one that raises it is a `JobError`.
    Closing the generator ends the workers.

    Args:
        batches: taken one by one, as workers become free. None where there is none until a result has
            been taken or the `bell` has rung. Where there is no batch, no worker starts.
        workers: number of processes, started afresh (spawn); 0 does the work in this process.
        setups: each is called once in a worker that needs it; returns the function that does a list
            of jobs. They, every job and every result come from modules that a worker can import, not
            from the caller's script.
        bell: is answered when it rings, whatever the workers do.
        on_told: called with what the workers `tell` (`mraf.pipeline.extraction.turns.telling`).

    Raises:
        MrafError: a setup raised it, or workers end before they are ready.
    """
    if workers == 0:
        listen(on_told)
        yield from _run_here(batches, setups, bell)
        return
    pool = Pool(workers, *setups, on_told=on_told)
    try:
        yield from pool.run(batches, bell)
    finally:
        pool.close()


def batches_of(jobs: Iterable[Any], at_once: int = 1) -> Iterator[Batch]:
    """Yield batches of `at_once` jobs."""
    left = iter(jobs)
    while some := list(islice(left, at_once)):
        yield Batch(some)


def _run_here(
    batches: Iterator[Batch | None], setups: tuple[Callable[[], Work], ...], bell: Bell | None
) -> Iterator[tuple[Any, Any]]:
    works: dict[int, Work] = {}
    for batch in batches:
        if bell is not None and bell.connection.poll(None if batch is None else 0):
            bell.answer()
        if batch is not None:
            if batch.setup not in works:
                works[batch.setup] = setups[batch.setup]()
            yield from zip(batch.jobs, _attempt(works[batch.setup], batch.jobs), strict=True)


def one_by_one(work: Callable[[Any], Any]) -> Work:
    """Return a `Work` that calls `work` with each job."""
    return lambda jobs: [work(job) for job in jobs]


class JobError(Exception):
    """The result of a job that raised an unexpected exception."""


class WorkerDiedError(Exception):
    """The result of a job during which the worker process ended."""


_OVER = object()


@dataclass(eq=False)
class _Worker:
    process: Any
    pipe: connection.Connection
    attempt: "_Attempt | None" = None  # None: free
    ready: bool = False  # the process is up
    taken: bool = False  # the jobs have reached the process


@dataclass
class _Attempt:
    batch: Batch
    deaths: int = 0  # of workers that had these jobs


class Pool:
    """Worker processes that stay between one `run` and the next; see `run_batches`."""

    def __init__(
        self, workers: int, *setups: Callable[[], Work], on_told: OnTold | None = None
    ) -> None:
        self._on_told = on_told
        self._context = get_context("spawn")
        self._setups, self._count = setups, workers
        self._workers: list[_Worker] = []
        self._untaken: deque[_Attempt] = deque()  # their workers ended before they took the jobs
        self._again: deque[_Attempt] = deque()
        self._false_starts: Counter[int] = Counter()  # by setup
        self._is_over = False  # there are no more batches

    def run(
        self, batches: Iterator[Batch | None], bell: Bell | None = None
    ) -> Iterator[tuple[Any, Any]]:
        """Do jobs; workers are started as they are needed. Raises MrafError as `run_batches`."""
        rings = [] if bell is None else [bell.connection]
        while True:
            while self._has_room() and (attempt := self._next(batches)) is not None:
                free = (worker for worker in self._workers if not worker.attempt)
                self._give(next(free, None) or self._start(), attempt)
            busy: dict[Any, _Worker] = {
                worker.pipe: worker for worker in self._workers if worker.attempt
            }
            if self._is_over and not busy:
                return
            for ready in connection.wait([*busy, *rings]):
                if bell is not None and ready is bell.connection:
                    bell.answer()
                else:
                    yield from self._receive(busy[ready])

    def _next(self, batches: Iterator[Batch | None]) -> _Attempt | None:
        if self._untaken:
            return self._untaken.popleft()
        batch = next(batches, _OVER)
        self._is_over = batch is _OVER
        if isinstance(batch, Batch):
            return _Attempt(batch)
        is_quiet = not any(worker.attempt for worker in self._workers)
        return self._again.popleft() if self._again and is_quiet else None

    def close(self) -> None:
        """End the workers, whatever they have in hand; does not wait for one that cannot end."""
        for worker in self._workers:
            worker.process.terminate()
        end = time.monotonic() + CLOSE_SECONDS
        for worker in self._workers:
            worker.process.join(max(0.0, end - time.monotonic()))
            if worker.process.is_alive():
                _leave_behind(worker.process)
            worker.pipe.close()
        self._workers.clear()

    def _has_room(self) -> bool:
        return sum(bool(worker.attempt) for worker in self._workers) < self._count

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_child, args=(there, self._setups), daemon=True)
        with starting():
            process.start()
        there.close()
        worker = _Worker(process, here)
        self._workers.append(worker)
        return worker

    def _give(self, worker: _Worker, attempt: _Attempt) -> None:
        worker.attempt = attempt
        try:
            worker.pipe.send(attempt.batch)
        except OSError:
            if worker.ready:  # it died while it was free: the jobs go to another
                self._remove(worker)
                self._untaken.append(attempt)
            # Else it is a false start, which `_receive` finds by the end of the pipe.

    def _receive(self, worker: _Worker) -> Iterable[tuple[Any, Any]]:
        assert worker.attempt is not None
        try:
            kind, result = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(worker, worker.attempt)
        if kind == "setup":
            raise result
        if kind == "ready":
            worker.ready = True
            return ()
        if kind == "told":
            if self._on_told:
                self._on_told(result)
            return ()
        if kind == "taken":
            worker.taken = True
            self._false_starts[worker.attempt.batch.setup] = 0
            return ()
        jobs, worker.attempt, worker.taken = worker.attempt.batch.jobs, None, False
        return zip(jobs, result, strict=True)

    def _bury(self, worker: _Worker, attempt: _Attempt) -> Iterable[tuple[Any, Any]]:
        self._remove(worker)
        how = f"the worker process {how_it_ended(worker.process.exitcode)}"
        if not worker.taken:  # the jobs cannot be the cause
            self._false_starts[attempt.batch.setup] += 1
            if self._false_starts[attempt.batch.setup] == STARTS:
                raise MrafError(
                    f"{STARTS} workers ended before they had begun: {how}. Try fewer (--workers 1); "
                    "`mraf doctor` may tell why."
                )
            self._untaken.append(attempt)
            return ()
        deaths = attempt.deaths + 1
        if deaths < TRIES:
            jobs, setup = attempt.batch
            self._again.extend(_Attempt(Batch([job], setup), deaths) for job in jobs)
            return ()
        return [(job, WorkerDiedError(how)) for job in attempt.batch.jobs]

    def _remove(self, worker: _Worker) -> None:
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)


def _child(pipe: connection.Connection, setups: tuple[Callable[[], Work], ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    works: dict[int, Work] = {}
    turn = threading.Lock()  # of those who send: what is told may come from any thread

    def send(*message: Any) -> None:
        with turn:
            pipe.send(message)

    listen(partial(send, "told"))
    with suppress(EOFError, OSError):  # the parent has ended
        send("ready", None)
        while True:
            jobs, setup = pipe.recv()
            if setup not in works:
                try:
                    works[setup] = setups[setup]()
                except Exception as error:  # every worker would fail alike
                    send("setup", _why_no_setup(error))
                    return
            send("taken", None)
            send("done", _attempt(works[setup], jobs))


def _why_no_setup(error: Exception) -> MrafError:
    if isinstance(error, MrafError):
        return error
    return MrafError(f"A worker cannot start: {_summary(error)}. `mraf doctor` may tell why.")


def _leave_behind(worker: process.BaseProcess) -> None:
    """Kill a worker that did not end, and let the end of this program not wait for it.

    A process that the system holds in a read ends when the drive answers, or never.
    """
    worker.kill()
    log.warning("worker %s does not end: it is left behind", worker.pid)
    # There is no public way: at its end, Python joins all the processes that are listed here.
    process._children.discard(worker)  # type: ignore[attr-defined]


def _leave_with_parent() -> None:
    """End this process when its parent ends, in the middle of a job too."""
    parent = parent_process()
    assert parent is not None
    connection.wait([parent.sentinel])
    os._exit(1)


def _attempt(work: Work, jobs: list[Any]) -> list[Any]:
    try:
        return work(jobs)
    except Exception as error:  # one job must not end the run
        log.debug("job failed", exc_info=True)
        if len(jobs) > 1:
            return [result for job in jobs for result in _attempt(work, [job])]
        return [JobError(f"unexpected: {_summary(error)}")]


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
