"""The face of a track at its best: its vectors, its picture, and whether it stays one person's."""

from dataclasses import dataclass, replace

import numpy as np

from mraf.extractors.face.detect import sharpness
from mraf.extractors.face.embed import FaceEncoder
from mraf.extractors.face.follow import MIN_PIXELS, average

WINDOWS = (75, 75, 150, 200)
"""Ticks of the first stretches of a track, of each of which the best look is embedded; the others are as the last."""
HEIGHT, ROUGH = 200, 80
"""Pixels to which larger faces are reduced that may be embedded, and those that only tell two people apart."""
MARGIN = 0.5
"""Share of the longer side by which what is kept reaches beyond the face on each side."""
SHARP = 60.0
"""Sharpness (see `detect.sharpness`) of a face that is as good as it needs to be, half."""
PICTURE = 96
"""Height and width in pixels of the picture for people."""
PICTURE_MARGIN = 0.25
"""Share of the longer side by which that picture reaches beyond the face on each side."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Snapshot:
    """A face cut out of a look, with what is around it."""

    tick: int
    picture: np.ndarray  # [H, W, 3] uint8 RGB
    box: np.ndarray  # [4] in pixels of `picture`
    height: float  # of the face in pixels of the video
    quality: float  # 0 to 1


@dataclass(frozen=True, eq=False, kw_only=True)
class View:
    """A snapshot that was embedded."""

    tick: int
    vector: np.ndarray | None  # [D] float32, unit length; None for a face that is too small
    quality: float
    picture: bytes  # JPEG, 96 x 96 pixels


class Portraits:
    """Keeps the best views of a track: one every few seconds.

    Where a view contradicts the ones before, another person has taken the place, as after a cut that
    nobody noticed; the looks between the two tell when.
    """

    def __init__(self, encoder: FaceEncoder) -> None:
        self.views: list[View] = []
        self.splits: list[int] = []  # ticks at which another person's looks begin
        self._encoder = encoder
        self._same: list[np.ndarray] = []  # vectors since the last split
        self._start: int | None = None  # of the window
        self._best: Snapshot | None = None  # of the window
        self._rough: list[Snapshot] = []  # since the last view, small: the memory is bounded

    def add(self, tick: int, picture: np.ndarray, box: np.ndarray, probability: float) -> None:
        """Take in a look: a picture `[H, W, 3]` uint8 RGB and the box `[4]` of the face in it."""
        self._start = tick if self._start is None else self._start
        if tick - self._start >= WINDOWS[min(len(self.views), len(WINDOWS) - 1)]:
            self._view()
            self._start = tick
        here = _snapshot(tick, picture, box, probability)
        self._rough.append(_reduced(_thinned(here), ROUGH))
        if self._best is None or here.quality > self._best.quality:
            self._best = _reduced(here, HEIGHT)

    def finish(self) -> None:
        """Take in no more."""
        self._view()

    def _view(self) -> None:
        """Embed the best look of the window."""
        best, self._best = self._best, None
        if best is None:
            return
        vector = self._vector(best) if best.height >= MIN_PIXELS else None
        if vector is not None:
            self._compare(best, vector)
            self._same.append(vector)
        self._rough = [each for each in self._rough if each.tick > best.tick]
        self.views.append(
            View(tick=best.tick, vector=vector, quality=best.quality, picture=_jpeg(best))
        )

    def _compare(self, snapshot: Snapshot, vector: np.ndarray) -> None:
        """Note when another person has taken the place, if one has."""
        if not self._same:
            return
        known = average(np.stack(self._same))
        if known @ vector >= self._encoder.different:
            return
        doubtful = [
            each for each in self._rough if each.tick < snapshot.tick and each.height >= MIN_PIXELS
        ]
        begins = snapshot.tick
        while doubtful:  # half of them at a time
            middle = len(doubtful) // 2
            here = self._vector(doubtful[middle])
            if here @ known >= here @ vector:
                doubtful = doubtful[middle + 1 :]
            else:
                begins = doubtful[middle].tick
                doubtful = doubtful[:middle]
        self.splits.append(begins)
        self._same = []

    def _vector(self, snapshot: Snapshot) -> np.ndarray:
        (vector,) = self._encoder.embed([snapshot.picture], snapshot.box[None])
        unit: np.ndarray = vector / np.linalg.norm(vector)
        return unit.astype(np.float32)


def _snapshot(tick: int, picture: np.ndarray, box: np.ndarray, probability: float) -> Snapshot:
    part, inside = _part(picture, box, MARGIN)
    height = float(box[3] - box[1])
    sharp = sharpness(picture, box)
    size = min(height, HEIGHT) / HEIGHT
    return Snapshot(
        tick=tick,
        picture=part,
        box=inside,
        height=height,
        quality=probability * size * sharp / (sharp + SHARP),
    )


def _thinned(snapshot: Snapshot) -> Snapshot:
    """Return a snapshot of every second or n-th pixel, which is faster to reduce to a small one."""
    step = max(1, int(snapshot.height / (2 * ROUGH)))
    picture = np.ascontiguousarray(snapshot.picture[::step, ::step])
    return replace(snapshot, picture=picture, box=snapshot.box / step)


def _reduced(snapshot: Snapshot, height: int) -> Snapshot:
    """Return a snapshot with a face of at most so many pixels, which holds no larger picture."""
    import cv2

    zoom = min(1.0, height / max(1.0, float(snapshot.box[3] - snapshot.box[1])))
    picture = snapshot.picture.copy()
    if zoom < 1:
        picture = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    return replace(snapshot, picture=picture, box=snapshot.box * zoom)


def _part(picture: np.ndarray, box: np.ndarray, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the square around a box, as far as it lies in the picture, and the box in it."""
    height, width = picture.shape[:2]
    middle, half = (box[:2] + box[2:]) / 2, (0.5 + margin) * float(max(box[2:] - box[:2]))
    x1, y1 = (
        int(np.clip(v, 0, end - 1)) for v, end in zip(middle - half, (width, height), strict=True)
    )
    x2, y2 = (
        int(np.ceil(min(v, end))) for v, end in zip(middle + half, (width, height), strict=True)
    )
    part = picture[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)]
    return part, (box - np.array([x1, y1, x1, y1])).astype(np.float32)


def _jpeg(snapshot: Snapshot) -> bytes:
    import cv2

    part, _ = _part(snapshot.picture, snapshot.box, PICTURE_MARGIN)
    small = cv2.resize(part, (PICTURE, PICTURE), interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    return bytes(encoded)
