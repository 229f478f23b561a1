"""Open a clip: a few frames spread over it, upright, and its sound at 16 kHz, in one pass."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from extractors.limits import Limits, check_file
from mraf.errors import MediaError

SAMPLE_RATE = 16_000
"""Sampling rate of `Media.wave` in Hz: what both kinds of voice encoder are trained on."""

# Containers that hold their streams themselves: no playlist that would have FFmpeg open other files
# or addresses, and no format that draws text as a picture.
_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,mxf,dv,rm,nut,m4v,h264,hevc,"
    "ivf,obu,wav,w64,caf,aiff,au,mp3,flac,aac,ac3,eac3,amr,wv,tta,ape,dts,gif,swf,wtv,vob",
}

# Larger pictures are scaled down as they are taken: a face that is found in them is still larger
# than the encoders look at, and eight frames of any video then fit into 110 MB.
_SHORTER_SIDE, _LONGER_SIDE = 1080, 4096

# Seconds between two frames that are believed; a longer gap is a broken time stamp.
_GAP = 10.0

_OPENCV_NO_MEMORY = -4

log = logging.getLogger("mraf")


@dataclass(frozen=True)
class Media:
    """What was read of one clip.

    `frames` or `wave` is None where the file has no such stream or nothing of it could be decoded;
    then `frames_reason` or `wave_reason` says which.
    """

    frames: np.ndarray | None  # [T, H, W, 3] uint8, RGB, upright
    times: np.ndarray  # [T] float64, seconds from the start
    wave: np.ndarray | None  # [N] float32, mono, 16 kHz, about -1 to 1
    frames_reason: str | None = None  # no_video, decode_error
    wave_reason: str | None = None  # no_audio, decode_error

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
    scaled down to at most 1080 pixels on the shorter side and 4096 on the longer.

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
        reader = _Reader(container, frames, max_seconds, limits)
        reader.run()
        return _media(path, reader)


def _media(path: Path, reader: "_Reader") -> Media:
    if reader.video is None and reader.audio is None:
        raise MediaError(f"{path.name}: the file holds neither picture nor sound")
    picture, times = reader.picture()
    wave = reader.sound()
    if picture is None and wave is None:
        if reader.out_of_memory:
            raise MemoryError
        raise MediaError(
            f"{path.name}: nothing could be decoded ({reader.problem or 'the streams are empty'})"
        )
    return Media(
        picture,
        times,
        wave,
        None if picture is not None else ("no_video" if reader.video is None else "decode_error"),
        None if wave is not None else ("no_audio" if reader.audio is None else "decode_error"),
    )


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
        except MediaError as error:
            problems.append(str(error))
            wave_reason = "decode_error"
    frames, frames_reason = None, "no_video"
    if image is not None:
        try:
            frames = read_picture(image).frames
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
        if "CV_IO_MAX_IMAGE" in str(error):  # OpenCV's own bounds, see `extractors.decoding`
            raise MediaError(
                f"{path.name}: a larger picture than {limits.side} pixels a side or "
                f"{limits.pixels >> 20} Mi pixels in all, which is what is read"
            ) from None
        if isinstance(error, cv2.error) and error.code == _OPENCV_NO_MEMORY:
            raise MemoryError from None
        raise MediaError(_cannot_open(path, error)) from None
    if picture is None:
        raise MediaError(f"{path.name}: not a picture that can be decoded")
    height, width = picture.shape[:2]
    problem = limits.check_size(width, height)
    if problem:
        raise MediaError(f"{path.name}: {problem}")
    if _kept_size(width, height) != (width, height):
        picture = cv2.resize(picture, _kept_size(width, height), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


class _Reader:
    """One pass over a container. Keeps at most `2 * wanted` decoded frames, none very large."""

    def __init__(self, container: Any, wanted: int, max_seconds: float, limits: Limits) -> None:
        self.container, self.wanted, self.max_seconds = container, wanted, max_seconds
        self.limits = limits
        self.video = _picture_stream(container) if wanted else None
        self.audio = container.streams.best("audio")
        self.problem: str | None = None
        self.out_of_memory = False
        self._frames: list[tuple[float, int, Any]] = []
        self._clock = _Clock()
        self._stride, self._seen = 1, 0
        self._chunks: list[np.ndarray] = []
        self._heard = 0.0
        self._resampler: Any = None
        for stream in (self.video, self.audio):
            if stream is not None:
                stream.thread_count = 1  # one thread a worker process: cores are shared by clip
        if self.video is not None and self.video.codec_context is not None:  # a known codec
            self.video.codec_context.options = {"max_pixels": str(limits.pixels)}

    def run(self) -> None:
        import av

        # Packets that may still be read of each stream.
        left = {stream.index: self._most_packets() for stream in self._streams()}
        if not left:
            return
        try:
            for packet in self.container.demux(self._streams()):
                index = packet.stream.index
                if index not in left:
                    continue
                left[index] -= 1
                if left[index] < 0 or not self._decode(packet):
                    del left[index]
                if not left:
                    break
        except (av.error.FFmpegError, OSError) as error:
            self._note(error)

    def picture(self) -> tuple[np.ndarray | None, np.ndarray]:
        """The chosen frames `[T, H, W, 3]` and their times `[T]`."""
        chosen = self._frames
        if len(chosen) > self.wanted:
            index = (np.arange(self.wanted) + 0.5) * len(chosen) / self.wanted
            chosen = [chosen[int(i)] for i in index]
        pictures: list[np.ndarray] = []
        times: list[float] = []
        for time, turns, frame in chosen:
            picture = self._convert(frame, turns)
            if picture is not None and (not pictures or picture.shape == pictures[0].shape):
                pictures.append(picture)
                times.append(time)
        return (np.stack(pictures) if pictures else None), np.asarray(times, np.float64)

    def sound(self) -> np.ndarray | None:
        """The sound `[N]`, None where there is none."""
        if self._resampler is not None:
            self._chunks += self._resample(None)
        wave = np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.float32)
        self._chunks.clear()
        np.clip(wave, -4, 4, out=wave)
        return np.nan_to_num(wave, copy=False) if wave.size else None

    def _streams(self) -> list[Any]:
        streams = [stream for stream in (self.video, self.audio) if stream is not None]
        context = None if self.video is None else self.video.codec_context
        if context is not None:
            problem = self.limits.check_size(context.width or 0, context.height or 0)
            if problem:
                self._note(problem)
                streams.remove(self.video)
        return streams

    def _most_packets(self) -> int:
        return round(self.limits.packets * max(1.0, self.max_seconds))

    def _decode(self, packet: Any) -> bool:
        """Decode one packet; False once its stream has gone past the time limit."""
        import av

        try:
            frames = packet.decode()
        except (av.error.FFmpegError, ValueError) as error:
            self._note(error)
            return True
        take = self._take_picture if packet.stream is self.video else self._take_sound
        return all(take(frame) for frame in frames)

    def _take_picture(self, frame: Any) -> bool:
        # Every `stride`-th frame is kept; when too many are kept every second one goes and the
        # stride doubles. So the frames are spread evenly however long the video turns out to be.
        time = self._clock.at(frame.time)
        if time > self.max_seconds:
            return False
        if self._seen % self._stride == 0:
            # The flag gives the turn that was undone when filming; quarter turns only.
            kept = (time, round(frame.rotation / 90) % 4, self._scaled(frame))
            self._frames.append(kept)
            if len(self._frames) > 2 * self.wanted:
                del self._frames[1::2]
                self._stride *= 2
        self._seen += 1
        return True

    def _scaled(self, frame: Any) -> Any:
        import av

        size = _kept_size(frame.width, frame.height)
        if size == (frame.width, frame.height):
            return frame
        try:
            return frame.reformat(*size, "rgb24", interpolation="AREA", threads=1)
        except (av.error.FFmpegError, ValueError) as error:
            self._note(error)
            return None

    def _take_sound(self, frame: Any) -> bool:
        import av

        if self._heard > self.max_seconds:
            return False
        problem = self.limits.check_sound(frame.layout.nb_channels, frame.sample_rate)
        if problem:
            self._note(problem)
            return True
        # Counted in samples: time stamps may say anything.
        self._heard += frame.samples / frame.sample_rate
        if self._resampler is None:
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        self._chunks += self._resample(frame)
        return True

    def _resample(self, frame: Any) -> list[np.ndarray]:
        import av

        try:
            return [_samples(part) for part in self._resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError) as error:  # the format changed in mid-stream
            self._note(error)
            self._resampler = None
            return []

    def _convert(self, frame: Any, turns: int) -> np.ndarray | None:
        import av

        if frame is None:
            return None
        try:
            picture = frame.to_ndarray(format="rgb24", threads=1)
        except (av.error.FFmpegError, ValueError) as error:
            self._note(error)
            return None
        return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture

    def _note(self, problem: Exception | str) -> None:
        self.out_of_memory |= isinstance(problem, MemoryError)
        if self.problem is None:
            self.problem = problem if isinstance(problem, str) else _short(problem)
            log.debug("%s: %s", self.container.name, self.problem)


class _Clock:
    """Time of a stream's frames from its first one on, which broken time stamps do not upset."""

    def __init__(self) -> None:
        self._now = 0.0
        self._stamp: float | None = None
        self._step = 1 / 25

    def at(self, stamp: float | None) -> float:
        """Seconds since the first frame, of the next one, whose time stamp is given."""
        if self._stamp is not None:
            step = -1.0 if stamp is None else stamp - self._stamp
            if not 0 <= step <= _GAP:
                step = self._step
            self._step = step or self._step
            self._now += step
        # Broadcast streams start at any clock time, so it is steps that are added up.
        self._stamp = float(stamp or 0.0)
        return self._now


def _kept_size(width: int, height: int) -> tuple[int, int]:
    """Width and height that a picture of this size is kept in."""
    shorter, longer = sorted((width, height))
    scale = min(1.0, _SHORTER_SIDE / shorter, _LONGER_SIDE / longer)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _picture_stream(container: Any) -> Any:
    """The first video stream that is not a cover picture."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def _samples(frame: Any) -> np.ndarray:
    return frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)


def _short(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _cannot_open(path: Path, error: Exception) -> str:
    return f"{path.name}: not a video or sound file that can be opened ({_short(error)})"
