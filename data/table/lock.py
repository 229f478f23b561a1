"""A lock that lets one process at a time write into a folder; it ends with that process."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mraf.errors import UsageError

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@contextmanager
def locked(
    folder: Path,
    *,
    patience: float = 0.0,
    holder: str = "`mraf extract`",
    on_wait: Callable[[str], None] | None = None,
) -> Iterator[None]:
    """Hold the lock of a folder; the folder is made where it does not exist.

    Args:
        folder: the folder.
        patience: seconds to wait for another process that holds the lock.
        holder: for the message, the command that may hold it.
        on_wait: called with a line for people before waiting begins.

    Raises UsageError where another process holds the lock, or the folder cannot be written.
    """
    path = folder / ".lock"
    lock = FileLock(path, on_acquired=_write_process_id)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _acquire(lock, patience, lambda: on_wait and on_wait(_waiting(path, holder)))
    except Timeout:
        raise UsageError(
            f"{path}: another {holder}{_holder(path)} holds this lock and is writing here. "
            "Wait for it, or use another workspace (-w)."
        ) from None
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise UsageError(
                f"{path}: this file system gives no locks ({error.strerror}). Use a workspace (-w) "
                "on another disk."
            ) from None
        raise UsageError(f"{folder}: cannot be written to ({error.strerror}).") from None
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, patience: float, on_wait: Callable[[], object]) -> None:
    """Take a lock, at once or within a time in s. Raises Timeout, OSError."""
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not patience:
            raise
        on_wait()
        lock.acquire(timeout=patience)


def _waiting(path: Path, holder: str) -> str:
    return f"waits for another {holder}{_holder(path)}, which is writing to {path.parent}"


def _write_process_id(handle: int) -> None:
    """Write this process's id into the lock file, for the message that another process shows."""
    with suppress(OSError):  # a full disk takes away the id and not the lock
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())


def _holder(path: Path) -> str:
    """Return the process that holds the lock, for a message; nothing where it is not known."""
    with suppress(OSError, ValueError):
        return f" (process {int(path.read_text('ascii'))})"
    return ""
