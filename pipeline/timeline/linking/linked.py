"""Voices and faces of a file brought together: corrected by each other, then linked."""

from dataclasses import dataclass, replace

import numpy as np

from mraf.pipeline.timeline.linking.boundaries import refined
from mraf.pipeline.timeline.linking.correcting import (
    Number,
    alike_faces,
    corrected,
    join,
    split,
)
from mraf.pipeline.timeline.linking.evidence import seen_seconds, sight_of
from mraf.pipeline.timeline.linking.links import Links, links_of, lips_tell
from mraf.pipeline.timeline.linking.looks import Faces, Named, Naming, look_of
from mraf.pipeline.timeline.linking.same_names import join_named, named_alike
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.pipeline.timeline.seen.grouping import renumbered
from mraf.pipeline.timeline.seen.seen import SeenFile
from mraf.pipeline.timeline.seen.tracks import coherence, unit_mean
from mraf.pipeline.timeline.turns.voices import Voices
from mraf.recognition.pairs import Pairs


@dataclass(frozen=True, eq=False, kw_only=True)
class Linked:
    """The voices and the faces of a file, and which are one person's."""

    speech: Speech
    faces: Faces
    group: np.ndarray  # [T], the face of each track; -1: too little is seen
    links: Links


def linked(
    voices: Voices,
    seen: SeenFile,
    *,
    naming: Naming | None,
    pairs: Pairs,
    number: Number,
    duration: float,
) -> Linked:
    """Return the voices and faces of a file, and which are one person's.

    Args:
        voices: of the file.
        seen: who is seen in it.
        naming: names faces and voices, each alone; None where nobody is known.
        pairs: log odds of the encoders.
        number: of voices that somebody asked for.
        duration: of the file in s.
    """
    speech, group = Speech.of(voices), seen.group
    sight = sight_of(speech.turns, seen.tracks, group)
    if lips_tell(speech.turns, sight):
        faces = faces_of(seen, group)
        merged = alike_faces(speech, sight, pairs, faces)
        if merged:
            group = _merged(group, merged, faces.apart)
            sight = sight_of(speech.turns, seen.tracks, group)
        speech = join(split(speech, sight, number), sight, pairs, number)
    faces = faces_of(seen, group)
    names = _names(speech, faces, naming)
    if names is not None:
        speech = join_named(speech, names[0], pairs, number)
        merged = named_alike(faces, names[1], pairs)
        if merged:
            group = _merged(group, merged, faces.apart)
            faces = faces_of(seen, group)
        sight = sight_of(speech.turns, seen.tracks, group)
        names = _names(speech, faces, naming)
    links = links_of(speech.turns, sight, len(speech), duration, names)
    speech, links = corrected(speech, sight, links, pairs)
    if links.by_lips:
        turns = refined(speech.turns, seen.tracks, group, links.face)
        speech = replace(speech, turns=turns)
    return Linked(speech=speech, faces=faces, group=group, links=links)


def faces_of(seen: SeenFile, group: np.ndarray) -> Faces:
    """Return the people who are seen, whose tracks are those of a group each."""
    number = int(group.max(initial=-1)) + 1
    means: list[np.ndarray | None] = []
    counts, close = np.zeros(number), np.ones(number)
    for each in range(number):
        tracks = [seen.tracks[i] for i in np.flatnonzero(group == each)]
        some = [track.vectors for track in tracks if len(track.vectors)]
        means.append(unit_mean(np.concatenate(some)) if some else None)
        counts[each] = sum(map(len, some))
        one_each = [track.vector for track in tracks]
        close[each] = coherence(np.array([v for v in one_each if v is not None]))
    dim = max((len(mean) for mean in means if mean is not None), default=0)
    vectors = np.full((number, dim), np.nan, np.float32)
    for each, mean in enumerate(means):
        if mean is not None:
            vectors[each] = mean
    apart = np.zeros((number, number), bool)
    pairs = group[seen.apart]
    pairs = pairs[(pairs >= 0).all(axis=1)]
    apart[pairs[:, 0], pairs[:, 1]] = apart[pairs[:, 1], pairs[:, 0]] = True
    return Faces(
        vectors=vectors,
        number=counts,
        coherence=close,
        seen=seen_seconds(seen.tracks, group, number),
        apart=apart,
    )


def _names(
    speech: Speech, faces: Faces, naming: Naming | None
) -> tuple[list[Named], list[Named]] | None:
    if naming is None:
        return None
    voices = [look_of([i], [], speech, faces) for i in range(len(speech))]
    shown = [look_of([], [i], speech, faces) for i in range(len(faces.seen))]
    asked = naming([*voices, *shown])
    return asked[: len(voices)], asked[len(voices) :]


def _merged(group: np.ndarray, same: list[tuple[int, int]], apart: np.ndarray) -> np.ndarray:
    """Return groups of which pairs are one, unless that would join two who are seen at once."""
    members = {int(each): {int(each)} for each in np.unique(group[group >= 0])}
    for g, h in same:
        both = members[g] | members[h]
        if not apart[np.ix_(sorted(both), sorted(both))].any():
            for each in both:
                members[each] = both
    first = np.array([min(members.get(i, {i})) for i in range(int(group.max()) + 1)])
    return renumbered(np.where(group >= 0, first[group], -1))
