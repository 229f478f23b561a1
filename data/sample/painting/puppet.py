"""A drawn person in a room who can move: painted once, then only warped and pasted.

Painting takes tenths of a second, a frame a few milliseconds: mouth and eyes are painted at a few
openings, and bending the picture turns the head.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from mraf.data.sample.painting.body import paint_body, paint_hands
from mraf.data.sample.painting.canvas import Array, Canvas, Grid
from mraf.data.sample.painting.clothes import Clothes
from mraf.data.sample.painting.face import Pose, paint_face
from mraf.data.sample.painting.hair import paint_back_of_head, paint_hair, paint_hair_behind
from mraf.data.sample.painting.look import Look
from mraf.data.sample.painting.room import Scene, paint_room

Frame = npt.NDArray[Any]  # uint8

MOUTHS = 7  # painted openings of the mouth
LIDS = 4  # painted openings of the eyes
FACE_SPAN = 2.2  # head units from the top of the brow to the chin, see `Scene.face_height`
MOUTH_BOX = (-0.92, 0.42, 0.92, 1.62)  # x0, y0, x1, y1 of the part that moves with the mouth
EYES_BOX = (-0.72, -0.26, 0.72, 0.22)


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Motion in a clip: each field has a number a frame, [T]; lengths in head units, angles in rad."""

    mouth: Array
    lids: Array
    x: Array
    y: Array
    roll: Array
    yaw: Array
    pitch: Array


