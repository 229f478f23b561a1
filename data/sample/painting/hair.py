"""Paint hair and headscarves: what lies behind the face and what frames it."""

import numpy as np

from mraf.data.sample.painting.face import TOP, outline
from mraf.data.sample.painting.look import Look
from mraf.data.sample.painting.paint import (
    Array,
    Grid,
    Layer,
    Light,
    cloud,
    inside,
    look_up,
    rgb,
    shade,
    smooth,
)

# style: (width beyond the head, height above it, y where it ends at the sides, hairline, curl)
STYLES: dict[str, tuple[float, float, float, float, float]] = {
    "buzz": (0.025, 0.05, 0.02, -0.70, 0.0),
    "side": (0.06, 0.17, 0.10, -0.66, 0.0),
    "swept": (0.08, 0.22, 0.16, -0.60, 0.0),
    "quiff": (0.04, 0.30, 0.06, -0.72, 0.0),
    "receding": (0.05, 0.10, 0.14, -0.86, 0.0),
    "fringe": (0.09, 0.17, 0.20, -0.42, 0.0),
    "curly": (0.14, 0.28, 0.10, -0.62, 1.0),
    "pixie": (0.09, 0.20, 0.26, -0.52, 0.0),
    "bob": (0.15, 0.18, 1.10, -0.66, 0.0),
    "bangs": (0.15, 0.18, 1.50, -0.36, 0.0),
    "long": (0.14, 0.16, 2.30, -0.68, 0.0),
    "wavy": (0.22, 0.20, 1.95, -0.66, 0.5),
    "curls": (0.30, 0.32, 1.15, -0.60, 1.0),
    "bun": (0.04, 0.10, 0.05, -0.70, 0.0),
}


def paint_hair_behind(layer: Layer, grid: Grid, look: Look, light: Light) -> None:
    """Paint the hair that lies behind face, neck and shoulders."""
    if look.hair in ("bald", "scarf"):
        return
    wide, high, end, _, curl = STYLES[look.hair]
    wide, high = wide * look.hair_volume, high * look.hair_volume
    if look.hair == "bun":
        ball = np.hypot(grid.x / 0.42, (grid.y - TOP + 0.16) / 0.34)
        _lay(layer, grid, look, light, 0.3 * (ball - 1), 1.0)
    if end > 0.6:
        behind = _fall(grid, look, wide, high, end, curl, parted=False)
        _lay(layer, grid, look, light, behind, 0.62)


def paint_hair(layer: Layer, grid: Grid, look: Look, light: Light) -> None:
    """Paint the hair that lies over the face's edge, or the scarf round it."""
    if look.hair == "scarf":
        _paint_scarf(layer, grid, look, light, opening=True)
        return
    if look.hair == "bald":
        return
    wide, high, end, _, curl = STYLES[look.hair]
    wide, high = wide * look.hair_volume, high * look.hair_volume
    cap = outline(grid, look, wide, high) + _frizz(grid, look, curl)
    if end > 0.6:  # locks beside the face
        cap = np.minimum(cap, _fall(grid, look, wide, high, end, curl))
    hairline = _hairline(grid, look)
    _lay(layer, grid, look, light, np.maximum(cap, hairline), 1.0, soft=0.05 + 0.03 * curl)


def paint_back_of_head(layer: Layer, grid: Grid, look: Look, light: Light) -> None:
    """Paint the head of somebody who looks away."""
    if look.hair == "scarf":
        _paint_scarf(layer, grid, look, light, opening=False)
        return
    skin = outline(grid, look)
    lit = shade(_dome(grid, look, skin), grid.pixel, light, 0.05)
    layer.over(inside(skin, 2 * grid.pixel), np.clip(rgb(*look.skin) * lit * 0.95, 0, 1))
    if look.hair == "bald":
        return
    wide, high, end, _, curl = STYLES[look.hair]
    wide, high = wide * look.hair_volume, high * look.hair_volume
    cap = outline(grid, look, wide, high) + _frizz(grid, look, curl)
    nape = np.maximum(cap, grid.y - 0.92 + 0.45 * grid.x**2)
    if end > 0.6:
        nape = np.minimum(cap, _fall(grid, look, wide, high, end, curl, parted=False))
    _lay(layer, grid, look, light, nape, 1.0, soft=0.06)


