"""A lock that lets one process at a time write into a folder; it ends with that process."""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mraf.errors import UsageError

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
_NAME = ".lock"
_REMOVALS = 100
"""Number of times that a folder may be removed by others while its lock is waited for."""


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
    path = folder / _NAME
    lock = FileLock(path, on_acquired=_write_process_id)
    try:
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


def remove_locked(folder: Path) -> None:
    """Remove a folder whose lock is held here, as far as that is possible.

    The lock goes last: who comes meanwhile waits for it, and then makes the folder anew.
    """
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _NAME:
                path.unlink(missing_ok=True)
        (folder / _NAME).unlink()
        folder.rmdir()  # fails where another has locked it since, who needs it


def _acquire(lock: FileLock, patience: float, on_wait: Callable[[], object]) -> None:
    """Take a lock, at once or within a time in s. Raises Timeout, OSError."""
    try:
        _take(lock, 0.0)
    except Timeout:
        if not patience:
            raise
        on_wait()
        _take(lock, patience)


def _take(lock: FileLock, patience: float) -> None:
    """Take a lock within a time in s, also where its folder is removed by those who hold it meanwhile."""
    until = time.monotonic() + patience
    for left in reversed(range(_REMOVALS)):
        try:
            Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=max(0.0, until - time.monotonic()))
            return
        except (FileNotFoundError, FileExistsError):
            if not left:
                raise


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
