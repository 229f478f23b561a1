"""Open a clip: a few frames spread over it, upright, and its sound at 16 kHz, in one pass."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mraf.errors import BusyError, MediaError
from mraf.extractors.media.frames import kept_size
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.one_pass import SAMPLE_RATE, Reader, short

__all__ = ["SAMPLE_RATE", "Media", "pair_up", "read_image", "read_pair", "read_video"]

# Containers that hold their streams themselves: no playlist that would have FFmpeg open other files
# or addresses, and no format that draws text as a picture.
_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,mxf,dv,rm,nut,m4v,h264,hevc,"
    "mjpeg,ivf,obu,wav,w64,caf,aiff,au,mp3,flac,aac,ac3,eac3,amr,wv,tta,ape,dts,gif,swf,wtv,vob",
}

_OPENCV_NO_MEMORY = -4

_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
}
_PICTURES_IN_BOXES = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF"}
_INDEX = re.compile(rb"moov.{4}mvhd", re.DOTALL)  # how the box begins that tells where frames lie
_NEAR = 32 << 20  # bytes


@dataclass(frozen=True)
class Media:
    """What was read of one clip.

    `frames` or `wave` is None where the file has no such stream or nothing of it could be decoded;
    then `frames_reason` or `wave_reason` says which, and `problem` what was in the way of decoding.
    """

    frames: np.ndarray | None  # [T, H, W, 3] uint8, RGB, upright
    times: np.ndarray  # [T] float64, seconds from the start
    wave: np.ndarray | None  # [N] float32, mono, 16 kHz, about -1 to 1
    frames_reason: str | None = None  # no_video, decode_error
    wave_reason: str | None = None  # no_audio, decode_error
    problem: str | None = None  # of the one of the two that could not be decoded

    def __post_init__(self) -> None:
        if self.frames is not None and (self.frames.ndim != 4 or self.frames.dtype != np.uint8):
            raise ValueError(f"frames must be [T, H, W, 3] uint8, are {self.frames.shape}")
        if self.wave is not None and (self.wave.ndim != 1 or self.wave.dtype != np.float32):
            raise ValueError(f"wave must be [N] float32, is {self.wave.shape}")


def read_video(
    path: Path, frames: int = 8, max_seconds: float = 120.0, limits: Limits = Limits()
) -> Media:
    """Decode a video (or sound) file once: `frames` frames spread evenly, and all of its sound.

    What a damaged file still gives is used; frames are chosen from what could be decoded, so no
    header is relied on. Of a file longer than `max_seconds` only the beginning is read. Frames are
    scaled down to at most 1080 square pixels on the shorter side and 4096 on the longer.

    Raises MediaError where nothing can be decoded at all, MemoryError where that is for want of
    memory.
    """
    import av

    check_file(path)
    try:
        # Absolute, lest a colon in the name be taken for a protocol.
        container = av.open(str(path.absolute()), metadata_errors="replace", options=_OPEN_OPTIONS)
    except MemoryError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(_cannot_open(path, error)) from None
    with container:
        if len(container.streams) > limits.streams:
            raise MediaError(
                f"{path.name}: {len(container.streams)} streams; at most {limits.streams} are read"
            )
        reader = Reader(container, frames, max_seconds, limits)
        reader.run()
        if reader.video is None and reader.audio is None:
            lacks = "neither picture nor sound" if frames else "no sound"
            raise MediaError(f"{path.name}: the file holds {lacks}")
        return _media(path, reader)


def _media(path: Path, reader: Reader) -> Media:
    picture, times = reader.picture()
    wave = reader.sound()
    if picture is None and wave is None:
        if reader.out_of_memory:
            raise MemoryError
        raise MediaError(
            f"{path.name}: nothing could be decoded ({reader.problem() or 'the streams are empty'})"
        )
    no_picture = "no_video" if reader.video is None else "decode_error"
    no_sound = "no_audio" if reader.audio is None else "decode_error"
    reasons = (None if picture is not None else no_picture, None if wave is not None else no_sound)
    return Media(picture, times, wave, *reasons, _problem(reader, *reasons))


def _problem(reader: Reader, *reasons: str | None) -> str | None:
    """Why one of picture and sound could not be decoded, where that is the reason."""
    for kind, reason in zip(("picture", "sound"), reasons, strict=True):
        if reason == "decode_error":
            return reader.problem(kind) or f"nothing in the stream of the {kind}"
    return None


def read_pair(
    audio: Path | None,
    image: Path | None,
    max_seconds: float = 120.0,
    limits: Limits = Limits(),
) -> Media:
    """Read a sound file and a picture that belong together; either may be None.

    One that cannot be decoded is marked missing as long as the other can. Raises MediaError where
    neither can.
    """
    return pair_up(
        audio,
        image,
        lambda path: read_video(path, 0, max_seconds, limits),
        lambda path: Media(read_image(path, limits)[None], np.zeros(1), None, None, "no_audio"),
    )


def pair_up(
    audio: Path | None,
    image: Path | None,
    read_sound: Callable[[Path], Media],
    read_picture: Callable[[Path], Media],
) -> Media:
    """One `Media` of what `read_sound` and `read_picture` give, as `read_pair` puts it."""
    problems: list[str] = []
    wave, wave_reason = None, "no_audio"
    if audio is not None:
        try:
            sound = read_sound(audio)
            wave, wave_reason = sound.wave, sound.wave_reason or "decode_error"
        except BusyError:
            raise
        except MediaError as error:
            problems.append(str(error))
            wave_reason = "decode_error"
    frames, frames_reason = None, "no_video"
    if image is not None:
        try:
            frames = read_picture(image).frames
        except BusyError:
            raise
        except MediaError as error:
            problems.append(str(error))
            frames_reason = "decode_error"
    if frames is None and wave is None:
        raise MediaError("; ".join(problems) or "neither the sound nor the picture can be read")
    return Media(
        frames,
        np.zeros(0 if frames is None else 1),
        wave,
        None if frames is not None else frames_reason,
        None if wave is not None else wave_reason,
        "; ".join(problems) or None,
    )


def read_image(path: Path, limits: Limits = Limits()) -> np.ndarray:
    """A picture as `[H, W, 3]` uint8 RGB, upright by its EXIF flag, scaled down like a frame.

    Raises MediaError.
    """
    import cv2

    size = check_file(path)
    if size > limits.picture_bytes:
        raise MediaError(
            f"{path.name}: a picture file of {size >> 20} MiB; at most "
            f"{limits.picture_bytes >> 20} MiB are read"
        )
    try:
        raw = np.fromfile(path, np.uint8)
        picture = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    except (OSError, cv2.error) as error:
        if "CV_IO_MAX_IMAGE" in str(
            error
        ):  # OpenCV's own bounds, see `mraf.extractors.media.child`
            raise MediaError(
                f"{path.name}: a larger picture than {limits.side} pixels a side or "
                f"{limits.pixels >> 20} Mi pixels in all, which is what is read"
            ) from None
        if isinstance(error, cv2.error) and error.code == _OPENCV_NO_MEMORY:
            raise MemoryError from None
        raise MediaError(
            f"{path.name}: not a picture that can be decoded ({short(error)})"
        ) from None
    if picture is None:
        raise MediaError(f"{path.name}: not a picture that can be decoded")
    height, width = picture.shape[:2]
    problem = limits.check_size(width, height)
    if problem:
        raise MediaError(f"{path.name}: {problem}")
    if kept_size(width, height) != (width, height):
        picture = cv2.resize(picture, kept_size(width, height), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _cannot_open(path: Path, error: Exception) -> str:
    reason = _what_is_wrong(path) or short(error)
    return f"{path.name}: not a video or sound file that can be opened ({reason})"


def _what_is_wrong(path: Path) -> str | None:
    """What a person would say of the commonest broken files; None of others."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            if not head:
                return "the file is empty"
            if not any(head):
                return "it begins with nothing but zeros: was the copy cut off?"
            if picture := _picture_format(head):
                return f"it is a {picture} picture"
            if head[4:8] == b"ftyp" and b"moov" not in _boxes(file):
                if _holds_index(file):
                    return "its index is there, but not where the sizes of its boxes say: it is damaged"
                return "its index is missing: the recording or the copy was cut off"
    except OSError:
        pass
    return None


def _picture_format(head: bytes) -> str | None:
    """What kind of picture a file is by its first bytes."""
    if head[4:8] == b"ftyp":
        return _PICTURES_IN_BOXES.get(head[8:12])
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((name for start, name in _PICTURES.items() if head.startswith(start)), None)


def _holds_index(file: BinaryIO) -> bool:
    """Whether the index of an MP4 file lies anywhere near its beginning or its end."""
    size = file.seek(0, os.SEEK_END)
    for start in {0, max(0, size - _NEAR)}:
        file.seek(start)
        if _INDEX.search(file.read(_NEAR)):
            return True
    return False


def _boxes(file: BinaryIO) -> set[bytes]:
    """Names of the outermost boxes of an MP4 file."""
    names: set[bytes] = set()
    at = 0
    for _ in range(1000):
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            break
        names.add(header[4:8])
        size = int.from_bytes(header[:4], "big")
        size = int.from_bytes(header[8:], "big") if size == 1 else size
        if size < 8:  # 0: up to the end of the file
            break
        at += size
    return names
