"""The people of a file in the order in which they appear, and what is whose."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mraf.pipeline.timeline.linking.linked import GLIMPSE_SECONDS, Linked
from mraf.pipeline.timeline.people.persons import Somebody
from mraf.pipeline.timeline.people.turns import Spoken, spoken
from mraf.pipeline.timeline.seen.seen import SeenFile


@dataclass(frozen=True, eq=False, kw_only=True)
class Cast:
    """The people of a file in the order in which they appear, and what is whose."""

    people: tuple[Somebody, ...]
    names: tuple[str, ...]
    turns: list[Spoken]
    person: np.ndarray  # [T] of each track, -1: nobody's


def cast_of(people: Sequence[Somebody], found: Linked, seen: SeenFile) -> Cast:
    """Return who of `people` to show, in the order in which they appear, with a name or a number each."""
    voice = np.full(len(found.speech) + 1, -1)  # the last one: of turns of nobody's voice
    face = np.full(len(found.faces.seen) + 1, -1)
    shown = [each for each in people if _counts(each, found)]
    for i, each in enumerate(shown):
        voice[list(each.voices)] = i
        face[list(each.faces)] = i
    turns = found.speech.turns
    speaks, appears = (np.full(len(shown) + 1, np.inf) for _ in range(2))
    np.minimum.at(speaks, voice[turns.voice], turns.start)
    # As they are heard, as turns are.
    np.minimum.at(appears, face[found.group], [track.start + seen.late for track in seen.tracks])
    # Of those who are seen first at the same time, the first is who speaks first.
    order = np.lexsort((speaks[:-1], np.minimum(speaks, appears)[:-1]))
    place = np.full(len(shown) + 1, -1)
    place[order] = np.arange(len(shown))
    inorder = tuple(shown[i] for i in order)
    return Cast(
        people=inorder,
        names=_names(inorder),
        turns=spoken(turns, place[voice[turns.voice]]),
        person=place[face[found.group]],
    )


def _counts(each: Somebody, found: Linked) -> bool:
    """Return whether somebody is one of the people, and not just a glimpse of a face."""
    if each.voices or each.name:
        return True
    return bool(found.faces.seen[list(each.faces)].sum() >= GLIMPSE_SECONDS)


def _names(people: Sequence[Somebody]) -> tuple[str, ...]:
    """Return everybody's name; a number, as in "unknown 1", for those without one."""
    taken = {each.name for each in people}
    names, number = [], 0
    for each in people:
        if each.name is not None:
            names.append(each.name)
            continue
        number += 1
        while f"unknown {number}" in taken:
            number += 1
        names.append(f"unknown {number}")
    return tuple(names)
