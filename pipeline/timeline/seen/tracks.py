"""Face tracks of a whole file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mraf.extractors.streaming.parts import FaceTrack
from mraf.extractors.streaming.slices import LOOK, TICKS

STEP = 1 / LOOK
"""Seconds for which a face counts as seen from each picture that was looked at."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Piece:
    """A face track of one part of a file, and the scores of its lips."""

    track: FaceTrack
    scores: np.ndarray  # [V] float32, of the ticks from `track.first_tick`; NaN where not looked at


@dataclass(frozen=True, eq=False, kw_only=True)
class WholeTrack:
    """A face that is followed through a shot, over the borders of parts."""

    times: np.ndarray  # [T] float64 s, rising
    boxes: np.ndarray  # [T, 4] float32: x1, y1, x2, y2 in parts of the picture's width and height
    size: float  # height in pixels of the video, median
    probability: float  # the detector's, mean, 0 to 1
    best: float  # probability times height in pixels of the piece with the picture
    vectors: np.ndarray  # [M, D] float32, unit length; M may be 0
    vector_times: np.ndarray  # [M] float64 s
    first_tick: int  # of `scores`
    scores: (
        np.ndarray
    )  # [V] float32: LR-ASD's, 25 a second, above 0 speaks; NaN where not looked at
    picture: bytes  # JPEG, may be empty

    @property
    def start(self) -> float:
        """The first moment at which it is seen, in s."""
        return float(self.times[0])

    @property
    def stop(self) -> float:
        """The moment after the last one at which it is seen, in s."""
        return float(self.times[-1]) + STEP

    @property
    def vector(self) -> np.ndarray | None:
        """[D] float32, unit length: the mean; None where there is none."""
        return unit_mean(self.vectors)

    def scores_at(self, ticks: np.ndarray) -> np.ndarray:
        """Return the scores [K] at ticks [K] of the file; NaN where there are none."""
        found = np.full(len(ticks), np.nan, np.float32)
        place = ticks - self.first_tick
        inside = (place >= 0) & (place < len(self.scores))
        found[inside] = self.scores[place[inside]]
        return found


def joined(pieces: Sequence[Piece]) -> WholeTrack:
    """Return the track that pieces of following parts make."""
    tracks = [piece.track for piece in pieces]
    first_tick, scores = _scores(pieces)
    best = max(tracks, key=lambda track: (bool(track.picture), _quality(track)))
    vectors = [track for track in tracks if len(track.vectors)]
    return WholeTrack(
        times=np.concatenate([track.times for track in tracks]),
        boxes=np.concatenate([track.boxes for track in tracks]),
        size=float(np.median([track.size for track in tracks])),
        probability=float(np.mean(np.concatenate([track.probability for track in tracks]))),
        best=_quality(best),
        vectors=np.concatenate([track.vectors for track in vectors])
        if vectors
        else np.zeros((0, 0), np.float32),
        vector_times=np.concatenate([track.vector_times for track in tracks]),
        first_tick=first_tick,
        scores=scores,
        picture=best.picture,
    )


def unit_mean(vectors: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray | None:
    """Return the mean [D] of vectors [M, D] at unit length, weighted by [M]; None where there is none."""
    finite = np.isfinite(vectors).all(axis=1) if len(vectors) else np.zeros(0, bool)
    if not finite.any():
        return None
    mean = np.average(vectors[finite], axis=0, weights=None if weights is None else weights[finite])
    length = np.linalg.norm(mean)
    return (mean / length).astype(np.float32) if length > 1e-6 else None


def coherence(units: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the length of the mean of unit vectors [M, D]; 1 where there are less than two.

    The cosine of two means, times the lengths of both, is the mean cosine of the pairs of their vectors: that
    of two means alone is larger, of two people too.
    """
    finite = np.isfinite(units).all(axis=1) if len(units) else np.zeros(0, bool)
    if finite.sum() < 2:
        return 1.0
    some = None if weights is None else weights[finite]
    return float(np.linalg.norm(np.average(units[finite], axis=0, weights=some)))


def ticks_of(start: float, stop: float) -> np.ndarray:
    """Return the ticks [K] of a file from `start` on, before `stop`; there are none before its beginning."""
    first = max(0, int(np.ceil(start * TICKS - 1e-6)))
    return np.arange(first, int(np.ceil(stop * TICKS - 1e-6)))


def _scores(pieces: Sequence[Piece]) -> tuple[int, np.ndarray]:
    """Return the first tick and the scores from there on, NaN between the pieces."""
    some = [piece for piece in pieces if len(piece.scores)]
    if not some:
        return 0, np.zeros(0, np.float32)
    first = min(piece.track.first_tick for piece in some)
    last = max(piece.track.first_tick + len(piece.scores) for piece in some)
    scores = np.full(last - first, np.nan, np.float32)
    for piece in some:
        at = piece.track.first_tick - first
        scores[at : at + len(piece.scores)] = piece.scores
    return first, scores


def _quality(track: FaceTrack) -> float:
    return float(np.mean(track.probability)) * track.size if len(track.probability) else 0.0
