"""One pass over a file from the beginning of a part: the sound and the picture of each part, observed."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import Any

import numpy as np

from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.streaming.decoding.problems import Problem, merged
from mraf.extractors.streaming.parts import Heard, Observed, Seen
from mraf.extractors.streaming.slices import Slice
from mraf.extractors.streaming.stream import Slices
from mraf.pipeline.timeline.observation.observers import BEYOND, Hears, Observers
from mraf.pipeline.timeline.observation.parts_folder import PART_SECONDS
from mraf.pipeline.timeline.observation.speech import CONTEXT, ticks_with_speech

_AHEAD = 2
"""Slices in which faces are looked for ahead of those that are followed."""
_FINDERS = 2
"""Threads that look for faces."""
_WAITING = 3
"""Parts whose sound may wait to be listened to."""


@dataclass
class _Part:
    """A part that is being observed."""

    index: int
    stop: float | None = None  # s; None: not known yet
    heard: "Future[Heard] | None" = None
    seen: Seen | None = None
    is_heard: bool = False  # all of its sound was handed over
    is_seen: bool = False
    problems: list[Problem] = field(default_factory=list)


class Pass:
    """Observes a file from part `first` on; what is kept of it does not grow with its length.

    The child decodes, threads look for faces and listen, and the caller's thread follows the faces.

    Args:
        slices: of the file, from the beginning of the first part on.
        observers: of sound and picture.
        first: number of the first part.
        last: number of the last part; None: all up to the end of the file.
        before: the picture of the part before the first; None: there is none.
        on_slice: called with the end in s of each slice that is done.
    """

    def __init__(
        self,
        slices: Slices,
        observers: Observers,
        *,
        first: int = 0,
        last: int | None = None,
        before: Seen | None = None,
        on_slice: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._slices, self._observers, self._on_slice = slices, observers, on_slice
        self._finders = ThreadPoolExecutor(_FINDERS, "faces")
        self._ears = _ears(slices, observers)
        self._listeners = ThreadPoolExecutor(max(1, self._ears.qsize()), "sound")
        self._parts: deque[_Part] = deque([_Part(first)])
        self._ends = math.inf if last is None else (last + 1) * PART_SECONDS
        self._waves = _Waves(first * PART_SECONDS)
        self._found: deque[tuple[Slice, Future[Any] | None]] = deque()
        self._before = before
        self._was_seen = False  # in this part

    def __enter__(self) -> "Pass":
        self._begin(self._before)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._slices.close()
        self._finders.shutdown(cancel_futures=True)
        self._listeners.shutdown()  # what it still has to do completes parts that were seen
        self._begin(None)  # what is left of this file does not lie on into the next one

    def _begin(self, before: Seen | None) -> None:
        if self._observers.picture is not None:
            self._observers.picture.begin(before)

    def parts(self) -> Iterator[tuple[int, Observed]]:
        """Yield the number of each part and what was observed in it, in order.

        Raises MediaError and BusyError, see `Slices`; an observer's own errors.
        """
        for each in self._slices:
            self._take(each)
            while len(self._found) > _AHEAD:
                self._follow()
            yield from self._done(_WAITING)
            if each.stop >= self._ends + BEYOND:
                break
        self._end()
        while self._found:
            self._follow()
        yield from self._done(0)

    def _take(self, slice_: Slice) -> None:
        """Begin to look at a slice, and to listen to the parts whose sound is all there."""
        self._waves.add(slice_)
        picture, future = self._observers.picture, None
        if slice_.start < self._ends:
            if picture is not None and len(slice_.grey):
                future = self._finders.submit(picture.find, slice_)
            self._found.append((slice_, future))
        for part in list(self._parts):
            stop = (part.index + 1) * PART_SECONDS
            if not part.is_heard and self._waves.stop >= stop + BEYOND:
                self._listen(part, stop)
        newest = self._parts[-1] if self._parts else None
        if newest is not None and slice_.stop == (newest.index + 1) * PART_SECONDS:
            newest.stop = slice_.stop
            if slice_.stop < self._ends:
                self._parts.append(_Part(newest.index + 1))

    def _end(self) -> None:
        """Hand over the sound of the last parts; the last one of all may be empty."""
        newest = self._parts[-1] if self._parts else None
        if newest is not None and newest.stop is None:
            newest.stop = self._waves.stop
            if newest.stop <= newest.index * PART_SECONDS:
                self._parts.pop()
        for part in self._parts:
            if not part.is_heard:
                assert part.stop is not None
                self._listen(part, part.stop)

    def _listen(self, part: _Part, stop: float) -> None:
        start = part.index * PART_SECONDS
        wave = self._waves.between(start, stop + BEYOND)
        if wave is not None and self._observers.sound is not None:
            part.heard = self._listeners.submit(self._hear, wave, start, stop)
        part.is_heard = True
        self._waves.let_go(stop)

    def _hear(self, wave: np.ndarray, start: float, stop: float) -> Heard:
        ears = self._ears.get()
        try:
            return ears.observe(wave, start, stop)
        finally:
            self._ears.put(ears)

    def _follow(self) -> None:
        """Follow the faces of the oldest slice."""
        slice_, future = self._found.popleft()
        picture = self._observers.picture
        # Where pictures are lacking in between, ticks are counted on.
        if picture is not None and (future is not None or self._was_seen):
            faces = [] if future is None else future.result()
            self._was_seen = True
            picture.add(slice_, faces, self._speech(slice_))
        self._on_slice(slice_.stop)
        part = next(each for each in self._parts if not each.is_seen)
        part.problems += slice_.problems
        if slice_.stop == part.stop:
            self._see(part)

    def _see(self, part: _Part) -> None:
        picture = self._observers.picture
        if self._was_seen and picture is not None:
            part.seen, self._was_seen = picture.finish(), False
        elif picture is not None and self._slices.has_picture:
            part.seen = Seen(tracks=(), cuts=np.zeros(0), width=0, height=0)
            picture.begin(part.seen)
        part.is_seen = True

    def _speech(self, slice_: Slice) -> np.ndarray | None:
        if self._observers.speech is None:
            return None
        begins = max(slice_.start - CONTEXT, slice_.start // PART_SECONDS * PART_SECONDS)
        wave = self._waves.between(begins, slice_.stop + CONTEXT)
        if wave is None:
            return np.zeros(len(slice_.shown), bool)
        return ticks_with_speech(self._observers.speech, wave, begins, slice_.start, slice_.stop)

    def rest(self) -> Iterator[tuple[int, Observed]]:
        """Yield the parts that were done when the pass was broken off."""
        while self._parts and self._parts[0].is_heard and self._parts[0].is_seen:
            heard = self._parts[0].heard
            if heard is not None and heard.exception() is not None:
                return
            yield self._oldest()

    def _done(self, waiting: int) -> Iterator[tuple[int, Observed]]:
        """Yield the parts that are done; more than `waiting` whose sound is not are waited for."""
        while self._parts and self._parts[0].is_heard and self._parts[0].is_seen:
            heard = self._parts[0].heard
            heard_parts = sum(each.is_heard for each in self._parts)
            if heard is not None and not heard.done() and heard_parts <= waiting:
                return
            yield self._oldest()

    def _oldest(self) -> tuple[int, Observed]:
        part = self._parts[0]
        assert part.stop is not None
        observed = Observed(
            start=part.index * PART_SECONDS,
            stop=part.stop,
            heard=None if part.heard is None else part.heard.result(),
            seen=part.seen,
            problems=merged(part.problems),
        )
        self._parts.popleft()
        return part.index, observed


def _ears(slices: Slices, observers: Observers) -> "SimpleQueue[Hears]":
    """Return those that listen: two where there is no picture to look at meanwhile."""
    ears: SimpleQueue[Hears] = SimpleQueue()
    if observers.sound is not None:
        ears.put(observers.sound)
        if observers.second is not None and not slices.has_picture:
            ears.put(observers.second())
    return ears


class _Waves:
    """The sound that is still needed: a part, what follows it, and what the picture lags behind."""

    def __init__(self, start: float) -> None:
        self._pieces: deque[tuple[float, np.ndarray | None]] = deque()
        self.start = self.stop = start

    def add(self, slice_: Slice) -> None:
        self._pieces.append((slice_.start, slice_.wave))
        self.stop = slice_.stop

    def between(self, start: float, stop: float) -> np.ndarray | None:
        """Return the sound `[N]` from `start` to `stop` in s, or the end; None where there is none."""
        first = round(start * SAMPLE_RATE)
        last = min(round(stop * SAMPLE_RATE), round(self.stop * SAMPLE_RATE))
        found: np.ndarray | None = None
        for begins, wave in self._pieces:
            at = round(begins * SAMPLE_RATE)
            if wave is not None and at < last and at + len(wave) > first:
                found = np.zeros(last - first, np.float32) if found is None else found
                low, high = max(first, at), min(last, at + len(wave))
                found[low - first : high - first] = wave[low - at : high - at]
        return found  # silent where a slice has no sound

    def let_go(self, before: float) -> None:
        """Let go of what lies before a time in s, but for what the picture may lag behind."""
        lag = (_AHEAD + 2) * 2.0 + CONTEXT
        while self._pieces and self._pieces[0][0] + 2.0 <= before - lag:
            self._pieces.popleft()
