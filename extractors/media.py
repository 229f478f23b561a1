"""Open a clip: a few frames spread over it, upright, and its sound at 16 kHz, in one pass."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from extractors import pictures
from mraf.errors import MediaError

SAMPLE_RATE = 16_000
"""Sampling rate of `Media.wave` in Hz: what both kinds of voice encoder are trained on."""

# Containers that hold their streams themselves: no playlist that would have FFmpeg open other files
# or addresses, and no format that draws text as a picture.
_OPEN_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": "mov,matroska,avi,mpeg,mpegts,mpegvideo,flv,asf,ogg,mxf,dv,rm,nut,m4v,h264,hevc,"
    "mjpeg,ivf,obu,wav,w64,caf,aiff,au,mp3,flac,aac,ac3,eac3,amr,wv,tta,ape,dts,gif,swf,wtv,vob",
}

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


def read_video(path: Path, frames: int = 8, max_seconds: float = 120.0) -> Media:
    """Decode a video (or sound) file once: `frames` frames spread evenly, and all of its sound.

    What a damaged file still gives is used; frames are chosen from what could be decoded, so no
    header is relied on. Of a file longer than `max_seconds` only the beginning is read.

    Raises MediaError where nothing can be decoded at all.
    """
    import av

    try:
        # Absolute, lest a colon in the name be taken for a protocol.
        container = av.open(str(path.absolute()), metadata_errors="replace", options=_OPEN_OPTIONS)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(_cannot_open(path, error)) from None
    with container:
        reader = _Reader(container, frames, max_seconds)
        reader.run()
    if reader.video is None and reader.audio is None:
        raise MediaError(f"{path.name}: the file holds neither picture nor sound")
    picture, times = reader.picture()
    wave = reader.sound()
    if picture is None and wave is None:
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


def read_pair(audio: Path | None, image: Path | None, max_seconds: float = 120.0) -> Media:
    """Read a sound file and a picture that belong together; either may be None.

    One that cannot be decoded is marked missing as long as the other can. Raises MediaError where
    neither can.
    """
    problems: list[str] = []
    wave, wave_reason = None, "no_audio"
    if audio is not None:
        try:
            sound = read_video(audio, 0, max_seconds)
            wave, wave_reason = sound.wave, sound.wave_reason or "decode_error"
        except MediaError as error:
            problems.append(str(error))
            wave_reason = "decode_error"
    frames, frames_reason = None, "no_video"
    if image is not None:
        try:
            frames = read_image(image)[None]
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


def read_image(path: Path) -> np.ndarray:
    """A picture as `[H, W, 3]` uint8 RGB, upright by its EXIF flag. Raises MediaError."""
    import cv2

    try:
        raw = np.fromfile(path, np.uint8)
        picture = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    except (OSError, cv2.error) as error:
        raise MediaError(_cannot_open(path, error)) from None
    if picture is None:
        raise MediaError(f"{path.name}: not a picture that can be decoded")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


class _Reader:
    """One pass over a container. Keeps at most `2 * wanted` decoded frames, unconverted."""

    def __init__(self, container: Any, wanted: int, max_seconds: float) -> None:
        self.container, self.wanted, self.max_seconds = container, wanted, max_seconds
        self.video = _picture_stream(container) if wanted else None
        self.audio = container.streams.best("audio")
        # Read while the container is open; asked for afterwards, PyAV 18 ends the process.
        self._pixel_shape = None if self.video is None else self.video.sample_aspect_ratio
        self.problem: str | None = None
        self._clocks = {"video": pictures.Clock(), "audio": pictures.Clock()}
        self._spread = pictures.Spread(wanted)
        self._chunks: list[np.ndarray] = []
        self._resampler: Any = None
        self._format: tuple[str, str, int] | None = None
        for stream in (self.video, self.audio):
            if stream is not None:
                stream.thread_count = 1  # one thread a worker process: cores are shared by clip

    def run(self) -> None:
        import av

        streams = [stream for stream in (self.video, self.audio) if stream is not None]
        if not streams:
            return
        open_streams = {stream.index for stream in streams}
        try:
            for packet in self.container.demux(streams):
                if packet.stream.index in open_streams and not self._decode(packet):
                    open_streams.discard(packet.stream.index)
                if not open_streams:
                    break
        except (av.error.FFmpegError, OSError) as error:
            self._note(error)

    def picture(self) -> tuple[np.ndarray | None, np.ndarray]:
        """The chosen frames `[T, H, W, 3]` and their times `[T]`."""
        converted = [(time, self._convert(frame)) for time, frame in self._spread.chosen()]
        found = [(time, picture) for time, picture in converted if picture is not None]
        times = np.asarray([time for time, _ in found], np.float64)
        return (pictures.of_one_size([p for _, p in found]) if found else None), times

    def sound(self) -> np.ndarray | None:
        """The sound `[N]`, None where there is none."""
        self._end_sound()
        wave = np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.float32)
        return np.nan_to_num(np.clip(wave, -4, 4)) if wave.size else None

    def _decode(self, packet: Any) -> bool:
        """Decode one packet; False once its stream has gone past the time limit."""
        import av

        try:
            frames = packet.decode()
        except (av.error.FFmpegError, ValueError) as error:
            self._note(error)
            return True
        for frame in frames:
            time = self._clocks[packet.stream.type].tick(frame.time)
            if time > self.max_seconds:
                return False
            if packet.stream is self.video:
                self._spread.add(time, frame)
            else:
                self._take_sound(frame)
        return True

    def _take_sound(self, frame: Any) -> None:
        import av

        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        try:
            if form != self._format:  # the first frame, or the format changed in mid-stream
                self._end_sound()
                self._resampler, self._format = _mono_resampler(frame.layout.nb_channels), form
            self._chunks += [_samples(part) for part in self._resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError) as error:
            self._note(error)
            self._resampler = self._format = None

    def _end_sound(self) -> None:
        if self._resampler is not None:
            self._chunks += [_samples(frame) for frame in self._resampler.resample(None)]

    def _convert(self, frame: Any) -> np.ndarray | None:
        import av

        try:
            picture = frame.to_ndarray(format="rgb24")
        except (av.error.FFmpegError, ValueError) as error:
            self._note(error)
            return None
        return pictures.upright(picture, pictures.orientation(frame), self._pixel_shape)

    def _note(self, error: Exception) -> None:
        if self.problem is None:
            self.problem = _short(error)
            log.debug("%s: %s", self.container.name, self.problem)


def _picture_stream(container: Any) -> Any:
    """The first video stream that is not a cover picture."""
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            return stream
    return None


def _mono_resampler(channels: int) -> Any:
    import av

    # FFmpeg adds two channels up at 0.71 each; two equal ones shall be as loud as one.
    options = {"rematrix_volume": str(0.5**0.5)} if channels > 1 else None
    return av.AudioResampler("flt", "mono", SAMPLE_RATE, options=options)


def _samples(frame: Any) -> np.ndarray:
    return frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)


def _short(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _cannot_open(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path.name}: no such file"
    return f"{path.name}: not a video or sound file that can be opened ({_short(error)})"
