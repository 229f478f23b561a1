"""Choose one person among the faces of a clip, and follow them from frame to frame.

A face belongs to the same person as one before if it is in the same place and its vector does not
contradict; after a cut, or a move of more than a head, the vector alone decides.
"""

from dataclasses import dataclass

import numpy as np

from mraf.extractors.boxes import overlap
from mraf.extractors.face.detect import MIN_PROBABILITY
from mraf.extractors.face.mtcnn import Faces

MIN_PIXELS = 24
"""Least height of a face, in pixels of the video; smaller faces do not show who it is."""
SAME_PLACE = 0.2
"""Intersection over union above which two boxes may be one face that moved."""
IN_VIEW = 2 / 3
"""A person is eligible if seen in at least this share of the frames of the most frequent person."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TrackedFace:
    """One face in one frame."""

    frame: int
    box: np.ndarray  # [4] x1, y1, x2, y2 in pixels
    probability: float

    @property
    def height(self) -> float:
        """Height in pixels."""
        return float(self.box[3] - self.box[1])


def candidates(
    found: list[Faces], a_frame: int, *, min_pixels: float = MIN_PIXELS
) -> list[TrackedFace]:
    """Return the largest certain faces of each frame, at most `a_frame` of each, frame by frame."""
    largest: list[TrackedFace] = []
    for t, faces in enumerate(found):
        here = [
            TrackedFace(frame=t, box=box, probability=float(p))
            for box, p in zip(faces.boxes, faces.probability, strict=True)
            if p >= MIN_PROBABILITY
        ]
        here = [face for face in here if face.height >= min_pixels]
        largest += sorted(here, key=lambda face: -face.height)[:a_frame]
    return largest


def tell_apart(
    faces: list[TrackedFace], vectors: np.ndarray, *, same: float, different: float
) -> list[list[int]]:
    """Sort faces into people: lists of positions in `faces`, at most one of each frame.

    Args:
        faces: N faces in the order of their frames.
        vectors: `[N, D]` their embeddings as unit vectors.
        same: cosine from which faces in different places are one person's.
        different: cosine below which faces in the same place are two people's.
    """
    return _join(faces, vectors, _follow(faces, vectors, different), same)


def choose(faces: list[TrackedFace], people: list[list[int]]) -> list[int]:
    """Return the eligible person (see `IN_VIEW`) with the largest face.

    This leaves out someone who walks through near the camera, and a small picture on the wall,
    though every frame shows it.
    """
    most = max(len(person) for person in people)
    steady = [person for person in people if len(person) >= IN_VIEW * most]
    return max(steady, key=lambda person: np.median([faces[i].height for i in person]))


def average(vectors: np.ndarray) -> np.ndarray:
    """Return the mean of `[T, D]` vectors taken as unit vectors, itself of unit length: `[D]`."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    mean = unit.mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


def _follow(faces: list[TrackedFace], vectors: np.ndarray, different: float) -> list[list[int]]:
    """Return tracks of faces that stay in one place; a track may skip frames."""
    tracks: list[list[int]] = []
    for t in sorted({face.frame for face in faces}):
        free = {i for i, face in enumerate(faces) if face.frame == t}
        near = [
            (overlap(faces[track[-1]].box, faces[i].box), len(track), k, i)
            for k, track in enumerate(tracks)
            for i in free
            if vectors[i] @ average(vectors[track]) >= different
        ]
        for shared, _, k, i in sorted(near, reverse=True):
            if shared > SAME_PLACE and i in free and faces[tracks[k][-1]].frame < t:
                tracks[k].append(i)
                free.remove(i)
        tracks += [[i] for i in sorted(free)]
    return tracks


def _join(
    faces: list[TrackedFace], vectors: np.ndarray, tracks: list[list[int]], same: float
) -> list[list[int]]:
    """Join the most similar tracks, pair by pair, as long as no frame shows both."""
    people = [list(track) for track in tracks]
    while len(people) > 1:
        means = np.stack([average(vectors[person]) for person in people])
        # On and below the diagonal: -2, less than any cosine.
        alike = np.triu(means @ means.T + 2, 1) - 2
        alike[_together(faces, people)] = -2
        a, b = divmod(int(alike.argmax()), len(people))
        if alike[a, b] < same:
            break
        people[a] = sorted(people[a] + people.pop(b))
    return people


def _together(faces: list[TrackedFace], people: list[list[int]]) -> np.ndarray:
    """Return `[P, P]` bool: true where some frame shows both people."""
    frames = [{faces[i].frame for i in person} for person in people]
    return np.array([[bool(a & b) for b in frames] for a in frames])
