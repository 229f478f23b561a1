"""Read a container in one pass: frames spread evenly over it, and its sound at 16 kHz."""

import logging
from typing import Any

import numpy as np

from mraf.extractors.media import frames as pictures
from mraf.extractors.media.channels import concatenated, mix
from mraf.extractors.media.limits import Limits, Part
from mraf.extractors.media.tracks import Tracks, choose_tracks, has_decoder, name_of_codec

SAMPLE_RATE = 16_000
"""Sampling rate of sound in Hz, on which the voice encoders are trained."""

_PACKET_BYTES = 1024
"""Least size that counts for a packet of another stream: even a small one takes time to read."""

_SKIPPED_SECONDS = 1.0
"""Longest time that may pass from one decoded frame to a next one that is not wanted either."""

_RUN_UP = 1.0
"""Seconds before a part from which it is decoded: decoders of sound need a few packets to settle."""

_MIXED_CHANNELS = 16
"""Most channels that are mixed here; more are mixed by FFmpeg."""

_RUN_UP_WITHOUT_KEYS = 12.0
"""The same in broadcast formats, where one does not land at a picture that stands for itself."""

WITHOUT_INDEX = frozenset("aac ac3 amr dts eac3 h264 hevc m4v mjpeg mp3 mpegvideo obu tta".split())
"""Bare streams, whose times are guessed where one does not read them from the beginning."""

log = logging.getLogger("mraf")


