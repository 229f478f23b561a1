"""Media files of every common kind for tests, each a few tracks in one container."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from mraf.extractors.media.read import SAMPLE_RATE, Media

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
    with (
        usual_priority(),
        av.open(str(path), "w", format=container_format, options=options) as container,
    ):
        streams = [_add_stream(container, track) for track in tracks]
        for track, stream in zip(tracks, streams, strict=True):
            for frame in _frames(track):
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


@contextmanager
def usual_priority() -> Iterator[None]:
    """Give this thread its priority back: for root, SVT-AV1 makes it a real-time thread of the highest.

    All processes that it starts later would be, too, and take the processors from everything else.
    """
    if not hasattr(os, "sched_getscheduler"):
        yield
        return
    policy, priority = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        if os.sched_getscheduler(0) != policy:
            os.sched_setscheduler(0, policy, priority)


def has_encoder(name: str) -> bool:
    """Tell whether this build of PyAV can write `name`."""
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


QUICK = {
    "libx264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1:frame-threads=1"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"},
    "vorbis": {"strict": "-2"},
}


PIXELS = {
    "mjpeg": "yuvj420p",
    "prores_ks": "yuv422p10le",
    "png": "rgb24",
    "qtrle": "rgb24",
    "huffyuv": "yuv422p",
    "rawvideo": "bgr24",
}


RATES = {"libmp3lame": 44_100, "amr_nb": 8_000}


def need(*codecs: str) -> None:
    for codec in codecs:
        if not has_encoder(codec):
            pytest.skip(f"this PyAV cannot write {codec}")


def picture(codec: str = "libx264", frames: np.ndarray | None = None, **more) -> Picture:
    need(codec)
    more = {"pix_fmt": PIXELS.get(codec, "yuv420p"), "options": QUICK.get(codec, {})} | more
    return Picture(film() if frames is None else frames, codec, **more)


def sound(codec: str = "aac", rate: int = 48_000, layout: str = "mono", **more) -> Sound:
    """A track with the chirp in the first two channels, or in the centre where there is one."""
    need(codec)
    wave = more.pop("wave", chirp(rate=rate))
    places = {"stereo": (2, [0, 1]), "quad": (4, [0, 1]), "5.1": (6, [2]), "7.1": (8, [2])}
    channels, speaking = places.get(layout, (1, [0]))
    channel_waves = np.zeros((channels, len(wave)), np.float32)
    channel_waves[speaking] = wave
    return Sound(channel_waves, codec, rate, layout, options=QUICK.get(codec, {}), **more)


def check_corners(frames: np.ndarray, tolerance: int = 12) -> None:
    height, width = frames.shape[1:3]
    for name, colour in CORNERS.items():
        row = height // 8 if "upper" in name else -height // 8
        column = width // 8 if "left" in name else -width // 8
        found = frames[:, row, column].astype(int)
        assert np.abs(found - colour).max() <= tolerance, f"{name}: {found.tolist()}"


def check_film(media: Media, size: tuple[int, int] = (96, 160)) -> None:
    """Check eight different frames from beginning to end of one second, in order and upright."""
    assert media.frames.shape == (8, *size, 3)
    check_corners(media.frames)
    middle = media.frames[:, size[0] // 2, size[1] // 2].mean(axis=1)
    assert (np.diff(middle) > 5).all() and middle[0] < 60 and middle[-1] > 200
    assert media.times[0] <= 0.13 and media.times[-1] >= 0.85
    assert (np.diff(media.times) > 0).all()


def check_chirp(wave: np.ndarray, level: float = 0.4, seconds: float = 1.0) -> None:
    """Check length, to within the padding of codecs, and the pitch over time."""
    assert abs(len(wave) / SAMPLE_RATE - seconds) <= 0.06
    for middle in (0.1, 0.3, 0.5, 0.7, 0.9):
        part = wave[int((middle - 0.05) * SAMPLE_RATE) : int((middle + 0.05) * SAMPLE_RATE)]
        spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8192))
        pitch = spectrum.argmax() * SAMPLE_RATE / 8192
        # A codec's delay of up to 60 ms shifts it.
        assert abs(pitch - (400 + 1200 * middle)) < 90, f"{pitch:.0f} Hz at {middle} s"
        assert 0.75 * level < np.abs(part).max() < 1.25 * level
    assert np.abs(wave).max() < 1
