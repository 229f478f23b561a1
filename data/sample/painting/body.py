"""Paint neck, shoulders, clothes, and the hands that hide a face."""

from dataclasses import dataclass

import numpy as np

from mraf.data.sample.painting.look import FABRICS, Colour, Look
from mraf.data.sample.painting.paint import (
    Array,
    Grid,
    Layer,
    Light,
    blob,
    capsule,
    cloud,
    inside,
    look_up,
    polygon,
    rgb,
    shade,
    smooth,
)

CUTS = ("crew", "shirt", "v", "hoodie", "kurta", "blazer")
PATTERNS = ("plain", "plain", "stripes", "check")


@dataclass(frozen=True)
class Clothes:
    """What somebody wears in one recording."""

    cut: str  # one of CUTS
    pattern: str  # one of PATTERNS
    colour: Colour
    inner: Colour  # of the shirt below a blazer, of stripes and seams
    seed: int


def sample_clothes(rng: np.random.Generator) -> Clothes:
    """Return clothes to wear in one recording."""
    first, second = rng.permutation(len(FABRICS))[:2]
    return Clothes(
        cut=str(rng.choice(CUTS)),
        pattern=str(rng.choice(PATTERNS)),
        colour=FABRICS[first],
        inner=FABRICS[second],
        seed=int(rng.integers(2**31)),
    )


def paint_body(layer: Layer, grid: Grid, look: Look, clothes: Clothes, light: Light) -> None:
    """Paint the neck and what is below it."""
    neck = 0.42 if look.female else 0.52
    _paint_neck(layer, grid, look, light, neck)
    broad, top = (1.78, 1.56) if look.female else (2.08, 1.52)
    slope = 0.16 * np.exp(-(((np.abs(grid.x) - neck) / 0.30) ** 2))
    level = (np.abs(grid.x) / broad) ** 2.7 + (
        np.clip(3.9 - grid.y, 0, None) / (3.9 - top - slope)
    ) ** 2.7
    bounds = ((level ** (1 / 2.7) - 1) * 1.2).astype(np.float32)
    depth = np.clip(-bounds, 0, 1)
    folds = look_up(cloud(clothes.seed), grid.x * 0.28 + 0.06 * grid.y, grid.y * 0.16)
    arms = np.exp(-(((np.abs(grid.x) - 0.74 * broad) / 0.07) ** 2)) * smooth(2.5, 3.3, grid.y)
    height = 0.55 * np.sqrt(1 - (1 - depth) ** 2 * 0.97) + 0.03 * folds - 0.09 * arms
    lit = shade(height.astype(np.float32), grid.pixel, light)
    if clothes.cut == "blazer":
        below = Clothes("crew", "plain", clothes.inner, clothes.inner, clothes.seed)
        shirt = inside(np.maximum(bounds, -_neckline(grid, below, neck)), 2.5 * grid.pixel)
        layer.over(shirt, np.clip(_fabric(grid, below) * lit, 0, 1))
    cloth = inside(np.maximum(bounds, -_neckline(grid, clothes, neck)), 2.5 * grid.pixel)
    layer.over(cloth, np.clip(_fabric(grid, clothes) * lit, 0, 1))
    _paint_collar(layer, grid, clothes, lit, neck, cloth)


def _paint_neck(layer: Layer, grid: Grid, look: Look, light: Light, neck: float) -> None:
    width = neck + 0.35 * smooth(1.25, 1.85, grid.y) ** 2
    bounds = np.maximum(np.abs(grid.x) - width, 0.5 - grid.y)
    depth = np.clip(-bounds / neck, 0, 1)
    height = 0.45 * np.sqrt(1 - (1 - depth) ** 2 * 0.97)
    for side in (-1, 1):
        cord = capsule(grid, (side * 0.34, 1.0), (side * 0.10, 1.72))
        height = height + 0.02 * np.exp(-((cord / 0.06) ** 2))
    lit = shade(height.astype(np.float32), grid.pixel, light)
    lx = light.direction[0]
    under_chin = np.exp(-(((grid.x + 0.25 * lx) / 0.75) ** 4)) * smooth(
        look.chin + 0.36, look.chin - 0.05, grid.y
    )
    colour = rgb(*look.skin) * rgb(0.98, 0.93, 0.91) * lit
    colour = colour * (1 - 0.5 * under_chin[..., None] * rgb(0.85, 1.0, 1.0))
    layer.over(inside(bounds.astype(np.float32), 2 * grid.pixel), np.clip(colour, 0, 1))


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
    weave = look_up(cloud(clothes.seed + 1, cell=2), grid.x * 1.7, grid.y * 1.7)
    colour = rgb(*clothes.colour) * (1 + 0.05 * weave[..., None])
    across = 0.5 + 0.5 * np.tanh(6 * np.sin(grid.y * 22))
    down = 0.5 + 0.5 * np.tanh(6 * np.sin(grid.x * 22))
    amount = {"plain": 0 * down, "stripes": 0.55 * across, "check": 0.22 * (across + down)}
    mix = amount[clothes.pattern][..., None].astype(np.float32)
    if clothes.cut in ("blazer", "hoodie"):
        mix = mix * 0.0
    return colour * (1 - mix) + rgb(*clothes.inner) * mix


