"""Read the picture and the sound of a video in step, whatever is damaged in it, on the clock of its timeline."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mraf.errors import MediaError
from mraf.extractors.media.frames import orientation, upright
from mraf.extractors.media.limits import Limits
from mraf.extractors.media.one_pass import short
from mraf.extractors.media.read import opened
from mraf.extractors.media.tracks import Wish, choose_tracks, has_decoder
from mraf.extractors.streaming.decoding.clock import Clock, FileClock
from mraf.extractors.streaming.decoding.one_stream import StreamFrames
from mraf.extractors.streaming.decoding.picture import PictureLine, usual_seconds
from mraf.extractors.streaming.decoding.problems import Problems
from mraf.extractors.streaming.decoding.shades import Shades


class Source:
    """A video that is open: a container for the picture and one for the sound, which share a clock.

    Args:
        video: the file.
        wish: the streams that its timeline was made from.
        beat: called for each packet that is read.

    Raises:
        MediaError: it cannot be opened, or has no picture that can be decoded; without the file's name.
    """

    def __init__(
        self, video: Path, wish: Wish = Wish(), beat: Callable[[], None] = lambda: None
    ) -> None:
        self._video, self._limits, self._beat = video, Limits(), beat
        self.problems = Problems()
        with ExitStack() as containers:
            self.container = containers.enter_context(opened(video))
            tracks = choose_tracks(self.container, wish)
            self._clock = FileClock.of(self.container)
            self.stream = self._checked(tracks.picture)
            self._shape = self.stream.sample_aspect_ratio
            self._picture = self._picture_line()
            self.sound: Sound | None = None
            if tracks.sound is not None and has_decoder(tracks.sound):
                second = containers.enter_context(opened(video))
                self.sound = Sound(self, second, tracks.sound.index, self._clock)
            self._containers = containers.pop_all()

    def __enter__(self) -> "Source":
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._containers.close()

    @property
    def has_ended(self) -> bool:
        """True where there are no more pictures."""
        return self._picture.has_ended

    @property
    def now(self) -> float:
        """Time in s of the last picture."""
        return self._picture.now

    @property
    def end(self) -> float:
        """End in s of the last picture or sound that was decoded."""
        return max(self._picture.end, self.sound.now if self.sound else 0.0)

    def pictures(self, stop: float) -> Iterator[tuple[np.ndarray, float]]:
        """Yield pictures `[H, W, 3]` uint8 RGB, upright, with square pixels, and their times, up to one in s.

        What cannot be decoded is left out, and noted in `problems`.
        """
        import av

        for frame, time in self._picture.each(stop):
            problem = self._limits.check_size(frame.width, frame.height)
            try:
                if problem:
                    raise ValueError(problem)
                shown = upright(frame.to_ndarray(format="rgb24"), orientation(frame), self._shape)
            except (av.error.FFmpegError, ValueError) as error:
                self.problems.note("picture", short(error), time)
            else:
                yield np.require(shown, requirements="W"), time

    def frames_of(
        self, container: Any, stream: Any, now: Callable[[], float], *, threads: int = 1
    ) -> StreamFrames:
        """Return the frames of a stream; `now` tells how far it has come."""
        frames = StreamFrames(container, stream, problems=self.problems, beat=self._beat, now=now)
        stream.codec_context.thread_count = threads
        return frames

    def _checked(self, stream: Any) -> Any:
        if stream is None:
            raise MediaError("has no picture to draw into; choose other formats for sound alone")
        if not has_decoder(stream):
            raise MediaError("cannot be annotated: there is no decoder for its picture")
        context = stream.codec_context
        problem = self._limits.check_size(context.width or 0, context.height or 0)
        if problem:
            raise MediaError(f"cannot be annotated: {problem}")
        context.options = {"max_pixels": str(self._limits.pixels)}
        return stream

    def _picture_line(self) -> PictureLine:
        stream = self.stream
        frames = self.frames_of(self.container, stream, lambda: line.now, threads=0)  # all cores
        stream.thread_type = "AUTO"
        line = PictureLine(
            frames.frames(),
            Clock(self._clock),
            usual_seconds(stream),
            Shades(self._shape, (0, 0), self._limits),
            self.problems,
        )
        return line


class Sound:
    """The stream of sound of a source, as packets or as frames, each with its time."""

    def __init__(self, source: Source, container: Any, index: int, clock: FileClock) -> None:
        self.container, self.stream = container, container.streams[index]
        self.names = frozenset(container.format.name.split(","))  # of the format
        self._source, self._clock = source, Clock(clock)
        self._frames = source.frames_of(container, self.stream, lambda: self.now)
        self._end: float | None = None

    @property
    def now(self) -> float:
        """End in s of the sound so far."""
        return self._end or 0.0

    def packets(self) -> Iterator[tuple[Any, float]]:
        """Yield the packets that have a time stamp, and their times in s."""
        for packet in self._frames.packets():
            if packet.pts is not None and packet.dts is not None and packet.size:
                base = packet.time_base
                time = self._clock.place(float(packet.pts * base), self._end)
                self._end = time + float((packet.duration or 0) * base)
                yield packet, time

    def frames(self) -> Iterator[tuple[Any, float]]:
        """Yield the decoded frames, and their times in s."""
        limits = Limits()
        for frame in self._frames.frames():
            problem = limits.check_sound(frame.layout.nb_channels, frame.sample_rate)
            if problem:
                self._source.problems.note("sound", problem, self.now)
                continue
            time = self._clock.place(frame.time, self._end)
            self._end = time + frame.samples / frame.sample_rate
            yield frame, time
