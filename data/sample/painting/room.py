"""Paint the room behind a person: out of focus, and different in every recording."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from mraf.data.sample.painting.canvas import Array, Light, rgb
from mraf.data.sample.painting.look import colours

WALLS = colours(
    "0.78 0.74 0.67, 0.58 0.67 0.69, 0.70 0.60 0.54, 0.62 0.68 0.58, 0.47 0.53 0.62, "
    "0.83 0.80 0.77, 0.67 0.60 0.68"
)

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Room, light and camera of a recording."""

    backdrop: str  # a key of BACKDROPS
    light: Light
    face_height: float  # share of the height of the frame
    shift: tuple[float, float]  # offset of the eyes, in shares of the size of the frame
    noise: float  # standard deviation of the sensor's noise, of 255
    blur: float  # pixels
    seed: int


def draw_scene(rng: Rng) -> Scene:
    """Draw the room, light and camera of one recording."""
    angle = rng.uniform(-1.0, 1.0)
    warm = rng.uniform(-1.0, 1.0)
    strength = rng.uniform(0.60, 0.78)
    fill = rng.uniform(0.32, 0.46)
    tint = np.array([1 + 0.06 * warm, 1.0, 1 - 0.09 * warm])
    key, shadow = strength * tint, fill * (2 - tint)
    return Scene(
        backdrop=str(rng.choice(list(BACKDROPS))),
        light=Light(
            (float(0.75 * np.sin(angle)), float(rng.uniform(-0.7, -0.25)), 1.0),
            (float(key[0]), float(key[1]), float(key[2])),
            (float(shadow[0]), float(shadow[1]), float(shadow[2])),
        ),
        face_height=float(rng.uniform(0.41, 0.57)),
        shift=(float(rng.uniform(-0.07, 0.07)), float(rng.uniform(-0.02, 0.03))),
        noise=float(rng.uniform(0.8, 2.4)),
        blur=float(rng.uniform(0.45, 0.8)),
        seed=int(rng.integers(2**31)),
    )


def paint_room(scene: Scene, height: int, width: int) -> Array:
    """Return the picture [height, width, 3] of the room, RGB in 0..1."""
    rng = np.random.default_rng(scene.seed)
    wall = np.array(WALLS[int(rng.integers(len(WALLS)))]) * rng.uniform(0.75, 1.0)
    picture = _wall(wall, scene, height, width)
    BACKDROPS[scene.backdrop](picture, rng, wall)
    depth_of_field = height * float(rng.uniform(0.012, 0.022))
    picture = cv2.GaussianBlur(picture, (0, 0), depth_of_field)
    tint = rgb(*scene.light.key) + rgb(*scene.light.fill)
    return np.clip(picture * tint * 0.82, 0, 1).astype(np.float32)


def _wall(wall: Array, scene: Scene, height: int, width: int) -> Array:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    side = 0.5 + 0.5 * np.sign(scene.light.direction[0])
    near = np.exp(-(((x / width - side) / 0.75) ** 2) - ((y / height - 0.2) / 0.9) ** 2)
    return (np.float32(wall) * (0.72 + 0.36 * near[..., None])).astype(np.float32)


def _box(picture: Array, x0: float, y0: float, x1: float, y1: float, colour: object) -> None:
    """Fill a box; its corners are in shares of the size of the picture."""
    height, width = picture.shape[:2]
    tone = tuple(float(v) for v in np.asarray(colour))
    start, end = (round(x0 * width), round(y0 * height)), (round(x1 * width), round(y1 * height))
    cv2.rectangle(picture, start, end, tone, -1)


def _paint_window(picture: Array, rng: Rng, wall: Array) -> None:
    left = float(rng.choice((rng.uniform(-0.05, 0.08), rng.uniform(0.62, 0.72))))
    sky = np.array([0.86, 0.93, 1.0])
    _box(picture, left - 0.02, 0.04, left + 0.38, 0.74, np.clip(wall * 1.3, 0, 1))
    for step in range(24):
        t = step / 23
        tone = sky * (1 - t) + np.array([0.66, 0.76, 0.58]) * t
        _box(picture, left, 0.06 + 0.65 * t, left + 0.36, 0.08 + 0.65 * t, tone)
    for _ in range(5):
        x, y = left + rng.uniform(0, 0.36), rng.uniform(0.45, 0.68)
        radius, tone = rng.uniform(0.04, 0.10), np.array([0.36, 0.52, 0.32])
        _spot(picture, x, y, radius, tone * rng.uniform(0.8, 1.3), 0.8)
    _box(picture, left + 0.17, 0.06, left + 0.19, 0.72, np.clip(wall * 1.2, 0, 1))
    _box(picture, left - 0.05, 0.72, left + 0.41, 0.76, np.clip(wall * 1.25, 0, 1))
    _box(picture, left + 0.38, 0.0, left + 0.47, 0.95, wall * np.array([0.85, 0.78, 0.72]))


def _paint_shelves(picture: Array, rng: Rng, wall: Array) -> None:
    wood = np.array([0.42, 0.29, 0.19]) * rng.uniform(0.8, 1.3)
    _box(picture, 0, 0, 1, 1, wood * 0.5)
    for row in range(4):
        top, x = -0.02 + 0.27 * row, 0.0
        while x < 1.0:
            thick = rng.uniform(0.015, 0.045)
            tall = rng.uniform(0.15, 0.22)
            tone = np.array(WALLS[int(rng.integers(len(WALLS)))]) * rng.uniform(0.35, 1.0)
            tone = tone * (1 + rng.normal(0, 0.18, 3))
            if rng.random() < 0.88:
                _box(
                    picture, x, top + 0.24 - tall, x + thick, top + 0.24, np.clip(tone, 0.05, 0.95)
                )
            x += thick + 0.003
        _box(picture, 0, top + 0.24, 1, top + 0.265, wood)


