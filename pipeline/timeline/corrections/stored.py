"""The corrections of a timeline on disk, beside its outputs, so that a later run makes them again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from mraf.errors import MrafError, UsageError
from mraf.pipeline.timeline.corrections.edits import Edit
from mraf.pipeline.workspace import write_text

FILE = "corrections.json"
ASIDE = "corrections.old.json"
_VERSION = 1
_SPANS = ("speech", "seen", "name_speech", "name_seen")


def read_edits(folder: Path) -> list[Edit]:
    """Return the corrections of a folder of outputs. Raises MrafError where they cannot be read."""
    file = folder / FILE
    try:
        stored = json.loads(file.read_text("utf-8"))
        if stored["version"] != _VERSION:
            raise ValueError(f"they are of version {stored['version']!r}, not {_VERSION}")
        return [_edit(each) for each in stored["corrections"]]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise MrafError(
            f"{file}: the corrections of this timeline cannot be read ({error}). Mend the file, or remove it and "
            "make the corrections again (`mraf timeline --rename`)."
        ) from None


def write_edits(folder: Path, edits: Sequence[Edit]) -> None:
    """Write the corrections of a folder of outputs, whole or not at all. Raises UsageError."""
    file = folder / FILE
    stored = {"version": _VERSION, "corrections": [asdict(each) for each in edits]}
    try:
        if edits:
            write_text(file, json.dumps(stored, ensure_ascii=False, indent=1) + "\n")
        else:
            file.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written ({error.strerror}).") from None


def set_aside(folder: Path) -> None:
    """Give the corrections of a folder of outputs another name, under which nothing reads them."""
    file = folder / FILE
    try:
        file.replace(file.with_name(ASIDE))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise UsageError(f"{file}: cannot be renamed ({error.strerror}).") from None


def _edit(stored: dict[str, Any]) -> Edit:
    known = {field.name for field in fields(Edit)}
    spans = {name: tuple((float(a), float(b)) for a, b in stored.get(name, ())) for name in _SPANS}
    if not (isinstance(stored["person"], str) and isinstance(stored["name"], str)):
        raise ValueError("names were expected")
    return Edit(**{name: value for name, value in stored.items() if name in known} | spans)
