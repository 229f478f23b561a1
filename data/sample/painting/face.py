"""Paint a face: a relief in the light of the scene, with the colours of its skin."""

from dataclasses import dataclass

import numpy as np

from mraf.data.sample.painting.canvas import Array, Canvas, Grid, inside, noise, rgb, smooth
from mraf.data.sample.painting.look import Look


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Mouth and eyes of a face at one moment."""

    mouth: float = 0.0  # 0 closed to 1 wide open
    lids: float = 0.0  # 0 open to 1 closed


TOP = -1.12  # y of the top of the skull
OPENING = 0.21  # how far apart the lips get


def paint_face(canvas: Canvas, look: Look, pose: Pose) -> None:
    """Paint ears, face, eyes, brows, mouth and beard, as seen from the front."""
    grid = canvas.grid
    _paint_ears(canvas, look)
    lowered = _lower_jaw(grid, look, pose)
    bounds = outline(lowered, look)
    cover = inside(bounds, 2.0 * grid.pixel)
    lit = canvas.shade(_relief(lowered, look, bounds), 0.10 + 0.05 * (look.hair == "bald"))
    canvas.over(cover, np.clip(_skin(lowered, look) * lit, 0, 1))
    _paint_beard(canvas, lowered, look, lit, cover)
    _paint_mouth(canvas, lowered, look, pose, lit)
    for side in (-1, 1):
        _paint_eye(canvas, look, pose, lit, side)
        _paint_brow(canvas, look, lit, side)
    _paint_glasses(canvas, look)


def outline(grid: Grid, look: Look, *, wider: float = 0.0, higher: float = 0.0) -> Array:
    """Return the approximate distance [H, W] to the edge of the face, negative inside."""
    middle = 0.05
    down = np.clip((grid.y - middle) / (look.chin - middle), 0, 1.6)
    up = np.clip((middle - grid.y) / (middle - TOP + higher), 0, None)
    width = (look.face_width + wider) * (1 - look.taper * smooth(0.0, 1.0, down))
    level = (np.abs(grid.x) / width) ** 2.3 + up**2.3 + down ** (2.1 + 1.3 * look.jaw)
    # The root makes it grow evenly, like a distance.
    return ((np.maximum(level, 1e-6) ** (1 / 2.3) - 1) * (look.face_width + wider)).astype(
        np.float32
    )


def _lower_jaw(grid: Grid, look: Look, pose: Pose) -> Grid:
    """Return, for each point, where its skin lies when the mouth is closed."""
    drop = pose.mouth * OPENING
    below = grid.y - look.mouth_y
    jaw = 0.75 * smooth(0.0, 0.5, below) * np.exp(-((grid.x / 0.9) ** 2))
    # Squared, so that the skin at the corners of the mouth is not torn.
    parted = _lens(grid.x, look) ** 2
    lips = parted * smooth(-0.001, 0.001, below - drop * 0.5 * parted)
    moved = drop * np.maximum(jaw, lips * np.exp(-np.clip(below - drop, 0, None) / 0.15))
    return Grid(grid.x, (grid.y - moved).astype(np.float32), grid.pixel)


def _lens(x: Array, look: Look) -> Array:
    """Return how far the lips part along the mouth: 1 in the middle, 0 beyond the corners."""
    return np.sqrt(np.clip(1 - (x / (0.92 * look.mouth_width)) ** 2, 0, 1)).astype(np.float32)


def _relief(grid: Grid, look: Look, bounds: Array) -> Array:
    """Return the height [H, W] of the face towards the viewer."""
    rim = np.clip(-bounds / look.face_width, 0, 1)
    height = 0.62 * np.sqrt(1.0 - (1.0 - rim) ** 2 * 0.98)
    along = np.clip((grid.y + 0.1) / (look.nose_y + 0.1), 0, 1)
    ridge = look.nose_bridge + (0.68 * look.nose_width - look.nose_bridge) * along**2
    end = smooth(look.nose_y + 0.13, look.nose_y - 0.02, grid.y) * smooth(-0.35, 0.05, grid.y)
    height += look.nose_depth * (0.16 + 0.84 * along**1.4) * end * np.exp(-((grid.x / ridge) ** 2))
    for side in (-1, 1):
        wing = grid.blob(side * look.nose_width * 0.78, look.nose_y + 0.02, 0.055, 0.06)
        socket = grid.blob(side * look.eye_gap, -0.02, 0.24, 0.13)
        ball = grid.blob(side * look.eye_gap, 0.01, look.eye_width * 0.9, 0.09)
        brow = grid.blob(side * look.eye_gap, look.brow_y + 0.02, 0.28, 0.09)
        cheek = grid.blob(side * 0.5, 0.36, 0.26, 0.2)
        height += 0.07 * wing - 0.085 * socket + 0.055 * ball + 0.035 * brow
        height += (0.03 + 0.05 * look.cheek) * cheek
        fold = grid.capsule(
            (side * (look.nose_width + 0.06), look.nose_y),
            (side * (look.mouth_width + 0.09), look.mouth_y),
        )
        height -= (0.004 + 0.022 * look.age) * np.exp(-((fold / 0.045) ** 2))
    height += 0.05 * grid.blob(0, look.mouth_y, look.mouth_width * 1.1, 0.16)
    height += 0.05 * grid.blob(0, look.chin - 0.13, 0.17 + 0.1 * look.jaw, 0.1)
    height -= 0.02 * grid.blob(0, look.mouth_y + 0.17, 0.16, 0.05)
    lines = np.sin((grid.y + 0.03 * np.cos(3 * grid.x)) * 52) * smooth(0.5, 0.3, np.abs(grid.x))
    forehead = smooth(-0.36, -0.42, grid.y) * smooth(-0.72, -0.62, grid.y)
    height += 0.0035 * max(0.0, look.age - 0.45) * lines * forehead
    return height.astype(np.float32)


def _skin(grid: Grid, look: Look) -> Array:
    """Return the colour [H, W, 3] of the skin before any light."""
    colour = np.empty((*grid.x.shape, 3), np.float32)
    colour[:] = look.skin
    red = 0.55 * grid.blob(0, look.nose_y, 0.2, 0.14)
    dark = np.zeros_like(grid.x)
    for side in (-1, 1):
        red += 0.7 * grid.blob(side * 0.47, 0.42, 0.24, 0.2)
        dark += 0.22 * grid.blob(side * look.eye_gap, -0.08, 0.22, 0.1)
        dark += (0.10 + 0.18 * look.age) * grid.blob(side * look.eye_gap, 0.13, 0.17, 0.06)
        nostril = grid.blob(side * look.nose_width * 0.46, look.nose_y + 0.075, 0.045, 0.022)
        dark += 0.75 * np.clip(nostril * 1.3, 0, 1)
    dark += 0.20 * grid.blob(0, look.nose_y + 0.11, look.nose_width * 0.9, 0.05)
    dark += 0.16 * grid.blob(0, look.mouth_y + look.lower_lip + 0.06, 0.17, 0.035)
    mottle = noise(grid.x * 0.5, grid.y * 0.5, look.texture)
    spots = noise(grid.x * 0.45, grid.y * 0.45, look.texture + 1, cell=4)
    where = grid.blob(0, 0.32, 0.55, 0.22)
    dark += 0.35 * look.freckles * where * smooth(0.55, 0.95, spots)
    for x, y in look.moles:
        dark += 0.6 * inside(np.hypot(grid.x - x, grid.y - y) - 0.02, 0.02)
    colour *= 1 + 0.025 * mottle[..., None]
    colour *= 1 - red[..., None] * rgb(0.0, 0.10, 0.09)
    return colour * (1 - np.clip(dark, 0, 0.95)[..., None] * rgb(0.85, 0.95, 1.0))


def _paint_ears(canvas: Canvas, look: Look) -> None:
    grid = canvas.grid
    for side in (-1, 1):
        x = grid.x - side * (look.face_width * 0.985)
        y = grid.y - 0.14
        ear = np.hypot((x - side * y * -0.12) / (0.13 * look.ear), y / (0.25 * look.ear))
        bowl = np.hypot((x - side * 0.02) / 0.055, (y + 0.03) / 0.14)
        height = 0.12 * np.sqrt(np.clip(1.02 - ear**2, 0.02, 1)) - 0.04 * np.exp(-(bowl**2) * 1.2)
        lit = canvas.shade(height)
        colour = rgb(*look.skin) * rgb(0.97, 0.86, 0.84) * lit * 0.92
        canvas.over(inside(0.13 * (ear - 1), 2 * grid.pixel), np.clip(colour, 0, 1))


def _paint_eye(canvas: Canvas, look: Look, pose: Pose, lit: Array, side: int) -> None:
    grid = canvas.grid
    u = (grid.x * side - look.eye_gap) / look.eye_width  # -1 at the nose, 1 at the temple
    v = grid.y + look.eye_tilt * u
    arch = np.clip(1 - (u + 0.12 * (1 - u * u)) ** 2, 0, None)
    open_top = -look.eye_height * arch**0.75
    bottom = 0.55 * look.eye_height * np.clip(1 - u * u, 0, None)
    top = open_top + (bottom - open_top) * pose.lids
    edge = 1.6 * grid.pixel
    cover = inside(np.maximum(np.maximum(top - v, v - bottom), (np.abs(u) - 1) * 0.1), edge)
    light_on_it = np.clip(lit.mean(axis=2, keepdims=True), 0.25, 1.1)
    under_lid = 1 - 0.45 * np.exp(-np.clip(v - top, 0, None) / 0.028)[..., None]
    canvas.over(cover, rgb(0.90, 0.88, 0.86) * light_on_it * under_lid)
    radius = 0.052 + 0.19 * look.eye_width
    centre_x, centre_y = grid.x - side * look.eye_gap, grid.y + 0.012
    away = np.hypot(centre_x, centre_y)
    ring = rgb(*look.iris) * (1.25 - 0.75 * smooth(0.6, 1.0, away / radius))[..., None]
    canvas.over(cover * inside(away - radius, edge), ring * light_on_it * (0.35 + 0.65 * under_lid))
    canvas.over(cover * inside(away - 0.45 * radius, edge), (0.03, 0.025, 0.03))
    glint = np.hypot(centre_x + 0.028, centre_y + 0.028)
    canvas.over(0.85 * cover * inside(glint - 0.017, edge), (1.0, 1.0, 1.0))
    lines = {"top": top, "open_top": open_top, "bottom": bottom}
    _paint_lids(canvas, look, u, v, **lines)


def _paint_lids(
    canvas: Canvas, look: Look, u: Array, v: Array, *, top: Array, open_top: Array, bottom: Array
) -> None:
    """Paint lashes along the upper lid, its crease, and the rim of the lower lid."""
    grid = canvas.grid
    across = smooth(1.12, 0.85, np.abs(u))
    thick = (0.016 if look.female else 0.011) * (1 + 0.35 * u) + 0.3 * grid.pixel
    lashes = np.exp(-(((v - top) / thick) ** 2)) * across
    canvas.over((0.92 if look.female else 0.75) * lashes, (0.08, 0.06, 0.06))
    dark = rgb(*look.skin) * 0.42
    crease = np.exp(-(((v - open_top + 0.052) / 0.014) ** 2)) * smooth(1.1, 0.6, np.abs(u))
    canvas.over(0.45 * crease, dark)
    rim = np.exp(-(((v - bottom) / 0.010) ** 2)) * across
    canvas.over(0.40 * rim, dark)


def _paint_brow(canvas: Canvas, look: Look, lit: Array, side: int) -> None:
    grid = canvas.grid
    u = (grid.x * side - look.eye_gap - 0.01) / (look.eye_width * 1.35)
    line = look.brow_y - look.brow_arch * (1 - (u - 0.25) ** 2) + look.brow_tilt * u
    thick = look.brow_thickness * (1.15 - 0.55 * smooth(-0.2, 1.05, u))
    hairs = noise(u * 1.4 + grid.y * 1.2, grid.y * 0.9, look.texture + 2, cell=4)
    body = np.exp(-(((grid.y - line) / thick) ** 4)) * smooth(1.08, 0.8, np.abs(u))
    colour = (rgb(*look.hair_colour) * min(1.0, 0.42 / max(look.hair_colour)) * 0.72) * np.clip(
        lit, 0.4, 1.1
    )
    canvas.over((body * np.clip(0.8 + 0.25 * hairs, 0, 0.95)).astype(np.float32), colour)


def _paint_mouth(canvas: Canvas, lowered: Grid, look: Look, pose: Pose, lit: Array) -> None:
    grid = canvas.grid
    u = grid.x / look.mouth_width
    lens = np.sqrt(np.clip(1 - u * u, 0, 1))
    line = look.mouth_y - look.smile * u * u + 0.012 * np.exp(-((u / 0.22) ** 2))
    bow = 1 - 0.28 * np.exp(-((u / 0.16) ** 2))
    upper = line - look.upper_lip * lens * bow
    gap = pose.mouth * OPENING * _lens(grid.x, look)
    lower = line + gap + look.lower_lip * (0.25 + 0.75 * lens) * lens**0.5
    edge = 3.0 * grid.pixel
    red = rgb(0.76, 0.30, 0.31) if look.female else rgb(0.66, 0.33, 0.31)
    tone = rgb(*look.skin) * (1 - look.lip_red) + red * look.lip_red * (0.45 + 0.7 * look.skin[1])
    within = smooth(1.03, 0.93, np.abs(u))
    cover = inside(np.maximum(upper - grid.y, grid.y - lower), edge) * within
    plump = 1 + 0.22 * np.exp(-(((grid.y - line - gap - 0.5 * look.lower_lip) / 0.03) ** 2))
    shadow = 1 - 0.14 * smooth(0.0, look.upper_lip, line - grid.y)
    canvas.over(0.88 * cover, np.clip(tone * lit * (plump * shadow)[..., None], 0, 1))
    hole = inside(np.maximum(line - grid.y, grid.y - line - gap), edge) * within
    hole = hole * smooth(0.0, 0.03, gap)
    canvas.over(hole, (0.16, 0.05, 0.05))
    tongue = grid.blob(0, look.mouth_y + pose.mouth * OPENING, 0.6 * look.mouth_width, 0.06)
    canvas.over(0.75 * hole * tongue, rgb(0.62, 0.27, 0.27) * np.clip(lit, 0.3, 0.9))
    teeth = inside(grid.y - line - 0.035 - 0.02 * lens, edge) * smooth(0.92, 0.75, np.abs(u))
    canvas.over(0.9 * hole * teeth, rgb(0.88, 0.85, 0.80) * np.clip(lit, 0.35, 0.95))
    seam = np.exp(-(((grid.y - line) / 0.011) ** 2)) * smooth(1.06, 0.9, np.abs(u))
    canvas.over(0.8 * seam * (1 - hole), rgb(*look.skin) * 0.25)
    for side in (-1, 1):
        corner = grid.blob(side * look.mouth_width, look.mouth_y - look.smile, 0.035, 0.03)
        canvas.over(0.35 * corner, rgb(*look.skin) * 0.35)


def _paint_beard(canvas: Canvas, grid: Grid, look: Look, lit: Array, face: Array) -> None:
    """Paint the beard on the points of the lowered jaw, where `face` [H, W] covers."""
    if look.beard == "none":
        return
    x = np.abs(grid.x)
    half = look.mouth_width + 0.09
    # A moustache hangs from below the nose to past the corners of the mouth.
    hang = grid.y - look.mouth_y + look.upper_lip + 0.035 - 0.11 * (x / half) ** 2
    lip = np.exp(-((hang / (0.075 - 0.035 * np.clip(x / half, 0, 1))) ** 4)) * smooth(
        half, half - 0.09, x
    )
    round_mouth = np.hypot(
        x / half, (grid.y - look.mouth_y - 0.13) / (look.chin - look.mouth_y - 0.06)
    )
    ring = smooth(1.08, 0.86, round_mouth)
    cheek = (
        look.mouth_y - 0.22 + 0.95 * np.clip(0.78 - x, 0, 1) ** 1.4 - 1.3 * np.clip(x - 0.68, 0, 1)
    )
    whole = np.maximum(smooth(0.0, 0.12, grid.y - cheek), lip)
    goatee = np.maximum(lip, smooth(look.mouth_y - 0.06, look.mouth_y + 0.05, grid.y) * ring)
    kinds = {"full": whole, "stubble": whole, "moustache": lip, "goatee": goatee}
    amount = {"full": 0.93, "stubble": 0.42, "moustache": 0.93, "goatee": 0.9}[look.beard]
    hairs = noise(grid.x * 2.2, grid.y * 0.8, look.texture + 3, cell=4)
    mouth = grid.blob(0, look.mouth_y + 0.02, look.mouth_width * 1.02, 0.085)
    cover = face * kinds[look.beard] * amount * np.clip(1 + 0.22 * hairs, 0, 1) * (1 - 0.6 * mouth)
    colour = rgb(*look.hair_colour) * (1 + 0.35 * hairs[..., None]) + 0.015
    canvas.over(cover.astype(np.float32), np.clip(colour * np.clip(lit, 0.35, 1.2), 0, 1))


def _paint_glasses(canvas: Canvas, look: Look) -> None:
    grid = canvas.grid
    if look.glasses == "none":
        return
    power = 2.0 if look.glasses == "round" else 4.5
    half_width, half_height = look.eye_gap * 0.78, 0.22 if look.glasses == "round" else 0.17
    x = np.abs(grid.x) - look.eye_gap * 1.04
    radius = np.abs(x / half_width) ** power + np.abs((grid.y - 0.03) / half_height) ** power
    rim = np.abs(radius ** (1 / power) - 1) * half_height - 0.016
    bridge = np.maximum(np.abs(grid.y + 0.03 + 0.25 * grid.x**2) - 0.014, np.abs(grid.x) - 0.09)
    arm = np.maximum(np.abs(grid.y + 0.02) - 0.018, look.eye_gap * 1.8 - np.abs(grid.x))
    arm = np.maximum(arm, np.abs(grid.x) - look.face_width * 0.99)
    frame = inside(np.minimum(np.minimum(rim, bridge), arm), 1.5 * grid.pixel)
    canvas.over(0.06 * inside(radius - 1, 0.1), (0.9, 0.95, 1.0))
    metal = rgb(*canvas.light.key) * (0.16 if look.glasses == "square" else 0.30)
    canvas.over(0.92 * frame, np.clip(metal, 0, 1))
