"""A pool of single-threaded worker processes that survives a job that kills one of them."""

import logging
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import connection, get_context, parent_process, resource_tracker
from types import ModuleType
from typing import Any

from mraf.errors import MrafError, how_it_ended

TRIES = 2
"""Workers that a job may kill before it is given up."""

STARTS = 3
"""Workers in a row that may end before they have taken their first job."""

log = logging.getLogger("mraf")

Work = Callable[[list[Any]], list[Any]]
"""A function that does several jobs and returns their results, in order."""

Setup = Callable[..., Work]
"""A function that each worker calls once, and that returns its `Work`."""


_STARTING = threading.Lock()


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    jobs: Iterator[Any], workers: int, setup: Setup, *arguments: Any, at_once: int = 1
) -> Generator[tuple[Any, Any], None, None]:
    """Do jobs and yield pairs of job and result, in any order.

    A job whose worker died is tried again, alone, when all others are done; if its worker dies again,
    its result is a `WorkerDiedError`. Where a job raises an exception, the jobs that its worker got
    together with it are done one by one, and the result of the one that raises it is a `JobError`.
    Closing the generator ends the workers.

    Args:
        jobs: taken one by one, as workers become free; where there is none, no worker starts.
        workers: number of processes, started afresh (spawn); 0 does the work in this process.
        setup: called once in each worker with `arguments`; returns the function that does a list of
            jobs. It, every job and every result come from modules that a worker can import, not
            from the caller's script.
        arguments: of `setup`.
        at_once: jobs that a worker gets together.

    Raises:
        MrafError: `setup` raised it, or workers end before they are ready.
    """
    for first in jobs:
        jobs = chain([first], jobs)
        break
    else:
        return
    if workers == 0:
        work = setup(*arguments)
        while some := list(islice(jobs, at_once)):
            yield from zip(some, _attempt(work, some), strict=True)
        return
    pool = Pool(workers, setup, arguments, at_once=at_once)
    try:
        yield from pool.run(jobs)
    finally:
        pool.close()


def one_by_one(work: Callable[[Any], Any]) -> Work:
    """Return a `Work` that calls `work` with each job."""
    return lambda jobs: [work(job) for job in jobs]


class JobError(Exception):
    """The result of a job that raised an unexpected exception."""


class WorkerDiedError(Exception):
    """The result of a job during which the worker process ended."""


@dataclass(eq=False)
class _Worker:
    process: Any
    pipe: connection.Connection
    attempt: "_Attempt | None" = None  # None: free
    ready: bool = False  # `setup` has returned
    taken: bool = False  # the jobs have reached the process


@dataclass
class _Attempt:
    jobs: list[Any]
    deaths: int = 0  # of workers that had these jobs


