"""Voices and faces of a file brought together: corrected by each other, then linked."""

from dataclasses import dataclass, replace

import numpy as np

from mraf.pipeline.timeline.linking.boundaries import refined
from mraf.pipeline.timeline.linking.correcting import corrected, join, split
from mraf.pipeline.timeline.linking.correcting_faces import alike_faces, parted_faces
from mraf.pipeline.timeline.linking.evidence import Sight, seen_seconds, sight_of
from mraf.pipeline.timeline.linking.links import Links, links_of, lips_tell
from mraf.pipeline.timeline.linking.looks import Faces, Look, Naming, look_of
from mraf.pipeline.timeline.linking.same_names import join_named, named_alike
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.pipeline.timeline.seen.seen import SeenFile
from mraf.pipeline.timeline.seen.tracks import coherence, unit_mean
from mraf.pipeline.timeline.turns.voices import Voices
from mraf.recognition.clusters import renumbered
from mraf.recognition.pairs import Pairs

GLIMPSE_SECONDS = 2.0
"""Time for which somebody who neither speaks nor has a name must be seen to be one of the people."""


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
    count: SpeakerCount,
    duration: float,
) -> Linked:
    """Return the voices and faces of a file, and which are one person's.

    Args:
        voices: of the file.
        seen: who is seen in it.
        naming: names faces and voices, each alone; None where nobody is known.
        pairs: log odds of the encoders.
        count: of voices that somebody asked for.
        duration: of the file in s.
    """
    speech = Speech.of(voices)
    group, sight = _without_glimpses(speech, seen, naming)
    if lips_tell(sight):
        speech, seen, group = _by_lips(speech, sight, seen, group, naming, pairs, count)
        sight = sight_of(speech.turns, seen, group)
    faces = faces_of(seen, group)
    names = None
    if naming is not None:
        speech = join_named(speech, naming(_voices(speech, faces)), pairs, count)
        shown = naming(_shown(speech, faces))
        merged = named_alike(faces, shown, pairs)
        if merged:
            group = _merged(group, merged, faces)
            faces = faces_of(seen, group)
            sight = sight_of(speech.turns, seen, group)
            shown = naming(_shown(speech, faces))
        names = naming(_voices(speech, faces)), shown
    links = links_of(speech.turns, sight, len(speech), duration, names)
    speech, links = corrected(speech, sight, links, pairs, count)
    if links.by_lips:
        turns = refined(speech.turns, seen, group, links.face)
        speech = replace(speech, turns=turns)
    return Linked(speech=speech, faces=faces, group=group, links=links)


def _by_lips(
    speech: Speech,
    sight: Sight,
    seen: SeenFile,
    group: np.ndarray,
    naming: Naming | None,
    pairs: Pairs,
    count: SpeakerCount,
) -> tuple[Speech, SeenFile, np.ndarray]:
    """Return voices, tracks and faces corrected by whose lips speak with which voice."""
    faces = faces_of(seen, group)
    merged = alike_faces(speech, sight, pairs, faces)
    if merged:
        group = _merged(group, merged, faces)
        sight = sight_of(speech.turns, seen, group)
    speech = split(speech, sight, count)
    names = None if naming is None else naming(_voices(speech, faces))
    speech = join(speech, sight, pairs, count, names)
    return speech, *parted_faces(speech, sight, seen, group, pairs)


def faces_of(seen: SeenFile, group: np.ndarray) -> Faces:
    """Return the people who are seen, whose tracks are those of a group each."""
    number = int(group.max(initial=-1)) + 1
    means: list[np.ndarray | None] = []
    counts, close = np.zeros(number), np.ones(number)
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], np.arange(number + 1))
    for each in range(number):
        tracks = [seen.tracks[i] for i in order[first[each] : first[each + 1]]]
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
    pairs = np.sort(group[seen.apart], axis=1)
    return Faces(
        vectors=vectors,
        number=counts,
        coherence=close,
        seen=seen_seconds(seen.tracks, group, number),
        apart=frozenset((a, b) for a, b in pairs[pairs[:, 0] >= 0].tolist()),
    )


def _without_glimpses(
    speech: Speech, seen: SeenFile, naming: Naming | None
) -> tuple[np.ndarray, Sight]:
    """Return the face of each track, below 0 for none, and who is seen in the turns.

    Faces that are hardly seen, never seen speaking and have no name are left out: a long file has thousands.
    """
    group = seen.group
    sight = sight_of(speech.turns, seen, group)
    kept = sight.seen >= GLIMPSE_SECONDS
    kept[sight.face[sight.odds > 0]] = True
    if naming is not None and not kept.all():
        names = naming(_shown(speech, faces_of(seen, group)))
        kept |= np.array([each.name is not None for each in names], bool)
    number = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
    return number[group], sight.only(kept)


def _voices(speech: Speech, faces: Faces) -> list[Look]:
    return [look_of([i], [], speech, faces) for i in range(len(speech))]


def _shown(speech: Speech, faces: Faces) -> list[Look]:
    return [look_of([], [i], speech, faces) for i in range(len(faces.seen))]


def _merged(group: np.ndarray, same: list[tuple[int, int]], faces: Faces) -> np.ndarray:
    """Return groups of which pairs are one, unless that would join two who are seen at once."""
    members = {each: {each} for each in range(len(faces.seen))}
    beside: dict[int, set[int]] = {each: set() for each in members}
    for a, b in faces.apart:
        beside[a].add(b)
        beside[b].add(a)
    for g, h in same:
        one, other = members[g], members[h]
        if one is other or any(beside[each] & other for each in one):
            continue
        both = one | other
        for each in both:
            members[each] = both
    first = np.array([min(members[i]) for i in range(len(members))] + [-1])
    return renumbered(first[group])
