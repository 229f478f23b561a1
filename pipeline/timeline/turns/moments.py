"""Moments at which one voice gives way to another: where the spans' voices say, and rather where something changes."""

import numpy as np

from mraf.pipeline.timeline.turns.chain import EVIDENCE
from mraf.pipeline.timeline.turns.sound import Sound

TIMES_LIKELIER = 30.0
"""Odds of a moment at which the picture cuts or nobody speaks, or both, to any other; likewise of one at which the
windows hear another go on, which adds to it."""
SHARED = 0.5
"""Weight of a span: those of running speech have half of it in common."""
GRID = 0.02
"""Seconds from one moment that is tried to the next."""
NEARER = 1e-3
"""Log odds that a second away from the middle between the spans costs: it chooses among moments alike."""


def run_starts(voice: np.ndarray) -> np.ndarray:
    """Return the first span `[R]` of each run of spans `[P]` of one voice."""
    return np.flatnonzero(np.diff(voice, prepend=voice[:1] - 1))


def moments(
    sound: Sound, voice: np.ndarray, means: np.ndarray, half: float, cuts: np.ndarray
) -> np.ndarray:
    """Return the moments `[R - 1]` in s, rising, from which each run of spans but the first has the word.

    A span over a change sounds like both in parts, which tells the moment to some tenths of a second. Within
    these people take turns rather where the picture cuts, in a pause, or where the windows hear another.

    Args:
        sound: of the file.
        voice: `[P]` of the spans, -1 for nobody's.
        means: `[K, D]` of the voices, at unit length.
        half: seconds of speech of which a vector is half voice and half chance.
        cuts: `[C]` times in s at which the picture cuts, as they are heard, rising.
    """
    first = run_starts(voice)
    last = np.append(first[1:], len(voice)) - 1
    middle = sound.spans.mean(axis=1)
    found = (middle[first[1:] - 1] + middle[first[1:]]) / 2
    shares = _Shares(sound, half)
    for run, usual in enumerate(found.tolist()):
        two = voice[first[run]], voice[first[run + 1]]
        if min(two) < 0:
            continue
        i, j = int(last[run]), int(first[run + 1])
        least = max(sound.spans[i, 0], middle[first[run]], found[run - 1] if run else 0.0)
        most = min(sound.spans[j, 1], middle[last[run + 1]])
        tried = _tried(sound, (i, j), (least, most), cuts)
        if len(tried):
            near = np.arange(max(first[run], i - 2), min(last[run + 1], j + 2) + 1)
            odds = shares.odds(near, means[list(two)], tried) + _likelier(sound, tried, cuts)
            found[run] = tried[int((odds - NEARER * np.abs(tried - usual)).argmax())]
    return found


class _Shares:
    """The parts of spans that two voices have."""

    def __init__(self, sound: Sound, half: float) -> None:
        self._sound = sound
        self._half = half

    def odds(self, near: np.ndarray, two: np.ndarray, tried: np.ndarray) -> np.ndarray:
        """Return log odds `[M]` of moments `[M]`, up to a number, by some spans `[S]` and two voices `[2, D]`."""
        near = near[self._sound.embedded[near]]
        seconds, (start, stop) = self._sound.seconds[near], self._sound.spans[near].T
        between = (two[0] - two[1]).astype(np.float64)
        apart = max(float(between @ between), 1e-3)
        vectors = self._sound.vectors[near] / np.sqrt(seconds / (seconds + self._half))[:, None]
        heard = np.clip((vectors - two[1]) @ between / apart, 0, 1)
        said = np.clip((tried[:, None] - start) / (stop - start), 0, 1)
        weight = SHARED * EVIDENCE / 2 * apart * seconds / self._half
        odds: np.ndarray = -((said - heard) ** 2) @ weight
        return odds


def _tried(
    sound: Sound, spans: tuple[int, int], ends: tuple[float, float], cuts: np.ndarray
) -> np.ndarray:
    """Return the moments `[M]` that are tried: within two spans, between them, and at cuts."""
    (_, before), (after, _) = sound.spans[list(spans)]
    least, most = ends
    grid = np.arange(least, most, GRID) if after - before < 1 else np.zeros(0)
    if not len(grid):
        grid = np.concatenate([np.arange(least, before, GRID), np.arange(after, most, GRID)])
    inside = cuts[slice(*np.searchsorted(cuts, [least, most]))]
    tried = np.concatenate([grid, inside, [(before + after) / 2]])
    return tried[(tried >= least) & (tried <= most)]


def _likelier(sound: Sound, tried: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """Return log odds `[M]` of moments to others by what changes there in sound and picture."""
    frames = sound.frames
    at = np.array([frames.frame(time) for time in tried.tolist()])
    at = np.minimum(at, len(frames.speech) - 1)
    # A cut in a pause is one sign, as cuts are made in pauses.
    quiet = np.isin(tried, cuts) | ~sound.speaks[at]
    signs = quiet + np.minimum(frames.change[at], 1)
    odds: np.ndarray = np.log1p(TIMES_LIKELIER * signs)
    return odds