class Reader:
    """One pass over a container. Keeps at most `2 * wanted` decoded frames, none very large.

    Args:
        container: an open `av.container.InputContainer`.
        wanted: number of frames to choose; 0 reads the sound alone.
        max_seconds: time limit of each stream, from where reading starts.
        limits: limits on what the file may hold.
        tracks: the streams to read, by default those that `choose_tracks` chooses.
        part: of the file.
    """

    def __init__(
        self,
        container: Any,
        *,
        wanted: int,
        max_seconds: float,
        limits: Limits,
        tracks: Tracks | None = None,
        part: Part = Part(),
    ) -> None:
        self.container, self.limits, self.part = container, limits, part
        tracks = tracks or choose_tracks(container)
        self.video = tracks.picture if wanted else None
        self.audio = tracks.sound
        # Read while the container is open: afterwards, PyAV 18 ends the process.
        self._pixel_shape = None if self.video is None else self.video.sample_aspect_ratio
        self._tick = float(self.video.time_base or 0) if self.video is not None else 0.0  # seconds
        self._problems: dict[str, str] = {}  # the first problem of the picture, the sound, the file
        self.out_of_memory = False
        self.is_cut = False  # by the time limit
        # Of the sound, see `channels.Mixed`.
        self.sides: np.ndarray | None = None
        self.rest: np.ndarray | None = None
        self.pictures = 0  # packets of the picture that were read
        origin = None if part.is_whole else (container.start_time or 0) / 1e6
        self._origin, self._frames = origin, pictures.EvenFrames(wanted)
        # Key frames, which a quick look sees alone, may be a minute apart.
        self._clock = pictures.Clock(origin, *([max_seconds] if part.is_quick else []))
        self._ends = part.begins + max_seconds
        if part.end is not None:
            self._ends = min(self._ends, part.end)
        self._segments: list[tuple[list[str], list[np.ndarray]]] = []  # of sound of one format
        self._sound_at: float | None = None  # seconds: end of the sound so far
        self._sound_from: float | None = None  # seconds: start of the sound that is kept
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
        stamps play no part in this, except for a part of a file.
        """
        import av

        try:
            self._seek()
            self._run({stream.index: stream for stream in self._streams()})
        except (av.error.FFmpegError, OSError) as error:
            self._note("file", error)

    @property
    def seconds(self) -> float:
        """Time of the end of the last sound or picture so far."""
        return max(self._sound_at or 0.0, self._clock.now)

    def picture(self) -> tuple[np.ndarray | None, np.ndarray]:
        """Return the chosen frames `[T, H, W, 3]` uint8 RGB, or None, and their times `[T]` in s."""
        converted = [(time, self._convert(*kept)) for time, kept in self._frames.chosen()]
        found = [(time, picture) for time, picture in converted if picture is not None]
        times = np.asarray([time - self.part.begins for time, _ in found], np.float64)
        return (pictures.of_one_size([p for _, p in found]) if found else None), times

    def sound(self) -> np.ndarray | None:
        """Return the sound `[N]` float32, None where there is none; set `sides` and `rest`. Call it once."""
        self._end_sound()
        mixed = [
            mix(clean(np.concatenate(chunks, axis=1)), names)
            for names, chunks in self._segments
            if chunks
        ]
        self._segments.clear()
        wave, self.sides, self.rest = (self._of_part(each) for each in concatenated(mixed))
        return wave if wave is not None and wave.size else None

    def _of_part(self, sound: np.ndarray | None) -> np.ndarray | None:
        """Return the samples `[..., N]` that lie in the part."""
        if sound is None:
            return None
        if not self.part.is_whole and self._sound_from is not None:
            first = round(max(0.0, self.part.begins - self._sound_from) * SAMPLE_RATE)
            last = round(max(0.0, self._ends - self._sound_from) * SAMPLE_RATE)
            sound = sound[..., first:last]
        # Of several channels, each is spread over memory, and would keep the others there.
        return np.ascontiguousarray(sound)

    def problem(self, kind: str | None = None) -> str | None:
        """Return the first problem of all, or of the "picture" or the "sound"; None without one."""
        if kind is None:
            return next(iter(self._problems.values()), None)
        return self._problems.get(kind) or self._problems.get("file")

    def _run(self, wanted: dict[int, Any]) -> None:
        most = round(self.limits.packets * max(1.0, self._ends))
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
                    self._decode(last_packet(stream))
                return

    def _seek(self) -> None:
        """Go to a little before the part, where the container has an index of its times."""
        import av

        names = set(self.container.format.name.split(","))
        if self.part.begins <= _RUN_UP or names & WITHOUT_INDEX:
            return
        run_up = _RUN_UP_WITHOUT_KEYS if names & {"mpegts", "mpeg", "wtv"} else _RUN_UP
        target = (self._origin or 0.0) + max(0.0, self.part.begins - run_up)
        try:
            self.container.seek(round(target * 1e6))
        except (av.error.FFmpegError, OverflowError):
            log.debug("%s: no index; read from the beginning", self.container.name)

    def _streams(self) -> list[Any]:
        streams = []
        for kind, stream in (("picture", self.video), ("sound", self.audio)):
            if stream is None:
                continue
            streams.append(stream)
            if not has_decoder(stream):
                codec = name_of_codec(self.container, stream)
                self._note(kind, f"there is no decoder for {codec}")
                streams.remove(stream)
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
        if is_picture:
            self.pictures += packet.size > 0
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
        if self.part.is_quick:
            return "NONKEY"
        stamp = packet.pts * self._tick if packet.pts is not None and self._tick else None
        ahead = self._clock.ahead(stamp)
        if ahead is None or ahead > _SKIPPED_SECONDS:
            return "DEFAULT"
        return "DEFAULT" if self._frames.wants(self._clock.now + ahead) else "NONREF"

    def _take_picture(self, frame: Any) -> bool:
        time = self._clock.tick(frame.time)
        if self._has_passed(time):
            return False
        if time >= self.part.begins and self._frames.wants(time):
            self._frames.add(time, (pictures.orientation(frame), self._scaled(frame)))
        return True

    def _has_passed(self, time: float) -> bool:
        """Tell whether a stream has passed the end of the part, or the time limit."""
        if time < self._ends or (self.part.end is None and time <= self._ends):
            return False
        self.is_cut |= self.part.end is None or self._ends < self.part.end
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

        if self._sound_at is None:
            stamp = frame.time if self._origin is not None else None
            self._sound_at = 0.0 if stamp is None else stamp - (self._origin or 0.0)
        start = self._sound_at
        if self._has_passed(start):
            return False
        problem = self.limits.check_sound(frame.layout.nb_channels, frame.sample_rate)
        if problem:
            self._note("sound", problem)
            return True
        # Counted in samples: time stamps may be wrong.
        self._sound_at = start + frame.samples / frame.sample_rate
        if self._sound_at <= self.part.begins:
            return True
        if self._sound_from is None:
            self._sound_from = start
        format_ = (frame.format.name, frame.layout.name, frame.sample_rate)
        try:
            if format_ != self._format:  # the first frame, or the format changed in mid-stream
                self._end_sound()
                self._resampler, names = resampler(frame.layout)
                self._segments.append((names, []))
                self._format = format_
            self._keep(frame)
        except (av.error.FFmpegError, ValueError) as error:
            self._note("sound", error)
            self._resampler = self._format = None
        return True

    def _end_sound(self) -> None:
        if self._resampler is not None:
            self._keep(None)

    def _keep(self, frame: Any) -> None:
        """Resample a frame and keep its samples; None: those that the resampler still holds."""
        names, chunks = self._segments[-1]
        for each in self._resampler.resample(frame):
            packed = each.to_ndarray().reshape(-1, len(names))
            chunks.append(packed.T.astype(np.float32, copy=False))

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


def last_packet(stream: Any) -> Any:
    """Return an empty packet: it has the decoder release its last frames, as at a file's end."""
    import av

    packet = av.Packet()
    packet.stream, packet.time_base = stream, stream.time_base
    return packet


def resampler(layout: Any) -> tuple[Any, list[str]]:
    """Return a resampler to 16 kHz for sound of a layout, and the names of the channels it gives."""
    import av

    if layout.nb_channels <= _MIXED_CHANNELS:
        names = [channel.name for channel in layout.channels]
        return av.AudioResampler("flt", layout, SAMPLE_RATE), names
    # FFmpeg adds two channels at 0.71 each; at 0.5, two equal channels are as loud as one.
    options = {"rematrix_volume": str(0.5**0.5)}
    return av.AudioResampler("flt", "mono", SAMPLE_RATE, options=options), ["FC"]


def clean(channels: np.ndarray) -> np.ndarray:
    """Return samples within -4 to 4, with zeros for what is no number; in place."""
    np.clip(channels, -4, 4, out=channels)
    return np.nan_to_num(channels, copy=False)
