"""Paint hair and headscarves, behind the face and round it."""

from typing import NamedTuple

import numpy as np

from mraf.data.sample.painting.canvas import Array, Canvas, Grid, inside, noise, rgb, smooth
from mraf.data.sample.painting.face import TOP, outline
from mraf.data.sample.painting.look import Look


class Style(NamedTuple):
    """Shape of a hairstyle in head units; `width` and `height` are those of average hair."""

    width: float  # beyond the head, on either side
    height: float  # above the head
    end: float  # y where the hair ends at the sides
    hairline: float  # y of the hairline
    curl: float  # 0 straight to 1 curly

    @property
    def is_long(self) -> bool:
        """True for hair that falls below the ears."""
        return self.end > 0.6


STYLES = {
    "buzz": Style(0.025, 0.05, 0.02, -0.70, 0.0),
    "side": Style(0.06, 0.17, 0.10, -0.66, 0.0),
    "swept": Style(0.08, 0.22, 0.16, -0.60, 0.0),
    "quiff": Style(0.04, 0.30, 0.06, -0.72, 0.0),
    "receding": Style(0.05, 0.10, 0.14, -0.86, 0.0),
    "fringe": Style(0.09, 0.17, 0.20, -0.42, 0.0),
    "curly": Style(0.14, 0.28, 0.10, -0.62, 1.0),
    "pixie": Style(0.09, 0.20, 0.26, -0.52, 0.0),
    "bob": Style(0.15, 0.18, 1.10, -0.66, 0.0),
    "bangs": Style(0.15, 0.18, 1.50, -0.36, 0.0),
    "long": Style(0.14, 0.16, 2.30, -0.68, 0.0),
    "wavy": Style(0.22, 0.20, 1.95, -0.66, 0.5),
    "curls": Style(0.30, 0.32, 1.15, -0.60, 1.0),
    "bun": Style(0.04, 0.10, 0.05, -0.70, 0.0),
}


def paint_hair_behind(canvas: Canvas, look: Look) -> None:
    """Paint the hair that lies behind face, neck and shoulders."""
    grid = canvas.grid
    if look.hair in ("bald", "scarf"):
        return
    style = _style(look)
    if look.hair == "bun":
        ball = np.hypot(grid.x / 0.42, (grid.y - TOP + 0.16) / 0.34)
        _lay(canvas, look, 0.3 * (ball - 1))
    if style.is_long:
        _lay(canvas, look, _fall(grid, look, style, parted=False), tone=0.62)


def paint_hair(canvas: Canvas, look: Look) -> None:
    """Paint the hair that frames the face, or the scarf round it."""
    grid = canvas.grid
    if look.hair == "scarf":
        _paint_scarf(canvas, look, opening=True)
        return
    if look.hair == "bald":
        return
    style = _style(look)
    cap = _cap(grid, look, style)
    if style.is_long:  # locks at the sides of the face
        cap = np.minimum(cap, _fall(grid, look, style, parted=True))
    _lay(canvas, look, np.maximum(cap, _hairline(grid, look)), soft=0.05 + 0.03 * style.curl)


def paint_back_of_head(canvas: Canvas, look: Look) -> None:
    """Paint the back of the head of somebody who looks away."""
    grid = canvas.grid
    if look.hair == "scarf":
        _paint_scarf(canvas, look, opening=False)
        return
    skin = outline(grid, look)
    lit = canvas.shade(_dome(grid, look, skin), 0.05)
    canvas.over(inside(skin, 2 * grid.pixel), np.clip(rgb(*look.skin) * lit * 0.95, 0, 1))
    if look.hair == "bald":
        return
    style = _style(look)
    cap = _cap(grid, look, style)
    nape = np.maximum(cap, grid.y - 0.92 + 0.45 * grid.x**2)
    if style.is_long:
        nape = np.minimum(cap, _fall(grid, look, style, parted=False))
    _lay(canvas, look, nape, soft=0.06)


def _style(look: Look) -> Style:
    style = STYLES[look.hair]
    volume = look.hair_volume
    return style._replace(width=style.width * volume, height=style.height * volume)


def _cap(grid: Grid, look: Look, style: Style) -> Array:
    """Return the distance [H, W] to the hair on the head."""
    return outline(grid, look, wider=style.width, higher=style.height) + _frizz(
        grid, look, style.curl
    )


def _hairline(grid: Grid, look: Look) -> Array:
    """Return the distance [H, W] below the hairline: positive on the bare face."""
    style = STYLES[look.hair]
    line = np.full_like(grid.x, style.hairline)
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
    jag = noise(grid.x * 0.9, np.zeros_like(grid.x), look.texture + 5, cell=4)
    line = line + (0.035 if look.hair in ("fringe", "bangs", "pixie") else 0.012) * jag
    temple = smooth(0.72, 0.99, x) ** 1.5
    low = 3.0 if style.is_long else style.end
    return (grid.y - (line + (low - line) * temple)).astype(np.float32)


