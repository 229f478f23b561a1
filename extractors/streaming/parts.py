"""What is heard and seen in a part of a file, embedded: all that later steps need of it."""

from dataclasses import dataclass, field

import numpy as np

from mraf.extractors.streaming.cuts import LastPictures
from mraf.extractors.streaming.decoding.problems import Problem


@dataclass(frozen=True, eq=False, kw_only=True)
class Heard:
    """Local speakers in windows of sound, and the voice in spans of speech.

    A window has up to three local speakers, which have nothing to do with those of other windows. A span is
    a second or so in which one speaks; spans of running speech overlap.
    """

    starts: np.ndarray  # [W] float64: starts of the windows in s from the beginning of the file
    activity: (
        np.ndarray
    )  # [W, T, 3] uint8: probability x 255 that a local speaker speaks in a frame
    vectors: (
        np.ndarray
    )  # [P, D] float32, unit length: the voice in a span; NaN where it is too short
    seconds: np.ndarray  # [P] float32: speech in a span
    mfcc: np.ndarray  # [M, 13] float32: LR-ASD's sound, 100 a second from the start of the part
    spans: np.ndarray = field(
        default_factory=lambda: np.zeros((0, 2))
    )  # [P, 2] float64 s, in order


@dataclass(frozen=True, eq=False, kw_only=True)
class FaceTrack:
    """A face that is followed through a shot, within a part of a file."""

    times: (
        np.ndarray
    )  # [T] float64: s from the beginning of the file, of the pictures that were looked at
    boxes: np.ndarray  # [T, 4] float32: x1, y1, x2, y2 in parts of the picture's width and height
    probability: np.ndarray  # [T] float32: of the detector
    size: float  # height in pixels of the video, median
    vectors: (
        np.ndarray
    )  # [M, D] float32, unit length: the face where it is best to be seen; M may be 0
    vector_times: np.ndarray  # [M] float64
    lips: (
        np.ndarray
    )  # [V, 128] float16: LR-ASD's view of the face, 25 a second; NaN where not looked at
    first_tick: int  # of `lips`, from the beginning of the file
    picture: bytes  # JPEG of the face at its best, 96 x 96 pixels; empty where there is none


@dataclass(frozen=True, eq=False, kw_only=True)
class Seen:
    """Faces in a part of a file, and the times at which the picture cuts."""

    tracks: tuple[FaceTrack, ...]
    cuts: np.ndarray  # [C] float64 s
    width: int  # of the upright picture in pixels
    height: int
    last: LastPictures | None = None  # for the cuts of the next part


@dataclass(frozen=True, eq=False, kw_only=True)
class Observed:
    """A part of a file, from `start` to `stop` in seconds."""

    start: float
    stop: float
    heard: Heard | None  # None where there is no sound that can be read
    seen: Seen | None  # None where there is no picture
    problems: tuple[Problem, ...] = ()  # one of each kind