def _hairline(grid: Grid, look: Look) -> Array:
    """Return the distance [H, W] below the hairline: positive on the bare face."""
    _, _, end, start, _ = STYLES[look.hair]
    line = np.full_like(grid.x, start)
    x = np.abs(grid.x) / look.face_width
    if look.hair in ("side", "swept", "pixie", "bob", "long"):
        line = (
            line
            - 0.10 * np.exp(-(((grid.x - 0.45 * look.parting) / 0.22) ** 2))
            + 0.10 * np.sign(look.parting) * -grid.x
        )
    if look.hair == "receding":
        line = line + 0.16 * np.exp(-((x / 0.28) ** 2))
    if look.hair in ("long", "wavy", "curls"):  # a parting and a bow to either side
        line = line - 0.12 * np.exp(-(((grid.x - 0.2 * look.parting) / 0.15) ** 2)) + 0.10 * x**2
    jag = look_up(cloud(look.texture + 5, cell=4), grid.x * 0.9, np.zeros_like(grid.x))
    line = line + (0.035 if look.hair in ("fringe", "bangs", "pixie") else 0.012) * jag
    temple = smooth(0.72, 0.99, x) ** 1.5
    low = end if end < 0.6 else 3.0
    return (grid.y - (line + (low - line) * temple)).astype(np.float32)


def _fall(
    grid: Grid, look: Look, wide: float, high: float, end: float, curl: float, parted: bool = True
) -> Array:
    """Return the distance [H, W] to hair that falls beside the face down to `end`."""
    flare = 0.10 * smooth(0.2, 1.8, grid.y) - 0.06 * smooth(end - 0.5, end + 0.1, grid.y)
    wave = 0.05 * curl * np.sin(grid.y * 7 + 2 * np.sign(grid.x)) * smooth(0, 0.6, grid.y)
    sides = np.abs(grid.x) - (look.face_width + wide + flare + wave)
    upper = outline(grid, look, wide, high)
    shape = np.where(grid.y < 0.05, upper, sides) + _frizz(grid, look, curl)
    round_end = grid.y - end + 0.25 * np.abs(grid.x) ** 3
    shape = np.maximum(shape, round_end)
    if not parted:
        return shape.astype(np.float32)
    # In front, only locks beside the cheeks: the face and the throat stay free.
    lean = 0.10 * smooth(0.1, 1.4, grid.y)
    return np.maximum(shape, look.face_width * 0.93 - lean - np.abs(grid.x)).astype(np.float32)


def _frizz(grid: Grid, look: Look, curl: float) -> Array:
    angle = np.arctan2(grid.x, -grid.y) / (2 * np.pi)
    bumps = look_up(cloud(look.texture + 6, cell=8), angle * 1.0, np.full_like(angle, 0.3))
    fine = look_up(cloud(look.texture + 7, cell=4), grid.x * 1.2, grid.y * 1.2)
    return ((0.012 + 0.03 * curl) * bumps + 0.02 * curl * fine).astype(np.float32)


def _strands(grid: Grid, look: Look) -> Array:
    """Return the texture [H, W] of hair, about -1..1."""
    curl = STYLES[look.hair][4]
    if curl == 1.0:
        fine = look_up(cloud(look.texture + 8, cell=8), grid.x * 0.9, grid.y * 0.9)
        warp = look_up(cloud(look.texture + 9, cell=16), grid.x * 0.8, grid.y * 0.8)
        rings = np.sin(17 * (grid.x + 0.3 * warp)) * np.sin(17 * (grid.y + 0.3 * fine))
        return (0.35 * fine + 0.5 * rings).astype(np.float32)
    # From the crown the hair falls: strands run along lines of equal angle, then down.
    crown = np.arctan2(grid.x - 0.15 * look.parting, np.maximum(grid.y - TOP + 0.25, 0.12))
    fallen = smooth(-0.2, 0.5, grid.y)
    across = (1 - fallen) * crown * 0.32 + fallen * (
        np.sign(grid.x) * 0.36 + (grid.x - np.sign(grid.x) * 0.9) * 0.4
    )
    across = across + 0.02 * curl * np.sin(grid.y * 7)
    fine = look_up(cloud(look.texture + 8, cell=2), across, grid.y * 0.05)
    broad = look_up(cloud(look.texture + 9, cell=8), across, grid.y * 0.08)
    return (0.5 * fine + 0.6 * broad).astype(np.float32)


