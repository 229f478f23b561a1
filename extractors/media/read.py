"""Read a clip or a picture: a few upright frames spread over the clip, and its sound at 16 kHz."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mraf.errors import BusyError, MediaError
from mraf.extractors.media.diagnosis import what_is_wrong
from mraf.extractors.media.frames import kept_size
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.one_pass import SAMPLE_RATE, Reader, short

__all__ = ["SAMPLE_RATE", "Media", "pair_up", "read_image", "read_pair", "read_video"]

# Only containers that hold their streams themselves: no playlist, which has FFmpeg open other files
# or addresses, and no format that draws text as a picture.
_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,mxf,dv,rm,nut,m4v,h264,hevc,"
    "mjpeg,ivf,obu,wav,w64,caf,aiff,au,mp3,flac,aac,ac3,eac3,amr,wv,tta,ape,dts,gif,swf,wtv,vob",
}

_OPENCV_NO_MEMORY = -4


@dataclass(frozen=True, kw_only=True)
class Media:
    """The frames and the sound of one clip.

    `frames` or `wave` is None where the file has no such stream or none of it can be decoded; then
    `frames_reason` or `wave_reason` says which, and `problem` why it cannot be decoded.
    """

    frames: np.ndarray | None  # [T, H, W, 3] uint8, RGB, upright
    times: np.ndarray  # [T] float64, seconds from the start
    wave: np.ndarray | None  # [N] float32, mono, 16 kHz, about -1 to 1
    frames_reason: str | None = None  # no_video, decode_error
    wave_reason: str | None = None  # no_audio, decode_error
    problem: str | None = None  # why the one or the other cannot be decoded, in words
    notes: tuple[str, ...] = ()  # for people, as which of several sound tracks was read
    seconds: float | None = None  # length of the clip, None where it is not known
    seconds_read: float | None = None  # of a long clip's beginning; None where all was read
    # Numbers of other tracks that may be read instead, the best first.
    more_sound: tuple[int, ...] = ()
    more_pictures: tuple[int, ...] = ()
    # [2, N] float32 at 16 kHz: the left and the right channel, where they hold different sound.
    sides: np.ndarray | None = None
    clipped: float = 0.0  # share of the samples cut off at the loudest value, 0 to 1

    def __post_init__(self) -> None:
        if self.frames is not None and (self.frames.ndim != 4 or self.frames.dtype != np.uint8):
            raise ValueError(f"frames must be [T, H, W, 3] uint8, are {self.frames.shape}")
        if self.wave is not None and (self.wave.ndim != 1 or self.wave.dtype != np.float32):
            raise ValueError(f"wave must be [N] float32, is {self.wave.shape}")


def read_video(
    path: Path, *, frames: int = 8, max_seconds: float = 120.0, limits: Limits = Limits()
) -> Media:
    """Decode a video (or sound) file once: `frames` frames spread evenly, and all of its sound.

    Of a damaged file, every part that can be decoded counts: frames are chosen among the decoded
    ones, not by the header. Of a file longer than `max_seconds` only the beginning is read. Frames
    are scaled down to at most 1080 square pixels on the shorter side and 4096 on the longer.

    Raises:
        MediaError: nothing can be decoded.
        MemoryError: nothing can be decoded, for lack of memory.
    """
    import av

    check_file(path)
    try:
        # Absolute: FFmpeg takes the part of a name before a colon for a protocol.
        container = av.open(str(path.absolute()), metadata_errors="replace", options=_OPEN_OPTIONS)
    except MemoryError:
        raise
    except (av.error.FFmpegError, OSError, ValueError) as error:
        reason = what_is_wrong(path) or short(error)
        raise MediaError(
            f"{path.name}: not a video or sound file that can be opened ({reason})"
        ) from None
    with container:
        if len(container.streams) > limits.streams:
            raise MediaError(
                f"{path.name}: {len(container.streams)} streams; at most {limits.streams} are read"
            )
        reader = Reader(container, wanted=frames, max_seconds=max_seconds, limits=limits)
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
    problem = None
    for kind, part, reason in (("picture", picture, no_picture), ("sound", wave, no_sound)):
        if part is None and reason == "decode_error":
            problem = reader.problem(kind) or f"nothing in the stream of the {kind}"
    return Media(
        frames=picture,
        times=times,
        wave=wave,
        frames_reason=None if picture is not None else no_picture,
        wave_reason=None if wave is not None else no_sound,
        problem=problem,
    )


def read_pair(
    audio: Path | None, image: Path | None, *, max_seconds: float = 120.0, limits: Limits = Limits()
) -> Media:
    """Read a sound file and a picture that belong together; either may be None.

    One that cannot be decoded is marked missing as long as the other can. Raises MediaError where
    neither can.
    """
    return pair_up(
        audio,
        image,
        lambda path: read_video(path, frames=0, max_seconds=max_seconds, limits=limits),
        lambda path: Media(
            frames=read_image(path, limits)[None],
            times=np.zeros(1),
            wave=None,
            wave_reason="no_audio",
        ),
    )


def pair_up(
    audio: Path | None,
    image: Path | None,
    read_sound: Callable[[Path], Media],
    read_picture: Callable[[Path], Media],
) -> Media:
    """Return one `Media` of the sound that `read_sound` and the picture that `read_picture` read.

    Raises what they raise as `read_pair` does; a BusyError of either at once.
    """
    problems: list[str] = []

    def attempt(path: Path | None, read: Callable[[Path], Media]) -> Media | None:
        try:
            return None if path is None else read(path)
        except BusyError:
            raise
        except MediaError as error:
            problems.append(str(error))
            return None

    sound, picture = attempt(audio, read_sound), attempt(image, read_picture)
    wave = None if sound is None else sound.wave
    frames = None if picture is None else picture.frames
    if frames is None and wave is None:
        raise MediaError("; ".join(problems) or "neither the sound nor the picture can be read")
    no_picture = "no_video" if image is None else "decode_error"
    no_sound = "no_audio" if audio is None else "decode_error"
    return Media(
        frames=frames,
        times=np.zeros(0 if frames is None else 1),
        wave=wave,
        frames_reason=None if frames is not None else no_picture,
        wave_reason=None if wave is not None else no_sound,
        problem="; ".join(problems) or None,
    )


def read_image(path: Path, limits: Limits = Limits()) -> np.ndarray:
    """Return a picture `[H, W, 3]` uint8 RGB, upright by its EXIF flag, scaled down like a frame.

    Raises:
        MediaError: the file is no picture, damaged or larger than the limits.
        MemoryError: there is too little memory to decode it.
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
        if "CV_IO_MAX_IMAGE" in str(error):  # OpenCV's own bounds, set in `child`
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