class Puppet:
    """A person in front of the camera of one recording; see `mraf.data.sample.plan.Face` for `face`."""

    def __init__(
        self,
        *,
        look: Look,
        clothes: Clothes,
        scene: Scene,
        size: tuple[int, int],
        face: str = "seen",
    ) -> None:
        self._look, self._clothes, self._scene, self._face = look, clothes, scene, face
        self._width, self._height = size
        self._scale = scene.face_height * self._height / FACE_SPAN  # pixels a head unit
        self._centre = self._place()
        self._room = self._to_bytes(paint_room(scene, self._height, self._width))
        self._noise = self._make_noise()
        self._base = self._paint((0, 0, self._width, self._height), Pose())
        self._mouths = self._patches(
            MOUTH_BOX, [Pose(mouth=i / (MOUTHS - 1)) for i in range(MOUTHS)]
        )
        self._eyes = self._patches(EYES_BOX, [Pose(lids=i / (LIDS - 1)) for i in range(LIDS)])
        self._fields = self._make_fields()

    def frames(self, motion: Motion, rng: np.random.Generator) -> Iterator[Frame]:
        """Yield the frames [H, W, 3] of a clip, RGB uint8."""
        for t in range(len(motion.mouth)):
            picture = self._base.copy()
            for (box, patches), amount in (
                (self._mouths, motion.mouth[t]),
                (self._eyes, motion.lids[t]),
            ):
                if patches:
                    x0, y0, x1, y1 = box
                    picture[y0:y1, x0:x1] = patches[round(float(amount) * (len(patches) - 1))]
            frame = self._over_room(self._bend(picture, motion, t))
            top, left = rng.integers(64, size=2)
            noise = self._noise[top : top + self._height, left : left + self._width]
            yield cv2.addWeighted(frame, 1.0, noise, 1.0, -128.0)

    def _place(self) -> tuple[float, float]:
        x = self._width * (0.5 + self._scene.shift[0])
        if self._face == "out_of_frame":  # the camera looks at the chest
            return x, -(self._look.chin + 0.12) * self._scale
        return x, self._height * (0.43 + self._scene.shift[1])

    def _grid(self, box: tuple[int, int, int, int]) -> Grid:
        x0, y0, x1, y1 = box
        x = (np.arange(x0, x1, dtype=np.float32) - self._centre[0]) / self._scale
        y = (np.arange(y0, y1, dtype=np.float32) - self._centre[1]) / self._scale
        columns, rows = np.meshgrid(x, y)
        return Grid(columns, rows, 1.0 / self._scale)

    def _paint(self, box: tuple[int, int, int, int], pose: Pose) -> Frame:
        """Return the person [h, w, 4] in a box of the frame: premultiplied RGB and alpha."""
        pad = 4
        x0, y0, x1, y1 = box
        grid = self._grid((x0 - pad, y0 - pad, x1 + pad, y1 + pad))
        canvas = Canvas(grid, self._scene.light)
        paint_hair_behind(canvas, self._look)
        paint_body(canvas, self._look, self._clothes)
        if self._face == "turned_away":
            paint_back_of_head(canvas, self._look)
        else:
            paint_face(canvas, self._look, pose)
            paint_hair(canvas, self._look)
        if self._face == "hand":
            paint_hands(canvas, self._look, self._clothes)
        both: Array = np.dstack([canvas.colour, canvas.alpha])
        both = cv2.GaussianBlur(both, (0, 0), self._scene.blur)[pad:-pad, pad:-pad]
        both[..., :3] = self._expose(both[..., :3])
        return (both * 255 + 0.5).astype(np.uint8)

    def _patches(
        self, area: tuple[float, float, float, float], poses: list[Pose]
    ) -> tuple[tuple[int, int, int, int], list[Frame]]:
        """Return an area of head units in pixels of the frame, and its pictures in some poses."""
        (cx, cy), s = self._centre, self._scale
        x0, y0, x1, y1 = (round(v * s + c) for v, c in zip(area, (cx, cy, cx, cy), strict=True))
        x0, x1 = max(0, x0), min(self._width, x1)
        y0, y1 = max(0, y0), min(self._height, y1)
        if self._face != "seen" or x1 <= x0 or y1 <= y0:
            return (0, 0, 0, 0), []
        return (x0, y0, x1, y1), [self._paint((x0, y0, x1, y1), pose) for pose in poses]

    def _expose(self, colour: Array) -> Array:
        return colour * 0.025 if self._face == "dark" else colour

    def _to_bytes(self, colour: Array) -> Frame:
        return (self._expose(colour) * 255 + 0.5).astype(np.uint8)

    def _make_noise(self) -> Frame:
        rng = np.random.default_rng(self._scene.seed + 1)
        shape = (self._height + 64, self._width + 64)
        grain = rng.normal(0, self._scene.noise, shape)[..., None] + rng.normal(
            0, 0.4 * self._scene.noise, (*shape, 3)
        )
        return np.clip(128.5 + grain, 0, 255).astype(np.uint8)

    def _make_fields(self) -> tuple[Array, ...]:
        """Return x, y, the share of the head's motion that a point follows, and its depth, on a coarse grid."""
        grid = self._grid((0, 0, self._width, self._height))
        small = (self._width // 4, self._height // 4)
        follows = 0.12 + 0.88 / (1 + np.exp((grid.y - 1.35) / 0.14))
        across = grid.x / (self._look.face_width + 0.12)
        bulge = np.clip(1 - across**2 - ((grid.y - 0.05) / 1.4) ** 2, 0, 1)
        fields = (grid.x, grid.y, follows.astype(np.float32), bulge.astype(np.float32))
        return tuple(cv2.resize(f, small, interpolation=cv2.INTER_AREA) for f in fields)

    def _bend(self, picture: Frame, motion: Motion, t: int) -> Frame:
        x, y, follows, bulge = self._fields
        roll = motion.roll[t]
        dx = follows * (motion.x[t] - roll * (y - 1.4)) + motion.yaw[t] * bulge
        dy = follows * (motion.y[t] + roll * x) + motion.pitch[t] * bulge
        whole = (self._width, self._height)
        dx, dy = (
            cv2.resize(d * -self._scale, whole, interpolation=cv2.INTER_LINEAR) for d in (dx, dy)
        )
        dx += np.arange(self._width, dtype=np.float32)
        dy += np.arange(self._height, dtype=np.float32)[:, None]
        # Replicating the edge keeps shoulders whole where the picture is pulled inwards.
        return cv2.remap(picture, dx, dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _over_room(self, picture: Frame) -> Frame:
        clear = cv2.cvtColor(255 - picture[..., 3], cv2.COLOR_GRAY2RGB)
        return cv2.add(cv2.multiply(self._room, clear, scale=1 / 255), picture[..., :3])


def draw_motion(envelope: Array, fps: float, rng: np.random.Generator) -> Motion:
    """Draw the motion of a person whose speech has the loudness `envelope` [T]."""
    count = len(envelope)
    times = np.arange(count) / fps

    def sway(size: float, fastest: float) -> Array:
        waves = [
            rng.normal(0, 0.6)
            * np.sin(2 * np.pi * rng.uniform(0.08, fastest) * times + rng.uniform(0, 7))
            for _ in range(3)
        ]
        return (size * (rng.normal(0, 0.4) + np.sum(waves, axis=0))).astype(np.float32)

    nods = np.convolve(envelope, np.ones(9) / 9)[4 : 4 + count] - float(envelope.mean())
    return Motion(
        mouth=np.clip(envelope, 0, 1).astype(np.float32),
        lids=_blinks(count, fps, rng),
        x=sway(0.045, 0.4),
        y=sway(0.02, 0.4) + (0.04 * nods).astype(np.float32),
        roll=sway(0.035, 0.35),
        yaw=np.clip(sway(0.085, 0.4), -0.2, 0.2),
        pitch=np.clip(sway(0.035, 0.4) + (0.05 * nods).astype(np.float32), -0.1, 0.1),
    )


def _blinks(count: int, fps: float, rng: np.random.Generator) -> Array:
    """Draw the lids [T]: 0 open to 1 closed, with a blink every few seconds."""
    lids = np.zeros(count, np.float32)
    shape = np.array([0.35, 1.0, 1.0, 0.65, 0.3], np.float32)
    at = rng.uniform(0.2, 2.0)
    while at * fps < count:
        start = int(at * fps)
        part = lids[start : start + len(shape)]
        part[:] = shape[: len(part)]
        at += rng.uniform(1.6, 4.0)
    return lids
