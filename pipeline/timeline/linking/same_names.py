"""Voices, and faces, that are one person's because they have one name and are alike."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from mraf.pipeline.timeline.linking.correcting import TOGETHER_SECONDS, likeliest, merged_rows
from mraf.pipeline.timeline.linking.looks import Faces, Named, same_name_odds
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.recognition.pairs import Pairs

ROWS = 256
"""Faces that are compared with all others of their name at once."""


def join_named(speech: Speech, names: Sequence[Named], pairs: Pairs, count: SpeakerCount) -> Speech:
    """Return the speech with voices joined that have one name, are alike and never speak at once.

    Args:
        speech: with K voices.
        names: of each alone.
        pairs: log odds of the encoders.
        count: of voices that somebody asked for.
    """
    number, strength = _numbered(names)
    together = speech.turns.together(len(speech))
    while count.may_fall(int(speech.present.sum())):
        some = np.flatnonzero(speech.present & (number >= 0))
        pair = np.ix_(some, some)
        by_name = same_name_odds(np.outer(strength[some], strength[some]))
        same = (number[some][:, None] == number[some]) & (by_name > 0)
        odds = pairs.voice(speech.cosines()[pair]) + by_name
        odds[~same | (together[pair] >= TOGETHER_SECONDS)] = -np.inf
        found = likeliest(odds, 0.0)
        if not found:
            break
        a, b = (int(some[i]) for i in found[0])
        strength[a] = max(strength[a], strength[b])
        speech, together = speech.merged(a, b), merged_rows(together, a, b)
    return speech


def named_alike(faces: Faces, names: Sequence[Named], pairs: Pairs) -> list[tuple[int, int]]:
    """Return pairs of faces that have one name, are alike and are never seen at once.

    `names` are those of each of the G faces alone.
    """
    number, strength = _numbered(names)
    of_name: dict[int, list[int]] = defaultdict(list)
    for face in np.flatnonzero(number >= 0).tolist():
        of_name[int(number[face])].append(face)
    found: list[tuple[int, int]] = []
    for members in map(np.array, of_name.values()):
        for at in range(0, len(members), ROWS):
            some = members[at : at + ROWS, None]
            by_name = same_name_odds(strength[some] * strength[members])
            odds = np.nan_to_num(faces.odds(some, members, pairs))
            alike = (by_name > 0) & (odds + by_name > 0) & (some < members)
            found += [
                (int(members[at + i]), int(members[j]))
                for i, j in zip(*np.nonzero(alike), strict=True)
            ]
    return [(a, b) for a, b in found if not faces.are_two(a, b)]


def _numbered(names: Sequence[Named]) -> tuple[np.ndarray, np.ndarray]:
    """Return a number [K] for each name that is sure, below 0 for others, and how sure each is."""
    number_of: dict[str | None, int] = {}
    number = [
        number_of.setdefault(each.name, len(number_of)) if each.sure else -1 for each in names
    ]
    return np.array(number, int), np.array([each.strength for each in names], float)
