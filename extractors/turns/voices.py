"""The voices of a clip: stretches of its speech, embedded and sorted by who speaks."""

from collections.abc import Sequence

import numpy as np

from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.turns.segmentation import Piece, Segmentation
from mraf.extractors.voice.embed import VoiceEncoder, VoicePart

WINDOW_SECONDS = 3.0
"""Length of the stretches where no segmentation cuts them."""
LEAST_SECONDS = 6.0
"""Least speech in which several voices are looked for without a segmentation."""
STRETCHES = 8
"""Largest number of windows, or of pieces, that are embedded; of longer speech, a sample."""
STRETCH_SECONDS = (1.5, 4.0)
"""Least and largest length of a stretch that is embedded; of a longer one, its middle."""
PART_SECONDS = 2.0
"""Least speech of a voice that counts."""


def voices_of(
    wave: np.ndarray, encoder: VoiceEncoder, segmentation: Segmentation | None = None
) -> tuple[tuple[VoicePart, ...], float]:
    """Return the voices in speech, the first that is heard first, and the seconds of two at once.

    There are no voices where only one is heard.

    Args:
        wave: `[N]` float32 samples at 16 kHz, speech without long pauses.
        encoder: embeds the stretches.
        segmentation: finds the changes of speaker; without it windows of 3 s are compared, and only
            in speech of 6 s or more.
    """
    pieces = segmentation.find(wave) if segmentation else []
    overlap = sum(piece.overlap for piece in pieces)
    stretches = _by_speaker(wave, pieces) if segmentation else _windows(wave)
    if len(stretches) < 2:
        return (), overlap
    vectors = _unit(encoder.embed([_middle(each) for each in stretches]))
    seconds = np.array([len(each) for each in stretches]) / SAMPLE_RATE
    parts = [
        VoicePart(vector=_unit(seconds[group] @ vectors[group]), seconds=float(seconds[group].sum()))
        for group in sorted(group_alike(vectors, seconds, encoder.different))
    ]
    heard = tuple(part for part in parts if part.seconds >= PART_SECONDS)
    return (heard if len(heard) > 1 else ()), overlap


def voices_of_sides(
    sides: Sequence[np.ndarray], encoder: VoiceEncoder
) -> tuple[VoicePart, ...]:
    """Return the voice of the left and that of the right side where they are two people's, else none.

    `sides` holds the speech of each, `[N]` float32 samples at 16 kHz.
    """
    if min(map(len, sides)) < STRETCH_SECONDS[0] * SAMPLE_RATE:
        return ()
    vectors = _unit(encoder.embed(list(sides)))
    if vectors[0] @ vectors[1] >= encoder.different:
        return ()
    return tuple(
        VoicePart(vector=vector, seconds=len(side) / SAMPLE_RATE, side=name)
        for vector, side, name in zip(vectors, sides, ("left", "right"), strict=True)
    )


def group_alike(vectors: np.ndarray, seconds: np.ndarray, different: float) -> list[list[int]]:
    """Join the most similar groups of vectors, pair by pair, until all are less alike than `different`.

    Args:
        vectors: `[K, D]` of unit length.
        seconds: `[K]`, their weights in the mean of a group.
        different: cosine of two means below which they are two people's.
    """
    groups = [[i] for i in range(len(vectors))]
    while len(groups) > 1:
        means = _unit(np.stack([seconds[group] @ vectors[group] for group in groups]))
        alike = np.triu(means @ means.T + 2, 1) - 2  # on and below the diagonal: -2
        a, b = divmod(int(alike.argmax()), len(groups))
        if alike[a, b] < different:
            break
        groups[a] = sorted(groups[a] + groups.pop(b))
    return groups


def _windows(wave: np.ndarray) -> list[np.ndarray]:
    size = round(WINDOW_SECONDS * SAMPLE_RATE)
    if len(wave) < LEAST_SECONDS * SAMPLE_RATE:
        return []
    starts = np.linspace(0, len(wave) - size, min(STRETCHES, len(wave) // size)).astype(int)
    return [wave[start : start + size] for start in starts]


def _by_speaker(wave: np.ndarray, pieces: list[Piece]) -> list[np.ndarray]:
    """Return what each local speaker says alone, piece by piece, where it is long enough."""
    some = np.linspace(0, len(pieces) - 1, min(STRETCHES, len(pieces))).round().astype(int)
    own = [
        wave[piece.start : piece.stop][piece.alone(speaker)]
        for piece in (pieces[i] for i in some)
        for speaker in _in_order(piece)
    ]
    return [each for each in own if len(each) >= STRETCH_SECONDS[0] * SAMPLE_RATE]


def _in_order(piece: Piece) -> list[int]:
    """Return the local speakers in the order in which they begin."""
    heard = np.flatnonzero(piece.speaks.any(axis=0))
    return sorted(heard.tolist(), key=lambda speaker: int(piece.speaks[:, speaker].argmax()))


def _middle(wave: np.ndarray) -> np.ndarray:
    spare = max(0, len(wave) - round(STRETCH_SECONDS[1] * SAMPLE_RATE))
    return wave[spare // 2 : len(wave) - (spare - spare // 2)]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