def _fall(grid: Grid, look: Look, style: Style, *, parted: bool) -> Array:
    """Return the distance [H, W] to hair that falls at the sides of the face."""
    end, curl = style.end, style.curl
    flare = 0.10 * smooth(0.2, 1.8, grid.y) - 0.06 * smooth(end - 0.5, end + 0.1, grid.y)
    wave = 0.05 * curl * np.sin(grid.y * 7 + 2 * np.sign(grid.x)) * smooth(0, 0.6, grid.y)
    sides = np.abs(grid.x) - (look.face_width + style.width + flare + wave)
    upper = outline(grid, look, wider=style.width, higher=style.height)
    shape = np.where(grid.y < 0.05, upper, sides) + _frizz(grid, look, curl)
    round_end = grid.y - end + 0.25 * np.abs(grid.x) ** 3
    shape = np.maximum(shape, round_end)
    if not parted:
        return shape.astype(np.float32)
    # In front, only locks at the cheeks: the face and the throat stay free.
    lean = 0.10 * smooth(0.1, 1.4, grid.y)
    return np.maximum(shape, look.face_width * 0.93 - lean - np.abs(grid.x)).astype(np.float32)


def _frizz(grid: Grid, look: Look, curl: float) -> Array:
    angle = np.arctan2(grid.x, -grid.y) / (2 * np.pi)
    bumps = noise(angle * 1.0, np.full_like(angle, 0.3), look.texture + 6, cell=8)
    fine = noise(grid.x * 1.2, grid.y * 1.2, look.texture + 7, cell=4)
    return ((0.012 + 0.03 * curl) * bumps + 0.02 * curl * fine).astype(np.float32)


def _strands(grid: Grid, look: Look) -> Array:
    """Return the texture [H, W] of hair, about -1..1."""
    curl = STYLES[look.hair].curl
    if curl == 1.0:
        fine = noise(grid.x * 0.9, grid.y * 0.9, look.texture + 8, cell=8)
        warp = noise(grid.x * 0.8, grid.y * 0.8, look.texture + 9, cell=16)
        rings = np.sin(17 * (grid.x + 0.3 * warp)) * np.sin(17 * (grid.y + 0.3 * fine))
        return (0.35 * fine + 0.5 * rings).astype(np.float32)
    # Hair falls from the crown: strands run along lines of equal angle, then down.
    crown = np.arctan2(grid.x - 0.15 * look.parting, np.maximum(grid.y - TOP + 0.25, 0.12))
    fallen = smooth(-0.2, 0.5, grid.y)
    across = (1 - fallen) * crown * 0.32 + fallen * (
        np.sign(grid.x) * 0.36 + (grid.x - np.sign(grid.x) * 0.9) * 0.4
    )
    across = across + 0.02 * curl * np.sin(grid.y * 7)
    fine = noise(across, grid.y * 0.05, look.texture + 8, cell=2)
    broad = noise(across, grid.y * 0.08, look.texture + 9, cell=8)
    return (0.5 * fine + 0.6 * broad).astype(np.float32)


def _dome(grid: Grid, look: Look, distance: Array) -> Array:
    depth = np.clip(-distance / look.face_width, 0, 1)
    return (0.6 * np.sqrt(1.0 - (1.0 - depth) ** 2 * 0.97)).astype(np.float32)


def _lay(
    canvas: Canvas, look: Look, distance: Array, *, tone: float = 1.0, soft: float = 0.03
) -> None:
    """Paint hair where `distance` is negative, with a soft edge."""
    grid = canvas.grid
    strands = _strands(grid, look)
    style = STYLES[look.hair]
    shape = outline(grid, look, wider=style.width, higher=style.height)
    dome = _dome(grid, look, np.minimum(shape, -0.02))
    lit = canvas.shade(dome)
    colour = rgb(*look.hair_colour) * (1 + 0.42 * strands[..., None]) * (0.25 + 0.95 * lit)
    band = np.exp(-(((np.hypot(grid.x, grid.y) - 1.02 + 0.06 * strands) / 0.16) ** 2))
    band = band * smooth(-0.1, -0.5, grid.y) * (0.35 + 0.65 * np.clip(strands, 0, 1))
    colour = colour + 0.16 * (band * lit.mean(axis=2))[..., None] * rgb(*canvas.light.key)
    grey = 0.5 * max(0.0, look.age - 0.75) * np.clip(strands + 0.6, 0, 1)[..., None]
    colour = colour * (1 - grey) + grey * 0.6 * lit
    fringe = distance + 0.35 * soft * strands
    cover = inside(fringe, max(soft, 2 * grid.pixel))
    canvas.over(cover.astype(np.float32), np.clip(colour * tone, 0, 1).astype(np.float32))


def _paint_scarf(canvas: Canvas, look: Look, *, opening: bool) -> None:
    grid = canvas.grid
    head = outline(grid, look, wider=0.13, higher=0.16)
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
    lit = canvas.shade(height)
    weave = noise(grid.x * 2, grid.y * 2, look.texture + 4, cell=2)
    colour = rgb(*look.scarf) * (1 + 0.03 * weave[..., None]) * lit
    canvas.over(inside(whole.astype(np.float32), 2 * grid.pixel), np.clip(colour, 0, 1))
