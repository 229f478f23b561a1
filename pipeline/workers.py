"""Worker processes, one thread each, that outlive a clip which kills one of them."""

import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from typing import Any

from mraf.errors import MrafError

TRIES = 2
"""How often a job may kill its worker before it is given up."""

log = logging.getLogger("mraf")

Setup = Callable[..., Callable[[Any], Any]]


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(
    jobs: Iterator[Any], workers: int, setup: Setup, *arguments: Any
) -> Iterator[tuple[Any, Any]]:
    """Do jobs in any order and give back pairs of job and result.

    Args:
        jobs: taken one by one, as workers become free.
        workers: number of processes, started afresh (spawn); 0 does the work in this process.
        setup: called once in each worker with `arguments`; returns the function that does a job.
            Must be importable, like every job and result.
        arguments: of `setup`.

    A job during which its worker dies twice gives a `WorkerDiedError` as its result, one that
    raises an exception a `JobError`. Raises a MrafError for what `setup` raised. Leaving the loop early stops the workers.
    """
    if workers == 0:
        work = setup(*arguments)
        for job in jobs:
            yield job, _attempt(work, job)
        return
    pool = _Pool(workers, setup, arguments)
    try:
        yield from pool.run(jobs)
    finally:
        pool.close()


class JobError(Exception):
    """A job that raised what it was not expected to."""


class WorkerDiedError(Exception):
    """The worker process ended while it had this job in hand."""


@dataclass(eq=False)
class _Worker:
    process: Any
    pipe: connection.Connection
    job: Any = None
    busy: bool = False


@dataclass
class _Retry:
    job: Any
    tries: int = field(default=0)


class _Pool:
    def __init__(self, workers: int, setup: Setup, arguments: tuple[Any, ...]) -> None:
        self._context = get_context("spawn")
        self._setup, self._arguments, self._count = setup, arguments, workers
        self._workers: list[_Worker] = []
        self._again: deque[_Retry] = deque()

    def run(self, jobs: Iterator[Any]) -> Iterator[tuple[Any, Any]]:
        exhausted = False
        while True:
            while not exhausted or self._again:
                worker = self._free()
                if worker is None:
                    break
                retry = self._again.popleft() if self._again else None
                if retry is None:
                    try:
                        retry = _Retry(next(jobs))
                    except StopIteration:
                        exhausted = True
                        continue
                self._give(worker, retry)
            busy = [worker for worker in self._workers if worker.busy]
            if not busy:
                return
            for pipe in connection.wait([worker.pipe for worker in busy]):
                worker = next(w for w in busy if w.pipe is pipe)
                done = self._receive(worker)
                if done is not None:
                    yield done

    def close(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    def _free(self) -> _Worker | None:
        for worker in self._workers:
            if not worker.busy:
                return worker
        return self._start() if len(self._workers) < self._count else None

    def _start(self) -> _Worker:
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=_child, args=(there, self._setup, self._arguments), daemon=True
        )
        # Read by the numeric libraries when the child imports them; ours are imported already.
        with _environment(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"):
            process.start()
        there.close()
        worker = _Worker(process, here)
        self._workers.append(worker)
        return worker

    def _give(self, worker: _Worker, retry: _Retry) -> None:
        worker.job, worker.busy = retry, True
        with suppress(OSError):  # it has died; `_receive` will see that
            worker.pipe.send(retry.job)

    def _receive(self, worker: _Worker) -> tuple[Any, Any] | None:
        retry = worker.job
        try:
            kind, result = worker.pipe.recv()
        except (EOFError, OSError):
            return self._bury(worker, retry)
        if kind == "setup":
            raise result if isinstance(result, MrafError) else MrafError(result)
        worker.busy = False
        return retry.job, result

    def _bury(self, worker: _Worker, retry: _Retry) -> tuple[Any, Any] | None:
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        retry.tries += 1
        if retry.tries < TRIES:
            self._again.append(retry)
            return None
        return retry.job, WorkerDiedError(_how_it_ended(worker.process.exitcode))


def _child(pipe: connection.Connection, setup: Setup, arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops us
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
    with suppress(EOFError, OSError):  # the parent has gone
        while True:
            pipe.send(("done", _attempt(work, pipe.recv())))


def _attempt(work: Callable[[Any], Any], job: Any) -> Any:
    try:
        return work(job)
    except Exception as error:  # one job's bad luck must not end the run
        log.debug("job failed", exc_info=True)
        return JobError(f"unexpected: {_summary(error)}")


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _how_it_ended(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "the worker process was killed, perhaps for want of memory"
    if exit_code is not None and exit_code < 0:
        return f"the worker process crashed ({signal.Signals(-exit_code).name})"
    return f"the worker process ended with code {exit_code}"


class _environment:  # noqa: N801  # used like a function
    """Environment variables for the time of a `with` block."""

    def __init__(self, **values: str) -> None:
        self._values = values
        self._before = {name: os.environ.get(name) for name in values}

    def __enter__(self) -> None:
        os.environ.update(self._values)

    def __exit__(self, *error: object) -> None:
        for name, value in self._before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
