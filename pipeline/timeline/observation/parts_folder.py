"""The folder in which the parts of a file are kept that have been observed."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mraf.errors import UsageError
from mraf.extractors.streaming.parts import Observed
from mraf.json_text import to_json
from mraf.pipeline.timeline.observation.serial import from_bytes, to_bytes

RULES = 2
"""Version of the pass; parts that were made by another one are made anew."""
PART_SECONDS = 60.0
"""Length of a part, but for the last one of a file."""
META = "meta.json"
_ENDING = ".npz"


@dataclass(frozen=True, kw_only=True)
class Whole:
    """What is known of a file whose parts are all there."""

    parts: int
    duration: float  # s
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    tracks: tuple[int | None, int | None] | None = None  # of sound and picture; None: not known


class PartsFolder:
    """Parts of one file, made by one set of networks and rules.

    Args:
        root: the folder of all timelines of a workspace.
        digest: of the file's content.
        made_by: in words, all else that decides what the parts hold.
    """

    def __init__(self, root: Path, digest: str, made_by: str) -> None:
        self._made_by = f"rules={RULES} {made_by}"
        made = hashlib.blake2b(self._made_by.encode(), digest_size=8).hexdigest()
        self.path = root / f"{digest}-{made}"

    def part(self, index: int) -> Path:
        """Return the path of a part."""
        return self.path / f"part-{index:05d}{_ENDING}"

    def read(self, index: int) -> Observed:
        """Return a part. Raises OSError where it is not there, ValueError where it is damaged."""
        found = from_bytes(Observed, self.part(index).read_bytes())
        if found.start != index * PART_SECONDS or not found.start < found.stop:
            raise ValueError(f"another part ({found.start:g} to {found.stop:g} s)")
        return found

    def stored(self) -> dict[int, float]:
        """Return the parts that can be read, and the end of each in s; damaged ones are removed."""
        found = {}
        for path in sorted(self.path.glob(f"part-*{_ENDING}")):
            try:
                index = int(path.stem.removeprefix("part-"))
                found[index] = self.read(index).stop
            except (OSError, ValueError):
                with suppress(OSError):
                    path.unlink()
        return found

    def write(self, index: int, observed: Observed) -> None:
        """Write a part; it appears whole or not at all. Raises UsageError where it cannot be written."""
        self._write(self.part(index), to_bytes(observed))

    def whole(self) -> Whole | None:
        """Return what is known of the whole file; None where not all of it was observed."""
        try:
            found = json.loads((self.path / META).read_bytes())
            return Whole(
                parts=int(found["parts"]),
                duration=float(found["duration"]),
                notes=tuple(map(str, found["notes"])),
                problems=tuple(map(str, found["problems"])),
                tracks=_tracks(found.get("tracks")),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def finish(self, file: Path, whole: Whole) -> None:
        """Write that all parts are there. Raises UsageError where it cannot be written."""
        about = {"file": file.name, "made_by": self._made_by, **asdict(whole)}
        self._write(self.path / META, to_json(META, about))

    def _write(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            raise UsageError(
                f"{self.path}: what was found in the video cannot be written ({error.strerror or error}). "
                "Free some room or name another workspace (-w); parts that were written before stay."
            ) from None
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _tracks(stored: list[int | None] | None) -> tuple[int | None, int | None] | None:
    """Return numbers of tracks. Raises ValueError and TypeError for what is none."""
    if stored is None:  # they were not kept from the first
        return None
    sound, picture = (None if each is None else int(each) for each in stored)
    return sound, picture
