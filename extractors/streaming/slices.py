"""A slice of a file: the pictures and the sound of a few seconds."""

from dataclasses import dataclass

import numpy as np

from mraf.extractors.streaming.decoding.problems import Problem

TICKS = 25
"""Ticks a second: the pictures on display at these times are what LR-ASD looks at."""
LOOK = 5
"""Ticks from one picture in which faces are looked for to the next: five a second."""
SLICE_SECONDS = 2.0
"""Length of a slice, but for the last one of a file."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Slice:
    """The pictures and the sound of a few seconds of a file.

    Times are those that a player shows: seconds on the container's clock from the beginning of the file.
    Tick k of a file is at k / 25 s; the ticks of a slice are those from `start` on, before `stop`.
    """

    start: float  # s; a whole number of ticks
    stop: float  # s
    # [N] float32 mono at 16 kHz, N = round(16,000 (stop - start)): silence where the file has none, as before
    # sound that begins late; None where the file has no sound that can be read.
    wave: np.ndarray | None
    # [F, H, W] uint8, grey and upright with square pixels, 720 of them on the shorter side at most and
    # 1920 on the longer; H and W are those of all slices of a file. The distinct pictures on display:
    # F = 0 where there is none.
    grey: np.ndarray
    shown: (
        np.ndarray
    )  # [K] int32: position in `grey` of the picture at each tick, -1 where there is none
    colour: (
        np.ndarray
    )  # [L, H, W, 3] uint8 RGB of the same size: pictures in which to look for faces
    looks: np.ndarray  # [L] int32: their ticks, counted from the first tick of the file
    problems: tuple[Problem, ...] = ()  # that were met while it was decoded, one of each kind

    @property
    def first_tick(self) -> int:
        """The number of the slice's first tick in the file."""
        return round(self.start * TICKS)