def _dome(grid: Grid, look: Look, distance: Array) -> Array:
    depth = np.clip(-distance / look.face_width, 0, 1)
    return (0.6 * np.sqrt(1.0 - (1.0 - depth) ** 2 * 0.97)).astype(np.float32)


def _lay(
    layer: Layer,
    grid: Grid,
    look: Look,
    light: Light,
    distance: Array,
    tone: float,
    soft: float = 0.03,
) -> None:
    """Paint hair where `distance` is negative."""
    strands = _strands(grid, look)
    wide, high = STYLES[look.hair][:2]
    dome = _dome(grid, look, np.minimum(outline(grid, look, wide, high), -0.02))
    lit = shade(dome, grid.pixel, light)
    colour = rgb(*look.hair_colour) * (1 + 0.42 * strands[..., None]) * (0.25 + 0.95 * lit)
    band = np.exp(-(((np.hypot(grid.x, grid.y) - 1.02 + 0.06 * strands) / 0.16) ** 2))
    band = band * smooth(-0.1, -0.5, grid.y) * (0.35 + 0.65 * np.clip(strands, 0, 1))
    colour = colour + 0.16 * (band * lit.mean(axis=2))[..., None] * rgb(*light.key)
    grey = 0.5 * max(0.0, look.age - 0.75) * np.clip(strands + 0.6, 0, 1)[..., None]
    colour = colour * (1 - grey) + grey * 0.6 * lit
    fringe = distance + 0.35 * soft * strands
    cover = inside(fringe, max(soft, 2 * grid.pixel))
    layer.over(cover.astype(np.float32), np.clip(colour * tone, 0, 1).astype(np.float32))


def _paint_scarf(layer: Layer, grid: Grid, look: Look, light: Light, opening: bool) -> None:
    head = outline(grid, look, 0.13, 0.16)
    drape = np.abs(grid.x) - (look.face_width + 0.13 + 0.28 * smooth(0.2, 1.7, grid.y))
    whole = np.where(grid.y < 0.05, head, drape)
    whole = np.maximum(whole, grid.y - 2.25 + 0.35 * grid.x**2)
    if opening:
        down = np.clip((grid.y - 0.05) / (look.chin - 0.06), 0, None)
        up = np.clip((0.05 - grid.y) / 0.80, 0, None)
        hole = np.hypot(grid.x / (look.face_width * 0.90), np.maximum(down, up)) - 1
        whole = np.maximum(whole, -0.7 * hole)
        ring = 0.05 * np.exp(-(((0.7 * hole - 0.09) / 0.07) ** 2))
    else:
        ring = np.zeros_like(grid.x)
    folds = np.sin(9 * np.hypot(grid.x * 1.1, grid.y - 0.2) + 2.2 * grid.x + look.texture % 7)
    depth = np.clip(-np.minimum(whole, np.where(grid.y < 0.05, head, drape)) / 0.9, 0, 1)
    height = (
        0.6 * np.sqrt(1 - (1 - depth) ** 2 * 0.97)
        + ring
        + 0.012 * folds * smooth(-0.4, 1.0, grid.y)
    )
    lit = shade(height.astype(np.float32), grid.pixel, light)
    weave = look_up(cloud(look.texture + 4, cell=2), grid.x * 2, grid.y * 2)
    colour = rgb(*look.scarf) * (1 + 0.03 * weave[..., None]) * lit
    layer.over(inside(whole.astype(np.float32), 2 * grid.pixel), np.clip(colour, 0, 1))