class Pool:
    """Worker processes that stay between one `run` and the next; see the function `run`."""

    def __init__(
        self, workers: int, setup: Setup, arguments: tuple[Any, ...], *, at_once: int = 1
    ) -> None:
        self._context, self._at_once = get_context("spawn"), at_once
        self._setup, self._arguments, self._count = setup, arguments, workers
        self._workers: list[_Worker] = []
        self._untaken: deque[_Attempt] = deque()  # their workers ended before they took the jobs
        self._again: deque[_Attempt] = deque()
        self._false_starts = 0

    def run(self, jobs: Iterator[Any]) -> Iterator[tuple[Any, Any]]:
        """Do jobs; workers are started as they are needed. Raises MrafError as `run` does."""
        while True:
            while self._has_room() and (attempt := self._next(jobs)) is not None:
                free = (worker for worker in self._workers if not worker.attempt)
                self._give(next(free, None) or self._start(), attempt)
            busy = [worker for worker in self._workers if worker.attempt]
            if not busy:
                return
            for pipe in connection.wait([worker.pipe for worker in busy]):
                worker = next(w for w in busy if w.pipe is pipe)
                yield from self._receive(worker)

    def _next(self, jobs: Iterator[Any]) -> _Attempt | None:
        if self._untaken:
            return self._untaken.popleft()
        if some := list(islice(jobs, self._at_once)):
            return _Attempt(some)
        is_quiet = not any(worker.attempt for worker in self._workers)
        return self._again.popleft() if self._again and is_quiet else None

    def close(self) -> None:
        """End the workers, whatever they have in hand."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _has_room(self) -> bool:
        return sum(bool(worker.attempt) for worker in self._workers) < self._count

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=_child, args=(there, self._setup, self._arguments), daemon=True
        )
        # The child's numeric libraries read these at import.
        threads = _environment(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        # The lock: another thread that starts a worker changes the same environment and main module.
        with _STARTING, threads, _no_interrupt(), _no_main_module():
            process.start()
        there.close()
        worker = _Worker(process, here)
        self._workers.append(worker)
        return worker

    def _give(self, worker: _Worker, attempt: _Attempt) -> None:
        worker.attempt = attempt
        try:
            worker.pipe.send(attempt.jobs)
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
            raise result if isinstance(result, MrafError) else MrafError(result)
        if kind == "ready":
            worker.ready = True
            return ()
        if kind == "taken":
            worker.taken, self._false_starts = True, 0
            return ()
        jobs, worker.attempt, worker.taken = worker.attempt.jobs, None, False
        return zip(jobs, result, strict=True)

    def _bury(self, worker: _Worker, attempt: _Attempt) -> Iterable[tuple[Any, Any]]:
        self._remove(worker)
        how = f"the worker process {how_it_ended(worker.process.exitcode)}"
        if not worker.taken:  # the jobs cannot be the cause
            self._false_starts += 1
            if self._false_starts == STARTS:
                raise MrafError(
                    f"{STARTS} workers ended before they had begun: {how}. Try fewer (--workers 1); "
                    "`mraf doctor` may tell why."
                )
            self._untaken.append(attempt)
            return ()
        deaths = attempt.deaths + 1
        if deaths < TRIES:
            self._again.extend(_Attempt([job], deaths) for job in attempt.jobs)
            return ()
        return [(job, WorkerDiedError(how)) for job in attempt.jobs]

    def _remove(self, worker: _Worker) -> None:
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)


def _child(pipe: connection.Connection, setup: Setup, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its workers
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        work = setup(*arguments)
    except MrafError as error:
        pipe.send(("setup", error))
        return
    except Exception as error:  # a broken installation: every worker would fail alike
        pipe.send(
            ("setup", f"A worker cannot start: {_summary(error)}. `mraf doctor` may tell why.")
        )
        return
    with suppress(EOFError, OSError):  # the parent has ended
        pipe.send(("ready", None))
        while True:
            job = pipe.recv()
            pipe.send(("taken", None))
            pipe.send(("done", _attempt(work, job)))


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


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Defer Ctrl-C until a `with` block ends.

    It is blocked in this thread, and so in a process that is started here: that process would print a
    traceback before it can ignore Ctrl-C itself. Other threads may still receive it, for which Python
    runs the main thread's handler; a temporary handler notes the signal.
    """
    if os.name == "posix":
        resource_tracker.ensure_running()  # its start would unblock Ctrl-C
    noted: list[int] = []
    try:
        with _handler(lambda number, _frame: noted.append(number)):
            before = _block()
            try:
                yield
            finally:
                # A blocked Ctrl-C is delivered, and so noted, before this returns.
                if before is not None:
                    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    finally:
        if noted:
            signal.raise_signal(signal.SIGINT)


@contextmanager
def _handler(handler: Callable[[int, Any], Any]) -> Iterator[None]:
    """Put a handler of Ctrl-C in place for the time of a `with` block; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


def _block() -> set[Any] | None:
    """Block Ctrl-C in this thread; return the signals blocked before, None where that cannot be done."""
    if not hasattr(signal, "pthread_sigmask"):  # as on Windows
        return None
    return signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


@contextmanager
def _no_main_module() -> Iterator[None]:
    """Hide the caller's script, which a spawned process would run again before its work.

    A worker needs nothing from it, and a script without `if __name__ == "__main__"` would start
    workers in the workers.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set environment variables for the time of a `with` block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
