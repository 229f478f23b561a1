"""Clothes of the drawn people: drawn at random for a recording, and painted."""

from dataclasses import dataclass, replace

import numpy as np

from mraf.data.sample.painting.canvas import (
    Array,
    Canvas,
    Grid,
    inside,
    noise,
    polygon,
    rgb,
    smooth,
)
from mraf.data.sample.painting.look import FABRICS, Colour

CUTS = ("crew", "shirt", "v", "hoodie", "kurta", "blazer")
PATTERNS = ("plain", "plain", "stripes", "check")


@dataclass(frozen=True, kw_only=True)
class Clothes:
    """Clothes of a person in one recording."""

    cut: str  # one of CUTS
    pattern: str  # one of PATTERNS
    colour: Colour
    inner: Colour  # of the shirt under a blazer, of stripes and seams
    seed: int


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Draw the clothes of one recording."""
    first, second = rng.permutation(len(FABRICS))[:2]
    return Clothes(
        cut=str(rng.choice(CUTS)),
        pattern=str(rng.choice(PATTERNS)),
        colour=FABRICS[first],
        inner=FABRICS[second],
        seed=int(rng.integers(2**31)),
    )


def paint_clothes(
    canvas: Canvas, clothes: Clothes, *, bounds: Array, lit: Array, neck: float
) -> None:
    """Paint clothes on the shoulders.

    Args:
        canvas: shows the neck already.
        clothes: the clothes.
        bounds: distance [H, W] to the edge of the shoulders, negative inside.
        lit: light [H, W, 3] on the shoulders.
        neck: half the width of the neck.
    """
    if clothes.cut == "blazer":
        shirt = replace(clothes, cut="crew", pattern="plain", colour=clothes.inner)
        _paint_cloth(canvas, shirt, bounds=bounds, lit=lit, neck=neck)
    cloth = _paint_cloth(canvas, clothes, bounds=bounds, lit=lit, neck=neck)
    _paint_collar(canvas, clothes, cloth=cloth, lit=lit, neck=neck)


def _paint_cloth(
    canvas: Canvas, clothes: Clothes, *, bounds: Array, lit: Array, neck: float
) -> Array:
    """Paint the fabric without its collar. Return its cover [H, W]."""
    grid = canvas.grid
    cloth = inside(np.maximum(bounds, -_neckline(grid, clothes, neck)), 2.5 * grid.pixel)
    canvas.over(cloth, np.clip(_fabric(grid, clothes) * lit, 0, 1))
    return cloth


def _neckline(grid: Grid, clothes: Clothes, neck: float) -> Array:
    """Return the distance [H, W] to the opening of the clothes, negative inside it."""
    low = {"crew": 1.78, "hoodie": 1.76, "kurta": 1.70, "shirt": 1.80, "v": 2.15, "blazer": 2.0}
    bottom = low[clothes.cut]
    if clothes.cut in ("v", "blazer", "shirt"):
        return (
            np.abs(grid.x) - (neck + 0.06) * np.clip((bottom - grid.y) / (bottom - 1.45), 0, 1.6)
        ).astype(np.float32)
    ring = np.hypot(grid.x / (neck + 0.10), (grid.y - 1.40) / (bottom - 1.40))
    return (0.4 * (ring - 1)).astype(np.float32)


def _fabric(grid: Grid, clothes: Clothes) -> Array:
    weave = noise(grid.x * 1.7, grid.y * 1.7, clothes.seed + 1, cell=2)
    colour = rgb(*clothes.colour) * (1 + 0.05 * weave[..., None])
    across = 0.5 + 0.5 * np.tanh(6 * np.sin(grid.y * 22))
    down = 0.5 + 0.5 * np.tanh(6 * np.sin(grid.x * 22))
    amount = {"plain": 0 * down, "stripes": 0.55 * across, "check": 0.22 * (across + down)}
    mix = amount[clothes.pattern][..., None].astype(np.float32)
    if clothes.cut in ("blazer", "hoodie"):
        mix = mix * 0.0
    return colour * (1 - mix) + rgb(*clothes.inner) * mix


def _paint_collar(
    canvas: Canvas, clothes: Clothes, *, cloth: Array, lit: Array, neck: float
) -> None:
    grid = canvas.grid
    opening = _neckline(grid, clothes, neck)
    edge = 2 * grid.pixel
    tone = rgb(*clothes.colour)
    if clothes.cut in ("crew", "v", "kurta", "hoodie"):
        wide = {"crew": 0.06, "v": 0.05, "kurta": 0.10, "hoodie": 0.20}[clothes.cut]
        band = cloth * inside(np.abs(opening - wide / 2) - wide / 2, edge)
        roundness = 1.06 - 0.3 * ((opening - wide / 2) / wide) ** 2
        canvas.over(band, np.clip(tone * lit * roundness[..., None], 0, 1))
        seam = np.exp(-(((opening - wide) / 0.014) ** 2)) * cloth
        canvas.over(0.45 * seam, tone * 0.35)
    if clothes.cut in ("kurta", "shirt"):
        placket = np.exp(-(((np.abs(grid.x) - 0.10) / 0.012) ** 2)) * smooth(1.75, 1.85, grid.y)
        canvas.over(0.35 * placket * cloth, tone * 0.3)
        knob = np.hypot(grid.x, (grid.y - 1.95) % 0.34 - 0.17) - 0.028
        canvas.over(0.8 * inside(knob, edge) * cloth, rgb(*clothes.inner) * 0.8)
    if clothes.cut in ("shirt", "blazer"):
        shirt = [(0.0, 1.76), (neck, 1.40), (neck + 0.17, 1.54), (0.30, 2.06)]
        blazer = [(0.0, 2.0), (neck, 1.42), (neck + 0.20, 1.56), (0.56, 2.12), (0.05, 2.95)]
        points = shirt if clothes.cut == "shirt" else blazer
        flap = polygon(np.abs(grid.x), grid.y, points)
        canvas.over(cloth * inside(flap, edge), np.clip(tone * lit * 1.08, 0, 1))
        seam = np.exp(-((flap / 0.016) ** 2)) * cloth
        canvas.over(0.40 * seam.astype(np.float32), tone * 0.3)
    shadow = np.exp(-np.clip(opening, 0, None) / 0.05) * (opening < 0)
    canvas.multiply((0.25 * shadow * (1 - cloth) * (grid.y > 1.4)).astype(np.float32), 0.6)
