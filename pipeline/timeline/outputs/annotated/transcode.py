"""Decode a video, draw into its pictures, and encode it: picture after picture, so that memory stays small."""

import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from mraf.errors import MediaError
from mraf.extractors.media.frames import Clock, orientation, upright
from mraf.extractors.media.limits import Limits
from mraf.extractors.media.read import opened
from mraf.extractors.media.tracks import choose_tracks, has_decoder
from mraf.pipeline.timeline.outputs.annotated.drawing import Drawing
from mraf.pipeline.timeline.outputs.annotated.sound import sound_of
from mraf.pipeline.timeline.timeline import Timeline

_TICK = Fraction(1, 90_000)  # s; what MPEG counts in: frame rates of film and television divide it
_QUALITY = {"crf": "20", "preset": "veryfast"}
_BT709 = {"colorspace": 1, "color_primaries": 1, "color_trc": 1, "color_range": 1}
_EVERY = 0.25  # s between two reports


def transcode(timeline: Timeline, video: Path, file: Path, report: Callable[[float], None]) -> None:
    """Write an annotated MP4. What cannot be decoded is left out.

    Raises:
        MediaError: there is no picture, or none of it can be decoded; without the file's name.
        OSError: the MP4 cannot be written.
    """
    import av

    limits = Limits()
    size = _size(video, limits)
    drawing = Drawing(timeline)
    with (
        opened(video) as source,
        av.open(str(file), "w", format="mp4", options={"movflags": "faststart"}) as target,
    ):
        tracks = choose_tracks(source)
        origin = (source.start_time or 0) / 1e6
        picture = _Picture(tracks.picture, target, size=size, origin=origin, limits=limits)
        sound = sound_of(tracks.sound, source, target, origin)
        streams = [each for each in (tracks.picture, sound and tracks.sound) if each is not None]
        reported = 0.0
        for packet in _packets(source, streams):
            if packet.stream is tracks.picture:
                picture.add(packet, drawing)
            elif sound is not None:
                sound.add(packet)
            if time.monotonic() - reported > _EVERY:
                report(picture.time)
                reported = time.monotonic()
        picture.finish()
        if sound is not None:
            sound.finish()
    if not picture.count:
        raise MediaError("cannot be annotated: nothing of its picture could be decoded")
    report(picture.time)


class _Picture:
    """The stream of pictures that is written."""

    def __init__(
        self, stream: Any, target: Any, *, size: tuple[int, int], origin: float, limits: Limits
    ) -> None:
        stream.thread_type = "AUTO"
        stream.codec_context.options = {"max_pixels": str(limits.pixels)}
        self._shape = stream.sample_aspect_ratio
        self._unit = float(stream.time_base or 0)
        self._clock = Clock(origin, longest_pause=float("inf"))
        self._target, self._size, self._limits = target, size, limits
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        self._out = target.add_stream("libx264", rate=rate, options=_QUALITY)
        self._out.width, self._out.height = (side + side % 2 for side in size)
        self._out.pix_fmt = "yuv420p"
        context = self._out.codec_context
        context.time_base = _TICK
        for name, value in _BT709.items():
            setattr(context, name, value)
        self._last = -1
        self.count, self.time = 0, 0.0

    def add(self, packet: Any, drawing: Drawing) -> None:
        """Decode a packet, draw and encode what it holds; broken ones are passed over."""
        import av

        try:
            frames = packet.decode()
        except (av.error.FFmpegError, ValueError):
            return
        for frame in frames:
            stamp = None if frame.pts is None else frame.pts * self._unit
            self.time = self._clock.tick(stamp)
            tick = round(self.time / _TICK)
            if tick <= self._last:  # before the beginning, where players show nothing
                continue
            try:
                shown = self._drawn(frame, drawing)
            except (av.error.FFmpegError, ValueError):
                continue
            shown.pts, shown.time_base, self._last = tick, _TICK, tick
            self._target.mux(self._out.encode(shown))
            self.count += 1

    def finish(self) -> None:
        """Encode what the encoder still holds."""
        self._target.mux(self._out.encode(None))

    def _drawn(self, frame: Any, drawing: Drawing) -> Any:
        import av

        if self._limits.check_size(frame.width, frame.height):
            raise ValueError(frame)
        picture = upright(frame.to_ndarray(format="rgb24"), orientation(frame), self._shape)
        picture = np.require(picture, requirements="W")
        drawing.draw(picture, self.time)
        picture = _fitted(picture, *self._size)
        made = av.VideoFrame.from_ndarray(picture, format="rgb24")
        return made.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")


def _size(video: Path, limits: Limits) -> tuple[int, int]:
    """Return width and height of the first picture, upright. Raises MediaError."""
    import av

    with opened(video) as source:
        stream = choose_tracks(source).picture
        if stream is None:
            raise MediaError("has no picture to draw into; choose other formats for sound alone")
        if not has_decoder(stream):
            raise MediaError("cannot be annotated: there is no decoder for its picture")
        context = stream.codec_context
        problem = limits.check_size(context.width or 0, context.height or 0)
        if problem:
            raise MediaError(f"cannot be annotated: {problem}")
        shape = stream.sample_aspect_ratio
        for packet in _packets(source, [stream]):
            try:
                frames = packet.decode()
            except (av.error.FFmpegError, ValueError):
                continue
            for frame in frames:
                picture = upright(frame.to_ndarray(format="rgb24"), orientation(frame), shape)
                return picture.shape[1], picture.shape[0]
    raise MediaError("cannot be annotated: nothing of its picture could be decoded")


def _packets(source: Any, streams: list[Any]) -> Any:
    """Yield packets up to the end of the file, or to where it cannot be read any further."""
    import av

    try:
        yield from source.demux(streams)
    except (av.error.FFmpegError, OSError):
        return


def _fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return a picture of the wanted size, with even sides: on black, or with its edge repeated."""
    if picture.shape[:2] != (height, width):
        from PIL import Image, ImageOps

        picture = np.asarray(ImageOps.pad(Image.fromarray(picture), (width, height)))
    if width % 2 or height % 2:
        picture = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return picture
