"""The picture of a file on the clock that a player shows, 25 times a second."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mraf.extractors.media.one_pass import short
from mraf.extractors.streaming.decoding.clock import Clock
from mraf.extractors.streaming.decoding.problems import Problems
from mraf.extractors.streaming.decoding.shades import Shades
from mraf.extractors.streaming.slices import LOOK, TICKS

_ROUNDING = 0.001
"""Seconds by which the time stamps of pictures may be rounded up, as in Matroska."""
_RATES = (1.0, 500.0)
"""Pictures a second that a header may say."""
_LONGEST = 60.0
"""Seconds that the last picture may stay by what the file says of it: some recorders write hours there, and into the
header's length too. Sound that goes on shows it longer."""


class Pictures(NamedTuple):
    """The pictures on display in a slice, see `Slice`."""

    grey: list[np.ndarray]  # of [H, W]
    shown: list[int]
    colour: list[np.ndarray]  # of [H, W, 3]
    looks: list[int]

    def until(self, last: int, first: int) -> "Pictures":
        """Return those at ticks before `last`, where `first` is the tick of the first one."""
        shown = self.shown[: last - first]
        looks = [tick for tick in self.looks if tick < last]
        grey = self.grey[: max(shown, default=-1) + 1]
        return Pictures(grey, shown, self.colour[: len(looks)], looks)


class _Displayed:
    """A decoded frame, and what was made of it."""

    def __init__(self, frame: Any, time: float) -> None:
        self.frame, self.time = frame, time
        self.grey: np.ndarray | None = None
        self.colour: np.ndarray | None = None
        self.is_broken = False


class PictureLine:
    """Pictures that are read as far as needed. Holds two decoded frames, the one on display and the next.

    Args:
        frames: decoded frames of the picture.
        clock: of the stream.
        usual: seconds that a picture is on display where it does not say.
        shades: makes grey and colour pictures of frames.
        problems: where damage is noted.
    """

    def __init__(
        self,
        frames: Iterator[Any],
        clock: Clock,
        usual: float,
        shades: Shades,
        problems: Problems,
    ) -> None:
        self._frames, self._clock, self._usual = frames, clock, usual
        self._shades, self._problems = shades, problems
        self._shown: _Displayed | None = None
        self._next: _Displayed | None = None
        self._begun = self.has_ended = False
        self._last: tuple[float, float] | None = (
            None  # begin and end in s of the last decoded frame
        )

    @property
    def now(self) -> float:
        """Time in s of the last decoded picture."""
        return self._last[0] if self._last else 0.0

    @property
    def end(self) -> float:
        """End in s of the last decoded picture."""
        return self._last[1] if self._last else 0.0

    @property
    def is_there(self) -> bool:
        """True where there was any picture so far."""
        return self._last is not None

    def each(self, stop: float) -> Iterator[tuple[Any, float]]:
        """Yield every decoded frame up to a time in s, with its time, in place of `pictures`."""
        while not self.has_ended and self.now < stop:
            pulled = self._pull()
            if pulled is not None:
                yield pulled.frame, pulled.time

    def skip_to(self, time: float) -> None:
        """Decode up to a time in s, or to the end."""
        if not self._begun:
            self._begun, self._next = True, self._pull()
        while self._next is not None and self._next.time <= time + _ROUNDING:
            self._shown, self._next = self._next, self._pull()

    def pictures(self, first: int, last: int) -> Pictures:
        """Return the pictures on display at the ticks from `first` on, before `last`."""
        found = Pictures([], [], [], [])
        drawn: _Displayed | None = None
        for tick in range(first, last):
            self.skip_to(tick / TICKS)
            shown = self._shown
            if shown is None or not self._draw(shown, tick % LOOK == 0):
                found.shown.append(-1)
                continue
            if shown is not drawn:
                found.grey.append(shown.grey)  # type: ignore[arg-type]
                drawn = shown
            found.shown.append(len(found.grey) - 1)
            if tick % LOOK == 0 and shown.colour is not None:
                found.colour.append(shown.colour)
                found.looks.append(tick)
        return found

    def _pull(self) -> _Displayed | None:
        frame = next(self._frames, None)
        if frame is None:
            self.has_ended = True
            return None
        expected = None if self._last is None else self._last[0] + self._usual
        time = self._clock.place(frame.time, expected)
        if self._last is not None:
            time = max(time, self._last[0] + _ROUNDING)
        stated = float((frame.duration or 0) * (frame.time_base or 0))
        self._last = (time, time + (min(stated, _LONGEST) if stated > 0 else self._usual))
        return _Displayed(frame, time)

    def _draw(self, shown: _Displayed, is_look: bool) -> bool:
        """Make the grey picture, and that in colour; False where neither can be made."""
        import av

        if shown.is_broken:
            return False
        try:
            if shown.grey is None:
                shown.grey = self._shades.grey(shown.frame)
            if is_look and shown.colour is None:
                shown.colour = self._shades.colour(shown.frame)
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError) as error:
            shown.is_broken = True
            self._problems.note("picture", short(error), shown.time)
        return not shown.is_broken


def usual_seconds(stream: Any) -> float:
    """Return for how long a picture of a stream is on display, by its header."""
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    return 1 / rate if _RATES[0] <= rate <= _RATES[1] else 1 / TICKS


class Unneeded:
    """Tells of packets whether their pictures are on display at a tick, at high frame rates.

    Args:
        tick: of the stream's time stamps, in s.
        clock: of the stream.
        rate: pictures a second.
    """

    def __init__(self, tick: float, clock: Clock, rate: float) -> None:
        self._tick, self._clock, self._is_fast = tick, clock, rate > 1.5 * TICKS

    def __call__(self, packet: Any) -> str:
        """Return "NONREF" where the decoder may leave out the picture, if no other needs it."""
        if not self._is_fast or packet.pts is None or not packet.duration or not packet.size:
            return "DEFAULT"
        time = packet.pts * self._tick + self._clock.offset
        next_tick = math.ceil((time - _ROUNDING) * TICKS) / TICKS
        return "DEFAULT" if next_tick < time + packet.duration * self._tick else "NONREF"
