"""Voices corrected by faces: one voice that two people have, two that one person has, turns of another's."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from mraf.pipeline.timeline.linking.evidence import Sight
from mraf.pipeline.timeline.linking.links import Links, looked_units
from mraf.pipeline.timeline.linking.looks import Faces
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.recognition.pairs import Pairs

SPLIT_SECONDS, SPLIT_TURNS = 4.0, 3
"""Speech and turns in which each of two faces must be seen speaking for one voice to be two people's."""
SPLIT_RIGHT = 0.85
"""Share of these turns whose own voice must tell which of the two faces speaks."""
MANY_TURNS, MANY_RIGHT = 8, 0.7
"""The same share where there are so many turns of each."""
MOST_NEW = 20
"""Voices that one may be parted into, at most."""
JOIN_SECONDS = 3.0
"""Speech in which a face must be seen speaking with each of two voices for them to be one person's."""
JOIN_SHARE = 0.7
"""Its share of the speech in which anybody is seen speaking with either."""
ALIKE, SHORT_ALIKE = 0.0, -2.0
"""Least log odds that two such voices are one person's; of voices of less than `SHORT_SECONDS`."""
SHORT_SECONDS = 6.0
TOGETHER_SECONDS = 0.5
"""Time for which two voices speak at once from which they are two people's."""
CORRECTION = 2.0
"""Log odds by which lips must outdo the voice to take a turn from it."""
LIPS_MOST = 6.0
"""Log odds of the lips in one turn at most."""
HALVES_MOST = 2.0
"""Log odds at most that a voice adds to those of two faces with which it is heard."""
NO_VOICE = 1.0
"""Log odds for the voice of a turn that is too short for a vector."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """The number of voices that somebody asked for."""

    speakers: int | None = None
    least: int = 1
    most: int | None = None

    def may_fall(self, number: int) -> bool:
        """Return whether there may be one voice less than `number`."""
        return self.speakers is None and number > self.least

    def room(self, number: int) -> int:
        """Return how many voices more than `number` there may be."""
        if self.speakers is not None:
            return 0
        return MOST_NEW if self.most is None else max(0, self.most - number)


def seen_speaking(speech: Speech, sight: Sight) -> np.ndarray:
    """Return the seconds [K, G] for which a face is the one seen speaking in turns of a voice."""
    seconds = _speaking(sight) * speech.turns.length[:, None]
    found = np.zeros((len(speech), seconds.shape[1]))
    some = speech.turns.voice >= 0
    np.add.at(found, speech.turns.voice[some], seconds[some])
    return found


def split(speech: Speech, sight: Sight, number: Number) -> Speech:
    """Return the speech with voices parted that are seen with two faces, where the turns' voices bear it out."""
    for voice in range(len(speech)):
        room = number.room(int(speech.present.sum()))
        found = _parted(speech, sight, voice, room) if room else None
        if found is not None:
            speech = speech.reassigned(found)
    return speech


def join(speech: Speech, sight: Sight, pairs: Pairs, number: Number) -> Speech:
    """Return the speech with voices joined that are seen with the same face, and sound alike."""
    while number.may_fall(int(speech.present.sum())):
        seconds = seen_speaking(speech, sight)
        together = speech.turns.together(len(speech))
        odds = pairs.voice(speech.cosines())
        share = seconds / np.maximum(seconds.sum(axis=1, keepdims=True), 1e-9)
        owned = (seconds >= JOIN_SECONDS) & (share >= JOIN_SHARE)
        found = [
            (float(odds[a, b]), a, b)
            for a, b in combinations(np.flatnonzero(owned.any(axis=1)).tolist(), 2)
            if (owned[a] & owned[b]).any()
            and together[a, b] < TOGETHER_SECONDS
            and odds[a, b]
            > (ALIKE if min(speech.seconds[a], speech.seconds[b]) >= SHORT_SECONDS else SHORT_ALIKE)
        ]
        if not found:
            break
        _, a, b = max(found)
        speech = speech.merged(a, b)
    return speech


def alike_faces(speech: Speech, sight: Sight, pairs: Pairs, faces: Faces) -> list[tuple[int, int]]:
    """Return pairs of faces that are one person's, as they are seen speaking with one voice, and look alike.

    Args:
        speech: of the file.
        sight: of its turns.
        pairs: log odds of the encoders.
        faces: G of them.
    """
    seconds = seen_speaking(speech, sight)
    close = np.outer(faces.coherence, faces.coherence)
    odds = pairs.face((faces.vectors @ faces.vectors.T) * close)
    found = []
    for voice in range(len(speech)):
        strong = np.flatnonzero(seconds[voice] >= JOIN_SECONDS).tolist()
        for g, h in combinations(strong, 2):
            if faces.apart[g, h] or np.isnan(faces.vectors[[g, h]]).any():
                continue
            halves = _halves(speech, sight, voice, (g, h))
            if odds[g, h] + np.clip(pairs.voice(halves), -HALVES_MOST, HALVES_MOST) > 0:
                found.append((g, h))
    return found


