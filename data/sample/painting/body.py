"""Paint neck, dressed shoulders, and the hands that hide a face."""

import numpy as np

from mraf.data.sample.painting.canvas import Canvas, bulge, inside, noise, rgb, smooth
from mraf.data.sample.painting.clothes import Clothes, paint_clothes
from mraf.data.sample.painting.look import Look


def paint_body(canvas: Canvas, look: Look, clothes: Clothes) -> None:
    """Paint the neck, and the shoulders in clothes."""
    grid = canvas.grid
    neck = 0.42 if look.female else 0.52
    _paint_neck(canvas, look, neck)
    broad, top = (1.78, 1.56) if look.female else (2.08, 1.52)
    slope = 0.16 * np.exp(-(((np.abs(grid.x) - neck) / 0.30) ** 2))
    level = (np.abs(grid.x) / broad) ** 2.7 + (
        np.clip(3.9 - grid.y, 0, None) / (3.9 - top - slope)
    ) ** 2.7
    bounds = ((level ** (1 / 2.7) - 1) * 1.2).astype(np.float32)
    depth = np.clip(-bounds, 0, 1)
    folds = noise(grid.x * 0.28 + 0.06 * grid.y, grid.y * 0.16, clothes.seed)
    arms = np.exp(-(((np.abs(grid.x) - 0.74 * broad) / 0.07) ** 2)) * smooth(2.5, 3.3, grid.y)
    height = 0.55 * bulge(depth) + 0.03 * folds - 0.09 * arms
    lit = canvas.shade(height)
    paint_clothes(canvas, clothes, bounds=bounds, lit=lit, neck=neck)


def _paint_neck(canvas: Canvas, look: Look, neck: float) -> None:
    grid = canvas.grid
    width = neck + 0.35 * smooth(1.25, 1.85, grid.y) ** 2
    bounds = np.maximum(np.abs(grid.x) - width, 0.5 - grid.y)
    depth = np.clip(-bounds / neck, 0, 1)
    height = 0.45 * bulge(depth)
    for side in (-1, 1):
        cord = grid.capsule((side * 0.34, 1.0), (side * 0.10, 1.72))
        height = height + 0.02 * np.exp(-((cord / 0.06) ** 2))
    lit = canvas.shade(height)
    lx = canvas.light.direction[0]
    under_chin = np.exp(-(((grid.x + 0.25 * lx) / 0.75) ** 4)) * smooth(
        look.chin + 0.36, look.chin - 0.05, grid.y
    )
    colour = rgb(*look.skin) * rgb(0.98, 0.93, 0.91) * lit
    colour = colour * (1 - 0.5 * under_chin[..., None] * rgb(0.85, 1.0, 1.0))
    canvas.over(inside(bounds.astype(np.float32), 2 * grid.pixel), np.clip(colour, 0, 1))


def paint_hands(canvas: Canvas, look: Look, clothes: Clothes) -> None:
    """Paint both hands in front of the face, and the sleeves."""
    for local in (canvas.mirrored(), canvas):
        _paint_hand(local, look)
        sleeve = local.grid.capsule((0.78, 5.0), (0.60, 1.95)) - 0.37
        lit = canvas.shade(0.3 * bulge(np.clip(-sleeve / 0.37, 0, 1)))
        colour = np.clip(rgb(*clothes.colour) * lit, 0, 1)
        canvas.over(inside(sleeve, 2 * canvas.grid.pixel), colour)


def _paint_hand(canvas: Canvas, look: Look) -> None:
    grid = canvas.grid
    roots = ((0.15, 0.40), (0.33, 0.30), (0.52, 0.32), (0.70, 0.44))
    tips = ((0.08, -0.46), (0.29, -0.70), (0.53, -0.66), (0.77, -0.40))
    parts = [
        (grid.capsule((0.60, 2.6), (0.47, 1.1)), 0.25),
        (grid.capsule((0.43, 0.95), (0.42, 0.52)), 0.37),
    ]
    parts.append((grid.capsule((0.70, 0.95), (0.95, 0.42)), 0.12))
    for root, tip in zip(roots, tips, strict=True):
        along = np.clip((root[1] - grid.y) / (root[1] - tip[1]), 0, 1)
        parts.append((grid.capsule(root, tip) + 0.028 * along**2, 0.125))
    height = np.zeros_like(grid.x)
    bounds = np.full_like(grid.x, np.inf)
    for distance, radius in parts:
        depth = np.clip(1 - distance / radius, 0, 1)
        rise = 0.8 * min(radius, 0.16) * bulge(depth)
        # A soft maximum of the two heights, so that fingers grow from the hand.
        height = 0.03 * np.logaddexp(height / 0.03, np.where(depth > 0, rise, 0) / 0.03)
        bounds = np.minimum(bounds, distance - radius)
    lit = canvas.shade(height, 0.03)
    skin = rgb(*look.skin) * rgb(1.0, 0.93, 0.90)
    colour = np.empty((*grid.x.shape, 3), np.float32)
    colour[:] = skin
    for root, tip in zip(roots, tips, strict=True):
        for share in (0.0, 0.48, 0.78):  # knuckles are slightly redder
            x, y = (r + share * (t - r) for r, t in zip(root, tip, strict=True))
            colour *= 1 - 0.12 * grid.blob(x, y, 0.07, 0.05)[..., None] * rgb(0.3, 1.0, 1.0)
        nail = np.hypot((grid.x - tip[0]) / 0.048, (grid.y - tip[1] + 0.015) / 0.062)
        pale = 0.55 * smooth(1.15, 0.85, nail)[..., None]
        colour += pale * (rgb(*look.skin) * rgb(1.1, 1.0, 1.0) - colour)
    canvas.multiply(0.35 * np.exp(-np.clip(bounds, 0, None) / 0.07).astype(np.float32), 0.5)
    canvas.over(inside(bounds.astype(np.float32), 2 * grid.pixel), np.clip(colour * lit, 0, 1))
