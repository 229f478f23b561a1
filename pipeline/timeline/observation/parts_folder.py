"""The folder in which the parts of a file are kept that have been observed."""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from mraf.data.table.lock import locked, remove_locked
from mraf.errors import UsageError
from mraf.extractors.streaming.decoding.problems import Problem
from mraf.extractors.streaming.parts import Observed, Seen
from mraf.json_text import to_json
from mraf.pipeline.timeline.observation.serial import from_bytes, to_bytes

RULES = 4
"""Version of the pass; parts that were made by another one are made anew."""
PART_SECONDS = 60.0
"""Length of a part, but for the last one of a file."""
META = "meta.json"
"""What is known of a file when all of its parts are there."""
ABOUT = "about.json"
"""The file that was observed, written at the beginning of each run."""
OTHERS = 2
"""Sets of parts of one content that other networks or tracks have made, which are kept."""
_ENDING = ".npz"


@dataclass(frozen=True, kw_only=True)
class Whole:
    """What is known of a file whose parts are all there."""

    parts: int
    duration: float  # s
    notes: tuple[str, ...] = ()
    at_end: tuple[Problem, ...] = ()  # problems of what is in no part
    tracks: tuple[int | None, int | None] | None = None  # of sound and picture; None: not known


class Stored(NamedTuple):
    """A part that is there."""

    stop: float  # s
    problems: tuple[Problem, ...]

    def is_better(self, than: Observed) -> bool:
        """Return True where more of the file is in this part than in another version of it.

        A version that ends earlier is worse; then one of which more seconds were passed over; and then one with
        more faults of a limit or the machine.
        """
        if than.stop < self.stop:
            return True
        more = round((self.stop - _lost(self.problems)) - (than.stop - _lost(than.problems)), 3)
        return more > 0 or (more == 0 and _faults(self.problems) < _faults(than.problems))


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
        self._source = ""  # the file, after `begin`

    def part(self, index: int) -> Path:
        """Return the path of a part."""
        return self.path / f"part-{index:05d}{_ENDING}"

    def begin(self, file: Path) -> None:
        """Note which file is observed, and that it is now. Raises UsageError where it cannot be written."""
        self._source = os.path.realpath(file)
        about = {"file": self._source, "made_by": self._made_by}
        self._write(self.path / ABOUT, to_json(ABOUT, about))

    def leave(self) -> None:
        """Remove the folder, whose lock is held, where nothing is in it but what `begin` has written."""
        if not any(self.path.glob(f"part-*{_ENDING}")):
            remove_locked(self.path)

    def seen(self, index: int) -> Seen | None:
        """Return the picture of a part; None where it has none, or cannot be read."""
        try:
            return self.read(index).seen
        except (OSError, ValueError):
            return None

    def read(self, index: int) -> Observed:
        """Return a part. Raises OSError where it is not there, ValueError where it is damaged."""
        found = from_bytes(Observed, self.part(index).read_bytes())
        if found.start != index * PART_SECONDS or not found.start < found.stop:
            raise ValueError(f"another part ({found.start:g} to {found.stop:g} s)")
        return found

    def stored(self) -> dict[int, Stored]:
        """Return the parts that can be read; damaged ones are removed."""
        found = {}
        for path in sorted(self.path.glob(f"part-*{_ENDING}")):
            try:
                index = int(path.stem.removeprefix("part-"))
                part = self.read(index)
                found[index] = Stored(part.stop, part.problems)
            except (OSError, ValueError):
                with suppress(OSError):
                    path.unlink()
        return found

    def write(self, index: int, observed: Observed) -> None:
        """Write a part; it appears whole or not at all. Raises UsageError where it cannot be written."""
        self._write(self.part(index), to_bytes(observed))

    def forget(self, index: int) -> None:
        """Remove a part, as far as that is possible."""
        with suppress(OSError):
            self.part(index).unlink(missing_ok=True)

    def whole(self) -> Whole | None:
        """Return what is known of the whole file; None where not all of it was observed."""
        try:
            found = json.loads((self.path / META).read_bytes())
            return Whole(
                parts=int(found["parts"]),
                duration=float(found["duration"]),
                notes=tuple(map(str, found["notes"])),
                at_end=tuple(Problem(**each) for each in found["at_end"]),
                tracks=_tracks(found.get("tracks")),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def finish(self, whole: Whole) -> None:
        """Write that all parts are there, and remove those that they replace.

        These are the parts of what was in this file before, and the ones of its present content that were made by
        other networks, but for the last two. Raises UsageError where nothing can be written.
        """
        self._write(self.path / META, to_json(META, asdict(whole)))
        of_others = []
        for folder in self.path.parent.iterdir():
            if folder == self.path or not folder.is_dir():
                continue
            if _digest_of(folder) == _digest_of(self.path):
                of_others.append((_changed(folder / ABOUT), folder))
            elif _source_of(folder / ABOUT) == self._source:
                _remove(folder)
        for _, other in sorted(of_others, reverse=True)[OTHERS:]:
            _remove(other)

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


def to_retry(stored: dict[int, Stored], whole: Whole | None) -> set[int]:
    """Return the parts in which something was lost, or at the end of which, that a later run may find."""
    found = {i for i, part in stored.items() if any(each.again for each in part.problems)}
    if whole is not None and stored and any(each.again for each in whole.at_end):
        found.add(max(stored))
    return found


def for_good(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return problems that no later run tries to do without: two have tried."""
    return tuple(replace(each, again=False) for each in problems)


def _lost(problems: tuple[Problem, ...]) -> float:
    return sum(each.seconds for each in problems)


def _faults(problems: tuple[Problem, ...]) -> int:
    return sum(each.count for each in problems if each.again)


def _tracks(stored: list[int | None] | None) -> tuple[int | None, int | None] | None:
    """Return numbers of tracks. Raises ValueError and TypeError for what is none."""
    if stored is None:  # they were not kept from the first
        return None
    sound, picture = (None if each is None else int(each) for each in stored)
    return sound, picture


def _digest_of(folder: Path) -> str:
    return folder.name.partition("-")[0]


def _source_of(about: Path) -> str | None:
    try:
        return str(json.loads(about.read_bytes())["file"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _remove(folder: Path) -> None:
    """Remove the parts of a file, unless another run is writing them."""
    with suppress(UsageError), locked(folder):
        remove_locked(folder)
