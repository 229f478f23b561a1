"""Voices and faces that are one person's: log odds from lips, from the whole file, and from names."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mraf.extractors.streaming.slices import TICKS
from mraf.pipeline.timeline.linking.evidence import UNIT_SECONDS, Sight, Turns
from mraf.pipeline.timeline.linking.looks import Named

MOST_UNITS = 3.0
"""Observations that one turn counts as at most."""
FALSE_ALARMS = (0.2, 4.0)
"""Of how many observations of lips so many are taken to move beside another's voice, beforehand."""
PRIOR = -1.0
"""Log odds beforehand that a voice and a face are one person's."""
LEAST = 1.0
"""Log odds that a link, and its advantage over every other assignment, must have."""
SEEN_SPEAKING = 0.85
"""Share of somebody's speech in which they are seen, where they are seen at all."""
SILENCE = 0.25
"""What a second without speech counts as beside one of another voice, where a face is seen in it."""
CONTRAST_SECONDS = 10.0
"""Time for which a face may be seen as often without a voice as with it, beforehand."""
WHOLE_FILE_MOST = 6.0
"""Log odds from the whole file at most, where lips are not looked at."""
WHOLE_FILE_LITTLE = 2.0
"""The same where they are."""
LOOKED_UNITS = 1.0
"""Observations of lips from which they are what decides."""
SAME_NAME, OTHER_NAME = 8.0, -8.0
"""Log odds where face and voice, each alone, are sure of a name."""
STRANGER_MOST = -4.0
"""Log odds at most where one of them is sure of a name, and the other is that of nobody who is known."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Links:
    """The faces of K voices, out of G."""

    face: np.ndarray  # [K] int; -1: not seen, or it cannot be told
    odds: np.ndarray  # [K, G] log odds that they are one person's
    by_lips: bool  # False: no face is ever seen speaking


def units(seconds: np.ndarray) -> np.ndarray:
    """Return the number of observations [..] that stretches of speech count as."""
    found: np.ndarray = np.minimum(seconds / UNIT_SECONDS, MOST_UNITS)
    return found


def looked_units(sight: Sight) -> np.ndarray:
    """Return the observations of lips [E] in each turn."""
    return units(sight.looked / TICKS)


def lips_tell(sight: Sight) -> bool:
    """Return whether any face is seen speaking: drawn ones may not be, whatever they say."""
    speaks = (np.nan_to_num(sight.score, nan=-1.0) > 0) * looked_units(sight)
    return bool(speaks.sum() >= 1.0)


def links_of(
    turns: Turns,
    sight: Sight,
    number: int,
    duration: float,
    names: tuple[Sequence[Named], Sequence[Named]] | None = None,
) -> Links:
    """Return which face each voice belongs to: one at most, as each face belongs to one voice at most.

    Args:
        turns: N of them, of K voices.
        sight: the same beside G faces.
        number: K.
        duration: of the file in s.
        names: of the K voices alone and of the G faces alone.
    """
    by_lips = lips_tell(sight)
    lips, looked = lip_odds(turns, sight, number)
    if not by_lips:
        lips, looked = np.zeros_like(lips), np.zeros_like(looked)
    most = np.where(looked >= LOOKED_UNITS, WHOLE_FILE_LITTLE, WHOLE_FILE_MOST)
    # Where faces are seen speaking, one that is not looked at may be anybody's.
    whole = np.clip(whole_file_odds(turns, sight, number, duration), -most, most)
    odds = lips + whole + PRIOR
    if names is not None:
        odds = odds + name_odds(*names)
    return Links(face=assigned(odds), odds=odds, by_lips=by_lips)


def lip_odds(turns: Turns, sight: Sight, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return log odds [K, G] from lips that a voice is a face's, and the observations [K, G].

    That a face is seen speaking says the less, the oftener others are seen speaking with this voice while
    this face is not: mouths move beside a voice from outside the picture.
    """
    weight, each = looked_units(sight), sight.odds
    wrong, tried = _others(turns, sight, number, weight)
    rate = (FALSE_ALARMS[0] + wrong) / (FALSE_ALARMS[1] + tried)
    most = np.log(0.95 / rate.clip(0.05, 0.95))
    voice = turns.voice[sight.turn]
    lips = np.minimum(each, most[voice, sight.face]) if len(voice) else each
    by_voice = partial(_by_voice, turns, sight, number)
    return by_voice(weight * lips), by_voice(weight)


