"""Turns from frames: who speaks in each, one or two at once."""

import numpy as np

from mraf.extractors.turns.frames import FRAME, first_frames
from mraf.extractors.turns.spans import stretches
from mraf.pipeline.timeline.turns.moments import run_starts
from mraf.pipeline.timeline.turns.sound import FILLED, Sound

PAUSE_SECONDS = 0.3
"""Longest pause within a turn."""
LEAST_SECONDS = 0.2
"""Shortest turn."""
NEAR_SECONDS = 5.0
"""Time over which what a voice says alone tells less and less of who speaks in an overlap."""
BY_TIME = 0.3
"""Weight of a voice that is merely near in time, beside one of whom a window says that it speaks."""
NOBODY = -1


def turns_of(
    sound: Sound, voice: np.ndarray, count: int, changes: np.ndarray
) -> list[tuple[float, float, int]]:
    """Return turns (start in s, stop, voice) in the order of time.

    Args:
        sound: of the file.
        voice: `[P]` of the spans, 0 to `count` - 1, or -1.
        count: of voices.
        changes: `[R - 1]` of the R runs of spans of one voice, the times at which each but the first begins.
    """
    alone = _alone(sound, voice, changes)
    first, second = _both(sound, alone, count)
    turns = []
    for each in range(NOBODY, count):
        if each == NOBODY and not (first == NOBODY).any():
            continue
        spoken = sound.speaks & ((first == each) | (second == each) & (second != NOBODY))
        turns += [(*at, each) for at in _stretches(sound, spoken)]
    return sorted(turns)


def _alone(sound: Sound, voice: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return the voice `[N]` of frames in which one speaks: that of the run of spans; -2 of all others."""
    frames = sound.frames
    count = len(frames.speech)
    edges = np.zeros(count + 1, int)
    for side, step in zip(sound.spans.T, (1, -1), strict=True):
        np.add.at(edges, np.minimum([frames.frame(time) for time in side.tolist()], count), step)
    within = np.cumsum(edges[:-1]) > 0
    runs = voice[run_starts(voice)]
    times = frames.at(0) + FRAME * np.arange(count)
    label = np.where(within, runs[np.searchsorted(changes, times, "right")], -2)
    label[sound.two | ~sound.speaks] = -2
    return label


def _both(sound: Sound, alone: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the voice `[N]` that speaks in a frame, and the second one; -1 where there is none."""
    first, second = np.where(alone == -2, NOBODY, alone), np.full(len(alone), NOBODY)
    open_ = np.flatnonzero(sound.speaks & (alone == -2))
    if not len(open_) or not count:
        return first, second
    votes = _by_windows(sound, alone, open_, count)
    for each in range(count):
        said = np.flatnonzero(alone == each)
        if len(said):
            votes[:, each] += BY_TIME * _weight(_nearest(open_, said) - open_)
    order = np.argsort(-votes, axis=1, kind="stable")
    some = votes.max(axis=1) > 0
    first[open_[some]] = order[some, 0]
    if count > 1:
        both = some & sound.two[open_] & (np.sort(votes, axis=1)[:, -2] > 0)
        second[open_[both]] = order[both, 1]
    return first, second


def _by_windows(sound: Sound, alone: np.ndarray, open_: np.ndarray, count: int) -> np.ndarray:
    """Return votes `[O, count]`: a local speaker has the voice of what it says alone nearest in time."""
    votes = np.zeros((len(open_), count), np.float32)
    begins = first_frames(sound.starts, sound.frames.start)
    for begin, activity in zip(begins.tolist(), sound.activity, strict=True):
        rows = slice(*np.searchsorted(open_, [begin, begin + len(activity)]))
        at = open_[rows] - begin
        if not len(at):
            continue
        known = alone[begin : begin + len(activity)]
        loudest = activity[: len(known)].argmax(axis=1)
        for local in range(activity.shape[1]):
            active = activity[: len(known), local] > FILLED
            own = np.flatnonzero(active & (loudest == local) & (known >= 0))
            if len(own):
                near = _nearest(at, own)
                share = activity[at, local] / 255 * _weight(near - at)
                np.add.at(votes, (np.arange(rows.start, rows.stop), known[near]), share)
    return votes


def _weight(frames: np.ndarray) -> np.ndarray:
    weight: np.ndarray = np.exp(-np.abs(frames) * FRAME / NEAR_SECONDS)
    return weight


def _nearest(at: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return the nearest of ascending `points` to each of `at`."""
    after = np.searchsorted(points, at)
    low, high = points[np.maximum(after - 1, 0)], points[np.minimum(after, len(points) - 1)]
    nearest: np.ndarray = np.where(np.abs(low - at) <= np.abs(high - at), low, high)
    return nearest


def _stretches(sound: Sound, spoken: np.ndarray) -> list[tuple[float, float]]:
    """Return stretches (start, stop) in s, short pauses filled and crumbs dropped."""
    found: list[list[int]] = []
    for first, last in stretches(spoken).tolist():
        if found and (first - found[-1][1]) * FRAME < PAUSE_SECONDS:
            found[-1][1] = last
        else:
            found.append([first, last])
    at = sound.frames.at
    return [
        (max(at(first), 0.0), min(at(last), sound.stop))
        for first, last in found
        if (last - first) * FRAME >= LEAST_SECONDS
    ]
