"""Windows of sound that overlap, put on one grid of frames: how many speak, and where the speaker changes."""

from dataclasses import dataclass

import numpy as np

from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.turns.segmentation import CENTRE, STEP

FRAME = STEP / SAMPLE_RATE
"""Seconds from a frame to the next."""
SPEECH = 0.45
"""Probability of speech, as the mean over windows, from which a frame holds some."""
OVERLAP = 0.3
"""The same of two at once: the network says that too seldom."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Frames:
    """N frames of sound; frame i is around `start` + (495 + 270 i) / 16,000 s."""

    start: float  # s
    speech: np.ndarray  # [N] float32: probability that somebody speaks
    overlap: np.ndarray  # [N] float32: that two do
    change: np.ndarray  # [N] float32: share of the windows in which another local speaker goes on

    @property
    def speaks(self) -> np.ndarray:
        """Frames with speech, `[N]` bool."""
        return self.speech >= SPEECH

    @property
    def two(self) -> np.ndarray:
        """Frames in which two speak, `[N]` bool."""
        return self.speaks & (self.overlap >= OVERLAP)

    def at(self, frame: int) -> float:
        """Return the time in s at which a frame's 17 ms begin."""
        return self.start + (frame * STEP + CENTRE - STEP / 2) / SAMPLE_RATE

    def frame(self, time: float) -> int:
        """Return the first frame whose 17 ms begin at a time in s or after it."""
        return max(0, int(np.ceil(round((time - self.at(0)) / FRAME, 6))))


def first_frames(starts: np.ndarray, start: float) -> np.ndarray:
    """Return the frames `[W]`, on the grid that begins at `start`, in which windows begin."""
    return np.round((starts - start) / FRAME).astype(int)


def mean_of(starts: np.ndarray, activity: np.ndarray, start: float, stop: float) -> Frames:
    """Average windows.

    Args:
        starts: `[W]` of the windows in s, none before `start`.
        activity: `[W, T, 3]` uint8, probability x 255 that a local speaker speaks.
        start: of the grid in s.
        stop: its end in s.
    """
    count = max(0, int((stop - start) / FRAME))
    size = count + activity.shape[1]
    windows, changes = np.zeros(size, np.float32), np.zeros(size, np.float32)
    one, two = np.zeros(size, np.float32), np.zeros(size, np.float32)
    for first, each in zip(first_frames(starts, start).tolist(), activity, strict=True):
        where = slice(first, first + len(each))
        at_once = each.sum(axis=1, dtype=np.float32) / 255
        windows[where] += 1
        one[where] += np.minimum(at_once, 1)
        two[where] += np.clip(at_once - 1, 0, 1)
        changes[where] += _changes(each)
    windows = np.maximum(windows, 1)
    near = np.convolve(changes, np.ones(9, np.float32), "same") if size > 9 else changes
    return Frames(
        start=start,
        speech=(one / windows)[:count],
        overlap=(two / windows)[:count],
        change=(near / windows)[:count],
    )


def _changes(activity: np.ndarray) -> np.ndarray:
    """Return `[T]` bool: the frames in which another local speaker is the first to speak again."""
    changed = np.zeros(len(activity), bool)
    heard = np.flatnonzero(activity.max(axis=1) > 127)
    loudest = activity[heard].argmax(axis=1)
    changed[heard[1:]] = loudest[1:] != loudest[:-1]
    return changed
