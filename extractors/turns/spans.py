"""Spans of speech of one voice alone: what a vector is made of."""

import itertools

import numpy as np

from mraf.extractors.turns.frames import FRAME, Frames

SPAN_SECONDS, HOP_SECONDS = 1.5, 0.75
"""Length of a span, and from the start of one to that of the next, in running speech."""
PAUSE_SECONDS = 0.25
"""Longest pause within a span."""
CHANGE = 0.4
"""Share of the windows that have to hear another speaker go on for a span to end."""
CRUMB_SECONDS = 0.1
"""Speech of less is no span."""
GRAIN_SECONDS = 0.25
"""Spans of a second or so have lengths that are multiples of it, so that a network sees few lengths."""


def spans_of(frames: Frames, stop: float) -> np.ndarray:
    """Return spans `[P, 2]` of speech in s, in order, none beyond `stop`.

    Those of running speech overlap by half; where one ends and the next begins later, there is a pause,
    another speaker, or two at once.
    """
    spans = [
        span
        for first, last in _runs(frames)
        for span in _cut(frames.at(first), min(frames.at(last), stop))
    ]
    return np.array(spans, np.float64).reshape(-1, 2)


def stretches(on: np.ndarray) -> np.ndarray:
    """Return `[K, 2]`: the first of each run of true values, and the first after it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return edges.reshape(-1, 2)


def _runs(frames: Frames) -> list[tuple[int, int]]:
    """Return runs of frames in which one speaks, without a long pause or a change of speaker."""
    runs: list[tuple[int, int]] = []
    for first, last in stretches(frames.speaks & ~frames.two).tolist():
        short = runs and (first - runs[-1][1]) * FRAME < PAUSE_SECONDS
        if short and not frames.two[runs[-1][1] : first].any():
            runs[-1] = (runs[-1][0], last)
        else:
            runs.append((first, last))
    return [part for run in runs for part in _at_changes(frames, *run)]


def _at_changes(frames: Frames, first: int, last: int) -> list[tuple[int, int]]:
    change = frames.change[first:last]
    inner = [
        first + begin + int(change[begin:end].argmax())
        for begin, end in stretches(change >= CHANGE).tolist()
    ]
    edges = [first, *(at for at in inner if first < at < last), last]
    return [(a, b) for a, b in itertools.pairwise(edges) if (b - a) * FRAME >= CRUMB_SECONDS]


def _cut(start: float, stop: float) -> list[tuple[float, float]]:
    length = min(stop - start, SPAN_SECONDS)
    if length <= 0:
        return []
    if length > GRAIN_SECONDS * 3:
        length = GRAIN_SECONDS * int(length / GRAIN_SECONDS)
    count = 1 + max(0, round((stop - start - SPAN_SECONDS) / HOP_SECONDS))
    if stop - start > SPAN_SECONDS:
        count = max(count, 2)
    return [(at, at + length) for at in np.linspace(start, stop - length, count).tolist()]
