"""Place what carries a time stamp on the clock that a player shows."""

from dataclasses import dataclass, field
from typing import Any

_STEP_BACK = 0.5
"""Seconds by which a time stamp may lie before its place; one further back belongs to another clock."""
_LONGEST_GAP = 60.0
"""Longest gap in seconds of a file whose length is not known, or whose format is cut and put together at
will. A longer step forwards is a leap to another clock."""
_SLACK = 10.0
"""Seconds by which a file may be longer than it says."""
_TS_DISCONT = 0x0200
"""FFmpeg's flag of formats whose time stamps may leap: pieces are put together, each with its own clock."""


@dataclass
class FileClock:
    """The clock of a container, which its streams share, also after a leap."""

    origin: float  # time stamp in s of the beginning of the file
    length: float | None  # s, as the container says
    is_cut: bool  # by format it may be made of several recordings, each with its own clock
    leaps: list[float] = field(default_factory=list)  # s from the beginning: where another begins
    offset: float | None = (
        None  # of the recording that began last: seconds to add to its time stamps
    )

    @classmethod
    def of(cls, container: Any) -> "FileClock":
        """Return the clock of an open `av.container.InputContainer`."""
        length = (container.duration or 0) / 1e6
        return cls(
            _origin(container),
            length if length > 0 else None,
            bool(int(container.format.flags) & _TS_DISCONT),
        )

    def reach(self, time: float) -> float:
        """Return the longest step forwards from a time, in seconds."""
        if self.is_cut or self.length is None:
            return _LONGEST_GAP
        return max(_SLACK, self.length + _SLACK - time)


class Clock:
    """The clock of one stream: the container's, unless its time stamps leap.

    Recordings put end to end, each with its own clock, follow each other here without a gap. The stream
    that leaps second takes over the place of the one that leapt first, so that they stay in step.
    """

    def __init__(self, file: FileClock) -> None:
        self._file = file
        self.offset = -file.origin  # seconds to add to the time stamps, since the last leap

    def place(self, stamp: float | None, expected: float | None) -> float:
        """Return the time in s of what carries a time stamp.

        Args:
            stamp: in s; None: there is none.
            expected: the end of what came before it; None: it is the first.
        """
        if stamp is None:
            return expected or 0.0
        if expected is None:
            time = stamp + self.offset
            if not -_SLACK < time < self._file.reach(0.0):
                self.offset, time = -stamp, 0.0
            return time
        others = () if self._file.offset is None else (self._file.offset,)
        for offset in (self.offset, *others):
            step = stamp + offset - expected
            if -_STEP_BACK < step < self._file.reach(expected):
                self.offset = offset
                return expected + step
        self.offset = self._file.offset = expected - stamp
        self._file.leaps.append(expected)
        return expected


def _origin(container: Any) -> float:
    """Return the time stamp in s that a player shows as zero."""
    if container.start_time is not None:
        return float(container.start_time / 1e6)
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in (*container.streams.video, *container.streams.audio)
        if stream.start_time is not None and stream.time_base
    ]
    return min(starts, default=0.0)
