"""SHA-256 of files that change rarely: stamps stand in for reading hundreds of megabytes at each start.

A stamp is the state of a file (size, times, inode) when its hash was taken. Stamps lie in one JSON file, which
is a help and no more: where it is damaged or cannot be written, files are hashed.
"""

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

SETTLED_NS = 3_000_000_000
"""Least age of a file's last change: within the tick of a clock (2 s on FAT) it may change again unseen."""

_AT_MOST = 64  # stamps


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def stamped_sha256_of(path: Path, book: Path) -> str:
    """Return the SHA-256 of a file, from its stamp where the file has not changed since.

    Args:
        path: the file.
        book: the JSON file of stamps; it and its folder are made if need be.
    """
    key, state, now = str(path.absolute()), _state(path), time.time_ns()
    stamp = _read(book).get(key)
    if isinstance(stamp, dict) and stamp.get("state") == state:
        found = stamp.get("sha256")
        if isinstance(found, str):
            return found
    digest = sha256_of(path)
    _, mtime, ctime, _ = state
    if now - max(mtime, ctime) > SETTLED_NS and _state(path) == state:
        _write(book, {**_read(book), key: {"state": state, "sha256": digest}})
    return digest


def _state(path: Path) -> list[int]:
    """Return size, times and inode. The second time changes with any change, and cannot be set."""
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _read(book: Path) -> dict[str, Any]:
    try:
        stamps = json.loads(book.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return stamps if isinstance(stamps, dict) else {}


def _write(book: Path, stamps: dict[str, Any]) -> None:
    """Replace the file of stamps as a whole. Of two processes at once one writes in vain."""
    latest = dict(list(stamps.items())[-_AT_MOST:])
    try:
        book.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{book.name}-", dir=book.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(latest, file, indent=1)
            Path(temporary).replace(book)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError:
        return