def corrected(speech: Speech, sight: Sight, links: Links, pairs: Pairs) -> tuple[Speech, Links]:
    """Return the speech with turns given to the voice of the face that is seen speaking in them.

    A turn of nobody's voice in which a face without a voice is seen speaking makes a voice of its own.
    """
    if not links.by_lips:
        return speech, links
    voice, face = speech.turns.voice.copy(), list(links.face)
    lips = np.clip(sight.odds * looked_units(sight), -LIPS_MOST, LIPS_MOST)
    for i in range(len(speech.turns)):
        if not lips.shape[1] or lips[i].max() <= 0:
            continue
        seen, own = int(lips[i].argmax()), int(voice[i])
        other = face.index(seen) if seen in face else -1
        if other < 0:
            if own < 0 and lips[i, seen] >= NO_VOICE:
                face.append(seen)
                voice[i] = len(face) - 1
            continue
        if other == own:
            continue
        silent = lips[i, face[own]] if own >= 0 and face[own] >= 0 else 0.0
        heard = _advantage(speech, i, own, other, pairs)
        if lips[i, seen] - silent - heard > (CORRECTION if own >= 0 else 0.0):
            voice[i] = other
    found = np.array(face, int).reshape(-1)
    odds = np.zeros((len(found), links.odds.shape[1]))
    odds[: len(links.odds)] = links.odds
    return speech.reassigned(voice), Links(face=found, odds=odds, by_lips=True)


def _advantage(speech: Speech, turn: int, own: int, other: int, pairs: Pairs) -> float:
    """Return the log odds that a turn is of its own voice and not of another's."""
    vector = speech.turns.vectors[turn]
    if not np.isfinite(vector).all() or not len(vector):
        return NO_VOICE
    likeness = pairs.voice(speech.vectors @ vector)
    # A voice that was made of this turn's face just now has no vector: nothing is said of it.
    of_own, of_other = (
        float(likeness[each]) if 0 <= each < len(likeness) else 0.0 for each in (own, other)
    )
    return of_own - of_other


def _speaking(sight: Sight) -> np.ndarray:
    """Return [N, G] bool: the face that is seen speaking in a turn, if any is."""
    lips = sight.odds * (looked_units(sight) > 0)
    if not lips.shape[1]:
        return lips > 0
    best = lips == lips.max(axis=1, keepdims=True)
    return best & (lips > 0)


def _halves(speech: Speech, sight: Sight, voice: int, faces: Sequence[int]) -> np.ndarray:
    """Return the cosine of a voice's turns with one face and of those with another; NaN if there are none."""
    from mraf.pipeline.timeline.seen.tracks import unit_mean

    speaking = _speaking(sight)
    mine = speech.turns.voice == voice
    a, b = (unit_mean(speech.turns.vectors[mine & speaking[:, face]]) for face in faces)
    return np.array(np.nan if a is None or b is None else float(a @ b))


def _parted(speech: Speech, sight: Sight, voice: int, room: int) -> np.ndarray | None:
    """Return the voices [N] of the turns with a voice parted among faces; None where it is one person's.

    There may be `room` voices more.
    """
    speaking = _speaking(sight)
    mine = (speech.turns.voice == voice) & np.isfinite(speech.turns.vectors).all(axis=1)
    own = speaking & mine[:, None]
    seconds, number = (own * speech.turns.length[:, None]).sum(axis=0), own.sum(axis=0)
    enough = np.flatnonzero((seconds >= SPLIT_SECONDS) & (number >= SPLIT_TURNS))
    faces: list[int] = []
    sides: list[np.ndarray] = []
    for face in enough[np.argsort(-seconds[enough], kind="stable")].tolist():
        side = np.flatnonzero(own[:, face])
        if len(faces) <= room and all(_two(speech, other, side) for other in sides):
            faces.append(face)
            sides.append(side)
    if len(faces) < 2:
        return None
    return _sorted(speech, voice, sides, speaking[:, faces])


def _two(speech: Speech, one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two sets of turns, as positions, sound like two people's."""
    many = min(len(one), len(other)) >= MANY_TURNS
    return _right(speech.turns.vectors, [one, other]) >= (MANY_RIGHT if many else SPLIT_RIGHT)


def _right(vectors: np.ndarray, sides: list[np.ndarray]) -> float:
    """Return the share of turns, mean of both sides, that are nearer to the others of their side."""
    sums = [vectors[side].sum(axis=0) for side in sides]
    shares = []
    for own, other in ((0, 1), (1, 0)):
        some = vectors[sides[own]]
        rest = sums[own] - some
        rest /= np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), 1e-9)
        away = sums[other] / max(float(np.linalg.norm(sums[other])), 1e-9)
        shares.append(float(((some * rest).sum(axis=1) > some @ away).mean()))
    return float(np.mean(shares))


def _sorted(
    speech: Speech, voice: int, sides: list[np.ndarray], speaking: np.ndarray
) -> np.ndarray:
    """Return the voices [N]: a new one for each side but the first, for the turns that are like it.

    `speaking` [N, S] tells in which turns the face of a side is seen speaking.
    """
    means = np.stack([speech.turns.vectors[side].mean(axis=0) for side in sides])
    likeness = np.nan_to_num(speech.turns.vectors @ means.T, nan=0.0)
    side = np.where(speaking.any(axis=1), speaking.argmax(axis=1), likeness.argmax(axis=1))
    new = np.where(side > 0, len(speech) + side - 1, voice)
    found: np.ndarray = np.where(speech.turns.voice == voice, new, speech.turns.voice)
    return found
