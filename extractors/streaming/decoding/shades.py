"""Make grey and colour pictures of decoded frames: upright, of one size, with square pixels."""

from fractions import Fraction
from typing import Any

import numpy as np

from mraf.extractors.media.frames import fitted, kept_size, orientation, square_size
from mraf.extractors.media.limits import Limits

BOUNDS = (720, 1920)
"""Bounds of a picture's shorter and longer side in pixels."""

# Formats of pixels whose first plane is their brightness, in bytes.
_BRIGHTNESS_FIRST = frozenset(
    "yuv420p yuvj420p yuv422p yuvj422p yuv444p yuvj444p yuv440p yuvj440p yuv411p yuv410p yuva420p "
    "nv12 nv21 nv16 nv24 gray".split()
)
_FULL_RANGE = 2
"""FFmpeg's number for brightness from 0 to 255; otherwise it is from 16 to 235."""


class Shades:
    """Pictures of one size, that of the first, whatever the size of later ones.

    Args:
        pixel_shape: width of a pixel divided by its height, None where the file has none.
        size: width and height of the stream by its header, (0, 0) where it has none.
        limits: on the size of frames.
    """

    def __init__(self, pixel_shape: Fraction | None, size: tuple[int, int], limits: Limits) -> None:
        self._pixel_shape, self._header, self._limits = pixel_shape, size, limits
        self.size: tuple[int, int] | None = None  # upright width and height of all pictures
        self._turns: dict[int, tuple[bool, bool, bool]] = {}
        self.has_changed = False  # a later frame had another size

    def grey(self, frame: Any) -> np.ndarray:
        """Return a grey picture `[H, W]` uint8, 0 to 255. Raises ValueError, av's errors, MemoryError."""
        width, height = self._square(frame)
        plane = _brightness(frame)
        if plane is None:
            grey = frame.reformat(width, height, "gray", interpolation="AREA", threads=1)
            return self._placed(_plane(grey, grey.width), frame)
        return self._placed(_scaled(plane, width, height), frame)

    def colour(self, frame: Any) -> np.ndarray:
        """Return a picture `[H, W, 3]` uint8 RGB of the same size. Raises as `grey` does."""
        width, height = self._square(frame)
        made = frame.reformat(width, height, "rgb24", interpolation="AREA", threads=1)
        return self._placed(made.to_ndarray(), frame)

    def _square(self, frame: Any) -> tuple[int, int]:
        """Return the width and height with square pixels, not yet upright."""
        problem = self._limits.check_size(frame.width, frame.height)
        if problem:
            raise ValueError(problem)
        return self._kept(frame.width, frame.height)

    def _kept(self, width: int, height: int) -> tuple[int, int]:
        return kept_size(*square_size(width, height, self._pixel_shape), None, BOUNDS)

    def _placed(self, picture: np.ndarray, frame: Any) -> np.ndarray:
        """Return a picture upright, in the size of all others."""
        swapped, rows_back, columns_back = self._turn(frame)
        if self.size is None:
            size = self._header if all(self._header) else (frame.width, frame.height)
            width, height = self._kept(*size)
            self.size = (height, width) if swapped else (width, height)
        picture = picture.swapaxes(0, 1) if swapped else picture
        picture = picture[:: -1 if rows_back else 1, :: -1 if columns_back else 1]
        width, height = self.size
        if picture.shape[:2] != (height, width):
            self.has_changed = True
            picture = fitted(np.ascontiguousarray(picture), height, width)
        return np.ascontiguousarray(picture)

    def _turn(self, frame: Any) -> tuple[bool, bool, bool]:
        """Return the turn of a frame, see `orientation`, which is asked once for each angle.

        A frame whose side data was looked at stays in memory until Python looks for cycles.
        """
        angle = frame.rotation
        if angle not in self._turns:
            self._turns[angle] = orientation(frame)
        return self._turns[angle]


def _brightness(frame: Any) -> np.ndarray | None:
    """Return the brightness of a frame `[H, W]` uint8 from 0 to 255, None for formats without a plane of it."""
    import cv2

    name = frame.format.name
    if name not in _BRIGHTNESS_FIRST or frame.planes[0].line_size < frame.width:
        return None
    plane = _plane(frame, frame.width)
    if name == "gray" or name.startswith("yuvj") or int(frame.color_range or 0) == _FULL_RANGE:
        return plane
    return cv2.LUT(plane, _TO_FULL_RANGE)


_TO_FULL_RANGE = np.clip(np.round((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)


def _plane(frame: Any, width: int) -> np.ndarray:
    plane = frame.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, :width]


def _scaled(plane: np.ndarray, width: int, height: int) -> np.ndarray:
    import cv2

    if plane.shape == (height, width):
        return plane
    smaller = width * height < plane.size
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(plane, (width, height), interpolation=way)
