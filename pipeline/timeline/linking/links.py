"""Voices and faces that are one person's: log odds from lips, from the whole file, and from names."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
    """Return the observations of lips [N, G] in each turn."""
    from mraf.extractors.streaming.slices import TICKS

    return units(sight.looked / TICKS)


def lips_tell(turns: Turns, sight: Sight) -> bool:
    """Return whether any face is seen speaking: drawn ones are not, whatever they say."""
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
    by_lips = lips_tell(turns, sight)
    lips, looked = lip_odds(turns, sight, number)
    if not by_lips:
        lips, looked = np.zeros_like(lips), np.zeros_like(looked)
    most = np.where(looked >= LOOKED_UNITS, WHOLE_FILE_LITTLE, WHOLE_FILE_MOST)
    # Where faces are seen speaking, one that is not looked at may be anybody's.
    whole = np.clip(whole_file_odds(turns, sight, number, duration), -most, most)
    odds = lips + whole + PRIOR
    if names is not None:
        odds = odds + _name_odds(*names)
    return Links(face=assigned(odds), odds=odds, by_lips=by_lips)


def lip_odds(turns: Turns, sight: Sight, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return log odds [K, G] from lips that a voice is a face's, and the observations [K, G].

    That a face is seen speaking says the less, the oftener others are seen speaking with this voice while
    this face is not: mouths move beside a voice from outside the picture.
    """
    weight, each = looked_units(sight), sight.odds
    odds = np.zeros((number, weight.shape[1]))
    looked = np.zeros_like(odds)
    for voice in range(number):
        mine = turns.voice == voice
        w, e = weight[mine], each[mine]
        looked[voice] = w.sum(axis=0)
        wrong, tried = _others(w, e)
        rate = (FALSE_ALARMS[0] + wrong) / (FALSE_ALARMS[1] + tried)
        most = np.log(0.95 / rate.clip(0.05, 0.95))
        odds[voice] = (w * np.minimum(e, most)).sum(axis=0)
    return odds, looked


def whole_file_odds(turns: Turns, sight: Sight, number: int, duration: float) -> np.ndarray:
    """Return log odds [K, G] from who is seen when a voice is heard, relative to when it is not."""
    length = turns.length
    in_turns = (sight.visible * length[:, None]).sum(axis=0)
    silence = max(0.0, duration - float(length.sum()))
    in_silence = (sight.seen - in_turns).clip(0, silence)
    odds = np.zeros((number, sight.visible.shape[1]))
    for voice in range(number):
        mine = turns.voice == voice
        own = length[mine].sum()
        if own <= 0:
            continue
        with_it = (sight.visible[mine] * length[mine, None]).sum(axis=0) / own
        others = (sight.visible[~mine] * length[~mine, None]).sum(axis=0)
        seen = others + SILENCE * in_silence + CONTRAST_SECONDS * with_it
        base = seen / (length[~mine].sum() + SILENCE * silence + CONTRAST_SECONDS)
        base = base.clip(0.02, 0.98)
        seen_odds = np.log(SEEN_SPEAKING / base)
        unseen_odds = np.log((1 - SEEN_SPEAKING) / (1 - base))
        per_turn = sight.visible[mine] * seen_odds + (1 - sight.visible[mine]) * unseen_odds
        odds[voice] = (units(length[mine])[:, None] * per_turn).sum(axis=0)
    return odds


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
    rows, columns = linear_sum_assignment(gain, maximize=True)
    pairs = {int(r): int(c) for r, c in zip(rows, columns, strict=True) if gain[r, c] > 0}
    return pairs, float(gain[rows, columns].sum())


def _others(weight: np.ndarray, each: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the observations [G] in which others are seen speaking and this one is not, and all of others."""
    if not weight.size:
        return np.zeros(weight.shape[1]), np.zeros(weight.shape[1])
    speaks = (each > 0) & (weight > 0)
    number = speaks.sum(axis=1, keepdims=True)
    heaviest = np.where(weight > 0, weight, 0).max(axis=1, keepdims=True)
    silent = ~speaks
    others_looked = (weight > 0).sum(axis=1, keepdims=True) - (weight > 0) > 0
    wrong = (silent & (number > 0)) * heaviest
    tried = others_looked * heaviest
    return wrong.sum(axis=0), np.maximum(tried.sum(axis=0), wrong.sum(axis=0))


def _name_odds(voices: Sequence[Named], faces: Sequence[Named]) -> np.ndarray:
    odds = np.zeros((len(voices), len(faces)))
    for i, voice in enumerate(voices):
        for j, face in enumerate(faces):
            if voice.sure and face.sure:
                odds[i, j] = SAME_NAME if voice.name == face.name else OTHER_NAME
    return odds
