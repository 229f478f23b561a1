"""Stretches of a file that the decoder does not survive, or not in time: they are passed over."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.streaming.decoding.problems import Problem
from mraf.extractors.streaming.slices import SLICE_SECONDS, TICKS, Slice

GROWTH = (2.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0, 128.0, 256.0)
"""Seconds of a stretch that is passed over, each tried where the one before does not help; then the rest is given up."""
_BEFORE = 0.5
"""Seconds before a stretch of which nothing is decoded either: decoders lag behind."""


@dataclass
class Lost:
    """The stretches of a file that are passed over; the last one may still grow."""

    tried: int = 0  # lengths of the present stretch; 0: there is none
    _stretches: list[tuple[float, float]] = field(default_factory=list)  # s
    cause: Problem | None = None  # of the present stretch

    @property
    def skip(self) -> list[tuple[float, float]]:
        """From and to in s, where nothing is to be decoded."""
        return [(begin - _BEFORE, end) for begin, end in self._stretches]

    def reached(self, position: float) -> float:
        """Return where reading goes on in s, when `position` was come to."""
        return self._stretches[-1][1] if self.tried else position

    def grow(self, position: float, how: str, *, again: bool) -> None:
        """Pass over a slice at a position in s, or, where that did not help, over more."""
        if self.tried:
            self._stretches.pop()
        if self.cause is None:
            text = f"the decoder {how}"
            self.cause = Problem(kind="stretch", text=text, first=position, again=again)
        self._stretches.append((position, position + GROWTH[self.tried]))
        self.tried += 1

    def slices(self, stop: float, *, has_sound: bool) -> list[Slice]:
        """Return the slices of the present stretch up to a time in s, and begin anew behind it."""
        if not self.tried or self.cause is None:
            return []
        found = list(_empty(self._stretches[-1][0], stop, self.cause, has_sound))
        self.tried, self.cause = 0, None
        return found


def _empty(start: float, stop: float, cause: Problem, has_sound: bool) -> Iterator[Slice]:
    """Yield slices without pictures whose sound is silent. Each tells the cause; only the first one counts as a place."""
    at = start
    while at < stop:
        end = min(at + SLICE_SECONDS, stop)
        problem = replace(cause, first=at, count=int(at == start), seconds=end - at)
        ticks = int(np.ceil(round(end * TICKS, 6))) - round(at * TICKS)
        wave = np.zeros(round((end - at) * SAMPLE_RATE), np.float32)
        yield Slice(
            start=at,
            stop=end,
            wave=wave if has_sound else None,
            grey=np.zeros((0, 0, 0), np.uint8),
            shown=np.full(ticks, -1, np.int32),
            colour=np.zeros((0, 0, 0, 3), np.uint8),
            looks=np.zeros(0, np.int32),
            problems=(problem,),
        )
        at = end
