"""Names that speakers were given in place of those of their folders or manifests.

`mraf rename ann anna` gives the rows of the table and the models the new name; as the folder keeps its
own, a list of such names lies beside the table, and later extractions give its clips the new one too.
"""

import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mraf.data.clips.clip import Clip
from mraf.errors import MrafError, UsageError

LONGEST = 200
"""Letters of a speaker's name at most."""

_RESERVED = {"unknown"}
"""Names that say that a speaker is not known, in any case."""


def plain(name: str) -> str:
    """Return a name as names are compared: in Unicode NFC, without space around it."""
    return unicodedata.normalize("NFC", name).strip()


def checked(name: str) -> str:
    """Return `plain` of a new speaker's name. Raises UsageError where it cannot be one."""
    found = plain(name)
    kinds = {unicodedata.category(letter) for letter in found}
    if not any(kind[0] in "LNSP" for kind in kinds):
        reason = "it is empty"
    elif kinds & {"Cc", "Cs", "Zl", "Zp"}:
        reason = "it holds a line break or control character, or is no UTF-8 text"
    elif len(found) > LONGEST:
        reason = f"it has {len(found)} letters, at most {LONGEST} are allowed"
    elif found.startswith("-"):
        reason = "it begins with '-', as options do"
    elif found.casefold() in _RESERVED:
        reason = "it says that a speaker is not known"
    else:
        return found
    raise UsageError(f"{name[:60]!r} cannot name a speaker: {reason}. Choose another name.")


@dataclass(frozen=True, kw_only=True)
class Renames:
    """The new names of speakers by their old ones, both `plain`; kept in a JSON file."""

    file: Path
    names: Mapping[str, str]

    @classmethod
    def at(cls, file: Path) -> "Renames":
        """Read the file; no names where it is not there. Raises MrafError where it is damaged."""
        try:
            names = json.loads(file.read_text("utf-8"))
            if not (isinstance(names, dict) and all(isinstance(n, str) for n in names.values())):
                raise ValueError("an object of names was expected")
        except (FileNotFoundError, NotADirectoryError):
            names = {}
        except (OSError, ValueError, RecursionError) as error:
            raise MrafError(
                f"{file}: the names that speakers were given cannot be read ({error}). Mend the file, or "
                "remove it and rename the speakers again (`mraf rename`)."
            ) from None
        return cls(file=file, names=names)

    def of(self, speaker: str | None) -> str | None:
        """Return the name that a speaker goes by."""
        return None if speaker is None else self.names.get(plain(speaker), speaker)

    def applied(self, clips: Iterable[Clip], told: dict[str, str]) -> Iterator[Clip]:
        """Yield clips under the new names of their speakers; `told` gets those that were used."""
        for clip in clips:
            name = self.of(clip.speaker)
            if clip.speaker is None or name == clip.speaker:
                yield clip
            else:
                told[clip.speaker] = str(name)
                yield replace(clip, speaker=name)

    def adding(self, old: str, new: str) -> "Renames":
        """Return the names after `old`, plain, has become `new`; the way back undoes what was kept."""
        is_undone = self.names.get(new) == old
        names = {name: new if by == old else by for name, by in self.names.items()}
        if not is_undone:
            names[old] = new
        names.pop(new, None)
        return replace(self, names={name: by for name, by in names.items() if name != by})

    def without(self, name: str) -> "Renames":
        """Return the names without a speaker, plain, who is forgotten."""
        names = {old: new for old, new in self.names.items() if plain(name) not in (old, new)}
        return replace(self, names=names)

    def write(self) -> None:
        """Write the file, whole or not at all. Raises UsageError where it cannot be written."""
        temporary = self.file.with_name(f".{self.file.name}.tmp")
        text = json.dumps(dict(sorted(self.names.items())), indent=2, ensure_ascii=False)
        try:
            if not self.names:
                self.file.unlink(missing_ok=True)
                return
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text + "\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.file)
        except OSError as error:
            raise UsageError(f"{self.file}: cannot be written ({error.strerror}).") from None
