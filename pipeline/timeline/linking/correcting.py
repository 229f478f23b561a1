"""Voices corrected by faces: one that two people have, two that one person has, turns of another's."""

from collections.abc import Sequence

import numpy as np

from mraf.pipeline.timeline.linking.evidence import Sight
from mraf.pipeline.timeline.linking.links import Links, looked_units
from mraf.pipeline.timeline.linking.looks import Named, contradict
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.recognition.pairs import Pairs

SPLIT_SECONDS, SPLIT_TURNS = 4.0, 3
"""Speech and turns in which each of two faces must be seen speaking for one voice to be two people's."""
SPLIT_RIGHT = 0.85
"""Share of these turns whose own voice must tell which of the two faces speaks."""
MANY_TURNS, MANY_RIGHT = 8, 0.7
"""The same share where there are so many turns of each."""
JOIN_SECONDS = 3.0
"""Speech in which a face must be seen speaking with each of two voices for them to be one person's."""
JOIN_SHARE = 0.7
"""Its share of the speech in which anybody is seen speaking with either."""
ALIKE = 1.0
"""Least log odds that two such voices are one person's: two people's faces may look alike, so that voices
must bear it out themselves."""
TOGETHER_SECONDS = 0.5
"""Time for which two voices speak at once from which they are two people's."""
CORRECTION = 2.0
"""Log odds by which lips must outdo the voice to take a turn from it."""
LIPS_MOST = 6.0
"""Log odds of the lips in one turn at most."""
NO_VOICE = 1.0
"""Log odds for the voice of a turn that is too short for a vector."""


def seen_speaking(speech: Speech, sight: Sight) -> np.ndarray:
    """Return the seconds [K, G] for which a face is the one seen speaking in turns of a voice."""
    found = np.zeros((len(speech), sight.people))
    voice = speech.turns.voice[sight.turn]
    some = speaking(sight) & (voice >= 0)
    np.add.at(found, (voice[some], sight.face[some]), speech.turns.length[sight.turn[some]])
    return found


def split(speech: Speech, sight: Sight, count: SpeakerCount) -> Speech:
    """Return the speech with voices parted that are seen with two faces, where the turns' voices bear it out."""
    for voice in range(len(speech)):
        room = count.room(int(speech.present.sum()))
        found = _parted(speech, sight, voice, room) if room else None
        if found is not None:
            speech = speech.reassigned(found)
    return speech


def join(
    speech: Speech,
    sight: Sight,
    pairs: Pairs,
    count: SpeakerCount,
    names: Sequence[Named] | None = None,
) -> Speech:
    """Return the speech with voices joined that are seen with the same face, and sound alike.

    Args:
        speech: with K voices.
        sight: of its turns.
        pairs: log odds of the encoders.
        count: of voices that somebody asked for.
        names: of each voice alone; two that are different people's by them are never joined.
    """
    own = [Named()] * len(speech) if names is None else list(names)
    together = speech.turns.together(len(speech))
    while count.may_fall(int(speech.present.sum())):
        seconds = seen_speaking(speech, sight)
        share = seconds / np.maximum(seconds.sum(axis=1, keepdims=True), 1e-9)
        owned = ((seconds >= JOIN_SECONDS) & (share >= JOIN_SHARE)).astype(float)
        odds = pairs.voice(speech.cosines())
        odds[(owned @ owned.T == 0) | (together >= TOGETHER_SECONDS)] = -np.inf
        for a, b in likeliest(odds, ALIKE):
            if not contradict(own[a], own[b]):
                break
        else:
            break
        own[a] = max(own[a], own[b], key=lambda each: each.strength)
        speech, together = speech.merged(a, b), merged_rows(together, a, b)
    return speech


def likeliest(odds: np.ndarray, least: float) -> list[tuple[int, int]]:
    """Return the pairs whose log odds [K, K] are above `least`, the likeliest first."""
    a, b = np.nonzero(np.triu(odds > least, 1))
    order = np.argsort(-odds[a, b], kind="stable")
    return list(zip(a[order].tolist(), b[order].tolist(), strict=True))


def merged_rows(values: np.ndarray, one: int, other: int) -> np.ndarray:
    """Return [K, K] sums of pairs where `other` has become a part of `one`."""
    found = values.copy()
    found[one] += values[other]
    found[:, one] += values[:, other]
    found[one, one] = 0.0
    found[other] = found[:, other] = 0.0
    return found


