"""Sound as it is observed, made from turns: no network, no waves."""

import itertools
import zlib

import numpy as np

from mraf.extractors.streaming.parts import Heard, Observed
from mraf.extractors.turns.frames import FRAME, mean_of
from mraf.extractors.turns.segmentation import CENTRE
from mraf.extractors.turns.spans import spans_of

STEP_SECONDS, FRAMES, DIM = 2.5, 589, 192
OFFSET = CENTRE / 16_000
Turns = list[tuple[float, float, str]]


def voice_of(name: str) -> np.ndarray:
    """The voice of a person who does not exist, `[192]` of unit length."""
    drawn = np.random.default_rng(zlib.crc32(name.encode())).normal(size=DIM)
    return drawn / np.linalg.norm(drawn)


def heard(turns: Turns, start: float, stop: float, end: float, seed: int = 0) -> Heard:
    """What is heard of turns (start, stop, name) from `start` to `stop` in a file that ends at `end`."""
    turns = [turn for turn in turns if turn[1] > start and turn[0] < stop + 10]
    first, last = int(np.ceil(start / STEP_SECONDS)), int(np.ceil(stop / STEP_SECONDS))
    at = [k * STEP_SECONDS for k in range(first, last)]
    starts = np.array([a for a in at if a == 0 or a - STEP_SECONDS + 10 < end - 1e-6])
    activity = np.array([_window(turns, each) for each in starts.tolist()], np.uint8)
    activity = activity.reshape(-1, FRAMES, 3)
    spans = spans_of(mean_of(starts, activity, start, stop), stop)
    rng = np.random.default_rng((seed, round(start)))
    return Heard(
        starts=starts,
        activity=activity,
        vectors=np.array([_vector(turns, *span, rng) for span in spans], np.float32).reshape(
            -1, DIM
        ),
        seconds=(spans[:, 1] - spans[:, 0]).astype(np.float32),
        mfcc=np.zeros((0, 13), np.float32),
        spans=spans,
    )


def parts(turns: Turns, length: float, part: float = 60.0, seed: int = 0) -> list[Observed]:
    """The parts of a file of `length` s."""
    edges = [*np.arange(0, length, part).tolist(), length]
    return [
        Observed(start=a, stop=b, heard=heard(turns, a, b, length, seed), seen=None)
        for a, b in itertools.pairwise(edges)
    ]


def _window(turns: Turns, start: float) -> np.ndarray:
    """Return `[589, 3]`: local speakers in the order in which they begin."""
    time = start + OFFSET + FRAME * np.arange(FRAMES)
    speaks: dict[str, np.ndarray] = {}
    for begin, stop, name in turns:
        inside = (time >= begin) & (time < stop)
        if inside.any():
            speaks[name] = speaks.get(name, np.zeros(FRAMES, bool)) | inside
    window = np.zeros((FRAMES, 3), np.uint8)
    for local, inside in enumerate(list(speaks.values())[:3]):
        window[inside, local] = 250
    return window


def _vector(turns: Turns, start: float, stop: float, rng: np.random.Generator) -> np.ndarray:
    """Return the vector of a span: more voice and less chance the longer it is; NaN under 0.4 s."""
    if stop - start < 0.4:
        return np.full(DIM, np.nan)
    said: dict[str, float] = {}
    for begin, end, name in turns:
        said[name] = said.get(name, 0) + max(0.0, min(end, stop) - max(begin, start))
    voice = sum(share * voice_of(name) for name, share in said.items()) / sum(said.values())
    length = stop - start
    chance = rng.normal(size=DIM) / np.sqrt(DIM)
    mixed = np.sqrt(length / (length + 1.25)) * voice + np.sqrt(1.25 / (length + 1.25)) * chance
    return mixed / np.linalg.norm(mixed)
