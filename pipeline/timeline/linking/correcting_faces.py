"""Faces corrected by voices: one that two people have, two that one person has."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from mraf.pipeline.timeline.linking.correcting import (
    ALIKE,
    JOIN_SECONDS,
    SPLIT_RIGHT,
    SPLIT_SECONDS,
    SPLIT_TURNS,
    seen_speaking,
    speaking,
    told_apart,
)
from mraf.pipeline.timeline.linking.evidence import Sight
from mraf.pipeline.timeline.linking.looks import Faces
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.pipeline.timeline.seen.seen import SeenFile
from mraf.pipeline.timeline.seen.tracks import unit_mean
from mraf.recognition.clusters import renumbered
from mraf.recognition.pairs import Pairs

HALVES_MOST = 2.0
"""Log odds at most that a voice adds to those of two faces with which it is heard."""


def alike_faces(speech: Speech, sight: Sight, pairs: Pairs, faces: Faces) -> list[tuple[int, int]]:
    """Return pairs of faces that are one person's, as they are seen speaking with one voice, and look alike.

    Args:
        speech: of the file.
        sight: of its turns.
        pairs: log odds of the encoders.
        faces: G of them.
    """
    seconds = seen_speaking(speech, sight)
    found = []
    for voice in range(len(speech)):
        strong = np.flatnonzero(seconds[voice] >= JOIN_SECONDS).tolist()
        for g, h in combinations(strong, 2):
            odds = float(faces.odds(np.array(g), np.array(h), pairs))
            if faces.are_two(g, h) or np.isnan(odds):
                continue
            halves = _halves(speech, sight, voice, (g, h))
            if odds + np.clip(pairs.voice(halves), -HALVES_MOST, HALVES_MOST) > 0:
                found.append((g, h))
    return found


def parted_faces(
    speech: Speech, sight: Sight, seen: SeenFile, group: np.ndarray, pairs: Pairs
) -> tuple[SeenFile, np.ndarray]:
    """Part faces that two people have who look much alike; return who is seen, and the face of each track [T].

    They are seen speaking with voices that do not sound alike, each in tracks of its own, which look more like
    each other than like the other's. Two tracks of theirs are told to be two people's from then on.

    Args:
        speech: of the file.
        sight: of its turns.
        seen: the T face tracks.
        group: [T], the face of each, below 0 nobody's.
        pairs: log odds of the encoders.
    """
    voice = speech.turns.voice[sight.turn]
    some = speaking(sight) & (voice >= 0)
    seconds = np.zeros((len(seen.tracks), len(speech)))
    np.add.at(seconds, (sight.track[some], voice[some]), speech.turns.length[sight.turn[some]])
    odds, found, apart = pairs.voice(speech.cosines()), group.copy(), [seen.apart]
    several = (seen_speaking(speech, sight) >= SPLIT_SECONDS).sum(axis=0) > 1
    for face in np.flatnonzero(several).tolist():
        shown = {i: seen.tracks[i].vector for i in np.flatnonzero(group == face).tolist()}
        own = np.array([i for i, vector in shown.items() if vector is not None], int)
        vectors = np.array([shown[i] for i in own])
        sides = _sides(seconds[own], vectors, odds)
        if len(sides) > 1:
            means = np.stack([vectors[side].mean(axis=0) for side in sides])
            nearest = (vectors @ means.T).argmax(axis=1)
            found[own] = np.where(nearest > 0, found.max() + nearest, face)
            # A track may be heard with the one's voice and look like the other.
            first = [side[nearest[side] == i][:1] for i, side in enumerate(sides)]
            apart += [
                own[np.stack([one, two], axis=1)]
                for one, two in combinations(first, 2)
                if len(one) and len(two)
            ]
    return replace(seen, apart=np.concatenate(apart)), renumbered(found)


def _sides(seconds: np.ndarray, vectors: np.ndarray, odds: np.ndarray) -> list[np.ndarray]:
    """Return the tracks of a face, as positions, of each of the people whose it is.

    Args:
        seconds: [M, K], for which each voice is heard while a track is seen speaking.
        vectors: [M, D] of the tracks.
        odds: [K, K] that two voices are one person's.
    """
    owner = np.where(seconds.any(axis=1), seconds.argmax(axis=1), -1)
    voices: list[int] = []
    sides: list[np.ndarray] = []
    for voice in np.argsort(-seconds.sum(axis=0), kind="stable").tolist():
        side = np.flatnonzero(owner == voice)
        if len(side) < SPLIT_TURNS or seconds[side, voice].sum() < SPLIT_SECONDS:
            continue
        if all(
            odds[voice, other] < ALIKE and told_apart(vectors, [theirs, side]) >= SPLIT_RIGHT
            for other, theirs in zip(voices, sides, strict=True)
        ):
            voices.append(voice)
            sides.append(side)
    return sides


def _halves(speech: Speech, sight: Sight, voice: int, faces: Sequence[int]) -> np.ndarray:
    """Return the cosine of a voice's turns with one face and of those with another; NaN if there are none."""
    mine = speaking(sight) & (speech.turns.voice[sight.turn] == voice)
    a, b = (
        unit_mean(speech.turns.vectors[sight.turn[mine & (sight.face == face)]]) for face in faces
    )
    return np.array(np.nan if a is None or b is None else float(a @ b))
