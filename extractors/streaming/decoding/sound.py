"""The sound of a file on the clock that a player shows, at 16 kHz."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mraf.extractors.media.channels import mix
from mraf.extractors.media.limits import Limits
from mraf.extractors.media.one_pass import SAMPLE_RATE, clean, resampler, short
from mraf.extractors.streaming.decoding.clock import Clock
from mraf.extractors.streaming.decoding.problems import Problems

_LEAP = 0.1
"""Seconds between a time stamp and the place that the samples so far give it, from which the stamp counts
at once."""
_DRIFT = 0.03
"""Mean of that distance from which it counts. Below it stamps are rounded, or tremble."""
_WEIGHT = 0.05
"""Weight of a frame in that mean: it covers about half a second."""

_CONTEXT = 20.0
"""Seconds before a slice by which it is decided how its channels are mixed, so that this does not change each time."""

_Chunk = tuple[int, tuple[str, ...], np.ndarray]
"""First sample from the beginning of the file, names of the channels, samples `[C, N]`."""


class SoundLine:
    """Sound that is read as far as needed and handed over slice by slice.

    Samples follow each other as they are decoded, until their time stamps say otherwise: then there is a
    gap, which is silent, or an overlap, which is cut.

    Args:
        frames: decoded frames of sound.
        clock: of the stream.
        start: time in s; sound before it is not kept.
        limits: on the format of the sound.
        problems: where damage is noted.
    """

    def __init__(
        self, frames: Iterator[Any], clock: Clock, start: float, limits: Limits, problems: Problems
    ) -> None:
        self._frames, self._clock, self._limits, self._problems = frames, clock, limits, problems
        self._at: float | None = None  # s: end of the sound so far, as it is placed
        self._drift = 0.0
        self._wanted = round(start * SAMPLE_RATE)  # first sample of the next slice
        self._chunks: list[_Chunk] = []
        self._format: tuple[str, str, int] | None = None
        self._resampler: Any = None
        self._names: tuple[str, ...] = ()
        self._next = 0  # sample of the file at which the resampler's next one lies
        self._end = 0  # sample of the file up to which there is sound
        self.has_ended = False
        self.is_there = False

    @property
    def now(self) -> float:
        """End of the sound so far in s."""
        return self._at or 0.0

    @property
    def end(self) -> float:
        """End in s of the sound that was resampled so far."""
        return self._end / SAMPLE_RATE

    @property
    def held(self) -> int:
        """Number of samples that are kept for later slices."""
        return sum(samples.shape[1] for _, _, samples in self._chunks)

    def read(self, stop: float) -> None:
        """Decode up to a time in s, or to the end."""
        while not self.has_ended and self._end < round(stop * SAMPLE_RATE):
            frame = next(self._frames, None)
            if frame is None:
                self._finish()
                self.has_ended = True
            else:
                self._take(frame)

    def cut(self, start: float, stop: float) -> np.ndarray:
        """Return the sound `[N]` float32 from `start` to `stop` in s; what lies before is let go."""
        first = round(start * SAMPLE_RATE)
        last = first + round((stop - start) * SAMPLE_RATE)
        wave = np.zeros(last - first, np.float32)
        there = [each for each in self._chunks if each[0] < last and _end(each) > first]
        for names in dict.fromkeys(names for _, names, _ in there):
            wave += self._mixed(names, first, last)
        self._let_go(last)
        return wave

    def _mixed(self, names: tuple[str, ...], first: int, last: int) -> np.ndarray:
        """Return the sound of one set of channels `[N]` from sample `first` to `last` of the file."""
        chunks = [each for each in self._chunks if each[1] == names]
        begins = min(first, max(_needed(names, first), min(at for at, _, _ in chunks)))
        canvas = np.zeros((len(names), last - begins), np.float32)
        for at, _, samples in chunks:
            low, high = max(at, begins), min(at + samples.shape[1], last)
            if low < high:
                canvas[:, low - begins : high - begins] = samples[:, low - at : high - at]
        found: np.ndarray = mix(clean(canvas), names).wave[first - begins :]
        return found

    def _let_go(self, before: int) -> None:
        """Let go of what lies before a sample, but for what the next slices are mixed by."""
        self._wanted = max(self._wanted, before)
        self._chunks = [
            each for each in self._chunks if _end(each) > _needed(each[1], self._wanted)
        ]

    def _take(self, frame: Any) -> None:
        import av

        problem = self._limits.check_sound(frame.layout.nb_channels, frame.sample_rate)
        if problem:
            self._problems.note("sound", problem, self.now)
            return
        self.is_there = True
        time = self._clock.place(frame.time, self._at)
        if self._has_moved(time):
            self._finish()
            self._at, self._drift = time, 0.0
        assert self._at is not None
        try:
            format_ = (frame.format.name, frame.layout.name, frame.sample_rate)
            if self._resampler is None or format_ != self._format:
                self._finish()
                self._resampler, names = resampler(frame.layout)
                self._names, self._format = tuple(names), format_
                self._next = round(self._at * SAMPLE_RATE)
            self._at += frame.samples / frame.sample_rate
            frame.pts = None  # the place is known; stamps that stand still would be an error
            self._keep(frame)
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError) as error:
            self._problems.note("sound", short(error), self.now)
            self._resampler = None

    def _has_moved(self, time: float) -> bool:
        """Tell whether sound at a time in s does not follow that before it."""
        if self._at is None:
            return True
        distance = time - self._at
        self._drift += _WEIGHT * (distance - self._drift)
        return abs(distance) > _LEAP or abs(self._drift) > _DRIFT

    def _finish(self) -> None:
        """Take what the resampler still holds."""
        import av

        if self._resampler is not None:
            try:
                self._keep(None)
            except (av.error.FFmpegError, ValueError) as error:
                self._problems.note("sound", short(error), self.now)
        self._resampler = None

    def _keep(self, frame: Any) -> None:
        for each in self._resampler.resample(frame):
            samples = each.to_ndarray().reshape(-1, len(self._names)).T
            first, self._next = self._next, self._next + samples.shape[1]
            begins = max(first, self._end)  # what overlaps is cut
            self._end = max(self._end, self._next)
            if begins < self._next and self._next > _needed(self._names, self._wanted):
                self._chunks.append((begins, self._names, samples[:, begins - first :]))


def _end(chunk: _Chunk) -> int:
    return chunk[0] + chunk[2].shape[1]


def _needed(names: tuple[str, ...], wanted: int) -> int:
    """Return the first sample that is kept where those from `wanted` on are still to be cut."""
    return wanted if len(names) == 1 else max(0, wanted - round(_CONTEXT * SAMPLE_RATE))
