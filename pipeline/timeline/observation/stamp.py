"""What is in a file, and what tells that it was written to since that was looked at."""

from pathlib import Path
from typing import NamedTuple

from mraf.data.clips.clip import Clip
from mraf.errors import BusyError


class Stamp(NamedTuple):
    """What changes when a file is written to."""

    size: int
    changed: int  # ns


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of a file; None where it has gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Stamp(found.st_size, found.st_mtime_ns)


def looked_at(path: Path) -> tuple[Stamp, str]:
    """Return the stamp of a file and the digest of its content, of as many bytes. Raises BusyError."""
    try:
        found = path.stat()
        # A file that is being written grows while it is hashed.
        digest = Clip("file", path).content_hash(beginning=found.st_size)
    except OSError as error:
        raise BusyError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    return Stamp(found.st_size, found.st_mtime_ns), digest


def check_unchanged(path: Path, before: Stamp) -> None:
    """Raise BusyError where a file has gone or is another one now; it may have grown."""
    now = stamp_of(path)
    if now is None:
        raise BusyError(f"{path.name}: has gone while its content was looked at; run again")
    if now != before and now.size <= before.size:
        raise BusyError(f"{path.name}: was changed while its content was looked at; run again")


def is_other(path: Path, before: Stamp, digest: str) -> bool:
    """Return True where a file has other content than when it was looked at; it may have grown, or gone."""
    now = stamp_of(path)
    if now is None or now == before:
        return False
    try:
        return Clip("file", path).content_hash(beginning=before.size) != digest
    except OSError:
        return False
