"""Cuts: the ticks at which a new shot begins."""

from collections import deque
from dataclasses import dataclass

import numpy as np

THUMBNAIL = (48, 27)
"""Width and height to which pictures are reduced before they are compared."""
LAG = 10
"""Ticks that must be known after a change before it can be called a cut."""
LEAST = 8.0
"""Mean change of a thumbnail (0 to 255) from one picture to the next, from which it may be a cut."""
OUTSTANDING = 3.5
"""Times by which it must exceed the other changes around it, as those of a moving camera."""
AROUND = 6
"""Changes before and after that it is compared with."""
BACK, LIKE = 0.5, 2 * LEAST
"""Share of the change, and most in all, by which the picture after a flash of light differs from the one before."""


_KEPT = LAG + 2
"""Pictures before a change that are looked at, at one a tick, and one more: the change to the first is not."""


@dataclass(frozen=True, eq=False, kw_only=True)
class LastPictures:
    """The last pictures of a part, by which a cut at the beginning of the next one is found."""

    ticks: np.ndarray  # [K] int64: the first of each, from the beginning of the file
    thumbs: np.ndarray  # [K, 27, 48] uint8


class CutFinder:
    """Finds hard cuts in pictures that come one after the other.

    A flash, after which the picture before comes back, is none, and neither are fades and moves of
    the camera, in which no picture stands out among its neighbours.

    Args:
        before: the pictures of the part before; None: the first that comes is the first of all.
    """

    def __init__(self, before: LastPictures | None = None) -> None:
        self._thumbs: deque[tuple[int, np.ndarray]] = deque()  # of pictures, with their first tick
        self._changes: deque[float] = deque()  # from the one before to each of them
        if before is not None:
            for tick, thumb in zip(before.ticks, before.thumbs, strict=True):
                self._append(int(tick), thumb.astype(np.float32))
        self._checked = len(self._thumbs)  # of them, those that were called a cut or none
        self._until = 0  # the first tick that is not known

    def add(self, grey: np.ndarray, shown: np.ndarray, first_tick: int) -> None:
        """Take in the pictures of a slice: see `Slice.grey` and `Slice.shown`."""
        changes = np.flatnonzero(np.diff(shown, prepend=-1))  # the first of a slice is compared too
        for k in changes[shown[changes] >= 0]:
            thumb = _thumbnail(grey[shown[k]])
            stays = k == 0 and self._thumbs and np.array_equal(thumb, self._thumbs[-1][1])
            if not stays:  # else where slices begin would tell in what is a cut
                self._append(first_tick + int(k), thumb)
        self._until = first_tick + len(shown)

    def last_pictures(self) -> LastPictures | None:
        """Return what the finder of the next part needs; None where there was no picture."""
        if not self._thumbs:
            return None
        kept = list(self._thumbs)[-_KEPT:]
        return LastPictures(
            ticks=np.array([tick for tick, _ in kept]),
            thumbs=np.stack([thumb for _, thumb in kept]).astype(np.uint8),
        )

    def _append(self, tick: int, thumb: np.ndarray) -> None:
        before = self._thumbs[-1][1] if self._thumbs else thumb
        self._thumbs.append((tick, thumb))
        self._changes.append(float(np.abs(thumb - before).mean()))

    def take(self, *, last: bool = False) -> tuple[list[int], int]:
        """Return the cuts that were not told before, and the tick before which all are known.

        Args:
            last: nothing more comes: decide on what is there.
        """
        known = self._until if last else self._until - LAG
        cuts = []
        while self._checked < len(self._thumbs) and self._thumbs[self._checked][0] < known:
            if self._is_cut(self._checked):
                cuts.append(self._thumbs[self._checked][0])
            self._checked += 1
        for _ in range(self._checked - _KEPT):
            self._thumbs.popleft()
            self._changes.popleft()
            self._checked -= 1
        return cuts, known

    def _is_cut(self, i: int) -> bool:
        change = self._changes[i]
        if change < LEAST:
            return False
        around = [
            self._changes[j]
            for j in range(max(1, i - AROUND), min(len(self._changes), i + AROUND + 1))
            if j != i
        ]
        # A cut may stand beside another, or beside a flash; a moving camera changes all pictures.
        if around and change < OUTSTANDING * float(np.median(around)):
            return False
        return not self._is_flash(i)

    def _is_flash(self, i: int) -> bool:
        """Tell whether the picture before the change comes back soon, or the one after was there shortly before."""
        tick = self._thumbs[i][0]
        near = [j for j, (other, _) in enumerate(self._thumbs) if abs(other - tick) <= LAG]
        pairs = [(i - 1, j) for j in near if j > i] + [(i, j) for j in near if j < i - 1]
        least = min(BACK * self._changes[i], LIKE)
        return any(np.abs(self._thumbs[a][1] - self._thumbs[b][1]).mean() < least for a, b in pairs)


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    import cv2

    # Averaging all pixels of a large picture takes 3 ms, and tells no more than some of its rows and columns.
    step = max(1, min(picture.shape) // (4 * THUMBNAIL[1]))
    some = np.ascontiguousarray(picture[::step, ::step])
    small = cv2.resize(some, THUMBNAIL, interpolation=cv2.INTER_AREA)
    return small.astype(np.float32)
