"""Media files of every common kind for tests, each a few tracks in one container."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

CLOCK = 90_000
"""Ticks a second of the pictures' time stamps where they are not one a frame."""

CORNERS = {
    "upper left": (210, 30, 30),
    "upper right": (30, 190, 40),
    "lower left": (30, 40, 200),
    "lower right": (220, 210, 40),
}
"""Colour of each quarter of `quarters`, RGB."""


@dataclass(frozen=True)
class Picture:
    """A track of pictures, encoded by `codec`."""

    frames: np.ndarray  # [T, H, W, 3] or [T, H, W, 4] uint8, RGB or RGBA
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    fps: int = 25
    times: Sequence[float] | None = None  # [T] seconds; None: one frame after the other
    rotation: int = 0
    pixel_shape: Fraction | None = None  # width : height of one pixel
    bt709: bool = False  # the colours of high definition, and flagged so
    options: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)  # attributes of the encoder


@dataclass(frozen=True)
class Sound:
    """A track of sound, encoded by `codec`."""

    wave: np.ndarray  # [N] or [C, N] float32
    codec: str = "aac"
    rate: int = 48_000
    layout: str = "mono"
    start: float = 0.0  # seconds after the clip's beginning
    options: dict[str, str] = field(default_factory=dict)


def quarters(height: int = 96, width: int = 160) -> np.ndarray:
    """`[H, W, 3]` picture with a quarter of each of the `CORNERS`."""
    picture = np.empty((height, width, 3), np.uint8)
    for name, colour in CORNERS.items():
        rows = slice(None, height // 2) if "upper" in name else slice(height // 2, None)
        columns = slice(None, width // 2) if "left" in name else slice(width // 2, None)
        picture[rows, columns] = colour
    return picture


def film(count: int = 25, height: int = 96, width: int = 160) -> np.ndarray:
    """`[T, H, W, 3]`: `quarters`, and in the middle a square whose grey grows with time."""
    frames = np.repeat(quarters(height, width)[None], count, axis=0)
    levels = np.linspace(20, 230, count).astype(np.uint8)
    rows, columns = slice(height * 3 // 8, height * 5 // 8), slice(width * 3 // 8, width * 5 // 8)
    frames[:, rows, columns] = levels[:, None, None, None]
    return frames


def chirp(seconds: float = 1.0, rate: int = 48_000, low: float = 400, high: float = 1600):
    """`[N]` float32 of level 0.4 whose frequency climbs evenly from `low` to `high` hertz."""
    time = np.arange(round(seconds * rate)) / rate
    phase = low * time + (high - low) * time**2 / (2 * seconds)
    return (0.4 * np.sin(2 * np.pi * phase)).astype(np.float32)


def write_clip(
    path: Path, *tracks: Picture | Sound, container_format: str | None = None, **options: str
) -> Path:
    """Write the tracks, in their order, into a container chosen by the ending."""
    with av.open(str(path), "w", format=container_format, options=options) as container:
        streams = [_add_stream(container, track) for track in tracks]
        for track, stream in zip(tracks, streams, strict=True):
            for frame in _frames(track):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def has_encoder(name: str) -> bool:
    """Whether this build of PyAV can write `name`."""
    try:
        return bool(av.Codec(name, "w").is_encoder)
    except av.codec.codec.UnknownCodecError:
        return False


def _add_stream(container: Any, track: Picture | Sound) -> Any:
    if isinstance(track, Sound):
        stream = container.add_stream(track.codec, rate=track.rate, options=track.options)
        stream.layout = track.layout
        if track.codec.startswith("wma"):
            stream.bit_rate = 128_000  # it has no default
        return stream
    stream = container.add_stream(track.codec, rate=track.fps, options=track.options)
    stream.height, stream.width = track.frames.shape[1:3]
    stream.pix_fmt = track.pix_fmt
    stream.thread_count = 1
    if track.times is not None:
        stream.codec_context.time_base = Fraction(1, CLOCK)
    if track.rotation:
        stream.set_display_rotation(track.rotation)
    if track.pixel_shape is not None:
        stream.sample_aspect_ratio = track.pixel_shape
    if track.bt709:
        stream.codec_context.colorspace = av.video.reformatter.Colorspace.ITU709
    for name, value in track.settings.items():
        setattr(stream.codec_context, name, value)
    return stream


def _frames(track: Picture | Sound) -> list[Any]:
    if isinstance(track, Sound):
        packed = np.atleast_2d(track.wave).T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=track.layout)
        frame.sample_rate, frame.pts = track.rate, round(track.start * track.rate)
        frame.time_base = Fraction(1, track.rate)
        return [frame]
    frames = []
    for index, picture in enumerate(track.frames):
        frame = av.VideoFrame.from_ndarray(picture, "rgba" if picture.shape[2] == 4 else "rgb24")
        if track.bt709:
            frame = frame.reformat(format=track.pix_fmt, dst_colorspace="itu709")
        if track.times is None:
            frame.pts, frame.time_base = index, Fraction(1, track.fps)
        else:
            frame.pts, frame.time_base = round(track.times[index] * CLOCK), Fraction(1, CLOCK)
        frames.append(frame)
    return frames
