"""Observe a long file part by part; each finished part stays, and a second run goes on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from mraf.data.clips.clip import Clip
from mraf.data.table.lock import locked
from mraf.errors import BusyError, MediaError, MrafError
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.tracks import Wish
from mraf.extractors.streaming.parts import Observed
from mraf.extractors.streaming.stream import Slices
from mraf.pipeline.timeline.observation.a_pass import Pass
from mraf.pipeline.timeline.observation.observers import Observers
from mraf.pipeline.timeline.observation.parts_folder import PART_SECONDS, PartsFolder, Whole
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
) -> Observation:
    """Observe a file in one pass, but for the parts that an earlier run has observed.

    The parts are found by the content of the file and by `made_by`. Ctrl-C keeps those that are finished. Of
    a file that is still being written, what is there is read; when it has grown it is another file.

    Args:
        path: of the file.
        workspace: whose folder `timelines` keeps the parts.
        observers: returns those of sound and picture; called only where there is something to observe.
        made_by: in words, the networks, their weights and versions: all that decides what is found.
        wish: the streams that are asked for.
        limits: on the file, on memory, and on the time that two seconds of the file may take to decode.
        on_progress: called for every two seconds of the file.
        patience: seconds to wait for another run that observes the same file.

    Raises:
        MediaError: the file cannot be opened, or nothing of it can be decoded.
        BusyError: it is not there, it takes too long, or it was changed since its content was looked at.
        UsageError: another run observes the same file, or the workspace cannot be written.
    """
    check_file(path)
    made = f"{made_by} sound={wish.sound} picture={wish.picture}"
    try:
        size = path.stat().st_size
        digest = Clip("file", path).content_hash()
    except OSError as error:
        raise BusyError(f"{path.name}: cannot be read ({error.strerror or error})") from None
    folder = PartsFolder(Workspace.at(workspace).root / _FOLDER, digest, made)
    with locked(folder.path, patience=patience, holder="`mraf timeline`"):
        run = _Run(path, folder, observers, wish, limits, on_progress)
        return replace(run.run(), content=digest, size=size)


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
        self._made: Observers | None = None
        self._began = time.monotonic()
        self._observed = 0.0  # s of the file in this run
        self._reused = 0.0
        self._duration: float | None = None if self._whole is None else self._whole.duration

    def run(self) -> Observation:
        """Observe the missing parts, and return all."""
        before = _stamp(self._path)
        self._reused = sum(stop - i * PART_SECONDS for i, stop in self._stored.items())
        slices = None
        for first, last in list(self._gaps()):
            slices = self._pass(first, last)
        whole = self._whole
        if whole is None:
            whole = self._finished(slices)
            if _stamp(self._path) != before:
                whole = replace(whole, notes=(*whole.notes, _WRITTEN_TO))
            self._folder.finish(self._path, whole)
        elif whole.tracks is None:
            whole = replace(whole, tracks=self._tracks(slices))
            self._folder.finish(self._path, whole)
        return Observation(
            folder=self._folder.path,
            count=whole.parts,
            duration=whole.duration,
            notes=whole.notes,
            problems=whole.problems,
            tracks=whole.tracks or (None, None),
            reused=self._reused,
            _parts=self._folder,
        )

    def _gaps(self) -> Iterator[tuple[int, int | None]]:
        """Yield the first and the last of missing parts that follow each other; None: up to the end."""
        count = None if self._whole is None else self._whole.parts
        if count is None and self._stored:
            last = max(self._stored)
            if self._stored[last] < (last + 1) * PART_SECONDS:  # shorter than others: it is the end
                count = last + 1
        known = max(self._stored, default=-1) + 1 if count is None else count
        missing = [index for index in range(known) if index not in self._stored]
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
            one = Pass(slices, self._made, first=first, last=last, on_slice=told)
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
        self._folder.write(index, observed)
        self._stored[index] = observed.stop

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
        problems = dict.fromkeys(
            each for index in range(last + 1) for each in self._folder.read(index).problems
        )
        notes = () if slices is None else slices.notes
        if slices is not None and self._reused == 0:
            problems = dict.fromkeys(slices.problems)  # which counts them
        return Whole(
            parts=last + 1,
            duration=self._stored[last],
            notes=notes,
            problems=tuple(problems),
            tracks=self._tracks(slices),
        )

    def _tracks(self, slices: Slices | None) -> tuple[int | None, int | None]:
        """Return the numbers of the tracks that are read, for which the file may have to be opened."""
        if slices is not None:
            return slices.tracks
        with Slices(self._path, wish=self._wish, limits=self._limits) as opened:
            return opened.tracks


def _stamp(path: Path) -> tuple[int, int]:
    """Return what changes when a file is written to."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns
