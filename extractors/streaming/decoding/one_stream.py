"""Decode one stream of a container from its beginning, frame after frame, whatever is damaged in it."""

import errno
from collections.abc import Callable, Iterator
from typing import Any

from mraf.extractors.media.one_pass import last_packet, short
from mraf.extractors.streaming.decoding.problems import Problems

_FAILURES = 10
"""Number of times in a row that a container may fail to give the next packet."""
_HELD_BYTES = 64 << 20
"""Size of the packets before a late beginning that are kept until it is known which of them are needed."""

_OF_THE_MACHINE = frozenset(
    getattr(errno, name)
    for name in "EIO ENXIO ENODEV ESTALE ETIMEDOUT ENOTCONN EHOSTDOWN EHOSTUNREACH ENETDOWN EREMOTEIO".split()
    if hasattr(errno, name)
)
"""Errors of a drive or a network, after which a later run may fare better."""


class StreamFrames:
    """The frames of one stream, in the order of display.

    Args:
        container: an open `av.container.InputContainer`, for this stream alone.
        stream: of it.
        problems: where damage is noted.
        beat: called for each packet, to tell that reading goes on.
        now: returns the time in s up to which the stream has come, for the notes.
        is_skipped: tells of a time stamp in s whether what carries it is not decoded.
    """

    def __init__(
        self,
        container: Any,
        stream: Any,
        *,
        problems: Problems,
        beat: Callable[[], None],
        now: Callable[[], float],
        is_skipped: Callable[[float], bool] = lambda _: False,
    ) -> None:
        self.container, self.stream = container, stream
        self._problems, self._beat, self._now = problems, beat, now
        self._is_skipped, self._stamp = is_skipped, 0.0
        self._kind = "picture" if stream.type == "video" else "sound"
        stream.codec_context.thread_count = 1  # the parent has work for the other cores
        _leave_out_others(container, stream)

    def frames(
        self, skipped: Callable[[Any], str] | None = None, late: float | None = None
    ) -> Iterator[Any]:
        """Yield decoded frames.

        Args:
            skipped: returns the frames that the decoder may leave out, for a packet ("DEFAULT" or "NONREF").
            late: time stamp in s: what is on display from then on is wanted. Earlier frames come too, those
                from the last picture but one that stands for itself.

        Raises MemoryError.
        """
        import av

        packets = self.packets() if late is None else _from_late(self.packets(), late)
        for packet in packets:
            if self._is_left_out(packet):
                continue
            if skipped is not None:
                packet.stream.codec_context.skip_frame = skipped(packet)
            try:
                yield from decoded(packet)
            except MemoryError:
                raise
            except (av.error.FFmpegError, ValueError) as error:
                self._problems.note(self._kind, short(error), self._now())

    def _is_left_out(self, packet: Any) -> bool:
        stamp = packet.dts if packet.pts is None else packet.pts
        if stamp is not None and packet.time_base:
            self._stamp = float(stamp * packet.time_base)
        return bool(packet.size) and self._is_skipped(self._stamp)

    def packets(self) -> Iterator[Any]:
        """Yield the packets, up to the end or to where the container cannot be read any further."""
        import av

        failures = 0
        while failures < _FAILURES:
            try:
                for packet in self.container.demux(self.stream):
                    failures = 0
                    self._beat()
                    yield packet
                return
            except MemoryError:
                raise
            except (av.error.FFmpegError, OSError) as error:
                failures += 1
                failed = getattr(error, "errno", None) in _OF_THE_MACHINE
                self._problems.note("file", short(error), self._now(), again=failed)
        yield last_packet(self.stream)


def decoded(packet: Any) -> Iterator[Any]:
    """Yield the frames of a packet. Raises av's errors, ValueError, MemoryError."""
    yield from packet.decode()


def _from_late(packets: Iterator[Any], late: float) -> Iterator[Any]:
    """Leave out packets of pictures before the last one but one that stands for itself before `late`.

    The last one may be followed by pictures that look back beyond it.
    """
    held: list[Any] = []
    keys: list[int] = []
    size = 0
    for packet in packets:
        stamp = None if packet.pts is None else float(packet.pts * packet.time_base)
        is_late = not packet.size or stamp is None or stamp >= late
        if packet.is_keyframe and not is_late:
            keys.append(len(held))
            if len(keys) > 2:
                first = keys[-2]
                size -= sum(each.size for each in held[:first])
                held, keys = held[first:], [0, keys[-1] - first]
        held.append(packet)
        size += packet.size
        if is_late or size > _HELD_BYTES:
            break
    yield from held
    held.clear()
    yield from packets


def _leave_out_others(container: Any, stream: Any) -> None:
    """Have the container pass over other streams, where this version of PyAV can; they are slow to read."""
    try:
        from av.stream import Discard
    except ImportError:
        return
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
