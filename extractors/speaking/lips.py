"""The lips of one face over time, read in pieces as its pictures come."""

import numpy as np

from mraf.extractors.speaking.lr_asd import FIELD, SIZE, LipReader

PIECE = 100
"""Ticks whose lips are read at once, beside those on either side that they depend on."""


class Lips:
    """Reads a face's lips; the pieces do not show in what it finds.

    Args:
        reader: the network.
        first_tick: tick of the first picture.
    """

    def __init__(self, reader: LipReader, first_tick: int) -> None:
        self.first_tick = first_tick
        self.next_tick = first_tick
        self._reader = reader
        self._found: list[np.ndarray] = []
        self._faces: list[np.ndarray] = []  # of the run of ticks that is being looked at
        self._read = 0  # of these, how many have been read

    def add(self, face: np.ndarray | None) -> None:
        """Take in the picture `[S, S]` uint8, grey, of the next tick, None where it is not looked at."""
        self.next_tick += 1
        if face is None:
            self._flush()
            self._found.append(np.full((1, SIZE), np.nan, np.float16))
            return
        self._faces.append(face)
        if len(self._faces) - self._read == PIECE + FIELD:
            self._read_until(len(self._faces) - FIELD)
            # What the next piece depends on stays.
            keep = self._read - FIELD
            self._faces, self._read = self._faces[keep:], FIELD

    def finish(self) -> np.ndarray:
        """Return the lips `[V, 128]` float16 of all ticks so far, NaN where not looked at."""
        self._flush()
        return np.concatenate([np.zeros((0, SIZE), np.float16), *self._found])

    def _flush(self) -> None:
        self._read_until(len(self._faces))
        self._faces, self._read = [], 0

    def _read_until(self, stop: int) -> None:
        if stop > self._read:
            lips = self._reader.read(np.stack(self._faces))[self._read : stop]
            self._found.append(lips.astype(np.float16))
            self._read = stop
