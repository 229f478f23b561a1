"""What is heard in a whole file, from its parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mraf.extractors.streaming.parts import Observed
from mraf.extractors.turns.frames import FRAME, Frames, mean_of

FILLED = 127
"""Probability x 255 above which a local speaker speaks."""
QUIET = 0.3
"""Mean probability of a local speaker below which a window says nothing of a span."""
SPEECH = 0.5
"""Probability from which a frame is a part of a turn. Spans take in a little more, so that voices are known from all
that may be theirs."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Sound:
    """Windows, spans and frames of a file. An hour takes about 10 MB."""

    starts: np.ndarray  # [W] float64 s, of the windows
    activity: np.ndarray  # [W, T, 3] uint8
    frames: Frames
    spans: np.ndarray  # [P, 2] float64 s
    vectors: np.ndarray  # [P, D] float32 of unit length, NaN where a span is too short
    stop: float  # s, end of the file

    @cached_property
    def speaks(self) -> np.ndarray:
        """Frames in which somebody speaks, `[N]` bool."""
        speaks: np.ndarray = self.frames.speech >= SPEECH
        return speaks

    @cached_property
    def two(self) -> np.ndarray:
        """Frames in which two speak, `[N]` bool."""
        return self.speaks & self.frames.two

    @cached_property
    def seconds(self) -> np.ndarray:
        """Lengths of the spans, `[P]` s."""
        lengths: np.ndarray = self.spans[:, 1] - self.spans[:, 0]
        return lengths

    @cached_property
    def once(self) -> np.ndarray:
        """Lengths of the spans up to the next one, `[P]` s: what two have in common counted once."""
        after = np.append(self.spans[1:, 0], np.inf)
        lengths: np.ndarray = np.minimum(self.seconds, np.maximum(after - self.spans[:, 0], 0))
        return lengths

    @cached_property
    def embedded(self) -> np.ndarray:
        """Spans that have a vector, `[P]` bool."""
        return np.isfinite(self.vectors).all(axis=1)


def gather(parts: Iterable[Observed]) -> Sound | None:
    """Take the sound out of parts, each of which is read once; None where none has any."""
    heard, stop = [], 0.0
    for part in parts:
        stop = max(stop, part.stop)
        if part.heard is not None and len(part.heard.starts):
            heard.append(part.heard)
    if not heard:
        return None
    starts = np.concatenate([each.starts for each in heard])
    activity = np.concatenate([each.activity for each in heard])
    spoken = [each for each in heard if len(each.spans)] or heard[:1]
    return Sound(
        starts=starts,
        activity=activity,
        frames=mean_of(starts, activity, 0.0, stop),
        spans=np.concatenate([each.spans for each in spoken]),
        vectors=np.concatenate([each.vectors for each in spoken]),
        stop=stop,
    )


def changes(sound: Sound) -> np.ndarray:
    """Return `[P]`: the share of windows that hear another local speaker in a span than in the one before.

    0.5 where no window hears both, as in the first span.
    """
    count = len(sound.spans)
    another, windows = np.zeros(count), np.zeros(count)
    length = sound.activity.shape[1] * FRAME
    for start, activity in zip(sound.starts.tolist(), sound.activity, strict=True):
        inside = (
            np.searchsorted(sound.spans[:, 0], start),
            np.searchsorted(sound.spans[:, 1], start + length, "right"),
        )
        loudest = np.array(
            [_loudest(activity, *(sound.spans[i] - start)) for i in range(*inside)], int
        )
        known = (loudest[1:] >= 0) & (loudest[:-1] >= 0)
        where = np.arange(inside[0] + 1, inside[0] + len(loudest))[known]
        windows[where] += 1
        another[where] += (loudest[1:] != loudest[:-1])[known]
    return np.where(windows > 0, another / np.maximum(windows, 1), 0.5)


def _loudest(activity: np.ndarray, start: float, stop: float) -> int:
    """Return the local speaker who speaks most in a span of a window; -1 where nobody does."""
    first = round(start / FRAME)
    mean = activity[first : max(first + 1, round(stop / FRAME))].mean(axis=0) / 255
    return int(mean.argmax()) if mean.max(initial=0) > QUIET else -1