def corrected(
    speech: Speech, sight: Sight, links: Links, pairs: Pairs, count: SpeakerCount
) -> tuple[Speech, Links]:
    """Return the speech with turns given to the voice of the face that is seen speaking in them.

    A turn in which a face without a voice is seen speaking makes a voice of its own where it is nobody's, or
    does not sound like the other turns of its voice, if there may be one more; no voice loses its last turn
    where there may not be one less.
    """
    if not links.by_lips:
        return speech, links
    voice, face = speech.turns.voice.copy(), links.face.tolist()
    turns = np.bincount(voice[voice >= 0], minlength=len(face)).tolist()
    lips = np.clip(sight.odds * looked_units(sight), -LIPS_MOST, LIPS_MOST)
    for i in np.flatnonzero(sight.most(lips) > 0).tolist():
        here = dict(zip(sight.face[sight.of(i)].tolist(), lips[sight.of(i)].tolist(), strict=True))
        seen, own = max(here, key=lambda each: here[each]), int(voice[i])
        more = here[seen] - (here.get(face[own], 0.0) if own >= 0 else 0.0)
        if seen in face:
            new = face.index(seen)
            takes = more - _advantage(speech, i, own, new, pairs) > (
                CORRECTION if own >= 0 else 0.0
            )
        else:
            new = len(face)
            takes = here[seen] >= NO_VOICE and _is_anothers(speech, i, own, pairs, more)
        if new == own or not takes or not _allowed(turns, own, new, count):
            continue
        if new == len(face):
            face.append(seen)
            turns.append(0)
        voice[i] = new
        turns[new] += 1
        if own >= 0:
            turns[own] -= 1
    odds = np.zeros((len(face), links.odds.shape[1]))
    odds[: len(links.odds)] = links.odds
    found = np.array(face, int).reshape(-1)
    return speech.reassigned(voice), Links(face=found, odds=odds, by_lips=True)


def _allowed(turns: Sequence[int], own: int, new: int, count: SpeakerCount) -> bool:
    """Return whether a turn may go from a voice to another, of voices with so many turns each.

    The new one may be one more than there are; own is below 0 for nobody's.
    """
    present = sum(each > 0 for each in turns)
    ends = own >= 0 and turns[own] == 1
    begins = new == len(turns) or not turns[new]
    if ends == begins:
        return True
    return count.room(present) > 0 if begins else count.may_fall(present)


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


def _is_anothers(speech: Speech, turn: int, own: int, pairs: Pairs, more: float) -> bool:
    """Return whether a turn is not of the voice of the other turns of its own, `own`, below 0 nobody's.

    `more` are the log odds by which lips say so.
    """
    if own < 0:
        return True
    cosine = speech.beside_others(turn)
    if cosine is None:
        return False
    heard = float(pairs.voice(np.array(cosine)))
    return heard < 0 and more - heard > CORRECTION


def speaking(sight: Sight) -> np.ndarray:
    """Return [E] bool: the face that is seen speaking in a turn, if any is."""
    lips = sight.odds * (looked_units(sight) > 0)
    found: np.ndarray = (lips > 0) & (lips == sight.most(lips)[sight.turn])
    return found


def _parted(speech: Speech, sight: Sight, voice: int, room: int) -> np.ndarray | None:
    """Return the voices [N] of the turns with a voice parted among faces; None where it is one person's.

    There may be `room` voices more.
    """
    own = speaking(sight) & (speech.turns.voice[sight.turn] == voice)
    seen = sight.turn[own], sight.face[own]
    told = np.isfinite(speech.turns.vectors[seen[0]]).all(axis=1)
    turn, face = seen[0][told], seen[1][told]
    seconds = np.bincount(face, speech.turns.length[turn], sight.people)
    number = np.bincount(face, minlength=sight.people)
    enough = np.flatnonzero((seconds >= SPLIT_SECONDS) & (number >= SPLIT_TURNS))
    faces: list[int] = []
    sides: list[np.ndarray] = []
    for each in enough[np.argsort(-seconds[enough], kind="stable")].tolist():
        side = turn[face == each]
        if len(faces) <= room and all(_two(speech, other, side) for other in sides):
            faces.append(each)
            sides.append(side)
    if len(faces) < 2:
        return None
    return _sorted(speech, voice, sides, [seen[0][seen[1] == each] for each in faces])


def _two(speech: Speech, one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two sets of turns, as positions, sound like two people's."""
    many = min(len(one), len(other)) >= MANY_TURNS
    return told_apart(speech.turns.vectors, [one, other]) >= (MANY_RIGHT if many else SPLIT_RIGHT)


def told_apart(vectors: np.ndarray, sides: list[np.ndarray]) -> float:
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
    speech: Speech, voice: int, sides: list[np.ndarray], seen: list[np.ndarray]
) -> np.ndarray:
    """Return the voices [N]: a new one for each side but the first, for the turns that are like it.

    `seen` are the turns in which the face of each is seen speaking, `sides` those of them with a vector.
    """
    means = np.stack([speech.turns.vectors[side].mean(axis=0) for side in sides])
    likeness = np.nan_to_num(speech.turns.vectors @ means.T, nan=0.0)
    side = likeness.argmax(axis=1)
    for i in reversed(range(len(sides))):
        side[seen[i]] = i
    new = np.where(side > 0, len(speech) + side - 1, voice)
    found: np.ndarray = np.where(speech.turns.voice == voice, new, speech.turns.voice)
    return found