def _paint_bokeh(picture: Array, rng: Rng, _wall_colour: Array) -> None:
    picture *= rgb(0.28, 0.30, 0.40)
    for _ in range(46):
        tone = np.array([1.0, rng.uniform(0.55, 0.9), rng.uniform(0.25, 0.8)]) * rng.uniform(
            0.4, 1.0
        )
        _spot(picture, rng.random(), rng.random() * 0.9, rng.uniform(0.015, 0.055), tone, 0.5)


def _paint_garden(picture: Array, rng: Rng, _wall_colour: Array) -> None:
    height = picture.shape[0]
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    picture[:] = rgb(0.80, 0.88, 0.86) * (1 - down) + rgb(0.40, 0.52, 0.30) * down
    for _ in range(90):
        y = rng.uniform(0.1, 1.0)
        tone = np.array([0.30, 0.46, 0.22]) * rng.uniform(0.7, 1.9) + rng.uniform(0, 0.1, 3)
        _spot(picture, rng.random(), y, rng.uniform(0.03, 0.11), np.clip(tone, 0, 1), 0.45)


def _paint_curtain(picture: Array, rng: Rng, _wall_colour: Array) -> None:
    width = picture.shape[1]
    x = np.linspace(0, 1, width, dtype=np.float32)
    phase = x * rng.uniform(60, 95) + 1.8 * np.sin(x * rng.uniform(8, 16))
    folds = 0.5 + 0.5 * np.sin(phase)
    tone = np.array(WALLS[int(rng.integers(len(WALLS)))]) * np.array([0.9, 0.8, 0.78])
    picture[:] = np.float32(tone) * (0.62 + 0.40 * folds[None, :, None])


def _paint_pictures(picture: Array, rng: Rng, wall: Array) -> None:
    for left in (rng.uniform(0.0, 0.1), rng.uniform(0.68, 0.78)):
        top, wide, tall = rng.uniform(0.05, 0.2), rng.uniform(0.16, 0.26), rng.uniform(0.24, 0.4)
        right, bottom = left + wide + 0.012, top + tall + 0.016
        _box(picture, left - 0.012, top - 0.016, right, bottom, (0.25, 0.19, 0.15))
        _box(picture, left, top, left + wide, top + tall, (0.93, 0.92, 0.88))
        for _ in range(4):
            tone = rng.uniform(0.25, 0.9, 3)
            x, y = left + wide * rng.uniform(0.25, 0.75), top + tall * rng.uniform(0.3, 0.7)
            _spot(picture, x, y, 0.22 * wide, tone, 0.9)
    _box(picture, 0, 0.84, 1, 1, wall * 0.62)


def _paint_lamp(picture: Array, rng: Rng, wall: Array) -> None:
    picture *= rgb(0.62, 0.58, 0.55)
    x = float(rng.choice((rng.uniform(0.08, 0.18), rng.uniform(0.82, 0.92))))
    height, width = picture.shape[:2]
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    glow = np.exp(-(((xx / width - x) / 0.28) ** 2) - ((yy / height - 0.38) / 0.36) ** 2)
    picture += glow[..., None] * rgb(0.42, 0.32, 0.18)
    _box(picture, x - 0.012, 0.45, x + 0.012, 0.95, (0.3, 0.22, 0.15))
    _box(picture, x - 0.08, 0.26, x + 0.08, 0.47, (1.0, 0.90, 0.70))
    _box(picture, x - 0.3, 0.86, x + 0.3, 1, wall * np.array([0.5, 0.4, 0.32]))


def _paint_studio(picture: Array, rng: Rng, wall: Array) -> None:
    height, width = picture.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    halo = np.exp(-(((x / width - 0.5) / 0.42) ** 2) - ((y / height - 0.5) / 0.55) ** 2)
    picture[:] = np.float32(wall) * (0.45 + 0.55 * halo[..., None])


def _spot(picture: Array, x: float, y: float, radius: float, colour: object, alpha: float) -> None:
    """Paint a disc; place and radius are in shares of the size of the picture."""
    height, width = picture.shape[:2]
    px, py, r = round(x * width), round(y * height), max(2, round(radius * width))
    box = picture[max(0, py - r - 2) : py + r + 2, max(0, px - r - 2) : px + r + 2]
    if not box.size:
        return
    disc = np.zeros(box.shape[:2], np.float32)
    centre = (px - max(0, px - r - 2), py - max(0, py - r - 2))
    cv2.circle(disc, centre, r, 1.0, -1, cv2.LINE_AA)
    box += alpha * disc[..., None] * (np.asarray(colour, np.float32) - box)


BACKDROPS: dict[str, Callable[[Array, Rng, Array], None]] = {
    "window": _paint_window,
    "shelves": _paint_shelves,
    "bokeh": _paint_bokeh,
    "garden": _paint_garden,
    "curtain": _paint_curtain,
    "pictures": _paint_pictures,
    "lamp": _paint_lamp,
    "studio": _paint_studio,
}
