"""Choose decoded frames evenly in time, and turn them into upright pictures of one size."""

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

_FRAME_SECONDS = 0.04
"""Duration of a frame without a usable time stamp."""
_LONGEST_PAUSE = 10.0
"""Seconds between two frames of a stream that is decoded as a whole."""
_LARGEST_SHAPE = 2.5
"""Ratio of a pixel's sides beyond which the header is taken to be wrong."""
_SHORTER_SIDE, _LONGER_SIDE = 1080, 4096
"""Bounds of a kept picture in pixels. The faces that are found in it are still larger than the
encoders' crops, and eight frames of any video fit into 110 MB."""


class Clock:
    """Seconds since a stream's first frame, or since `origin`; they always grow.

    Time stamps may be missing (bare streams), stand still, swap places, or leap to another clock
    (recordings put end to end); then a frame follows the previous one after `_FRAME_SECONDS`.

    Args:
        origin: the time stamp of zero in seconds; None: that of the first frame.
        longest_pause: seconds between two frames; a larger step forwards is a leap of the clock.
    """

    def __init__(self, origin: float | None = None, longest_pause: float = _LONGEST_PAUSE) -> None:
        self._longest_pause = longest_pause
        self._now: float | None = None
        self._offset = -(origin or 0.0)
        self._counts_from_first = origin is None

    def tick(self, stamp: float | None) -> float:
        """Return the time of the next frame, whose time stamp in seconds is `stamp`."""
        if self._now is None:
            if self._counts_from_first:
                self._offset = -(stamp or 0.0)
            self._now = 0.0 if stamp is None else self._offset + stamp
            return self._now
        step = _FRAME_SECONDS if stamp is None else self._offset + stamp - self._now
        if not -0.5 < step < self._longest_pause:
            self._offset += _FRAME_SECONDS - step
            step = _FRAME_SECONDS
        self._now += max(step, 0.001)
        return self._now

    def ahead(self, stamp: float | None) -> float | None:
        """Return the seconds from the last frame to one of this time stamp; None if that cannot be said."""
        if stamp is None or self._now is None:
            return None
        return self._offset + stamp - self._now

    @property
    def now(self) -> float:
        """Time of the last frame."""
        return self._now or 0.0


