"""The moment in which a process is started: without Ctrl-C, the caller's script, and many threads."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import ModuleType
from typing import Any

_STARTING = threading.Lock()
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that the numeric libraries of a new process read when they are imported."""


@contextmanager
def starting() -> Iterator[None]:
    """Prepare this process for the start of a worker, for the time of a `with` block.

    One thread at a time: two would change the same environment and main module.
    """
    with _STARTING, _environment(_THREADS, "1"), no_interrupt(), _no_main_module():
        yield


@contextmanager
def no_interrupt() -> Iterator[None]:
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
def _environment(names: Iterable[str], value: str) -> Iterator[None]:
    """Set environment variables for the time of a `with` block."""
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(before, value))
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                del os.environ[name]
            else:
                os.environ[name] = old
