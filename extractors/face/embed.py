"""Embed the face of a clip: find all faces, choose one person among them, average their vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mraf.extractors.face.detect import MIN_PROBABILITY, FaceFinder, sharpness
from mraf.extractors.face.follow import TrackedFace, average, candidates, choose, tell_apart
from mraf.extractors.face.mtcnn import Faces
from mraf.extractors.weights import Weights

CANDIDATES = 3
"""Largest number of faces of a frame that are embedded, where some frame shows several."""


@dataclass(frozen=True, kw_only=True)
class FaceResult:
    """The face of a clip. `vector` is None where no face was found; then `reason` says why."""

    vector: np.ndarray | None = None  # [D] float32, unit length
    reason: str | None = None  # no_video, no_face, face_too_small, low_confidence, decode_error
    quality: float | None = None  # mean probability of the detector, 0 to 1
    frames: int = 0  # number of frames in which the chosen face was found
    size: float | None = None  # height of the face in pixels, median
    people: int | None = None  # number of distinct people; None where there were no frames
    steadiness: float | None = None  # mean cosine of the faces to their mean, None for one face
    sharpness: float | None = None  # median over the frames, see `detect.sharpness`
    problem: str | None = None  # why the picture could not be decoded, in words


class FaceEncoder(Protocol):
    """A network that turns face crops into vectors.

    Its constructor takes the weights (`PACKAGED` where the encoder brings its own), the device
    ("cpu" or a device of torch), and for a CPU the number of threads and the precision of the
    arithmetic ("single" or "bfloat16", which an encoder may leave aside).
    """

    name: str
    dim: int  # D
    same: float  # cosine from which two faces are one person's, wherever they are in the picture
    different: float  # cosine below which they are two people's, even in the same place

    def __init__(
        self,
        weights: Weights,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "single",
    ) -> None: ...

    def embed(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """Embed one face a frame.

        Args:
            frames: T pictures `[H, W, 3]` uint8 RGB, at least one, of any sizes.
            boxes: `[T, 4]` x1, y1, x2, y2 in pixels; they may reach beyond the picture.

        Returns:
            `[T, D]` float32; the lengths of the vectors do not matter.
        """
        ...


def embed_faces(
    clips: Sequence[tuple[np.ndarray | None, str | None]], finder: FaceFinder, encoder: FaceEncoder
) -> list[FaceResult]:
    """Find, choose and embed the face of each clip; faces of all clips are embedded together.

    Where no frame shows more than one face, each face is embedded. Where several people are in
    view, at most `CANDIDATES` faces a frame are embedded; of a single picture, the largest face.

    Args:
        clips: for each clip its frames `[T, H, W, 3]` uint8 RGB and None, or None and the reason
            why there are no frames.
        finder: the detector.
        encoder: the network; the result is the mean of the chosen person's unit vectors.
    """
    with_frames = [frames for frames, _ in clips if frames is not None]
    found = finder.find(with_frames)
    tracked = [candidates(faces, CANDIDATES if len(faces) > 1 else 1) for faces in found]
    vectors = _vectors_of(with_frames, tracked, encoder)
    results = map(_result, with_frames, found, tracked, vectors, [encoder] * len(with_frames))
    return [
        FaceResult(reason=reason or "no_video") if frames is None else next(results)
        for frames, reason in clips
    ]


def _vectors_of(
    clips: list[np.ndarray], tracked: list[list[TrackedFace]], encoder: FaceEncoder
) -> list[np.ndarray]:
    """Return the unit vectors `[M, D]` of the faces of each clip."""
    pairs = [
        (frames[face.frame], face.box)
        for frames, faces in zip(clips, tracked, strict=True)
        for face in faces
    ]
    if not pairs:
        return [np.zeros((0, encoder.dim), np.float32) for _ in clips]
    frames, boxes = zip(*pairs, strict=True)
    vectors = encoder.embed(frames, np.stack(boxes))
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.split(vectors, np.cumsum([len(faces) for faces in tracked])[:-1])


def _result(
    frames: np.ndarray,
    found: list[Faces],
    tracked: list[TrackedFace],
    vectors: np.ndarray,
    encoder: FaceEncoder,
) -> FaceResult:
    """Return the face of one clip, from all detections and the vectors of the `tracked` faces."""
    crowd = max((int((f.probability >= MIN_PROBABILITY).sum()) for f in found), default=0)
    if not tracked:
        return _nobody(found, crowd)
    people = tell_apart(tracked, vectors, same=encoder.same, different=encoder.different)
    chosen = choose(tracked, people)
    theirs, mean = [tracked[i] for i in chosen], average(vectors[chosen])
    return FaceResult(
        vector=mean,
        quality=float(np.mean([face.probability for face in theirs])),
        frames=len(chosen),
        size=float(np.median([face.height for face in theirs])),
        people=max(len(people), crowd),
        steadiness=float(np.clip((vectors[chosen] @ mean).mean(), 0, 1))
        if len(chosen) > 1
        else None,
        sharpness=float(np.median([sharpness(frames[face.frame], face.box) for face in theirs])),
    )


def _nobody(found: list[Faces], crowd: int) -> FaceResult:
    small = candidates(found, 1, min_pixels=0.0)
    if not small:
        unsure = any(len(faces.probability) for faces in found)
        return FaceResult(reason="low_confidence" if unsure else "no_face", people=0)
    return FaceResult(
        reason="face_too_small",
        quality=float(np.mean([face.probability for face in small])),
        frames=len(small),
        size=float(np.median([face.height for face in small])),
        people=crowd,
    )