def whole_file_odds(turns: Turns, sight: Sight, number: int, duration: float) -> np.ndarray:
    """Return log odds [K, G] from who is seen when a voice is heard, relative to when it is not."""
    length, weight = turns.length, units(turns.length)
    seen = sight.visible * length[sight.turn]
    mine = _by_voice(turns, sight, number, seen)
    in_turns = np.bincount(sight.face, seen, sight.people)
    silence = max(0.0, duration - float(length.sum()))
    in_silence = (sight.seen - in_turns).clip(0, silence)
    some = turns.voice >= 0
    own, observed = (
        np.bincount(turns.voice[some], each[some], number)[:, None] for each in (length, weight)
    )
    with_it = mine / np.maximum(own, 1e-9)
    others = in_turns - mine + SILENCE * in_silence + CONTRAST_SECONDS * with_it
    base = others / (length.sum() - own + SILENCE * silence + CONTRAST_SECONDS)
    base = base.clip(0.02, 0.98)
    with_face = _by_voice(turns, sight, number, sight.visible * weight[sight.turn])
    seen_odds = np.log(SEEN_SPEAKING / base)
    unseen_odds = np.log((1 - SEEN_SPEAKING) / (1 - base))
    odds = with_face * seen_odds + (observed - with_face) * unseen_odds
    return np.where(own > 0, odds, 0.0)


def assigned(odds: np.ndarray) -> np.ndarray:
    """Return the column [K] of each row of log odds [K, G], each column once; -1 for none.

    The sum of the log odds is the largest; of two assignments that are nearly as good, what they differ in
    is not told.
    """
    found = np.full(len(odds), -1)
    if not odds.size:
        return found
    best, total = _best(odds)
    for row, column in best.items():
        without = odds.copy()
        without[row, column] = -np.inf
        if odds[row, column] >= LEAST and total - _best(without)[1] >= LEAST:
            found[row] = column
    return found


def _best(odds: np.ndarray) -> tuple[dict[int, int], float]:
    from scipy.optimize import linear_sum_assignment

    gain = np.maximum(np.nan_to_num(odds, neginf=0.0), 0.0)
    likely = np.flatnonzero(gain.any(axis=0))  # of many faces, few are likely to be anybody's
    rows, columns = linear_sum_assignment(gain[:, likely], maximize=True)
    columns = likely[columns]
    pairs = {int(r): int(c) for r, c in zip(rows, columns, strict=True) if gain[r, c] > 0}
    return pairs, float(gain[rows, columns].sum())


def _by_voice(turns: Turns, sight: Sight, number: int, values: np.ndarray) -> np.ndarray:
    """Return the sums [K, G] of values [E] over the turns of each of `number` voices."""
    voice = turns.voice[sight.turn]
    some = voice >= 0
    place = voice[some] * sight.people + sight.face[some]
    found: np.ndarray = np.bincount(place, values[some], number * sight.people)
    return found.reshape(number, sight.people)


def _others(
    turns: Turns, sight: Sight, number: int, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the observations [K, G] in which others are seen speaking and this one is not, and all of others.

    A turn counts as its heaviest observation, of `weight` [E].
    """
    by_voice = partial(_by_voice, turns, sight, number)
    heaviest = sight.most(weight)
    speaks, looked = (sight.odds > 0) & (weight > 0), weight > 0
    speaking, looked_at = (np.bincount(sight.turn, each, sight.turns) for each in (speaks, looked))
    some = turns.voice >= 0
    wrong, tried = (
        np.bincount(turns.voice[some], (heaviest * (each > 0))[some], number)[:, None]
        for each in (speaking, looked_at)
    )
    wrong = wrong - by_voice(heaviest[sight.turn] * speaks)
    # Where nobody else is looked at, others cannot be seen.
    tried = tried - by_voice(heaviest[sight.turn] * (looked & (looked_at[sight.turn] == 1)))
    return wrong, np.maximum(tried, wrong)


def name_odds(voices: Sequence[Named], faces: Sequence[Named]) -> np.ndarray:
    """Return log odds [K, G] from the names of voices and faces, each alone.

    Where one has a name and the other is a stranger's, they are two people's by as much as it is a stranger's.
    """
    name_of = {name: i for i, name in enumerate({e.name for e in (*voices, *faces) if e.sure})}
    voice, face = (
        np.array([name_of[e.name] if e.sure else -1 for e in each], int) for each in (voices, faces)
    )
    both = (voice[:, None] >= 0) & (face >= 0)
    same = np.where(voice[:, None] == face, SAME_NAME, OTHER_NAME)
    strange = [np.array([_strange(e) for e in each]).reshape(-1) for each in (voices, faces)]
    compared = [np.array([e.sure and not e.half for e in each], bool) for each in (voices, faces)]
    return (
        np.where(both, same, 0.0)
        + compared[0][:, None] * strange[1]
        + strange[0][:, None] * compared[1]
    )


def _strange(each: Named) -> float:
    """Return the log odds that somebody is one of those with names, where they have none; 0 at most."""
    if not each.asked or each.name is not None or each.known is None:
        return 0.0
    known = float(np.clip(each.known, 1e-6, 1 - 1e-6))
    return float(np.clip(np.log(known / (1 - known)), STRANGER_MOST, 0.0))
