"""A canvas and a few brushes: soft shapes on a grid of points, painted one over another.

Everything is a function of the points alone, so any part of a picture (a mouth that opens, an eye
that closes) can be painted again and fits its place.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]  # float32 unless stated otherwise


@dataclass(frozen=True)
class Grid:
    """Points to paint: x and y [H, W] in head units, `pixel` the size of a pixel there."""

    x: Array
    y: Array
    pixel: float

    def blob(self, x: float, y: float, width: float, height: float) -> Array:
        """Return a soft round spot [H, W], 1 in its centre."""
        return np.exp(-(((self.x - x) / width) ** 2) - ((self.y - y) / height) ** 2)

    def capsule(self, start: tuple[float, float], end: tuple[float, float]) -> Array:
        """Return the distance [H, W] to a line from start to end."""
        px, py = self.x - start[0], self.y - start[1]
        bx, by = end[0] - start[0], end[1] - start[1]
        along = np.clip((px * bx + py * by) / (bx * bx + by * by + 1e-9), 0, 1)
        return np.hypot(px - along * bx, py - along * by)


@dataclass(frozen=True)
class Light:
    """Direction and colours of the light; x right, y down, z to the viewer."""

    direction: tuple[float, float, float]
    key: tuple[float, float, float]  # RGB of the main light
    fill: tuple[float, float, float]  # RGB of the light from all sides


class Canvas:
    """A picture to paint on a grid of points, lit by the light of the scene.

    `colour` is [H, W, 3] in 0..1, premultiplied by `alpha` [H, W].
    """

    def __init__(self, grid: Grid, light: Light) -> None:
        self.grid, self.light = grid, light
        self.colour = np.zeros((*grid.x.shape, 3), np.float32)
        self.alpha = np.zeros(grid.x.shape, np.float32)

    def mirrored(self) -> "Canvas":
        """Return the same picture with x to the left."""
        other = copy(self)
        other.grid = Grid((-self.grid.x).astype(np.float32), self.grid.y, self.grid.pixel)
        return other

    def shade(self, height: Array, gloss: float = 0.0) -> Array:
        """Return the light [H, W, 3] that a surface of this height [H, W] reflects."""
        dy, dx = np.gradient(height.astype(np.float32), self.grid.pixel)
        norm = 1.0 / np.sqrt(dx * dx + dy * dy + 1.0)
        lx, ly, lz = np.asarray(self.light.direction) / np.linalg.norm(self.light.direction)
        facing = (-dx * lx - dy * ly + lz) * norm
        # Light wraps round a soft body, without a hard edge between light and shadow.
        lit = np.clip((facing + 0.35) / 1.35, 0, 1)[..., None]
        out = lit * rgb(*self.light.key) + rgb(*self.light.fill) * (0.6 + 0.4 * norm[..., None])
        if gloss:
            half = np.array([lx, ly, lz + 1.0]) / np.linalg.norm([lx, ly, lz + 1.0])
            shine = np.clip((-dx * half[0] - dy * half[1] + half[2]) * norm, 0, 1) ** 24
            out = out + gloss * shine[..., None] * rgb(*self.light.key)
        return out.astype(np.float32)

    def over(self, alpha: Array, colour: Array | Sequence[float]) -> None:
        """Paint a colour ([3] or [H, W, 3]) over the picture, with alpha [H, W]."""
        inside = np.flatnonzero(alpha.max(axis=1) > 0.002)
        if not len(inside):
            return
        rows = slice(int(inside[0]), int(inside[-1]) + 1)
        paint = np.asarray(colour, np.float32)
        paint = paint[rows] if paint.ndim == 3 else paint
        cover = alpha[rows, :, None]
        self.colour[rows] += cover * (paint - self.colour[rows])
        self.alpha[rows] += alpha[rows] * (1 - self.alpha[rows])

    def multiply(self, alpha: Array, factor: Sequence[float] | float) -> None:
        """Tint or darken the picture."""
        self.colour *= 1 - alpha[..., None] * (1 - np.asarray(factor, np.float32))


def rgb(*colour: float) -> Array:
    """Return a colour [3] as an array."""
    return np.array(colour, np.float32)


def smooth(low: float, high: float, value: Array) -> Array:
    """Return 0 below `low`, 1 above `high` and an S between (or the other way round)."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def inside(distance: Array, edge: float) -> Array:
    """Return the cover of a shape whose signed distance is negative inside, `edge` wide."""
    return np.clip(0.5 - distance / edge, 0, 1)


def polygon(x: Array, y: Array, points: Sequence[tuple[float, float]]) -> Array:
    """Return the distance [H, W] to a convex polygon, negative inside; points run clockwise."""
    distance = np.full(x.shape, -np.inf, np.float32)
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        length = np.hypot(x1 - x0, y1 - y0)
        distance = np.maximum(distance, ((y1 - y0) * (x - x0) - (x1 - x0) * (y - y0)) / length)
    return distance.astype(np.float32)


def bulge(depth: Array) -> Array:
    """Return the height of a round surface, 0 at its edge (depth 0) to 1 in the middle (depth 1)."""
    return np.sqrt(1 - (1 - depth) ** 2 * 0.97)


def noise(u: Array, v: Array, seed: int, cell: int = 16) -> Array:
    """Return soft noise, about -1..1, at u, v [H, W]; it repeats with period 1."""
    texture = _texture(seed, cell)
    u, v = ((each % 1.0 * len(texture)).astype(np.float32) for each in (u, v))
    return cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


@lru_cache(maxsize=64)
def _texture(seed: int, cell: int, size: int = 256) -> Array:
    """Return noise [size, size] whose edges fit together: random values, `cell` pixels apart."""
    small = np.random.default_rng(seed).normal(size=(size // cell, size // cell)).astype(np.float32)
    tiled = np.tile(small, (3, 3))
    large = cv2.resize(tiled, (3 * size, 3 * size), interpolation=cv2.INTER_CUBIC)
    return large[size : 2 * size, size : 2 * size] * 0.6
