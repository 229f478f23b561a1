"""The corrections of a timeline on disk, beside its outputs, so that a later run makes them again."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mraf.data.clips.clip import Clip
from mraf.errors import MrafError, UsageError
from mraf.pipeline.timeline.corrections.edits import Edit
from mraf.pipeline.workspace import write_text

FILE = "corrections.json"
ASIDE = "corrections.old.json"
"""Name of corrections that are set aside; later ones are `corrections.old.2.json` and so on."""
PATIENCE = 30.0
"""Seconds to wait for another command that corrects or writes the same timeline."""
_VERSION = 1
_SPANS = ("speech", "seen", "name_speech", "name_seen")
_TIMES = ("start", "end", "duration")
_LOCK = ".corrections.lock"


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """Corrections in the order in which they were made, and what the file held for which they were."""

    edits: tuple[Edit, ...] = ()
    content: str = ""  # digest; "": not known
    content_bytes: int = 0


def read_corrections(folder: Path) -> Corrections:
    """Return the corrections of a folder of outputs. Raises MrafError where they cannot be read."""
    file = folder / FILE
    try:
        stored = json.loads(file.read_text("utf-8"))
        if stored["version"] != _VERSION:
            raise ValueError(f"they are of version {stored['version']!r}, not {_VERSION}")
        return Corrections(
            edits=tuple(_edit(each) for each in stored["corrections"]),
            content=str(stored.get("content", "")),
            content_bytes=int(stored.get("content_bytes", 0)),
        )
    except (FileNotFoundError, NotADirectoryError):
        return Corrections()
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise MrafError(
            f"{file}: the corrections of this timeline cannot be read ({error}). Mend the file, or remove it and "
            "make the corrections again (`mraf timeline --rename`)."
        ) from None


def write_corrections(folder: Path, corrections: Corrections) -> None:
    """Write the corrections of a folder of outputs, whole or not at all. Raises UsageError."""
    file = folder / FILE
    stored = {
        "version": _VERSION,
        "content": corrections.content,
        "content_bytes": corrections.content_bytes,
        "corrections": [asdict(each) for each in corrections.edits],
    }
    try:
        if corrections.edits:
            write_text(file, json.dumps(stored, ensure_ascii=False, indent=1) + "\n")
        else:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror}).") from None


def set_aside(folder: Path) -> Path | None:
    """Give the corrections of a folder of outputs a name of their own, under which nothing reads them.

    Returns the file, None where there are none. Raises UsageError.
    """
    file = folder / FILE
    names = (ASIDE if number == 1 else f"corrections.old.{number}.json" for number in count(1))
    aside = next(each for name in names if not os.path.lexists(each := folder / name))
    try:
        return file.rename(aside)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{file}: cannot be renamed ({error.strerror}).") from None


def holds(path: Path, content: str, content_bytes: int) -> bool:
    """Return True where a file holds some content, or begins with it, as one that has grown.

    Content that is not known is taken for its own. Raises OSError where the file cannot be read.
    """
    if not content:
        return True
    if path.stat().st_size < content_bytes:
        return False
    return Clip("file", path).content_hash(beginning=content_bytes) == content


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other commands from correcting and writing the timeline of a folder meanwhile.

    The folder is made where it is not there. Where its file system gives no locks, nothing is kept.

    Raises UsageError where another command still does so after `PATIENCE` seconds.
    """
    lock = FileLock(folder / _LOCK, timeout=PATIENCE)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"{folder}: another `mraf timeline` is writing here. Wait for it, and give the command again."
        ) from None
    except OSError:
        pass  # what keeps from writing is told by whoever writes
    try:
        yield
    finally:
        if lock.is_locked:
            with suppress(OSError):  # those who wait for it see that it is gone, and make another
                Path(lock.lock_file).unlink()
            lock.release()


def _edit(stored: dict[str, Any]) -> Edit:
    known = {field.name for field in fields(Edit)}
    spans = {name: tuple((float(a), float(b)) for a, b in stored.get(name, ())) for name in _SPANS}
    if not (isinstance(stored["person"], str) and isinstance(stored["name"], str)):
        raise ValueError("names were expected")
    times = {name: float(stored[name]) for name in _TIMES if stored.get(name) is not None}
    kept = {name: value for name, value in stored.items() if name in known}
    return Edit(**kept | spans | times)