class EvenFrames:
    """A selection of at most `2 * wanted` frames, spread over time however many are added.

    A frame closer than a step to the last kept one is left out. When too many are kept, the step
    becomes twice the smallest distance between them and the selection is thinned by it: that drops
    at most every second frame, so that `wanted` always remain. At a steady rate, every n-th frame
    remains.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted, self._step = wanted, 0.0
        self._kept: list[tuple[float, Any]] = []

    def wants(self, time: float) -> bool:
        """Tell whether a frame at `time` in seconds would be kept, for now."""
        return not self._kept or time - self._kept[-1][0] >= self._step

    def add(self, time: float, frame: Any) -> None:
        """Add the next frame; `time` in seconds must be later than that of the previous one."""
        self._keep(time, frame)
        while len(self._kept) > 2 * self._wanted:
            # A little less than twice, because time stamps are rounded.
            self._step = 1.999 * float(np.diff([at for at, _ in self._kept]).min())
            offered, self._kept = self._kept, []
            for each in offered:
                self._keep(*each)

    def chosen(self) -> list[tuple[float, Any]]:
        """Return times and frames: those on screen in the middle of `wanted` equal parts.

        No frame is chosen twice; a part without a frame of its own takes the next one.
        """
        count, wanted = len(self._kept), self._wanted
        if count <= wanted:
            return self._kept
        times = np.array([time for time, _ in self._kept])
        typical = float(np.median(np.diff(times)))  # how long the last frame is on screen, too
        span = times[-1] - times[0] + typical
        places = np.arange(wanted)
        middles = times[0] + (places + 0.5) * span / wanted
        # The last frame that begins by then; 0.05 allows for rounded time stamps.
        index = np.searchsorted(times, middles + 0.05 * typical, side="right") - 1
        # Each index at least one above the previous one ...
        index = np.maximum.accumulate(index - places) + places
        # ... and low enough to leave one frame for each place that follows.
        index = np.minimum(index, count - wanted + places)
        return [self._kept[i] for i in index]

    def _keep(self, time: float, frame: Any) -> None:
        if self.wants(time):
            self._kept.append((time, frame))


def kept_size(
    width: int,
    height: int,
    pixel_shape: Fraction | None = None,
    bounds: tuple[int, int] = (_SHORTER_SIDE, _LONGER_SIDE),
) -> tuple[int, int]:
    """Return the width and height in pixels at which a picture of this size is kept.

    The pixels keep their shape `pixel_shape` (see `upright`). The picture is within the bounds of its
    shorter and its longer side even after `upright` has made its pixels square.
    """
    shorter, longer = sorted(square_size(width, height, pixel_shape))
    scale = min(1.0, bounds[0] / shorter, bounds[1] / longer)
    return max(1, round(width * scale)), max(1, round(height * scale))


def orientation(frame: Any) -> tuple[bool, bool, bool]:
    """Return the turn that the display flag of an `av.VideoFrame` asks for.

    Three flags, applied in this order: swap rows and columns, reverse rows, reverse columns.
    """
    _name_all_side_data()
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return False, False, False
    # x' = a x + c y, y' = b x + d y. The larger pair of coefficients gives the nearest quarter
    # turn, mirrored or not; a negative one reverses its axis.
    a, b, _, c, d = (int(value) for value in np.frombuffer(matrix, np.int32)[:5])
    if abs(a) + abs(d) < abs(b) + abs(c):
        return True, b < 0, c < 0
    return False, d < 0, a < 0


@cache
def _name_all_side_data() -> None:
    """Have PyAV accept side data of kinds that it has no name for, as EXIF and those of spatial video.

    It raises ValueError for all side data of a frame otherwise.
    """
    from av.sidedata.sidedata import Type

    def unnamed(cls: Any, value: int) -> Any:
        member = object.__new__(cls)
        member._name_, member._value_ = f"UNNAMED_{value}", value
        return member

    Type._missing_ = classmethod(unnamed)  # type: ignore[method-assign, assignment]


def upright(
    picture: np.ndarray, turn: tuple[bool, bool, bool], pixel_shape: Fraction | None
) -> np.ndarray:
    """Return a picture `[H, W, 3]` or `[H, W]` with square pixels, turned by the result of `orientation`.

    `pixel_shape` is the width of one pixel divided by its height, None where the file has none.
    """
    swapped, rows_back, columns_back = turn
    picture = _stretched(picture, pixel_shape)
    picture = picture.swapaxes(0, 1) if swapped else picture
    rows, columns = (
        slice(None, None, -1 if rows_back else 1),
        slice(None, None, -1 if columns_back else 1),
    )
    return np.ascontiguousarray(picture[rows, columns])


def of_one_size(pictures: list[np.ndarray]) -> np.ndarray:
    """Stack pictures `[H, W, 3]`, fitted on black to the size of the largest: `[T, H, W, 3]`.

    Video calls change the size of the picture with the quality of the line or a turn of the phone.
    """
    height, width = max((p.shape[:2] for p in pictures), key=lambda shape: shape[0] * shape[1])
    return np.stack([fitted(picture, height, width) for picture in pictures])


def fitted(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a picture `[H, W, ...]` scaled to fit into a height and a width, on black."""
    if picture.shape[:2] == (height, width):
        return picture
    scale = min(height / picture.shape[0], width / picture.shape[1])
    small = resized(picture, round(picture.shape[0] * scale), round(picture.shape[1] * scale))
    canvas = np.zeros((height, width, *picture.shape[2:]), np.uint8)
    top, left = (height - small.shape[0]) // 2, (width - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    return canvas


def _stretched(picture: np.ndarray, pixel_shape: Fraction | None) -> np.ndarray:
    height, width = picture.shape[:2]
    size = square_size(width, height, pixel_shape)
    if size == (width, height):
        return picture
    width, height = kept_size(*size)  # rounded, it may be a pixel too large
    return resized(picture, height, width)


def square_size(width: int, height: int, pixel_shape: Fraction | None) -> tuple[int, int]:
    """Return width and height in square pixels. One side grows, so that no detail is lost."""
    shape = float(pixel_shape or 1)
    if not 1 / _LARGEST_SHAPE <= shape <= _LARGEST_SHAPE:
        return width, height
    return round(width * max(1, shape)), round(height * max(1, 1 / shape))


def resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return a picture `[H, W, ...]` of another size, interpolated linearly."""
    import cv2

    return cv2.resize(picture, (max(width, 1), max(height, 1)), interpolation=cv2.INTER_LINEAR)
