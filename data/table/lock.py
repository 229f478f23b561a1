"""One writer a folder: a lock that ends with the process that holds it, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mraf.errors import UsageError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the folder is made where it is not there.

    Raises UsageError where another process holds the lock, or the folder cannot be written.
    """
    path = folder / ".lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Unbuffered: closing writes nothing, so it cannot fail on a full disk.
        file = path.open("a+b", buffering=0)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to ({error.strerror}).") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = (file.read(20) or b"").decode("ascii", "replace").strip()
            who = f" (process {holder})" if holder.isdigit() else ""
            raise UsageError(
                f"{path}: another `mraf extract`{who} holds this lock and is writing here. Wait for it, "
                "or use another workspace (-w)."
            ) from None
        except OSError as error:
            raise UsageError(
                f"{path}: this file system gives no locks ({error.strerror}). Use a workspace (-w) on "
                "another disk."
            ) from None
        with suppress(OSError):  # a courtesy to who comes second; a full disk must not end the run
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), str(os.getpid()).encode())
        yield
