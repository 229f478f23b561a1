"""Read a file from its beginning to its end in slices of two seconds, in bounded memory."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mraf.errors import MediaError
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.one_pass import WITHOUT_INDEX
from mraf.extractors.media.read import in_full, opened
from mraf.extractors.media.tracks import (
    Tracks,
    Wish,
    choose_tracks,
    has_decoder,
    name_of_codec,
)
from mraf.extractors.streaming.decoding.clock import Clock, FileClock
from mraf.extractors.streaming.decoding.one_stream import StreamFrames
from mraf.extractors.streaming.decoding.picture import (
    PictureLine,
    Pictures,
    Unneeded,
    usual_seconds,
)
from mraf.extractors.streaming.decoding.problems import Problems
from mraf.extractors.streaming.decoding.shades import Shades
from mraf.extractors.streaming.decoding.sound import SoundLine
from mraf.extractors.streaming.slices import SLICE_SECONDS, TICKS

_SHORTEST = 1.5 / TICKS
"""Seconds of a last slice; less is left out."""
_DIFFERENCE = 2.0
"""Seconds between the length of a file and what its header says that are told."""
_DECODED_WHOLE = WITHOUT_INDEX | {"mpegts", "mpeg", "ogg", "wtv"}
"""Formats in which the time of what is passed over cannot be told without decoding it."""


class RawSlice(NamedTuple):
    """What a `Slice` is made of, before its pictures are put together."""

    start: float
    stop: float
    wave: np.ndarray | None
    pictures: Pictures


class FileSlices:
    """The slices of a file.

    The picture and the sound are read by two containers in step, so that it does not matter how far they
    lie apart in the file: neither has to be kept while the other is looked for.

    Args:
        path: of the file.
        start: time in s of the first slice, a multiple of `SLICE_SECONDS`. Sound is decoded from the
            beginning all the same, so that the slices are those of an unbroken pass.
        wish: the streams that are asked for.
        skip: stretches from and to a time in s of which nothing is decoded.
        limits: on what the file may hold.
        beat: called for each packet that is read.

    Raises:
        MediaError: the file cannot be opened, or holds no stream that can be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: float = 0.0,
        wish: Wish = Wish(),
        skip: tuple[tuple[float, float], ...] = (),
        limits: Limits = Limits(),
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        check_file(path)
        self._path, self._limits, self._beat = path, limits, beat
        self._start, self._skip = start, skip
        self.problems = Problems(start)  # as they are met
        self._notes = list[str]()
        self._shades: Shades | None = None
        self.end = start
        self._container = opened(path)
        streams = self._container.streams
        if len(streams) > limits.streams:
            raise MediaError(
                f"{path.name}: {len(streams)} streams; at most {limits.streams} are read"
            )
        tracks = choose_tracks(self._container, wish)
        self.tracks = (tracks.sound_number, tracks.picture_number)  # from 1; None: there is none
        self._notes += tracks.notes
        self._formats = frozenset(self._container.format.name.split(","))
        self._file = FileClock.of(self._container)
        self.length = self._file.length  # s, by the header
        self._picture = self._picture_line(tracks)
        self._sound = self._sound_line(tracks)
        if self._picture is None and self._sound is None:
            reason = self.problems.first() or "it holds neither picture nor sound"
            raise MediaError(f"{path.name}: nothing can be read ({reason})")

    @property
    def has_picture(self) -> bool:
        """True where there is a stream of pictures that can be decoded."""
        return self._picture is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What else is to be said of the file so far, as which of several tracks is read."""
        notes = list(self._notes)
        if self._file.leaps:
            first = self._file.leaps[0]
            notes.append(f"time stamps leap at {first:.1f} s: recordings put together")
        if self._shades is not None and self._shades.has_changed and self._shades.size:
            width, height = self._shades.size
            notes.append(f"the picture changes its size; all is fitted to {width} x {height}")
        return tuple(notes)

    def slices(self) -> Iterator[RawSlice]:
        """Yield the slices; afterwards `end` is the length of the file in s.

        Raises:
            MediaError: nothing at all can be decoded.
            MemoryError: there is too little memory.
        """
        at = self._start
        has_ended = False
        while not has_ended:
            stop = at + SLICE_SECONDS
            if self._sound is not None:
                self._sound.read(stop)
            found = None
            if self._picture is not None:
                found = self._picture.pictures(round(at * TICKS), round(stop * TICKS))
            lines = [line for line in (self._sound, self._picture) if line is not None]
            if at == self._start and not any(line.is_there for line in lines):
                raise MediaError(self._nothing())
            ends = max((line.end for line in lines if line.is_there), default=0.0)
            has_ended = all(line.has_ended for line in lines) and ends < stop + _SHORTEST
            if has_ended:
                stop = min(stop, round(ends, 3))
                if stop - at < (_SHORTEST if at else 0.001):
                    self.end = min(at, stop)
                    break
            made, found = self._slice(at, stop, found), None
            self.end = at = stop
            yield made
            del made  # before the next one is made: it is large
        self._compare_length()

    def _slice(self, start: float, stop: float, found: Pictures | None) -> RawSlice:
        first, last = round(start * TICKS), math.ceil(round(stop * TICKS, 6))
        if found is None or not found.shown:
            found = Pictures([], [-1] * (last - first), [], [])
        sound = self._sound
        wave = sound.cut(start, stop) if sound is not None and sound.is_there else None
        return RawSlice(start, stop, wave, found.until(last, first))

    def _picture_line(self, tracks: Tracks) -> PictureLine | None:
        stream = tracks.picture
        if stream is None or not self._can_decode("picture", self._container, stream):
            return None
        context = stream.codec_context
        context.options = {"max_pixels": str(self._limits.pixels)}
        size = (context.width or 0, context.height or 0)
        problem = self._limits.check_size(*size)
        if problem:
            self.problems.note("picture", problem, 0.0)
            return None
        self._shades = Shades(stream.sample_aspect_ratio, size, self._limits)
        usual = usual_seconds(stream)
        late = None
        if self._start > 0 and not self._formats & _DECODED_WHOLE:
            late = self._start + self._file.origin
        clock = Clock(self._file)
        frames = StreamFrames(
            self._container,
            stream,
            problems=self.problems,
            beat=self._beat,
            now=lambda: line.now,
            is_skipped=lambda stamp: self._is_skipped(stamp + clock.offset),
        )
        unneeded = Unneeded(float(stream.time_base or 0), clock, 1 / usual)
        decoded = frames.frames(unneeded, late)
        line = PictureLine(decoded, clock, usual, self._shades, self.problems)
        return line

    def _sound_line(self, tracks: Tracks) -> SoundLine | None:
        if tracks.sound is None or not self._can_decode("sound", self._container, tracks.sound):
            return None
        # Where there is no picture, the first container serves.
        container = self._container if self._picture is None else opened(self._path)
        clock = Clock(self._file)
        frames = StreamFrames(
            container,
            container.streams[tracks.sound.index],
            problems=self.problems,
            beat=self._beat,
            now=lambda: line.now,
            is_skipped=lambda stamp: self._is_skipped(stamp + clock.offset),
        )
        line = SoundLine(frames.frames(), clock, self._start, self._limits, self.problems)
        return line

    def _is_skipped(self, time: float) -> bool:
        """Tell whether a time in s lies in a stretch that is not decoded."""
        return any(begin <= time < end for begin, end in self._skip)

    def _can_decode(self, kind: str, container: Any, stream: Any) -> bool:
        if has_decoder(stream):
            return True
        self.problems.note(kind, f"there is no decoder for {name_of_codec(container, stream)}", 0.0)
        return False

    def _nothing(self) -> str:
        if self._start:
            return f"{self._path.name}: nothing from {self._start:g} s on"
        reason = in_full(self._path, self.problems.first() or "the streams are empty")
        return f"{self._path.name}: nothing could be decoded ({reason})"

    def _compare_length(self) -> None:
        """Note where the file is shorter or longer than its header says."""
        if self.length is None or self._file.leaps or self._formats & WITHOUT_INDEX:
            return  # the length of bare streams is an estimate
        if abs(self.end - self.length) > max(_DIFFERENCE, 0.001 * self.length):
            self._notes.append(
                f"the file ends at {self.end:.1f} s, and its header says {self.length:.1f} s: "
                "it is cut off, damaged or still being written"
            )
