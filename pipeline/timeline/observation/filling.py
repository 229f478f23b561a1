"""Observe the parts of a file that are missing, and those of which an earlier run has lost something."""

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mraf.errors import BusyError, MediaError
from mraf.extractors.media.limits import Limits
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
    for_good,
    to_retry,
)
from mraf.pipeline.timeline.observation.progress import Progress, Teller
from mraf.pipeline.timeline.observation.stamp import Stamp, is_other, stamp_of

_WRITTEN_TO = "the file was written to while it was read: run again when it is finished"
_NOT_AGAIN = (
    "what was lost from {at:g} s on cannot be looked for again now ({error}); the next run does"
)
_SLACK = 1.0
"""Seconds by which a part that is made anew may be shorter than before, as with another version of the decoder."""


class Filling:
    """Observes what is missing of a file, and what an earlier run has lost.

    Args:
        path: of the file.
        folder: of its parts, whose lock is held.
        observers: returns those of sound and picture; called only where there is something to observe.
        wish: the streams that are asked for.
        limits: on the file.
        on_progress: called as `observe` does.
    """

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
        self._wish, self._limits = wish, limits
        self._stored = folder.stored()
        self._whole = folder.whole()
        self._retried = to_retry(self._stored, self._whole)
        self._tried = set[int]()  # of them, those for which no later run tries
        self._new = set[int]()  # parts that were stored in this run
        self.notes = list[str]()  # for people, of this run alone
        self._reads_on = self._whole is None or max(self._stored, default=0) in self._retried
        self._made: Observers | None = None
        self._teller = Teller(on_progress, None if self._whole is None else self._whole.duration)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be decoded in the parts that are there, one of each kind."""
        return merged([each for part in self._stored.values() for each in part.problems])

    @property
    def reused(self) -> float:
        """Seconds of the file in the parts that earlier runs have stored."""
        old = (index for index in self._stored if index not in self._new)
        return sum(self._stored[index].stop - index * PART_SECONDS for index in old)

    def fill(self, before: Stamp, digest: str) -> Whole:
        """Observe the missing parts, and return what is known of the whole file.

        Args:
            before: stamp of the file when its content was looked at.
            digest: of that content.

        Raises MediaError, BusyError, UsageError as `observe` does; an observer's own errors.
        """
        kept = {i: part for i, part in self._stored.items() if i not in self._retried}
        self._teller.reused = sum(part.stop - i * PART_SECONDS for i, part in kept.items())
        try:
            slices = self._passes(kept)
        except BaseException:
            self._is_spoilt(before, digest)
            raise
        if self._is_spoilt(before, digest):
            raise BusyError(
                f"{self._path.name}: was overwritten while it was read; run again when it is finished"
            )
        whole = self._whole
        if whole is None or self._retried:
            whole = self._finished(slices)
            if stamp_of(self._path) != before:
                whole = replace(whole, notes=(*whole.notes, _WRITTEN_TO))
            self._folder.finish(whole)
        elif whole.tracks is None:
            whole = replace(whole, tracks=self._tracks(slices))
            self._folder.finish(whole)
        return whole

    def _is_spoilt(self, before: Stamp, digest: str) -> bool:
        """Return True where other content was read than was looked at; the parts of this run are removed then."""
        spoilt = bool(self._new) and is_other(self._path, before, digest)
        for index in self._new if spoilt else ():
            self._folder.forget(index)
        return spoilt

    def _passes(self, kept: dict[int, Stored]) -> Slices | None:
        """Observe what is not kept; return what read the last of it, None where that cannot be read again."""
        slices, lost = None, list[Problem]()
        for first, last in list(self._gaps(kept)):
            try:
                slices = self._pass(first, last)
                lost += slices.last_problems
                self._keep(first, last)  # those of which nothing came
            except MediaError as error:
                if not self._does_without(first, last, error):
                    raise
        self._check_all_there(lost)
        return slices

    def _does_without(self, first: int, last: int | None, error: MediaError) -> bool:
        """Keep parts that cannot be made anew as they are; False where one of them is not there."""
        if self._whole is None:
            return False
        stop = self._whole.parts if last is None else last + 1
        if not all(index in self._stored for index in range(first, stop)):
            return False
        if isinstance(error, BusyError):  # it was not even begun
            self.notes.append(_NOT_AGAIN.format(at=first * PART_SECONDS, error=error))
            return True
        self._keep(first, last)
        return True

    def _check_all_there(self, lost: list[Problem]) -> None:
        """Raise MediaError where a part is missing, which was there and cannot be read again, BusyError likewise."""
        known = max(self._stored, default=-1) + 1
        known = known if self._whole is None else max(known, self._whole.parts)
        missing = [index for index in range(known) if index not in self._stored]
        if not missing:
            return
        reason = lost[-1].text if lost else "it ends earlier than before"
        kind = BusyError if any(each.again for each in lost) else MediaError
        at = missing[0] * PART_SECONDS
        raise kind(f"{self._path.name}: cannot be read again from {at:g} s on ({reason})")

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
        start = first * PART_SECONDS
        with Slices(
            self._path,
            start=start,
            wish=self._wish,
            limits=self._limits,
            on_wait=self._teller.waits,
        ) as slices:
            if self._made is None:  # not before the file is open: they take long to load
                self._made = self._observers()
            if self._teller.duration is None:
                self._teller.duration = slices.duration
            told = self._teller.of_pass(start)
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
        """Store a part, unless what is there of it is better, or its end could not be read again."""
        if index in self._retried:
            if self._stored[index].is_better(than=observed):
                self._keep(index, index)
                return
            self._tried.add(index)
            observed = replace(observed, problems=for_good(observed.problems))
        elif observed.stop < self._least_stop(index):
            return
        self._folder.write(index, observed)
        self._new.add(index)
        self._stored[index] = Stored(observed.stop, observed.problems)

    def _least_stop(self, index: int) -> float:
        """Return the time in s that a part is known to reach; 0 where nothing is known."""
        if self._whole is not None and index == self._whole.parts - 1:
            return self._whole.duration - _SLACK
        is_inside = self._whole is not None and index < self._whole.parts
        is_inside = is_inside or index < max(self._stored, default=0)
        return (index + 1) * PART_SECONDS if is_inside else 0.0

    def _keep(self, first: int, last: int | None) -> None:
        """Have no later run make parts anew that this one has tried to, and has not."""
        stop = math.inf if last is None else last
        for index in sorted(each for each in self._retried - self._tried if first <= each <= stop):
            self._tried.add(index)
            with suppress(OSError, ValueError):  # whoever reads it is told
                part = self._folder.read(index)
                part = replace(part, problems=for_good(part.problems))
                self._folder.write(index, part)
                self._stored[index] = Stored(part.stop, part.problems)

    def _finished(self, slices: Slices | None) -> Whole:
        """Return what is known of the file when all of its parts are there."""
        if not self._stored:
            raise MediaError(f"{self._path.name}: too short to hold anything")
        last, whole = max(self._stored), self._whole
        stop = self._stored[last].stop
        if whole is None or (self._reads_on and last in self._new):
            notes = () if slices is None else slices.notes
            at_end = () if slices is None else slices.last_problems
        else:
            notes, at_end = whole.notes, whole.at_end
        # An end that was pushed on may be pushed on further by the next run.
        if whole is not None and whole.parts - 1 in self._tried and stop <= whole.duration:
            at_end = for_good(at_end)
        return Whole(
            parts=last + 1,
            duration=stop,
            notes=notes,
            at_end=at_end,
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
