"""Read a container in one pass: frames spread evenly over it, and its sound at 16 kHz."""

import logging
from typing import Any

import numpy as np

from mraf.extractors.media import frames as pictures
from mraf.extractors.media.limits import Limits

SAMPLE_RATE = 16_000
"""Sampling rate of sound in Hz, on which the voice encoders are trained."""

_PACKET_BYTES = 1024
"""Least size that counts for a packet of another stream: even a small one takes time to read."""

_SKIPPED_SECONDS = 1.0
"""Longest time that may pass from one decoded frame to a next one that is not wanted either."""

log = logging.getLogger("mraf")


class Reader:
    """One pass over a container. Keeps at most `2 * wanted` decoded frames, none very large.

    Args:
        container: an open `av.container.InputContainer`.
        wanted: number of frames to choose; 0 reads the sound alone.
        max_seconds: time limit of each stream.
        limits: limits on what the file may hold.
    """

    def __init__(self, container: Any, *, wanted: int, max_seconds: float, limits: Limits) -> None:
        self.container, self.max_seconds, self.limits = container, max_seconds, limits
        self.video = _picture_stream(container) if wanted else None
        self.audio = container.streams.best("audio")
        # Read while the container is open: afterwards, PyAV 18 ends the process.
        self._pixel_shape = None if self.video is None else self.video.sample_aspect_ratio
        self._tick = float(self.video.time_base or 0) if self.video is not None else 0.0  # seconds
        self._problems: dict[str, str] = {}  # the first problem of the picture, the sound, the file
        self.out_of_memory = False
        self._clock, self._frames = pictures.Clock(), pictures.EvenFrames(wanted)
        self._chunks: list[np.ndarray] = []
        self._sound_seconds = 0.0
        self._resampler: Any = None
        self._format: tuple[str, str, int] | None = None
        for stream in (self.video, self.audio):
            if stream is not None:
                stream.thread_count = 1  # each core has a clip of its own
        if self.video is not None and self.video.codec_context is not None:  # a known codec
            self.video.codec_context.options = {"max_pixels": str(limits.pixels)}

    def run(self) -> None:
        """Decode until both streams have ended or reached a limit.

        Only the end of the file shows that a stream has ended, and the file may hold hours of
        another stream. Reading therefore also ends after `limits.gap` bytes of other packets since
        the last packet of a wanted stream. Until a wanted stream has begun, the bound is
        `limits.first_gap`: all of the sound may lie behind all of the picture. Headers and time
        stamps play no part in this.
        """
        import av

        try:
            self._run({stream.index: stream for stream in self._streams()})
        except (av.error.FFmpegError, OSError) as error:
            self._note("file", error)

    def picture(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Return the chosen frames `[T, H, W, 3]` uint8 RGB, or None, and their times `[T]` in s."""
        converted = [(time, self._convert(*kept)) for time, kept in self._frames.chosen()]
        found = [(time, picture) for time, picture in converted if picture is not None]
        times = np.asarray([time for time, _ in found], np.float64)
        return (pictures.of_one_size([p for _, p in found]) if found else None), times

    def sound(self) -> np.ndarray | None:
        """Return the sound `[N]` float32, None where there is none. Call it once."""
        self._end_sound()
        wave = np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.float32)
        self._chunks.clear()
        np.clip(wave, -4, 4, out=wave)
        return np.nan_to_num(wave, copy=False) if wave.size else None

    def problem(self, kind: str | None = None) -> str | None:
        """Return the first problem of all, or of the "picture" or the "sound"; None without one."""
        if kind is None:
            return next(iter(self._problems.values()), None)
        return self._problems.get(kind) or self._problems.get("file")

    def _run(self, wanted: dict[int, Any]) -> None:
        most = round(self.limits.packets * max(1.0, self.max_seconds))
        left = dict.fromkeys(wanted, most)  # packets that may still be read
        not_begun, passed = set(wanted), 0  # `passed`: bytes since the last wanted packet
        for packet in self.container.demux() if wanted else ():
            index = packet.stream.index
            if index in wanted:
                passed = 0
                not_begun.discard(index)
                left[index] -= 1
                if left[index] < 0 or not self._decode(packet):
                    del wanted[index]
                    if not wanted:
                        return
                continue
            passed += max(packet.size, _PACKET_BYTES)
            waits = not_begun & wanted.keys()
            if passed > (self.limits.first_gap if waits else self.limits.gap):
                for stream in wanted.values():
                    self._decode(_last_packet(stream))
                return

    def _streams(self) -> list[Any]:
        streams = [stream for stream in (self.video, self.audio) if stream is not None]
        context = None if self.video is None else self.video.codec_context
        if context is not None:
            problem = self.limits.check_size(context.width or 0, context.height or 0)
            if problem:
                self._note("picture", problem)
                streams.remove(self.video)
        return streams

    def _decode(self, packet: Any) -> bool:
        """Decode one packet; return False once its stream has passed the time limit."""
        import av

        is_picture = packet.stream is self.video
        if is_picture and packet.stream.codec_context is not None:  # a known codec
            packet.stream.codec_context.skip_frame = self._skipped(packet)
        try:
            frames = packet.decode()
        except (av.error.FFmpegError, ValueError) as error:
            self._note("picture" if is_picture else "sound", error)
            return True
        take = self._take_picture if is_picture else self._take_sound
        return all(take(frame) for frame in frames)

    def _skipped(self, packet: Any) -> str:
        """Return the frames that the decoder may leave out: NONREF, on which no other depends, or none.

        The frame of a packet may be left out if it would be dropped. Time stamps may be wrong: of
        what seems to lie far ahead, all is decoded.
        """
        stamp = packet.pts * self._tick if packet.pts is not None and self._tick else None
        ahead = self._clock.ahead(stamp)
        if ahead is None or ahead > _SKIPPED_SECONDS:
            return "DEFAULT"
        return "DEFAULT" if self._frames.wants(self._clock.now + ahead) else "NONREF"

    def _take_picture(self, frame: Any) -> bool:
        time = self._clock.tick(frame.time)
        if time > self.max_seconds:
            return False
        if self._frames.wants(time):
            self._frames.add(time, (pictures.orientation(frame), self._scaled(frame)))
        return True

    def _scaled(self, frame: Any) -> Any:
        import av

        size = pictures.kept_size(frame.width, frame.height, self._pixel_shape)
        if size == (frame.width, frame.height):
            return frame
        try:
            return frame.reformat(*size, "rgb24", interpolation="AREA", threads=1)
        except (av.error.FFmpegError, ValueError) as error:
            self._note("picture", error)
            return None

    def _take_sound(self, frame: Any) -> bool:
        import av

        if self._sound_seconds > self.max_seconds:
            return False
        problem = self.limits.check_sound(frame.layout.nb_channels, frame.sample_rate)
        if problem:
            self._note("sound", problem)
            return True
        # Counted in samples: time stamps may be wrong.
        self._sound_seconds += frame.samples / frame.sample_rate
        format_ = (frame.format.name, frame.layout.name, frame.sample_rate)
        try:
            if format_ != self._format:  # the first frame, or the format changed in mid-stream
                self._end_sound()
                self._resampler, self._format = _mono_resampler(frame.layout.nb_channels), format_
            self._chunks += [_samples(part) for part in self._resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError) as error:
            self._note("sound", error)
            self._resampler = self._format = None
        return True

    def _end_sound(self) -> None:
        if self._resampler is not None:
            self._chunks += [_samples(frame) for frame in self._resampler.resample(None)]

    def _convert(self, turn: tuple[bool, bool, bool], frame: Any) -> np.ndarray | None:
        import av

        if frame is None:
            return None
        try:
            picture = frame.to_ndarray(format="rgb24", threads=1)
        except (av.error.FFmpegError, ValueError) as error:
            self._note("picture", error)
            return None
        return pictures.upright(picture, turn, self._pixel_shape)

    def _note(self, kind: str, problem: Exception | str) -> None:
        self.out_of_memory |= isinstance(problem, MemoryError)
        if kind not in self._problems:
            self._problems[kind] = problem if isinstance(problem, str) else short(problem)
            log.debug("%s: %s: %s", self.container.name, kind, self._problems[kind])


def short(error: Exception) -> str:
    """Return the message of an error in one line."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _picture_stream(container: Any) -> Any:
    """Return the first video stream that is not a cover picture, or None."""
    from av.stream import Disposition

    films = (s for s in container.streams.video if not s.disposition & Disposition.attached_pic)
    return next(films, None)


def _last_packet(stream: Any) -> Any:
    """Return an empty packet: it has the decoder release its last frames, as at a file's end."""
    import av

    packet = av.Packet()
    packet.stream, packet.time_base = stream, stream.time_base
    return packet


def _mono_resampler(channels: int) -> Any:
    import av

    # FFmpeg adds two channels at 0.71 each; at 0.5, two equal channels are as loud as one.
    options = {"rematrix_volume": str(0.5**0.5)} if channels > 1 else None
    return av.AudioResampler("flt", "mono", SAMPLE_RATE, options=options)


def _samples(frame: Any) -> np.ndarray:
    return frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
