"""Choose one person among the faces of a clip, follow them, and embed them.

A face belongs to the same person as one before where it sits in the same place and its embedding
does not contradict; after a cut, or a move of more than a head, the embedding alone decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mraf.extractors.face.encoders import MIN_PROBABILITY, FaceEncoder, FaceFinder, Faces, average

MIN_PIXELS = 24
"""A face lower than this many pixels of the video carries no identity."""
CANDIDATES = 3
"""Faces of a frame that are embedded at most, the largest first; a single picture needs one."""
SAME_PLACE = 0.2
"""Faces whose boxes overlap by more (intersection over union) may be one face that moved."""
IN_VIEW = 2 / 3
"""Of the people seen in this share of the frames of the one seen most, the largest is chosen."""
SHARPNESS_SIDE = 160
"""Pixels to which a face is scaled before its sharpness is measured."""


@dataclass(frozen=True)
class FaceResult:
    """The face of a clip. `vector` is None where none was found; then `reason` says why."""

    vector: np.ndarray | None  # [D] float32, unit length
    reason: str | None = None  # no_video, no_face, face_too_small, low_confidence, decode_error
    quality: float | None = None  # mean probability of the detector, 0 to 1
    frames: int = 0  # frames in which the chosen face was found
    size: float | None = None  # height of the face in pixels, median
    people: int | None = None  # distinct people seen; None where nothing was looked at
    steadiness: float | None = None  # mean cosine of the faces to their mean, None for one face
    sharpness: float | None = None  # median over the frames, see `sharpness`
    problem: str | None = None  # why the picture could not be decoded, in words


@dataclass(frozen=True, eq=False)
class SeenFace:
    """One face in one frame."""

    frame: int
    box: np.ndarray  # [4] x1, y1, x2, y2 in pixels
    probability: float

    @property
    def height(self) -> float:
        """In pixels."""
        return float(self.box[3] - self.box[1])


def embed_faces(
    clips: Sequence[tuple[np.ndarray | None, str | None]], finder: FaceFinder, encoder: FaceEncoder
) -> list[FaceResult]:
    """Find, choose and embed the face of each clip; faces of all of them are embedded together.

    Where no frame shows more than one face, each face is embedded once; where several people are
    in view, at most `CANDIDATES` faces a frame are.

    Args:
        clips: of each its frames `[T, H, W, 3]` uint8 RGB, or None, and why there are none.
        finder: the detector.
        encoder: the network that embeds; its vectors are averaged over the chosen person's faces
            as unit vectors.
    """
    looked = [frames for frames, _ in clips if frames is not None]
    found = finder.find(looked)
    seen = [candidates(faces, CANDIDATES if len(faces) > 1 else 1) for faces in found]
    vectors = _vectors_of(looked, seen, encoder)
    results = map(_result, looked, found, seen, vectors, [encoder] * len(looked))
    return [
        FaceResult(None, reason or "no_video") if frames is None else next(results)
        for frames, reason in clips
    ]


def _vectors_of(
    clips: list[np.ndarray], seen: list[list["SeenFace"]], encoder: FaceEncoder
) -> list[np.ndarray]:
    """Unit vectors `[M, D]` of the faces seen in each clip."""
    pairs = [
        (frames[f.frame], f.box) for frames, faces in zip(clips, seen, strict=True) for f in faces
    ]
    if not pairs:
        return [np.zeros((0, encoder.dim), np.float32) for _ in clips]
    frames, boxes = zip(*pairs, strict=True)
    vectors = encoder.embed(frames, np.stack(boxes))
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.split(vectors, np.cumsum([len(faces) for faces in seen])[:-1])


def _result(
    frames: np.ndarray,
    found: list[Faces],
    seen: list["SeenFace"],
    vectors: np.ndarray,
    encoder: FaceEncoder,
) -> FaceResult:
    """The face of one clip, from all that were found in it and the vectors of those in `seen`."""
    crowd = max((int((f.probability >= MIN_PROBABILITY).sum()) for f in found), default=0)
    if not seen:
        return _nobody(found, crowd)
    people = tell_apart(seen, vectors, encoder.same, encoder.different)
    chosen = choose(seen, people)
    theirs, mean = [seen[i] for i in chosen], average(vectors[chosen])
    return FaceResult(
        mean,
        None,
        float(np.mean([f.probability for f in theirs])),
        len(chosen),
        float(np.median([f.height for f in theirs])),
        max(len(people), crowd),
        float(np.clip((vectors[chosen] @ mean).mean(), 0, 1)) if len(chosen) > 1 else None,
        float(np.median([sharpness(frames[f.frame], f.box) for f in theirs])),
    )


def candidates(found: list[Faces], a_frame: int, min_pixels: float = MIN_PIXELS) -> list[SeenFace]:
    """The largest certain faces of each frame, at most `a_frame` of each, frame by frame."""
    seen: list[SeenFace] = []
    for t, faces in enumerate(found):
        here = [
            SeenFace(t, box, float(p))
            for box, p in zip(faces.boxes, faces.probability, strict=True)
            if p >= MIN_PROBABILITY
        ]
        here = [face for face in here if face.height >= min_pixels]
        seen += sorted(here, key=lambda face: -face.height)[:a_frame]
    return seen


def tell_apart(
    seen: list[SeenFace], vectors: np.ndarray, same: float, different: float
) -> list[list[int]]:
    """Sort faces into people: lists of positions in `seen`, at most one of each frame.

    Args:
        seen: N faces in the order of their frames.
        vectors: `[N, D]` their embeddings as unit vectors.
        same: faces in different places are one person's from this cosine on.
        different: faces in the same place are two people's below this cosine.
    """
    return _join(seen, vectors, _follow(seen, vectors, different), same)


def choose(seen: list[SeenFace], people: list[list[int]]) -> list[int]:
    """The person most in view: of those seen in nearly as many frames as any, the largest.

    Someone who walks through near the camera does not win, and neither does a small picture on the
    wall, though it is seen in every frame.
    """
    most = max(len(person) for person in people)
    steady = [person for person in people if len(person) >= IN_VIEW * most]
    return max(steady, key=lambda person: np.median([seen[i].height for i in person]))


def sharpness(frame: np.ndarray, box: np.ndarray) -> float:
    """Variance of the Laplacian of a face, grey (0 to 255) and scaled to 160 x 160 pixels.

    Low where the face is blurred, by focus, motion, compression or for being small.
    """
    import cv2

    height, width = frame.shape[:2]
    x1, y1 = (int(np.clip(v, 0, end - 1)) for v, end in zip(box[:2], (width, height), strict=True))
    crop = frame[y1 : max(y1 + 1, round(float(box[3]))), x1 : max(x1 + 1, round(float(box[2])))]
    shrinks = min(crop.shape[:2]) > SHARPNESS_SIDE
    scaled = cv2.resize(
        np.ascontiguousarray(crop),
        (SHARPNESS_SIDE, SHARPNESS_SIDE),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    return float(cv2.Laplacian(cv2.cvtColor(scaled, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


def _nobody(found: list[Faces], crowd: int) -> FaceResult:
    """Why there is no face to embed."""
    small = candidates(found, 1, 0.0)
    if not small:
        unsure = any(len(faces.probability) for faces in found)
        return FaceResult(None, "low_confidence" if unsure else "no_face", people=0)
    probability = float(np.mean([face.probability for face in small]))
    size = float(np.median([face.height for face in small]))
    return FaceResult(None, "face_too_small", probability, len(small), size, crowd)


def _follow(seen: list[SeenFace], vectors: np.ndarray, different: float) -> list[list[int]]:
    """Tracks of faces that stay in one place, over frames without them too."""
    tracks: list[list[int]] = []
    for t in sorted({face.frame for face in seen}):
        free = {i for i, face in enumerate(seen) if face.frame == t}
        near = [
            (overlap(seen[track[-1]].box, seen[i].box), len(track), k, i)
            for k, track in enumerate(tracks)
            for i in free
            if vectors[i] @ average(vectors[track]) >= different
        ]
        for shared, _, k, i in sorted(near, reverse=True):
            if shared > SAME_PLACE and i in free and seen[tracks[k][-1]].frame < t:
                tracks[k].append(i)
                free.remove(i)
        tracks += [[i] for i in sorted(free)]
    return tracks


def _join(
    seen: list[SeenFace], vectors: np.ndarray, tracks: list[list[int]], same: float
) -> list[list[int]]:
    """Join tracks that look most alike, pair by pair, where no frame shows both."""
    people = [list(track) for track in tracks]
    while len(people) > 1:
        means = np.stack([average(vectors[person]) for person in people])
        alike = np.triu(means @ means.T + 2, 1) - 2  # below the diagonal: -2, less than any cosine
        alike[_together(seen, people)] = -2
        a, b = divmod(int(alike.argmax()), len(people))
        if alike[a, b] < same:
            break
        people[a] = sorted(people[a] + people.pop(b))
    return people


def _together(seen: list[SeenFace], people: list[list[int]]) -> np.ndarray:
    """`[P, P]` bool: whether two people are seen in one frame."""
    frames = [{seen[i].frame for i in person} for person in people]
    return np.array([[bool(a & b) for b in frames] for a in frames])


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = float(max(width, 0) * max(height, 0))
    areas = (float((box[2] - box[0]) * (box[3] - box[1])) for box in (a, b))
    union = sum(areas) - shared
    return shared / union if union > 0 else 0.0
