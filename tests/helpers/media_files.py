"""Small media files for tests, written with PyAV."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def corners(height: int = 48, width: int = 64) -> np.ndarray:
    """`[H, W, 3]` picture whose upper left quarter is red and upper right quarter green."""
    picture = np.full((height, width, 3), 40, np.uint8)
    picture[: height // 2, : width // 2] = (220, 20, 20)
    picture[: height // 2, width // 2 :] = (20, 200, 20)
    return picture


def tone(seconds: float, rate: int = 16_000, hertz: float = 440.0) -> np.ndarray:
    """`[N]` float32 sine."""
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def write_media(
    path: Path,
    frames: np.ndarray | None = None,
    wave: np.ndarray | None = None,
    rate: int = 16_000,
    rotation: int = 0,
    codec: str = "libx264",
    audio_codec: str = "aac",
    fps: int = 25,
) -> Path:
    """Write frames `[T, H, W, 3]` and mono samples `[N]` into a container chosen by the ending."""
    with av.open(str(path), "w") as container:
        video = audio = None
        if frames is not None:
            video = container.add_stream(codec, rate=fps)
            video.height, video.width = frames.shape[1:3]
            video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            if rotation:
                video.set_display_rotation(rotation)
        if wave is not None:
            audio = container.add_stream(audio_codec, rate=rate, layout="mono")
        if video is not None:
            for index, picture in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, fps)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if audio is not None:
            samples = av.AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            samples.sample_rate, samples.pts = rate, 0
            container.mux(audio.encode(samples))
            container.mux(audio.encode(None))
    return path
