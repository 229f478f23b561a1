"""MTCNN (Zhang et al., 2016) with the networks of facenet-pytorch.

The cascade is facenet-pytorch's, stage by stage. It is faster because the three networks run on
OpenVINO, and because the first two stages look at reduced pictures; only the last stage, which
decides and places the box, looks at the full ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from mraf.extractors import compat, openvino
from mraf.extractors.boxes import suppress

FACTOR = 0.709
"""Ratio of two neighbouring scales of the pyramid: half the area."""
THRESHOLDS = (0.6, 0.7, 0.7)
"""Least probability that a window or box must have after each of the three networks."""
CELL, STRIDE = 12, 2
"""Window and step of the first network, in pixels of the pyramid."""
_BATCHES = (256, 128, 64, 32, 16, 8)
"""Numbers of crops that go through at once; each new size takes OpenVINO 20 ms to prepare."""
_CROWD = 400
"""Number of windows of a frame that reach the second network, best first."""
_WINDOWS = 2000
"""Number of windows of a frame and scale that are compared pairwise, best first."""

Pictures = np.ndarray | Sequence[np.ndarray]
"""T pictures `[H, W, 3]` uint8 RGB, all of one size."""


@dataclass(frozen=True, kw_only=True)
class Faces:
    """Faces found in one frame, best first."""

    boxes: np.ndarray  # [M, 4] float32: x1, y1, x2, y2 in pixels of the frame
    probability: np.ndarray  # [M] float32


class Cascade:
    """The cascade of the three networks."""

    def __init__(self, device: str = "cpu", threads: int = 1) -> None:
        source = f"facenet-pytorch {version('facenet-pytorch')}"
        self._proposal, self._refinement, self._output = (
            openvino.load(name, source, _builder(name, side), device=device, threads=threads)
            for name, side in (("PNet", 48), ("RNet", 24), ("ONet", 48))
        )

    def detect(self, frames: Pictures, *, side: int, min_face: int) -> list[Faces]:
        """Find the faces in each of T frames `[H, W, 3]` uint8 RGB.

        Args:
            frames: the pictures, at least one, all of one size.
            side: shorter side, in pixels, of the reduced pictures from which the pyramid starts;
                smaller frames stay as they are.
            min_face: smallest face to find, in pixels of the reduced pictures, 12 at least.
        """
        return self.look(frames, *self._places(frames, side, min_face))

    def look(self, frames: Pictures, index: np.ndarray, boxes: np.ndarray) -> list[Faces]:
        """Find the faces of T frames `[H, W, 3]` uint8 RGB near places that may show one.

        Args:
            frames: as for `detect`.
            index: frame of each place, `[M]`.
            boxes: places, `[M, 4]` in pixels of the frames; the squares around them are looked at.
        """
        boxes = _square(boxes)
        shift, score = self._judge(self._output, frames, index, boxes, 48)
        good = score > THRESHOLDS[2]
        index, score, boxes = index[good], score[good], _shifted(boxes[good], shift[good])
        # As in the authors' code, the last stage counts x2 and y2 as pixels inside the box.
        kept = _suppress_by_frame(index, boxes, score, 0.7, of_smaller=True, edge=1.0)
        index, boxes, score = index[kept], boxes[kept].astype(np.float32), score[kept]
        mine = [index == t for t in range(len(frames))]
        return [Faces(boxes=boxes[each], probability=score[each]) for each in mine]

    def _places(self, frames: Pictures, side: int, min_face: int) -> tuple[np.ndarray, np.ndarray]:
        """Run the first two stages: frame `[M]` and box `[M, 4]` of places that may show a face."""
        height, width = frames[0].shape[:2]
        zoom = min(1.0, side / min(height, width))
        small = _resized(frames, round(width * zoom), round(height * zoom))
        index, boxes, score = self._propose(small, min_face)
        kept = _best(index, score, _CROWD)
        index, boxes = index[kept], _square(boxes[kept])

        shift, score = self._judge(self._refinement, small, index, boxes, 24)
        good = score > THRESHOLDS[1]
        index, boxes, score, shift = index[good], boxes[good], score[good], shift[good]
        kept = _suppress_by_frame(index, boxes, score, 0.7)
        return index[kept], _shifted(boxes[kept], shift[kept]) / zoom

    def _propose(
        self, pictures: np.ndarray, min_face: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Run the first stage: frame `[M]`, box `[M, 4]` and score `[M]` of windows with a face."""
        height, width = pictures.shape[1:3]
        floats = np.zeros((0, 4), np.float32)
        found = [(np.zeros(0, np.int64), floats, np.zeros(0, np.float32), floats)]
        scale = CELL / min_face
        while min(height, width) * scale >= CELL:
            pictures = _resized(pictures, int(width * scale + 1), int(height * scale + 1))
            shift, probability = self._proposal(pictures)
            here = _windows(shift, probability[:, 1], scale)
            here = tuple(part[_best(here[0], here[2], _WINDOWS)] for part in here)
            kept = _suppress_by_frame(here[0], here[1], here[2], 0.5)
            found.append(tuple(part[kept] for part in here))
            scale *= FACTOR
        index, boxes, score, shift = (np.concatenate(parts) for parts in zip(*found, strict=True))
        kept = _best(index, score, _WINDOWS)
        kept = kept[_suppress_by_frame(index[kept], boxes[kept], score[kept], 0.7)]
        boxes, shift = boxes[kept], shift[kept]
        extent = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        return index[kept], boxes + shift * extent, score[kept]

    def _judge(
        self,
        network: openvino.CompiledNetwork,
        frames: Pictures,
        index: np.ndarray,
        boxes: np.ndarray,
        size: int,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run the second or third stage: shift `[M, 4]` and score `[M]` of the crop in each box."""
        shifts, scores = [np.zeros((0, 4), np.float32)], [np.zeros(0, np.float32)]
        start = 0
        for count in _batches(len(boxes)):
            here, there = (each[start : start + count] for each in (index, boxes))
            start += count
            batch = np.zeros((count, size, size, 3), np.uint8)
            for place, t, box in zip(batch, here, there, strict=False):
                _crop(frames[t], box, place)
            outputs = network(batch)
            shifts.append(outputs[0][: len(here)])
            scores.append(outputs[-1][: len(here), 1])
        return np.concatenate(shifts), np.concatenate(scores)


def _batches(count: int) -> Iterator[int]:
    """Yield sizes of batches that hold `count` crops, the largest first; only the last has room left."""
    while count > 0:
        size = next((size for size in _BATCHES if size <= count), _BATCHES[-1])
        yield size
        count -= size


def _builder(name: str, side: int) -> openvino.Build:
    def build() -> tuple[Any, tuple[Any, ...]]:
        compat.prepare()
        import torch
        from facenet_pytorch.models import mtcnn

        class FromPixels(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.net = getattr(mtcnn, name)()

            def forward(self, pixels: Any) -> Any:  # [B, H, W, 3] uint8
                return self.net((pixels.permute(0, 3, 1, 2).float() - 127.5) * 0.0078125)

        return FromPixels().eval(), (torch.zeros(2, side, side, 3, dtype=torch.uint8),)

    return build


def _windows(
    shift: np.ndarray, probability: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return frame, box, score and shift of the windows above the first threshold.

    `shift` is `[T, 4, h, w]`, `probability` `[T, h, w]`; boxes are in pixels of the frames.
    """
    # Cell (x, y) of the output looks at the window of CELL pixels that starts at STRIDE * (x, y).
    t, y, x = np.nonzero(probability >= THRESHOLDS[0])
    corner = np.stack([x, y], axis=1).astype(np.float32) * STRIDE + 1
    boxes = np.floor(np.concatenate([corner, corner + CELL - 1], axis=1) / scale)
    return t, boxes.astype(np.float32), probability[t, y, x], shift[t, :, y, x]


def _best(index: np.ndarray, score: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of the `count` best of each frame."""
    order = np.lexsort((-score, index))  # by frame, then best first
    frames, starts = np.unique(index[order], return_index=True)
    # The rank within its frame: place in the order, less the place at which the frame starts.
    rank = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    return order[rank < count] if len(frames) else order


def _suppress_by_frame(
    index: np.ndarray, boxes: np.ndarray, score: np.ndarray, limit: float, **measure: Any
) -> np.ndarray:
    """Apply `boxes.suppress` within each frame: positions kept, frame by frame, best first."""
    kept = [np.zeros(0, np.int64)]
    for frame in np.unique(index):
        mine = np.flatnonzero(index == frame)
        kept.append(mine[suppress(boxes[mine], score[mine], limit, **measure)])
    return np.concatenate(kept)


def _shifted(boxes: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return boxes moved by `shift`, which is in parts of their width and height."""
    extent = np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)
    return boxes + shift * extent


def _square(boxes: np.ndarray) -> np.ndarray:
    """Return the squares around boxes: same centre, side the longer of the two."""
    side = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)
    corner = (boxes[:, :2] + boxes[:, 2:] - side) / 2
    return np.concatenate([corner, corner + side], axis=1)


def _crop(frame: np.ndarray, box: np.ndarray, place: np.ndarray) -> None:
    """Scale the part of the frame inside a box into a square `place`."""
    height, width = frame.shape[:2]
    x1, y1 = (max(0, int(v) - 1) for v in box[:2])
    x2, y2 = min(width, int(box[2])), min(height, int(box[3]))
    if x2 > x1 and y2 > y1:
        place[:] = _reduced(frame[y1:y2, x1:x2], *place.shape[:2])


def _resized(frames: Pictures, width: int, height: int) -> np.ndarray:
    if frames[0].shape[:2] == (height, width):
        return np.asarray(frames)
    return np.stack([_reduced(each, max(1, width), max(1, height)) for each in frames])


def _reduced(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    import cv2

    # OpenCV averages exact halves fastest; a last odd row or column is left out.
    while picture.shape[0] >= 2 * height and picture.shape[1] >= 2 * width:
        half = (picture.shape[1] // 2, picture.shape[0] // 2)
        even = picture[: 2 * half[1], : 2 * half[0]]
        picture = cv2.resize(even, half, interpolation=cv2.INTER_AREA)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
