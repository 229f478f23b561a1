"""Media files for tests whose pictures and sounds have given time stamps, written with PyAV."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

STAMPS = Fraction(1, 90_000)


def shade(level: int, height: int = 48, width: int = 64) -> np.ndarray:
    """`[H, W, 3]` grey picture of one level."""
    return np.full((height, width, 3), level, np.uint8)


def write_timed(
    path: Path,
    pictures: Sequence[tuple[float, np.ndarray]] = (),
    sounds: Sequence[tuple[float, np.ndarray]] = (),
    *,
    rate: int = 16_000,
    codec: str = "libx264",
    audio_codec: str = "pcm_s16le",
    gop: int = 12,
    sound_last: bool = False,
) -> Path:
    """Write pictures `[H, W, 3]` and sounds `[N]`, each with its time in s, in the order of time.

    Time stamps may stand in any order in each list; packets of the two streams are interleaved unless
    the sound comes last.
    """
    with av.open(str(path), "w") as container:
        video = audio = None
        if pictures:
            video = container.add_stream(codec, rate=25)
            video.height, video.width = pictures[0][1].shape[:2]
            video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            video.codec_context.time_base = STAMPS
            video.codec_context.gop_size = gop
        if sounds:
            audio = container.add_stream(audio_codec, rate=rate, layout="mono")
        packets = []
        for time, picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(time / STAMPS), STAMPS
            packets += video.encode(frame)
        packets += video.encode(None) if video else []
        shown = len(packets)
        for time, wave in sounds:
            frame = av.AudioFrame.from_ndarray(_samples(wave, audio), audio.format.name, "mono")
            frame.sample_rate, frame.pts = rate, round(time * rate)
            frame.time_base = Fraction(1, rate)
            packets += audio.encode(frame)
        packets += audio.encode(None) if audio else []
        order = list(range(len(packets)))
        if not sound_last:
            order.sort(key=lambda i: (float(packets[i].dts * packets[i].time_base), i >= shown))
        for index in order:
            container.mux(packets[index])
    return path


def pieces(
    wave: np.ndarray, start: float = 0.0, rate: int = 16_000, size: int = 1600
) -> list[tuple[float, np.ndarray]]:
    """Return the pieces of a wave, with their times."""
    return [(start + i / rate, wave[i : i + size]) for i in range(0, len(wave), size)]


def _samples(wave: np.ndarray, audio: av.AudioStream) -> np.ndarray:
    if audio.format.name.startswith("s16"):
        return np.round(wave * 32767).astype(np.int16)[None]
    return wave.astype(np.float32)[None]
