"""Find the faces in a clip's frames, choose one person, embed and average the crops."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from extractors import compat, graphs
from extractors.mtcnn import Cascade
from extractors.weights import Weights

MIN_PROBABILITY = 0.9
"""Detections below this probability of MTCNN's last network do not count."""
PASSES = ((240, 40), (480, 20))
"""Shorter side of the reduced pictures, and the smallest face in them; the second where the first
finds nobody."""
MIN_PIXELS = 24
"""A face lower than this many pixels of the video carries no identity."""


@dataclass(frozen=True)
class Faces:
    """Faces found in one frame."""

    boxes: np.ndarray  # [M, 4] float32: x1, y1, x2, y2 in pixels of the frame
    probability: np.ndarray  # [M] float32


@dataclass(frozen=True)
class FaceResult:
    """The face of a clip. `vector` is None where none was found; then `reason` says why."""

    vector: np.ndarray | None  # [D] float32, unit length
    reason: str | None = None  # no_video, no_face, face_too_small, low_confidence, decode_error
    quality: float | None = None  # mean probability of the detector, 0 to 1
    frames: int = 0  # frames in which the chosen face was found
    size: float | None = None  # height of the face in pixels, median


class FaceEncoder(Protocol):
    """Turns face crops into embeddings."""

    name: str
    dim: int

    def embed(self, frames: list[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """Embed one face a frame: T frames `[H, W, 3]` uint8 RGB and boxes `[T, 4]` -> `[T, D]`."""
        ...


class FaceFinder:
    """MTCNN, on reduced pictures first and on larger ones where that fails.

    Faces of a sixth of the picture's shorter side and more are found in the first pass, down to a
    twenty-fourth in the second.
    """

    def __init__(self, device: str = "cpu", threads: int = 1) -> None:
        self._cascade = Cascade(device, threads)

    def find(self, frames: np.ndarray) -> list[Faces]:
        """Faces in each of `[T, H, W, 3]` uint8 RGB frames."""
        found: list[Faces] = []
        for side, min_face in PASSES:
            detections = self._cascade.detect(frames, side, min_face)
            found = [Faces(*detections.of(t)) for t in range(len(frames))]
            if (detections.probability >= MIN_PROBABILITY).any():
                break
        return found


def choose_person(faces: list[Faces], min_probability: float = MIN_PROBABILITY) -> list[int]:
    """Choose one person and follow them: index of their face in each frame, -1 where not found.

    Faces of neighbouring frames are taken to be the same person where their boxes overlap. Of the
    people seen in at least half as many frames as the one seen most, the one with the largest face
    is chosen: someone who walks through near the camera does not win.
    """
    tracks: list[dict[int, int]] = []
    for t, here in enumerate(faces):
        free = [m for m, p in enumerate(here.probability) if p >= min_probability]
        for track in sorted(tracks, key=len, reverse=True):
            last = max(track)
            box = faces[last].boxes[track[last]]
            overlaps = [(_overlap(box, here.boxes[m]), m) for m in free]
            best, m = max(overlaps, default=(0.0, -1))
            if best > 0.2:
                track[t] = m
                free.remove(m)
        tracks += [{t: m} for m in free]
    if not tracks:
        return [-1] * len(faces)
    longest = max(len(track) for track in tracks)
    steady = [track for track in tracks if 2 * len(track) >= longest]
    chosen = max(
        steady, key=lambda track: np.median([_area(faces[t].boxes[m]) for t, m in track.items()])
    )
    return [chosen.get(t, -1) for t in range(len(faces))]


def embed_face(
    frames: np.ndarray | None, reason: str | None, finder: FaceFinder, encoder: FaceEncoder
) -> FaceResult:
    """Find, choose and embed the face of a clip.

    Args:
        frames: `[T, H, W, 3]` uint8 RGB, or None with `reason` saying why there are none.
        reason: why there are no frames.
        finder: the detector.
        encoder: the network that embeds; its vectors are averaged over the frames as unit vectors.
    """
    if frames is None:
        return FaceResult(None, reason or "no_video")
    faces = finder.find(frames)
    chosen = choose_person(faces)
    picked = [(t, m) for t, m in enumerate(chosen) if m >= 0]
    if not picked:
        unsure = any(len(found.probability) for found in faces)
        return FaceResult(None, "low_confidence" if unsure else "no_face")
    boxes = np.stack([faces[t].boxes[m] for t, m in picked])
    probability = float(np.mean([faces[t].probability[m] for t, m in picked]))
    size = float(np.median(boxes[:, 3] - boxes[:, 1]))
    if size < MIN_PIXELS:
        return FaceResult(None, "face_too_small", probability, len(picked), size)
    vectors = encoder.embed([frames[t] for t, _ in picked], boxes)
    return FaceResult(average(vectors), None, probability, len(picked), size)


def average(vectors: np.ndarray) -> np.ndarray:
    """Mean of `[T, D]` vectors taken as unit vectors, itself of unit length: `[D]` float32."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = unit.mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


class FaceNet:
    """InceptionResnetV1 of facenet-pytorch, trained on VGGFace2 (Schroff et al., 2015; 512-d)."""

    name, dim = "facenet", 512

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        def build() -> tuple[Any, tuple[Any, ...]]:
            import torch

            return _facenet(weights.load()), (torch.zeros(2, 160, 160, 3, dtype=torch.uint8),)

        self._net = graphs.load(self.name, weights.sha256, build, device, threads)

    def embed(self, frames: list[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """`[T, 512]` unit vectors of one face a frame; the box of MTCNN is cropped as it is."""
        pairs = zip(frames, boxes, strict=True)
        return self._net(np.stack([_crop(frame, box, 160) for frame, box in pairs]))[0]


class Dlib:
    """dlib's ResNet of 2017 on 150 x 150 aligned faces (128-d); its files lie in a package."""

    name, dim = "dlib", 128

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
    module.net.load_state_dict({k: v for k, v in state.items() if not k.startswith("logits.")})
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


def _area(box: np.ndarray) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = float(max(width, 0) * max(height, 0))
    union = _area(a) + _area(b) - shared
    return shared / union if union > 0 else 0.0
