"""A timeline, and the vectors of its people and turns."""

from dataclasses import dataclass

import numpy as np

from mraf.pipeline.timeline.seen.tracks import WholeTrack
from mraf.pipeline.timeline.timeline import Timeline


@dataclass(frozen=True, eq=False, kw_only=True)
class Vectors:
    """The face and the voice of a person, or of a turn."""

    face: np.ndarray | None = None  # [Df] float32, unit length, mean
    faces: int = 0  # vectors of which it is the mean
    size: float | None = None  # height of the face in pixels of the video, median
    voice: np.ndarray | None = None  # [Dv] float32, unit length, mean
    seconds: float = 0.0  # of speech that the voice is of, of nobody else at once


@dataclass(frozen=True, eq=False, kw_only=True)
class Assembled:
    """A timeline with what it was made of."""

    timeline: Timeline
    people: tuple[Vectors, ...]  # of `timeline.people`, in their order
    turns: tuple[Vectors, ...]  # of `timeline.turns`; of a face only where it is seen speaking
    tracks: tuple[WholeTrack, ...] = ()  # of `timeline.tracks`, in their order
    late: float = 0.0  # s by which the turns are heard after they are seen
