"""The grey pictures of the last seconds, kept until the faces in them have been cut out."""

from collections import deque

import numpy as np

from mraf.extractors.streaming.slices import Slice


class Greys:
    """Pictures by tick, of slices in the order of time."""

    def __init__(self) -> None:
        self._slices: deque[tuple[int, np.ndarray, np.ndarray]] = deque()  # first tick, grey, shown

    def add(self, piece: Slice) -> None:
        """Take in the pictures of a slice."""
        self._slices.append((piece.first_tick, piece.grey, piece.shown))

    def at(self, tick: int) -> np.ndarray | None:
        """Return the picture `[H, W]` on display at a tick; None where there is none."""
        for first, grey, shown in self._slices:
            if first <= tick < first + len(shown):
                position = int(shown[tick - first])
                return grey[position] if position >= 0 else None
        return None

    def forget(self, tick: int) -> None:
        """Let go of what lies before a tick."""
        while self._slices and self._slices[0][0] + len(self._slices[0][2]) <= tick:
            self._slices.popleft()
