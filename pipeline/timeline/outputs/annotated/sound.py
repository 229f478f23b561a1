"""The sound of an annotated video: copied where MP4 takes it as it is, else encoded."""

from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from mraf.extractors.media.tracks import has_decoder

_COPIED = frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "alac"})
_CONTAINERS = frozenset({"mov", "mp4", "matroska", "webm"})
"""Those whose packets of AAC are as MP4 wants them."""
_GAP = 0.1  # s; shorter gaps are those of rounded times
_MOST = 3600 * 12  # s of silence that are filled in: more is a leap of the clock


class Sound(Protocol):
    """A stream of sound that is written."""

    def add(self, packet: Any) -> None:
        """Take a packet of the source."""

    def finish(self) -> None:
        """Write the rest."""


def sound_of(stream: Any, source: Any, target: Any, origin: float) -> Sound | None:
    """Return what writes the sound of a stream into a container; None where it cannot be decoded.

    `origin` is the time in s on the source's clock that becomes 0.
    """
    if stream is None or not has_decoder(stream):
        return None
    names = set(source.format.name.split(","))
    if stream.codec_context.name in _COPIED and names & _CONTAINERS:
        return _Copied(stream, target, origin)
    return _Encoded(stream, target, origin)


class _Copied:
    def __init__(self, stream: Any, target: Any, origin: float) -> None:
        self._target, self._out = target, target.add_stream_from_template(stream)
        self._shift = round(origin / stream.time_base)
        self._last: int | None = None

    def add(self, packet: Any) -> None:
        if packet.dts is None or packet.pts is None:
            return
        packet.pts, packet.dts = packet.pts - self._shift, packet.dts - self._shift
        if self._last is not None and packet.dts <= self._last:  # which the container refuses
            return
        self._last = packet.dts
        packet.stream = self._out
        self._target.mux(packet)

    def finish(self) -> None:
        """Do nothing: what was added is written."""


class _Encoded:
    def __init__(self, stream: Any, target: Any, origin: float) -> None:
        import av

        context = stream.codec_context
        self._rate = context.sample_rate if context.sample_rate in (44_100, 48_000) else 48_000
        self._layout = "mono" if context.channels == 1 else "stereo"
        self._target, self._origin = target, origin
        self._out = target.add_stream("aac", rate=self._rate, layout=self._layout)
        self._resampler = av.AudioResampler("fltp", self._layout, self._rate)
        self._fifo = av.AudioFifo()
        self._known: tuple[Any, ...] | None = None
        self._have = self._written = 0  # samples

    def add(self, packet: Any) -> None:
        import av

        try:
            frames = packet.decode()
        except (av.error.FFmpegError, ValueError):
            return
        for frame in frames:
            try:
                self._take(frame)
            except (av.error.FFmpegError, ValueError):
                continue
        self._write(1024)

    def finish(self) -> None:
        if self._known is not None:
            self._keep(self._resampler.resample(None))
        self._write(1)
        self._target.mux(self._out.encode(None))

    def _take(self, frame: Any) -> None:
        import av

        known = (frame.format.name, frame.layout.name, frame.sample_rate)
        if known != self._known:
            if self._known is not None:
                self._keep(self._resampler.resample(None))
            self._resampler = av.AudioResampler("fltp", self._layout, self._rate)
            self._known = known
        if frame.time is not None:
            self._fill(frame.time - self._origin - self._have / self._rate)
        self._keep(self._resampler.resample(frame))

    def _fill(self, seconds: float) -> None:
        """Add silence where the source has none, so that later sound keeps its time."""
        if not _GAP < seconds < _MOST:
            return
        left = round(seconds * self._rate)
        while left > 0:
            count = min(left, self._rate)
            channels = 1 if self._layout == "mono" else 2
            self._keep([self._frame(np.zeros((channels, count), np.float32))])
            self._write(1024)
            left -= count

    def _frame(self, samples: np.ndarray) -> Any:
        import av

        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=self._layout)
        frame.sample_rate = self._rate
        return frame

    def _keep(self, frames: list[Any]) -> None:
        for frame in frames:
            frame.pts = None
            self._fifo.write(frame)
            self._have += frame.samples

    def _write(self, least: int) -> None:
        """Encode what has gathered, 1024 samples at a time, which is what AAC takes."""
        while self._fifo.samples >= least:
            frame: Any = self._fifo.read(1024, partial=True)
            frame.pts, frame.time_base = self._written, Fraction(1, self._rate)
            self._written += frame.samples
            self._target.mux(self._out.encode(frame))
