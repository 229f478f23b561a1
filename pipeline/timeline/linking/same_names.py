"""Voices, and faces, that are one person's because they have one name and are alike."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from mraf.pipeline.timeline.linking.correcting import TOGETHER_SECONDS, Number
from mraf.pipeline.timeline.linking.looks import Faces, Named, one_name
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.recognition.pairs import Pairs


def join_named(speech: Speech, names: Sequence[Named], pairs: Pairs, number: Number) -> Speech:
    """Return the speech with voices joined that have one name, are alike and never speak at once.

    Args:
        speech: with K voices.
        names: of each alone.
        pairs: log odds of the encoders.
        number: of voices that somebody asked for.
    """
    own = list(names)
    while number.may_fall(int(speech.present.sum())):
        together = speech.turns.together(len(speech))
        odds = pairs.voice(speech.cosines())
        found = [
            (float(odds[a, b]) + by_name, a, b)
            for a, b in combinations(np.flatnonzero(speech.present).tolist(), 2)
            if (by_name := one_name(own[a], own[b])) > 0 and together[a, b] < TOGETHER_SECONDS
        ]
        if not found or max(found)[0] <= 0:
            break
        _, a, b = max(found)
        own[a] = max(own[a], own[b], key=lambda each: each.strength)
        speech = speech.merged(a, b)
    return speech


def named_alike(faces: Faces, names: Sequence[Named], pairs: Pairs) -> list[tuple[int, int]]:
    """Return pairs of faces that have one name, are alike and are never seen at once.

    `names` are those of each of the G faces alone.
    """
    odds = pairs.face(
        (faces.vectors @ faces.vectors.T) * np.outer(faces.coherence, faces.coherence)
    )
    return [
        (a, b)
        for a, b in combinations(range(len(names)), 2)
        if (by_name := one_name(names[a], names[b])) > 0
        and not faces.apart[a, b]
        and odds[a, b] + by_name > 0
    ]
