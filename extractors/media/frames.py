"""Choose decoded frames that lie evenly in time, and make upright pictures of one size of them."""

from fractions import Fraction
from typing import Any

import numpy as np

_USUAL = 0.04  # seconds a frame lasts where its time stamps do not tell
_LONGEST_PAUSE = 10.0  # seconds; a larger step forwards is a leap of the clock
_LARGEST_SHAPE = 2.5  # a pixel's width to its height, or the reverse; beyond it the header is wrong
# Larger pictures are scaled down as they are taken: a face that is found in them is still larger
# than the encoders look at, and eight frames of any video then fit into 110 MB.
_SHORTER_SIDE, _LONGER_SIDE = 1080, 4096


class Clock:
    """Seconds since a stream's first frame, which only ever grow.

    Time stamps may be missing (bare streams), stand still, swap places, or leap to another clock
    (recordings put end to end); then a frame is taken to follow the one before.
    """

    def __init__(self) -> None:
        self._now: float | None = None
        self._offset = 0.0

    def tick(self, stamp: float | None) -> float:
        """The time of the next frame, whose time stamp in seconds is `stamp`."""
        if self._now is None:
            self._now, self._offset = 0.0, -(stamp or 0.0)
            return self._now
        step = _USUAL if stamp is None else self._offset + stamp - self._now
        if not -0.5 < step < _LONGEST_PAUSE:
            self._offset += _USUAL - step
            step = _USUAL
        self._now += max(step, 0.001)
        return self._now


class EvenFrames:
    """Keeps at most `2 * wanted` of the frames it is given, spread over time however many come.

    Frames closer than a step to the one kept before are left out. When too many are kept, the step
    becomes twice the smallest distance between them and they are thinned by it: that drops at most
    every second one, so `wanted` always remain. In a video of steady rate this is every n-th frame.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted, self._step = wanted, 0.0
        self._kept: list[tuple[float, Any]] = []

    def wants(self, time: float) -> bool:
        """Whether a frame at `time` in seconds would be kept, for now."""
        return not self._kept or time - self._kept[-1][0] >= self._step

    def add(self, time: float, frame: Any) -> None:
        """Offer the next frame; `time` in seconds must be later than that of the one before."""
        self._keep(time, frame)
        while len(self._kept) > 2 * self._wanted:
            # A little less than twice: time stamps are rounded.
            self._step = 1.999 * float(np.diff([at for at, _ in self._kept]).min())
            offered, self._kept = self._kept, []
            for each in offered:
                self._keep(*each)

    def chosen(self) -> list[tuple[float, Any]]:
        """Times and frames on screen in the middle of each of `wanted` equal parts of the video.

        No frame is chosen twice; where a part has none of its own, its neighbour's next is taken.
        """
        count, wanted = len(self._kept), self._wanted
        if count <= wanted:
            return self._kept
        times = np.array([time for time, _ in self._kept])
        usual = float(np.median(np.diff(times)))
        span = times[-1] - times[0] + usual
        middles = times[0] + (np.arange(wanted) + 0.5) * span / wanted
        index = np.searchsorted(times, middles + 0.05 * usual, side="right") - 1
        places = np.arange(wanted)
        index = np.maximum.accumulate(index - places) + places
        index = np.minimum(index, count - wanted + places)
        return [self._kept[i] for i in index]

    def _keep(self, time: float, frame: Any) -> None:
        if self.wants(time):
            self._kept.append((time, frame))


def kept_size(width: int, height: int, pixel_shape: Fraction | None = None) -> tuple[int, int]:
    """Width and height that a picture of this size is kept in, in pixels.

    It is then small enough also when `upright` has made its pixels, which have the shape
    `pixel_shape` and keep it here, square.
    """
    shorter, longer = sorted(_square_size(width, height, pixel_shape))
    scale = min(1.0, _SHORTER_SIDE / shorter, _LONGER_SIDE / longer)
    return max(1, round(width * scale)), max(1, round(height * scale))


def orientation(frame: Any) -> tuple[bool, bool, bool]:
    """What its display flag asks of an `av.VideoFrame`: to swap rows and columns, then to turn
    the order of the rows, and of the columns, round.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    # x' = a x + c y, y' = b x + d y; the nearest quarter turn, mirrored or not.
    a, b, _, c, d = (int(value) for value in np.frombuffer(matrix, np.int32)[:5])
    if abs(a) + abs(d) < abs(b) + abs(c):
        return True, b < 0, c < 0
    return False, d < 0, a < 0


def upright(
    picture: np.ndarray, turn: tuple[bool, bool, bool], pixel_shape: Fraction | None
) -> np.ndarray:
    """A picture `[H, W, 3]` with square pixels, turned as `orientation` says.

    `pixel_shape` is the width of one pixel to its height, None where the file does not say.
    """
    swapped, rows_back, columns_back = turn
    picture = _stretched(picture, pixel_shape)
    picture = picture.transpose(1, 0, 2) if swapped else picture
    rows, columns = (
        slice(None, None, -1 if rows_back else 1),
        slice(None, None, -1 if columns_back else 1),
    )
    return np.ascontiguousarray(picture[rows, columns])


def of_one_size(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures `[H, W, 3]` as `[T, H, W, 3]`: all as large as the largest, on black, not distorted.

    Calls change the size of the picture with the quality of the line, and when a phone is turned.
    """
    height, width = max((p.shape[:2] for p in pictures), key=lambda shape: shape[0] * shape[1])
    return np.stack([_fitted(picture, height, width) for picture in pictures])


def _fitted(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(height / picture.shape[0], width / picture.shape[1])
    small = _resized(picture, round(picture.shape[0] * scale), round(picture.shape[1] * scale))
    canvas = np.zeros((height, width, 3), np.uint8)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def _stretched(picture: np.ndarray, pixel_shape: Fraction | None) -> np.ndarray:
    """With square pixels."""
    height, width = picture.shape[:2]
    size = _square_size(width, height, pixel_shape)
    if size == (width, height):
        return picture
    width, height = kept_size(*size)  # rounded, it may be a pixel too large
    return _resized(picture, height, width)


def _square_size(width: int, height: int, pixel_shape: Fraction | None) -> tuple[int, int]:
    """Width and height in square pixels. One side grows, so that nothing of the picture is lost."""
    shape = float(pixel_shape or 1)
    if not 1 / _LARGEST_SHAPE <= shape <= _LARGEST_SHAPE:
        return width, height
    return round(width * max(1, shape)), round(height * max(1, 1 / shape))


def _resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    import cv2

    return cv2.resize(picture, (max(width, 1), max(height, 1)), interpolation=cv2.INTER_LINEAR)
