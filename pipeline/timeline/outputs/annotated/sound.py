"""The sound of an annotated video: copied where MP4 takes it as it is, else encoded."""

from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from mraf.extractors.media.one_pass import short
from mraf.pipeline.timeline.outputs.annotated.source import Sound, Source

_COPIED = frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "alac"})
_CONTAINERS = frozenset({"mov", "mp4", "matroska", "webm"})
"""Those whose packets of AAC are as MP4 wants them."""
_GAP = 0.1  # s; times of frames that differ less from where they follow the last one are rounded


class SoundWriter(Protocol):
    """A stream of sound that is written."""

    has_ended: bool

    def read(self, stop: float) -> None:
        """Write the source's sound up to a time in s, or to its end."""

    def finish(self) -> None:
        """Write the rest."""


def sound_of(source: Source, target: Any) -> SoundWriter | None:
    """Return what writes the sound of a source into a container; None where there is none."""
    if source.sound is None:
        return None
    if source.sound.stream.codec_context.name in _COPIED and source.sound.names & _CONTAINERS:
        return _Copied(source.sound, target)
    return _Encoded(source, source.sound, target)


class _Copied:
    def __init__(self, sound: Sound, target: Any) -> None:
        self._sound, self._packets = sound, sound.packets()
        self._target, self._out = target, target.add_stream_from_template(sound.stream)
        self._last: int | None = None
        self.has_ended = False

    def read(self, stop: float) -> None:
        while not self.has_ended and self._sound.now < stop:
            packet, time = next(self._packets, (None, 0.0))
            if packet is None:
                self.has_ended = True
                return
            shift = round(time / packet.time_base) - packet.pts
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            if self._last is None or packet.dts > self._last:  # else the container refuses it
                self._last = packet.dts
                packet.stream = self._out
                self._target.mux(packet)

    def finish(self) -> None:
        """Do nothing: what was read is written."""


class _Encoded:
    def __init__(self, source: Source, sound: Sound, target: Any) -> None:
        import av

        context = sound.stream.codec_context
        self._problems, self._sound, self._frames = source.problems, sound, sound.frames()
        self._rate = context.sample_rate if context.sample_rate in (44_100, 48_000) else 48_000
        self._channels = 1 if context.channels == 1 else 2
        self._layout = "mono" if self._channels == 1 else "stereo"
        self._target = target
        self._out = target.add_stream("aac", rate=self._rate, layout=self._layout)
        self._resampler = av.AudioResampler("fltp", self._layout, self._rate)
        self._fifo = av.AudioFifo()
        self._known: tuple[Any, ...] | None = None
        self._have = self._written = 0  # samples
        self._unwanted = 0  # samples that overlap what is there
        self.has_ended = False

    def read(self, stop: float) -> None:
        import av

        while not self.has_ended and self._sound.now < stop:
            frame, time = next(self._frames, (None, 0.0))
            if frame is None:
                self.has_ended = True
                return
            try:
                self._take(frame, time)
            except (av.error.FFmpegError, ValueError) as error:
                self._problems.note("sound", short(error), time)
            self._write(1024)

    def finish(self) -> None:
        import av

        try:
            self._let_out()
        except (av.error.FFmpegError, ValueError) as error:
            self._problems.note("sound", short(error), self._sound.now)
        self._write(1)
        self._target.mux(self._out.encode(None))

    def _take(self, frame: Any, time: float) -> None:
        import av

        known = (frame.format.name, frame.layout.name, frame.sample_rate)
        if known != self._known:
            self._let_out()
            self._resampler = av.AudioResampler("fltp", self._layout, self._rate)
            self._known = known
        gap = time - self._have / self._rate
        if gap > _GAP:
            self._let_out()
            self._fill(time)
        elif gap < -_GAP:
            self._unwanted = round(-gap * self._rate)
        frame.pts = None  # its place is known
        self._keep(self._resampler.resample(frame))

    def _let_out(self) -> None:
        """Keep what the resampler still holds."""
        if self._known is not None:
            self._keep(self._resampler.resample(None))
        self._known = None

    def _fill(self, time: float) -> None:
        """Add silence up to a time in s, where the source has no sound, so that later sound keeps its time."""
        while (left := round(time * self._rate) - self._have) > 0:
            count = min(left, self._rate)
            self._add(np.zeros((self._channels, count), np.float32))
            self._write(1024)

    def _keep(self, frames: list[Any]) -> None:
        for frame in frames:
            skipped = min(self._unwanted, frame.samples)
            self._unwanted -= skipped
            if skipped < frame.samples:
                self._add(frame.to_ndarray()[:, skipped:])

    def _add(self, samples: np.ndarray) -> None:
        import av

        samples = np.ascontiguousarray(samples)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=self._layout)
        frame.sample_rate = self._rate
        self._fifo.write(frame)
        self._have += frame.samples

    def _write(self, least: int) -> None:
        """Encode what has gathered, 1024 samples at a time, which is what AAC takes."""
        while self._fifo.samples >= least:
            frame: Any = self._fifo.read(1024, partial=True)
            frame.pts, frame.time_base = self._written, Fraction(1, self._rate)
            self._written += frame.samples
            self._target.mux(self._out.encode(frame))