def _paint_collar(
    layer: Layer, grid: Grid, clothes: Clothes, lit: Array, neck: float, cloth: Array
) -> None:
    opening = _neckline(grid, clothes, neck)
    edge = 2 * grid.pixel
    tone = rgb(*clothes.colour)
    if clothes.cut in ("crew", "v", "kurta", "hoodie"):
        wide = {"crew": 0.06, "v": 0.05, "kurta": 0.10, "hoodie": 0.20}[clothes.cut]
        band = cloth * inside(np.abs(opening - wide / 2) - wide / 2, edge)
        round_it = 1.06 - 0.3 * ((opening - wide / 2) / wide) ** 2
        layer.over(band, np.clip(tone * lit * round_it[..., None], 0, 1))
        seam = np.exp(-(((opening - wide) / 0.014) ** 2)) * cloth
        layer.over(0.45 * seam, tone * 0.35)
    if clothes.cut in ("kurta", "shirt"):
        placket = np.exp(-(((np.abs(grid.x) - 0.10) / 0.012) ** 2)) * smooth(1.75, 1.85, grid.y)
        layer.over(0.35 * placket * cloth, tone * 0.3)
        knob = np.hypot(grid.x, (grid.y - 1.95) % 0.34 - 0.17) - 0.028
        layer.over(0.8 * inside(knob, edge) * cloth, rgb(*clothes.inner) * 0.8)
    if clothes.cut in ("shirt", "blazer"):
        shirt = [(0.0, 1.76), (neck + 0.0, 1.40), (neck + 0.17, 1.54), (0.30, 2.06)]
        blazer = [(0.0, 2.0), (neck + 0.0, 1.42), (neck + 0.20, 1.56), (0.56, 2.12), (0.05, 2.95)]
        points = shirt if clothes.cut == "shirt" else blazer
        flap = polygon(np.abs(grid.x), grid.y, points)
        layer.over(cloth * inside(flap, edge), np.clip(tone * lit * 1.08, 0, 1))
        seam = np.exp(-((flap / 0.016) ** 2)) * cloth
        layer.over(0.40 * seam.astype(np.float32), tone * 0.3)
    shadow = np.exp(-np.clip(opening, 0, None) / 0.05) * (opening < 0)
    layer.multiply((0.25 * shadow * (1 - cloth) * (grid.y > 1.4)).astype(np.float32), 0.6)


def paint_hands(layer: Layer, grid: Grid, look: Look, clothes: Clothes, light: Light) -> None:
    """Paint both hands held before the face, and the sleeves."""
    for side in (-1, 1):
        local = Grid((grid.x * side).astype(np.float32), grid.y, grid.pixel)
        _paint_hand(layer, local, look, light)
        sleeve = capsule(local, (0.78, 5.0), (0.60, 1.95)) - 0.37
        depth = np.clip(-sleeve / 0.37, 0, 1)
        height = (0.3 * np.sqrt(1 - (1 - depth) ** 2 * 0.97)).astype(np.float32)
        lit = shade(height, grid.pixel, light)
        layer.over(inside(sleeve, 2 * grid.pixel), np.clip(rgb(*clothes.colour) * lit, 0, 1))


def _paint_hand(layer: Layer, grid: Grid, look: Look, light: Light) -> None:
    roots = ((0.15, 0.40), (0.33, 0.30), (0.52, 0.32), (0.70, 0.44))
    tips = ((0.08, -0.46), (0.29, -0.70), (0.53, -0.66), (0.77, -0.40))
    parts = [
        (capsule(grid, (0.60, 2.6), (0.47, 1.1)), 0.25),
        (capsule(grid, (0.43, 0.95), (0.42, 0.52)), 0.37),
    ]
    parts.append((capsule(grid, (0.70, 0.95), (0.95, 0.42)), 0.12))
    for root, tip in zip(roots, tips, strict=True):
        along = np.clip((root[1] - grid.y) / (root[1] - tip[1]), 0, 1)
        parts.append((capsule(grid, root, tip) + 0.028 * along**2, 0.125))
    height = np.zeros_like(grid.x)
    bounds = np.full_like(grid.x, np.inf)
    for distance, radius in parts:
        depth = np.clip(1 - distance / radius, 0, 1)
        rise = 0.8 * min(radius, 0.16) * np.sqrt(1 - (1 - depth) ** 2 * 0.97)
        # The softer of two heights where parts meet, so that fingers grow from the hand.
        height = 0.03 * np.logaddexp(height / 0.03, np.where(depth > 0, rise, 0) / 0.03)
        bounds = np.minimum(bounds, distance - radius)
    lit = shade(height.astype(np.float32), grid.pixel, light, 0.03)
    skin = rgb(*look.skin) * rgb(1.0, 0.93, 0.90)
    colour = np.empty((*grid.x.shape, 3), np.float32)
    colour[:] = skin
    for root, tip in zip(roots, tips, strict=True):
        for share in (0.0, 0.48, 0.78):  # knuckles are a little redder
            x, y = (r + share * (t - r) for r, t in zip(root, tip, strict=True))
            colour *= 1 - 0.12 * blob(grid, x, y, 0.07, 0.05)[..., None] * rgb(0.3, 1.0, 1.0)
        nail = np.hypot((grid.x - tip[0]) / 0.048, (grid.y - tip[1] + 0.015) / 0.062)
        pale = 0.55 * smooth(1.15, 0.85, nail)[..., None]
        colour += pale * (rgb(*look.skin) * rgb(1.1, 1.0, 1.0) - colour)
    layer.multiply(0.35 * np.exp(-np.clip(bounds, 0, None) / 0.07).astype(np.float32), 0.5)
    layer.over(inside(bounds.astype(np.float32), 2 * grid.pixel), np.clip(colour * lit, 0, 1))
