"""Pictures of a face for LR-ASD: a square around its mouth, cut out of the grey picture at every tick."""

from collections import deque

import numpy as np

from mraf.extractors.streaming.slices import Slice

MEDIAN = 13
"""Ticks over whose median place and size are smoothed."""
WIDER = 0.4
"""Share of half the side by which the square reaches beyond the face: on each side, and twice below."""
OUTSIDE = 110
"""Grey of what lies outside of the picture."""
WHOLE = 224
"""Side in pixels of the square, whose middle is looked at."""
SIDE = 80
"""Side in pixels of this middle. LR-ASD was trained on 112; the rim between shows cheeks and background, and without
it the network tells speaking faces from still ones as well, in half the time."""


def between(ticks: np.ndarray, boxes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return boxes `[K, 4]` at wanted ticks `[K]`, on lines between those at `ticks` `[T]`, `[T, 4]`.

    Before the first and after the last a box stays where it is.
    """
    return np.stack([np.interp(wanted, ticks, column) for column in boxes.T], axis=1)


def squares(boxes: np.ndarray) -> np.ndarray:
    """Return centre and half side `[K, 3]` of boxes `[K, 4]`, smoothed over 13 ticks."""
    from scipy.ndimage import median_filter

    x1, y1, x2, y2 = boxes.T
    half = np.maximum(x2 - x1, y2 - y1) / 2
    found = np.stack([(x1 + x2) / 2, (y1 + y2) / 2, half], axis=1)
    smooth: np.ndarray = median_filter(found, size=(MEDIAN, 1), mode="nearest")
    return smooth


def crop(picture: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Return `[80, 80]` uint8: the middle of the square around a face, at 224 x 224 pixels.

    Args:
        picture: `[H, W]` uint8, grey.
        square: `[3]` centre and half side s of the face: the square reaches from 1.4 s left of the centre to
            1.4 s right of it, and from s above it to 1.8 s below.
    """
    import cv2

    x, y, half = (float(each) for each in square)
    half = max(half, 1.0)
    wide = 1 + WIDER
    left, right = int(x - wide * half), int(x + wide * half)
    top, bottom = int(y - half), int(y + (wide + WIDER) * half)
    # From a pixel of the result to one of the picture, both counted from the middle of the first.
    scale_x, scale_y = (right - left) / WHOLE, (bottom - top) / WHOLE
    first = (WHOLE - SIDE) / 2 + 0.5
    matrix = np.array(
        [[scale_x, 0, left + first * scale_x - 0.5], [0, scale_y, top + first * scale_y - 0.5]]
    )
    return cv2.warpAffine(
        picture,
        matrix,
        (SIDE, SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=OUTSIDE,
    )


class Greys:
    """The grey pictures of the last seconds by tick, kept until the faces in them have been cut out."""

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
