"""Observe a long file part by part; each finished part stays, and a second run goes on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from mraf.data.clips.clip import HASHED_WHOLE, Clip
from mraf.data.table.lock import locked
from mraf.errors import BusyError, MediaError, MrafError
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.tracks import Wish
from mraf.extractors.streaming.decoding.problems import Problem, merged
from mraf.extractors.streaming.parts import Observed
from mraf.extractors.streaming.stream import Slices
from mraf.pipeline.timeline.observation.a_pass import Pass
from mraf.pipeline.timeline.observation.observers import Observers
from mraf.pipeline.timeline.observation.parts_folder import (
    PART_SECONDS,
    PartsFolder,
    Stored,
    Whole,
)
from mraf.pipeline.workspace import Workspace

_FOLDER = "timelines"
"""Folder of a workspace that holds the parts of all files."""

_WRITTEN_TO = "the file was written to while it was read: run again when it is finished"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a file is observed."""

    done: float  # s of the file
    duration: float | None  # s; None: the file does not say
    speed: float  # seconds of the file in a second, of what this run has done; 0: not known yet
    left: float | None  # s until the end; None: not known
    reused: float  # s of `done` that an earlier run has done


@dataclass(frozen=True, kw_only=True)
class Observation:
    """All parts of a file. Iterating reads them from disk, one after the other."""

    folder: Path
    count: int
    duration: float  # s, as the file really is
    notes: tuple[str, ...] = ()  # for people, as which of several tracks was read
    problems: tuple[str, ...] = ()  # what could not be decoded
    content: str = ""  # digest of what was in the file
    size: int = 0  # of the file, in bytes
    # Numbers, from 1, of the tracks of sound and picture that were read; None: there is none.
    tracks: tuple[int | None, int | None] = (None, None)
    reused: float = 0.0  # s that an earlier run has done
    _parts: PartsFolder

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Observed]:
        """Yield the parts in order. Raises MrafError where one was damaged since."""
        for index in range(self.count):
            try:
                yield self._parts.read(index)
            except (OSError, ValueError) as error:
                raise MrafError(
                    f"{self._parts.part(index)}: cannot be read ({error}). Run the command again: it is made anew."
                ) from None


def observe(
    path: Path,
    *,
    workspace: Workspace | Path | str | None,
    observers: Callable[[], Observers],
    made_by: str,
    wish: Wish = Wish(),
    limits: Limits = Limits(),
    on_progress: Callable[[Progress], None] | None = None,
    patience: float = 0.0,
    on_wait: Callable[[str], None] | None = None,
) -> Observation:
    """Observe a file in one pass, but for the parts that an earlier run has observed.

    The parts are found by the content of the file and by `made_by`; of a file of over 4 GiB, by pieces of its
    content and the time of its last change. Ctrl-C keeps those that are finished. Of a file that is still being
    written, what is there is read; when it has grown it is another file, whose parts replace those of before.
    Parts of which something was lost by a limit or by a fault of the machine are made anew, once.

    Args:
        path: of the file.
        workspace: whose folder `timelines` keeps the parts.
        observers: returns those of sound and picture; called only where there is something to observe.
        made_by: in words, the networks, their weights and versions: all that decides what is found.
        wish: the streams that are asked for.
        limits: on the file, on memory, and on the time that two seconds of the file may take to decode.
        on_progress: called for every two seconds of the file.
        patience: seconds to wait for another run that observes the same file.
        on_wait: called with a line for people where that begins.

    Raises:
        MediaError: the file cannot be opened, or nothing of it can be decoded.
        BusyError: it is not there, it takes too long, or it was replaced since its content was looked at.
        UsageError: another run observes the same file, or the workspace cannot be written.
    """
    check_file(path)
    stamp, digest = _looked_at(path)
    made = f"{made_by} sound={wish.sound} picture={wish.picture}"
    if stamp.size > HASHED_WHOLE:  # of its content some pieces only
        made += f" changed={stamp.changed}"
    folder = PartsFolder(Workspace.at(workspace).root / _FOLDER, digest, made)
    with locked(folder.path, patience=patience, holder="`mraf timeline`", on_wait=on_wait):
        try:
            _check_unchanged(path, stamp)
            folder.begin(path)
            run = _Run(path, folder, observers, wish, limits, on_progress)
            return replace(run.run(stamp), content=digest, size=stamp.size)
        finally:
            folder.leave()


