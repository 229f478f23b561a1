"""Write an MP4: H.264 and, unless there is no sound, AAC."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

FPS = 25


def write_film(
    path: Path,
    frames: Iterable[npt.NDArray[Any]],
    wave: npt.NDArray[np.float32] | None,
    sample_rate: int,
) -> None:
    """Write frames [H, W, 3] (RGB, 25 a second, even sizes) and sound [N] in -1..1.

    The file appears under its name once it is complete. Without a wave it has no sound stream.
    """
    part = path.with_name(path.name + ".part")
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "faststart"}) as container:
            _write_streams(container, frames, wave, sample_rate)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write_streams(
    container: av.container.OutputContainer,
    frames: Iterable[npt.NDArray[Any]],
    wave: npt.NDArray[np.float32] | None,
    sample_rate: int,
) -> None:
    video = container.add_stream("libx264", rate=FPS)
    # One thread: parallel processes use the cores. No mbtree: with it, x264 on AVX2 encodes the same
    # frames to different bytes each time, depending on uninitialised memory.
    video.options = {"preset": "veryfast", "crf": "24", "threads": "1", "x264-params": "mbtree=0"}
    video.codec_context.thread_count = 1
    video.pix_fmt = "yuv420p"
    audio = None
    if wave is not None:
        audio = container.add_stream("aac", rate=sample_rate, layout="mono")
        audio.bit_rate = 64_000
    for index, frame in enumerate(frames):
        if index == 0:
            video.height, video.width = frame.shape[:2]
        planes: npt.NDArray[Any] = cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts, picture.time_base = index, Fraction(1, FPS)
        container.mux(video.encode(picture))
        if audio is not None and wave is not None:
            first, last = (round(i * sample_rate / FPS) for i in (index, index + 1))
            container.mux(audio.encode(_sound(wave[first:last], first, sample_rate)))
    container.mux(video.encode(None))
    if audio is not None:
        container.mux(audio.encode(None))


def _sound(piece: npt.NDArray[np.float32], start: int, rate: int) -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(piece[None].astype(np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
    return frame
