"""Find the faces in a clip's frames, and the networks that embed them."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from extractors import compat

MIN_PROBABILITY = 0.9
"""Detections below this probability of MTCNN's last network do not count."""


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

    def embed(self, frames: list[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """Embed one face a frame: T frames `[H, W, 3]` uint8 RGB and boxes `[T, 4]` -> `[T, D]`."""
        ...


class FaceFinder:
    """MTCNN (Zhang et al., 2016), on reduced pictures first and on larger ones where that fails.

    Faces of a sixth of the picture's shorter side and more are found in the first pass, down to a
    twenty-fourth in the second.
    """

    def __init__(self, device: str = "cpu") -> None:
        compat.prepare()
        from facenet_pytorch import MTCNN

        self._passes = [
            (240, MTCNN(min_face_size=40, keep_all=True, device=device).eval()),
            (480, MTCNN(min_face_size=20, keep_all=True, device=device).eval()),
        ]

    def find(self, frames: np.ndarray) -> list[Faces]:
        """Faces in each of `[T, H, W, 3]` uint8 RGB frames."""
        found: list[Faces] = []
        for side, mtcnn in self._passes:
            found = _detect(mtcnn, frames, side)
            if any((faces.probability >= MIN_PROBABILITY).any() for faces in found):
                break
        return found


def average(vectors: np.ndarray) -> np.ndarray:
    """Mean of `[T, D]` vectors taken as unit vectors, itself of unit length: `[D]` float32."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = unit.mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


class FaceNet:
    """InceptionResnetV1 of facenet-pytorch, trained on VGGFace2 (Schroff et al., 2015; 512-d)."""

    name, dim = "facenet", 512
    same, different = 0.5, 0.35

    def __init__(self, state: dict[str, Any], device: str = "cpu") -> None:
        compat.prepare()
        from facenet_pytorch import InceptionResnetV1

        self._net = InceptionResnetV1(pretrained=None, classify=False)
        # The published file also holds the classifier of its 8,631 training identities.
        self._net.load_state_dict({k: v for k, v in state.items() if not k.startswith("logits.")})
        self._device = device
        self._net.eval().to(device)

    def embed(self, frames: list[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """`[T, 512]` unit vectors of one face a frame; the box of MTCNN is cropped as it is."""
        import torch
        from facenet_pytorch import extract_face, fixed_image_standardization

        crops = [
            extract_face(frame, _inside(box, frame), image_size=160)
            for frame, box in zip(frames, boxes, strict=True)
        ]
        batch = fixed_image_standardization(torch.stack(crops)).to(self._device)
        with torch.inference_mode():
            return self._net(batch).float().cpu().numpy()


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

    def embed(self, frames: list[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """`[T, 128]` vectors of one face a frame, aligned by five landmarks."""
        chips = []
        for frame, box in zip(frames, boxes, strict=True):
            image = np.require(frame, np.uint8, ["C", "W"])
            rectangle = self._dlib.rectangle(*(round(float(x)) for x in box))
            shape = self._landmarks(image, rectangle)
            chips.append(self._dlib.get_face_chip(image, shape, size=150, padding=0.25))
        return np.array(self._net.compute_face_descriptor(chips), np.float32)


def _detect(mtcnn: Any, frames: np.ndarray, side: int) -> list[Faces]:
    import cv2

    height, width = frames.shape[1:3]
    scale = min(1.0, side / min(height, width))
    small = frames
    if scale < 1:
        size = (round(width * scale), round(height * scale))
        small = np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in frames])
    if min(small.shape[1:3]) < mtcnn.min_face_size:  # MTCNN fails where no scale is left to look at
        return [_no_faces() for _ in frames]
    boxes, probability = mtcnn.detect(small)
    return [
        _no_faces() if b is None else Faces((b / scale).astype(np.float32), p.astype(np.float32))
        for b, p in zip(boxes, probability, strict=True)
    ]


def _no_faces() -> Faces:
    return Faces(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))


def _inside(box: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """The box cut to the frame, at least one pixel wide and high."""
    height, width = frame.shape[:2]
    x1, y1 = min(max(box[0], 0), width - 1), min(max(box[1], 0), height - 1)
    return np.array([x1, y1, max(min(box[2], width), x1 + 1), max(min(box[3], height), y1 + 1)])
