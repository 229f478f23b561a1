"""Decode a video, draw into its pictures, and encode it: picture after picture, so that memory stays small."""

import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mraf.errors import MediaError
from mraf.extractors.streaming.slices import SLICE_SECONDS
from mraf.pipeline.timeline.outputs.annotated.drawing import Drawing
from mraf.pipeline.timeline.outputs.annotated.sound import SoundWriter, sound_of
from mraf.pipeline.timeline.outputs.annotated.source import Source
from mraf.pipeline.timeline.timeline import Timeline

_TICK = Fraction(1, 90_000)  # s; what MPEG counts in: frame rates of film and television divide it
_QUALITY = {"crf": "20", "preset": "veryfast"}
_BT709 = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 1}
_EVERY = 0.25  # s between two reports
_DIFFERENCE = 2.0  # s by which a video may end before its timeline without a word

Report = Callable[[str, float], None]
"""Called with "at" or, before the file is closed, "closing", and the seconds that are done."""


def transcode(timeline: Timeline, video: Path, file: Path, report: Report) -> tuple[str, ...]:
    """Write an annotated MP4, and return what is to be said of it. What cannot be decoded is left out.

    Args:
        timeline: what is drawn; its tracks are read.
        video: the file that it is of.
        file: the MP4.
        report: is called now and then.

    Raises:
        MediaError: there is no picture, or none of it can be decoded; without the file's name.
        OSError: the MP4 cannot be written.
    """
    import av

    beat = _Beat(report)
    # Its table of contents stays at the end: to bring it to the front the whole file would be written twice.
    with (
        Source(video, timeline.wish, beat) as source,
        av.open(str(file), "w", format="mp4") as target,
    ):
        picture = _Picture(source, target, Drawing(timeline))
        _run(source, picture, sound_of(source, target), beat)
        report("at", picture.time)
        report("closing", picture.time)
        return tuple(_remarks(source, timeline.duration))


def _run(source: Source, picture: "_Picture", sound: SoundWriter | None, beat: "_Beat") -> None:
    """Write sound and picture in turn, in the order in which the timeline's pass read them."""
    stop = 0.0
    while not (source.has_ended and (sound is None or sound.has_ended)):
        stop += SLICE_SECONDS
        if sound is not None:
            sound.read(stop)
        for shown, at in source.pictures(stop):
            picture.add(shown, at)
            beat.time = at
    picture.finish()
    if sound is not None:
        sound.finish()


def _remarks(source: Source, duration: float | None) -> Iterator[str]:
    problems = "; ".join(each.told() for each in source.problems.take())
    if duration is not None and source.end < duration - max(_DIFFERENCE, 0.001 * duration):
        why = f"the rest cannot be decoded ({problems})" if problems else "so does the video"
        yield f"ends at {source.end:.1f} s of the timeline's {duration:.1f} s: {why}"
    elif problems:
        yield f"lacks what cannot be decoded ({problems})"


class _Beat:
    """Reports the time that is reached, now and then, as long as packets are read."""

    def __init__(self, report: Report) -> None:
        self._report, self._reported = report, 0.0
        self.time = 0.0

    def __call__(self) -> None:
        if time.monotonic() - self._reported > _EVERY:
            self._report("at", self.time)
            self._reported = time.monotonic()


class _Picture:
    """The stream of pictures that is written, of the size of the first one. Raises MediaError without one."""

    def __init__(self, source: Source, target: Any, drawing: Drawing) -> None:
        first = next(source.pictures(float("inf")), None)
        if first is None:
            raise MediaError("cannot be annotated: nothing of its picture could be decoded")
        self._target, self._drawing = target, drawing
        self._size = (first[0].shape[1], first[0].shape[0])
        stream = source.stream
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        self._out = target.add_stream("libx264", rate=rate, options=_QUALITY)
        self._out.width, self._out.height = (side + side % 2 for side in self._size)
        self._out.pix_fmt = "yuv420p"
        context = self._out.codec_context
        context.time_base = _TICK
        for name, value in _BT709.items():
            setattr(context, name, value)
        self._last, self.time = -1, 0.0
        self._first: tuple[np.ndarray, float] | None = first  # written after all streams are known

    def add(self, shown: np.ndarray, time: float) -> None:
        """Draw into a picture `[H, W, 3]` in place, and encode it."""
        self._write_first()
        self._write(shown, time)

    def finish(self) -> None:
        """Encode what the encoder still holds. Raises MediaError where there was nothing to show."""
        self._write_first()
        if self._last < 0:
            raise MediaError("cannot be annotated: nothing of its picture is on display")
        self._target.mux(self._out.encode(None))

    def _write_first(self) -> None:
        if self._first is not None:
            first, self._first = self._first, None
            self._write(*first)

    def _write(self, shown: np.ndarray, time: float) -> None:
        import av

        self.time = time
        tick = round(time / _TICK)
        if tick <= self._last:  # before the beginning, where players show nothing
            return
        self._drawing.draw(shown, time)
        made = av.VideoFrame.from_ndarray(_fitted(shown, *self._size), format="rgb24")
        made = made.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
        made.pts, made.time_base, self._last = tick, _TICK, tick
        self._target.mux(self._out.encode(made))


def _fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return a picture of the wanted size, with even sides: on black, or with its edge repeated."""
    if picture.shape[:2] != (height, width):
        from PIL import Image, ImageOps

        picture = np.asarray(ImageOps.pad(Image.fromarray(picture), (width, height)))
    if width % 2 or height % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return picture
