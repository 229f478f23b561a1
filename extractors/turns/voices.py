"""The voices of a clip: stretches of its speech, embedded and sorted by who speaks."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.turns.segmentation import Piece, Segmentation
from mraf.extractors.voice.embed import VoiceEncoder, VoicePart, VoiceResult

WINDOW_SECONDS = 3.0
"""Length of the stretches into which speech is cut."""
SHORTEST_SECONDS = 1.5
"""Least length of a stretch that is embedded."""
STRETCHES = 8
"""Largest number of stretches that are embedded; of longer speech, a sample."""
PART_SECONDS = 1.5
"""Least speech of a voice that counts."""
DOUBTFUL_SECONDS = 2.0
"""Least speech of a part that may be another's."""
OVERLAP_SECONDS = 0.5
"""Least time for which two speak at once that is told."""
HEARD = "voices are heard"
"""The words of a note on a clip in which several are."""
DOUBT = 0.2
"""What the cosine of two voices may exceed `different` by and still be that of two people."""


class Heard(NamedTuple):
    """The voices in speech."""

    voices: tuple[VoicePart, ...] = ()  # where several are heard: each, the first one first
    overlap: float = 0.0  # seconds of two at once
    perhaps: tuple[VoicePart, ...] = ()  # where one voice is heard that may be several: these


def voices_of(
    wave: np.ndarray, encoder: VoiceEncoder, segmentation: Segmentation | None = None
) -> Heard:
    """Return the voices in speech, and the seconds of two at once.

    There are no voices where only one is heard. Without a segmentation the speech is cut every 3 s, with
    it where the speaker changes, and every 3 s where that tells no voices apart; less than two stretches
    are not compared.

    Args:
        wave: `[N]` float32 samples at 16 kHz, speech without long pauses.
        encoder: embeds the stretches.
        segmentation: finds the changes of speaker, and where two speak at once.
    """
    pieces = segmentation.find(wave) if segmentation else []
    overlap = sum(piece.overlap for piece in pieces)
    perhaps: tuple[VoicePart, ...] = ()
    for stretches in ([_by_speaker(wave, pieces)] if segmentation else []) + [_cut(wave)]:
        if len(stretches) < 2:
            continue
        some = _sample(stretches)
        vectors = _unit(encoder.embed(some))
        seconds = np.array([len(each) for each in some]) / SAMPLE_RATE
        if voices := _parts(vectors, seconds, encoder.different, PART_SECONDS):
            return Heard(voices=voices, overlap=overlap)
        perhaps = perhaps or _parts(vectors, seconds, encoder.different + DOUBT, DOUBTFUL_SECONDS)
    return Heard(overlap=overlap, perhaps=perhaps)


def voices_of_sides(sides: Sequence[np.ndarray], encoder: VoiceEncoder) -> tuple[VoicePart, ...]:
    """Return the voice of the left and that of the right side where they are two people's, else none.

    `sides` holds the speech of each, `[N]` float32 samples at 16 kHz.
    """
    if min(map(len, sides)) < SHORTEST_SECONDS * SAMPLE_RATE:
        return ()
    vectors = _unit(encoder.embed(list(sides)))
    if vectors[0] @ vectors[1] >= encoder.different:
        return ()
    return tuple(
        VoicePart(vector=vector, seconds=len(side) / SAMPLE_RATE, side=name)
        for vector, side, name in zip(vectors, sides, ("left", "right"), strict=True)
    )


def in_words(voice: VoiceResult) -> tuple[str, ...]:
    """Return notes for people: how many voices are heard, and for how long two at once."""
    said = []
    if voice.voices:
        apart = ", one on the left and one on the right" if voice.voices[0].side else ""
        said.append(f"{counted(len(voice.voices), 'voice').removesuffix('voices')}{HEARD}{apart}")
    if voice.overlap >= OVERLAP_SECONDS:
        said.append(f"two people speak at once for {voice.overlap:.1f} s")
    return tuple(said)


def counted(number: int, noun: str) -> str:
    """Return a number of two or more and a noun: "two voices", "4 people"."""
    plural = noun if noun == "people" else f"{noun}s"
    return f"{'two' if number == 2 else number} {plural}"


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


def _parts(
    vectors: np.ndarray, seconds: np.ndarray, different: float, least: float
) -> tuple[VoicePart, ...]:
    """Return the groups of vectors with `least` seconds or more; none where there is one such group."""
    parts = [
        VoicePart(
            vector=_unit(seconds[group] @ vectors[group]).astype(np.float32),
            seconds=float(seconds[group].sum()),
        )
        for group in sorted(group_alike(vectors, seconds, different))
    ]
    long = tuple(part for part in parts if part.seconds >= least)
    return long if len(long) > 1 else ()


def _cut(wave: np.ndarray) -> list[np.ndarray]:
    """Return equal stretches of 3 s or somewhat more; of less than 6 s, one."""
    count = max(1, int(len(wave) / (WINDOW_SECONDS * SAMPLE_RATE)))
    size = min(len(wave) // count, round(WINDOW_SECONDS * SAMPLE_RATE))
    if size < SHORTEST_SECONDS * SAMPLE_RATE:
        return []
    room = len(wave) - size
    starts = np.linspace(0, room, count).astype(int) if count > 1 else [room // 2]
    return [wave[start : start + size] for start in starts]


def _by_speaker(wave: np.ndarray, pieces: list[Piece]) -> list[np.ndarray]:
    """Return stretches of what each local speaker says alone, in the order in which their turns begin."""
    turns = [
        turn
        for piece in pieces
        for speaker in range(piece.speaks.shape[1])
        for turn in _turns(wave[piece.start : piece.stop], piece, speaker)
    ]
    turns.sort(key=lambda turn: turn[0])
    return [stretch for _, turn in turns for stretch in _cut(turn)]


def _turns(wave: np.ndarray, piece: Piece, speaker: int) -> list[tuple[int, np.ndarray]]:
    """Return what a local speaker says alone until another does; where that is short, all in one.

    Each comes with the place of its first sample in the whole sound.

    The segmentation takes a second of one person for another now and then: a stretch that goes over
    several turns would be a mixture of the two.
    """
    alone = piece.alone(speaker)
    others = [piece.alone(other) for other in range(piece.speaks.shape[1]) if other != speaker]
    changes = np.flatnonzero(np.diff(np.any(others, axis=0).astype(np.int8)) > 0) + 1
    edges = [0, *changes.tolist(), len(wave)]
    turns = [(start + alone[start:stop].argmax(), start, stop) for start, stop in pairwise(edges)]
    spoken = [
        (piece.start + int(first), wave[start:stop][alone[start:stop]])
        for first, start, stop in turns
    ]
    long = [turn for turn in spoken if len(turn[1]) >= SHORTEST_SECONDS * SAMPLE_RATE]
    return long or [(piece.start + int(alone.argmax()), wave[alone])]


def _sample(stretches: list[np.ndarray]) -> list[np.ndarray]:
    """Return at most `STRETCHES` of them, from the first to the last."""
    places = np.linspace(0, len(stretches) - 1, min(STRETCHES, len(stretches)))
    return [stretches[i] for i in places.round().astype(int)]


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