class _Run:
    """Observes what is missing of a file."""

    def __init__(
        self,
        path: Path,
        folder: PartsFolder,
        observers: Callable[[], Observers],
        wish: Wish,
        limits: Limits,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._path, self._folder, self._observers = path, folder, observers
        self._wish, self._limits, self._on_progress = wish, limits, on_progress
        self._stored = folder.stored()
        self._whole = folder.whole()
        self._duration: float | None = None if self._whole is None else self._whole.duration
        self._retried = _to_retry(self._stored, self._whole)
        self._reads_on = self._whole is None or max(self._stored, default=0) in self._retried
        self._made: Observers | None = None
        self._began = time.monotonic()
        self._observed = 0.0  # s of the file in this run
        self._reused = 0.0

    def run(self, before: "_Stamp") -> Observation:
        """Observe the missing parts, and return all.

        Args:
            before: stamp of the file when its content was looked at.
        """
        kept = {i: part for i, part in self._stored.items() if i not in self._retried}
        self._reused = sum(part.stop - i * PART_SECONDS for i, part in kept.items())
        whole = self._whole
        if whole is None or self._retried:
            slices = self._passes(kept)
            whole = self._finished(slices)
            if _stamp(self._path) != before:
                whole = replace(whole, notes=(*whole.notes, _WRITTEN_TO))
            self._folder.finish(whole)
        else:
            slices = self._passes(kept)  # those that were damaged
            if whole.tracks is None:
                whole = replace(whole, tracks=self._tracks(slices))
                self._folder.finish(whole)
        return Observation(
            folder=self._folder.path,
            count=whole.parts,
            duration=whole.duration,
            notes=whole.notes,
            problems=tuple(each.told() for each in self._problems(whole)),
            tracks=whole.tracks or (None, None),
            reused=self._reused,
            _parts=self._folder,
        )

    def _passes(self, kept: dict[int, Stored]) -> Slices | None:
        """Observe what is not kept; return what read the last of it, None where that cannot be read again."""
        slices = None
        for first, last in list(self._gaps(kept)):
            try:
                slices = self._pass(first, last)
            except MediaError:
                if self._whole is None or first not in self._retried:
                    raise
        return slices

    def _problems(self, whole: Whole) -> tuple[Problem, ...]:
        parts = [self._stored[index] for index in range(whole.parts)]
        return merged([*(each for part in parts for each in part.problems), *whole.at_end])

    def _gaps(self, kept: dict[int, Stored]) -> Iterator[tuple[int, int | None]]:
        """Yield the first and the last of missing parts that follow each other; None: up to the end."""
        count = None if self._whole is None or self._reads_on else self._whole.parts
        if count is None and kept:
            last = max(kept)
            if kept[last].stop < (last + 1) * PART_SECONDS:  # shorter than others: it is the end
                count = last + 1
        known = max(kept, default=-1) + 1 if count is None else count
        missing = [index for index in range(known) if index not in kept]
        for first in missing:
            if first - 1 not in missing:
                last = first
                while last + 1 in missing:
                    last += 1
                yield first, last
        if count is None:
            yield known, None

    def _pass(self, first: int, last: int | None) -> Slices:
        """Observe some parts and store them; return what read them."""
        if self._made is None:
            self._made = self._observers()
        start = first * PART_SECONDS
        with Slices(self._path, start=start, wish=self._wish, limits=self._limits) as slices:
            if self._duration is None:
                self._duration = slices.duration
            told = self._teller(start)
            before = self._folder.seen(first - 1)
            one = Pass(slices, self._made, first=first, last=last, before=before, on_slice=told)
            try:
                with one:
                    for index, observed in one.parts():
                        self._store(index, observed)
            except BaseException:  # Ctrl-C above all
                for index, observed in one.rest():
                    self._store(index, observed)
                raise
        return slices

    def _store(self, index: int, observed: Observed) -> None:
        if index in self._retried:
            observed = replace(observed, problems=_for_good(observed.problems))
        self._folder.write(index, observed)
        self._stored[index] = Stored(observed.stop, observed.problems)

    def _teller(self, start: float) -> Callable[[float], None]:
        before = self._observed

        def told(stop: float) -> None:
            self._observed = before + stop - start
            if self._on_progress is None:
                return
            elapsed = time.monotonic() - self._began
            speed = self._observed / elapsed if elapsed > 0 else 0.0
            done, duration = self._reused + self._observed, self._duration
            left = max(0.0, duration - done) / speed if duration and speed else None
            self._on_progress(
                Progress(done=done, duration=duration, speed=speed, left=left, reused=self._reused)
            )

        return told

    def _finished(self, slices: Slices | None) -> Whole:
        """Return what is known of the file when all of its parts are there."""
        if not self._stored:
            raise MediaError(f"{self._path.name}: too short to hold anything")
        last = max(self._stored)
        if self._whole is None or (self._reads_on and slices is not None):
            notes = () if slices is None else slices.notes
            at_end = () if slices is None else slices.last_problems
        else:
            notes, at_end = self._whole.notes, self._whole.at_end
        return Whole(
            parts=last + 1,
            duration=self._stored[last].stop,
            notes=notes,
            at_end=_for_good(at_end) if self._retried else at_end,
            tracks=self._tracks(slices),
        )

    def _tracks(self, slices: Slices | None) -> tuple[int | None, int | None]:
        """Return the numbers of the tracks that are read, for which the file may have to be opened."""
        if slices is not None:
            return slices.tracks
        if self._whole is not None and self._whole.tracks is not None:
            return self._whole.tracks
        with Slices(self._path, wish=self._wish, limits=self._limits) as opened:
            return opened.tracks


class _Stamp(NamedTuple):
    """What changes when a file is written to."""

    size: int
    changed: int  # ns


def _to_retry(stored: dict[int, Stored], whole: Whole | None) -> set[int]:
    """Return the parts in which something was lost, or at the end of which, that a later run may find."""
    found = {i for i, part in stored.items() if any(each.again for each in part.problems)}
    if whole is not None and stored and any(each.again for each in whole.at_end):
        found.add(max(stored))
    return found


def _for_good(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return problems that no later run tries to do without: two have tried."""
    return tuple(replace(each, again=False) for each in problems)


def _stamp(path: Path) -> _Stamp | None:
    """Return the stamp of a file; None where it has gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return _Stamp(found.st_size, found.st_mtime_ns)


def _looked_at(path: Path) -> tuple[_Stamp, str]:
    """Return the stamp of a file and the digest of its content. Raises BusyError."""
    try:
        found = path.stat()
        return _Stamp(found.st_size, found.st_mtime_ns), Clip("file", path).content_hash()
    except OSError as error:
        raise BusyError(f"{path.name}: cannot be read ({error.strerror or error})") from None


def _check_unchanged(path: Path, before: _Stamp) -> None:
    """Raise BusyError where a file has gone or is another one now; it may have grown."""
    now = _stamp(path)
    if now is None:
        raise BusyError(f"{path.name}: has gone while its content was looked at; run again")
    if now != before and now.size <= before.size:
        raise BusyError(f"{path.name}: was changed while its content was looked at; run again")
