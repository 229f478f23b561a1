"""Find the faces in a clip's frames, and the networks that embed them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np

from mraf.extractors import compat
from mraf.extractors import openvino as graphs
from mraf.extractors.face.mtcnn import Cascade
from mraf.extractors.weights import Weights, fill

MIN_PROBABILITY = 0.9
"""Detections below this probability of MTCNN's last network do not count."""
PASSES = ((240, 40), (480, 20))
"""Shorter side of the reduced pictures, and the smallest face in them; the second where the first
finds nobody."""
CROPS_AT_ONCE = 128
"""Faces that go through FaceNet together."""


@dataclass(frozen=True)
class Faces:
    """Faces found in one frame."""

    boxes: np.ndarray  # [M, 4] float32: x1, y1, x2, y2 in pixels of the frame
    probability: np.ndarray  # [M] float32


class FaceEncoder(Protocol):
    """Turns face crops into embeddings."""

    name: str
    dim: int
    same: float  # cosine from which two faces are one person's, wherever they sit
    different: float  # cosine below which they are two people's, even in one place

    def embed(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """Embed one face a frame: T frames `[H, W, 3]` uint8 RGB and boxes `[T, 4]` -> `[T, D]`.

        The frames may be of several clips and sizes; there is at least one.
        """
        ...


class FaceFinder:
    """MTCNN, on reduced pictures first and on larger ones where that fails.

    Faces of a sixth of the picture's shorter side and more are found in the first pass, down to a
    twenty-fourth in the second.
    """

    def __init__(self, device: str = "cpu", threads: int = 1) -> None:
        self._cascade = Cascade(device, threads)

    def find(self, clips: Sequence[np.ndarray]) -> list[list[Faces]]:
        """Faces in each frame of some clips `[T, H, W, 3]` uint8 RGB.

        Clips whose frames have the same size are looked at together.
        """
        found: list[list[Faces]] = [[] for _ in clips]
        for side, min_face in PASSES:
            nobody = [i for i, faces in enumerate(found) if not any(map(_is_sure, faces))]
            for group in _of_one_size(clips, nobody):
                frames = [frame for i in group for frame in clips[i]]
                detections = self._cascade.detect(frames, side, min_face)
                faces = iter([Faces(*detections.of(t)) for t in range(len(frames))])
                for i in group:
                    found[i] = [next(faces) for _ in clips[i]]
        return found


def _is_sure(faces: Faces) -> bool:
    return bool((faces.probability >= MIN_PROBABILITY).any())


def _of_one_size(clips: Sequence[np.ndarray], some: Sequence[int]) -> Iterator[list[int]]:
    """Positions of some clips, those whose frames have the same size together."""
    for size in dict.fromkeys(clips[i].shape[1:3] for i in some):
        yield [i for i in some if clips[i].shape[1:3] == size]


def average(vectors: np.ndarray) -> np.ndarray:
    """Mean of `[T, D]` vectors taken as unit vectors, itself of unit length: `[D]` float32."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = unit.mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


class FaceNet:
    """InceptionResnetV1 of facenet-pytorch, trained on VGGFace2 (Schroff et al., 2015; 512-d)."""

    name, dim = "facenet", 512
    same, different = 0.5, 0.35

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        def build() -> tuple[Any, tuple[Any, ...]]:
            import torch

            return _facenet(weights.load()), (torch.zeros(2, 160, 160, 3, dtype=torch.uint8),)

        source = f"{weights.sha256} facenet-pytorch {version('facenet-pytorch')}"
        self._net = graphs.load(self.name, source, build, device, threads)

    def embed(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """`[T, 512]` unit vectors of one face a frame; the box of MTCNN is cropped as it is."""
        crops = [_crop(frame, box, 160) for frame, box in zip(frames, boxes, strict=True)]
        starts = range(0, len(crops), CROPS_AT_ONCE)
        return np.concatenate(
            [self._net(np.stack(crops[i : i + CROPS_AT_ONCE]))[0] for i in starts]
        )


class Dlib:
    """dlib's ResNet of 2017 on 150 x 150 aligned faces (128-d); its files lie in a package."""

    name, dim = "dlib", 128
    # Its vectors are far from centred: between people of real clips the cosine is 0.83 in the
    # median and 0.90 at the 99th percentile, and never below 0.93 within a clip.
    same, different = 0.92, 0.9

    def __init__(self) -> None:
        import dlib
        import face_recognition_models as files

        self._dlib = dlib
        self._net = dlib.face_recognition_model_v1(files.face_recognition_model_location())
        self._landmarks = dlib.shape_predictor(files.pose_predictor_five_point_model_location())

    def embed(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """`[T, 128]` vectors of one face a frame, aligned by five landmarks."""
        chips = []
        for frame, box in zip(frames, boxes, strict=True):
            image = np.require(frame, np.uint8, ["C", "W"])
            rectangle = self._dlib.rectangle(*(round(float(x)) for x in box))
            shape = self._landmarks(image, rectangle)
            chips.append(self._dlib.get_face_chip(image, shape, size=150, padding=0.25))
        return np.array(self._net.compute_face_descriptor(chips), np.float32)


def _facenet(state: dict[str, Any]) -> Any:
    """The network behind crops `[T, 160, 160, 3]` uint8 RGB."""
    compat.prepare()
    import torch
    from facenet_pytorch import InceptionResnetV1

    class FromPixels(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = InceptionResnetV1(pretrained=None, classify=False)

        def forward(self, pixels: Any) -> Any:
            return self.net((pixels.permute(0, 3, 1, 2).float() - 127.5) / 128)

    module = FromPixels().eval()
    # The published file also holds the classifier of its 8,631 training identities.
    fill(module.net, {k: v for k, v in state.items() if not k.startswith("logits.")})
    return module


def _crop(frame: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    import cv2

    x1, y1, x2, y2 = (int(v) for v in _inside(box, frame))
    return cv2.resize(frame[y1:y2, x1:x2], (size, size), interpolation=cv2.INTER_AREA)


def _inside(box: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The box cut to the frame, at least one pixel wide and high."""
    height, width = frame.shape[:2]
    x1, y1 = min(max(box[0], 0), width - 1), min(max(box[1], 0), height - 1)
    return np.array([x1, y1, max(min(box[2], width), x1 + 1), max(min(box[3], height), y1 + 1)])
