"""Enrolment of a person of a timeline, by the face and the voice in the file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mraf.data.clips.names import as_text
from mraf.data.clips.times import part_of_id
from mraf.data.table.row import FeatureRow
from mraf.errors import UsageError
from mraf.pipeline.extraction.turns.features import digest_of_turn
from mraf.pipeline.people.enrolment.samples import LEAST_SPEECH, LEAST_VOICE
from mraf.pipeline.timeline.corrections.edits import is_number, known_person
from mraf.pipeline.timeline.corrections.times import times_of
from mraf.pipeline.timeline.people.assembled import Assembled, Vectors
from mraf.pipeline.timeline.spans import overlapping
from mraf.pipeline.timeline.timeline import Timeline, Track, Turn

MOST_TURNS = 30
"""Turns of a person by which he or she is enrolled, at most: those with most speech."""
COVERED = 0.9
"""Least share of a turn that a person's turns must cover for it to be his or hers."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """The file of a timeline, for the rows of its turns."""

    path: Path
    fingerprint: str  # of the encoders and options, as JSON
    digest: str  # of its content


def check_enrolled(name: str, timeline: Timeline) -> str:
    """Return the name of a person who can be enrolled. Raises UsageError."""
    person = known_person(name, timeline)
    if is_number(person):
        raise UsageError(
            f"'{person}' has no name yet: say --rename \"{person}=NAME\" --enrol NAME to enrol them."
        )
    return person


def rows_of(name: str, timeline: Timeline, found: Assembled, source: Source) -> list[FeatureRow]:
    """Return rows with the face and the voice of a person of a timeline, the most speech first.

    Of a voice count turns with 2 s of speech of nobody else at once; they all are of one recording.

    Args:
        name: of the person, as the timeline has it.
        timeline: with the corrections of people.
        found: what the file was found to hold, whose turns and people may be others.
        source: the file.

    Raises UsageError where there is too little of the person.
    """
    heard = [
        (turn, vectors)
        for turn, vectors in zip(found.timeline.turns, found.turns, strict=True)
        if _has_voice(vectors)
    ]
    owners = _owners([turn for turn, _ in heard], timeline)
    seen_as = _seen_as(timeline, found)
    own = [
        (turn, _with_own_face(turn, vectors, seen_as, name))
        for (turn, vectors), owner in zip(heard, owners, strict=True)
        if owner == name
    ]
    own.sort(key=lambda each: -each[1].seconds)
    face = _face(name, seen_as, found)
    speech = sum(vectors.seconds for _, vectors in own)
    if face is None and speech < LEAST_SPEECH:
        raise UsageError(
            f"'{name}' cannot be enrolled: the file has {speech:.1f} s of speech of them alone, in turns of {LEAST_VOICE:g} s or "
            f"more, and no face; at least {LEAST_SPEECH:g} s are needed. Nobody was enrolled."
        )
    rows = [
        _row(source, turn.start, turn.end, vectors, None if i or vectors.face is not None else face)
        for i, (turn, vectors) in enumerate(own[:MOST_TURNS])
    ]
    if not rows and face is not None:
        start, end = max(times_of(timeline)[name].seen, key=lambda span: span[1] - span[0])
        rows = [_row(source, start, end, Vectors(), face)]
    return rows


def _has_voice(vectors: Vectors) -> bool:
    return vectors.voice is not None and vectors.seconds >= LEAST_VOICE


def _owners(turns: Sequence[Turn], timeline: Timeline) -> list[str | None]:
    """Return the person of a corrected timeline who speaks in each turn; None where that is not clear."""
    spans = [(turn.start, turn.end) for turn in turns]
    others = [(turn.start, turn.end) for turn in timeline.turns]
    owners: list[str | None] = [None] * len(turns)
    most = [0.0] * len(turns)
    for i, k in overlapping(spans, others):
        (a, b), (c, d) = spans[i], others[k]
        common = min(b, d) - max(a, c)
        likeness = common / (b - a + d - c - common)
        if likeness > most[i] and common >= COVERED * (b - a):
            owners[i], most[i] = timeline.turns[k].speaker, likeness
    return owners


def _seen_as(timeline: Timeline, found: Assembled) -> list[str | None]:
    """Return the person of a corrected timeline that each track of another is of; None where that is not clear."""
    now = {_key(track): track.speaker for track in timeline.tracks}
    return [now.get(_key(track)) for track in found.timeline.tracks]


def _with_own_face(
    turn: Turn, vectors: Vectors, seen_as: Sequence[str | None], name: str
) -> Vectors:
    """Return the vectors of a turn; without a face where the one that seemed to speak is somebody else's."""
    is_own = turn.track is not None and seen_as[turn.track] == name
    return vectors if is_own else replace(vectors, face=None, faces=0)


def _face(name: str, seen_as: Sequence[str | None], found: Assembled) -> Vectors | None:
    """Return the face of a person: that of somebody all of whose tracks are the person's."""
    owners: dict[str | None, set[str | None]] = {}
    for track, owner in zip(found.timeline.tracks, seen_as, strict=True):
        if track.times:
            owners.setdefault(track.speaker, set()).add(owner)
    faces = [
        vectors
        for person, vectors in zip(found.timeline.people, found.people, strict=True)
        if vectors.face is not None and owners.get(person.name) == {name}
    ]
    return max(faces, key=lambda vectors: vectors.faces, default=None)


def _key(track: Track) -> tuple[object, ...]:
    return (
        len(track.times),
        *(round(time, 3) for time in track.times[:1]),
        *(round(each, 3) for box in track.boxes[:1] for each in box),
    )


def _row(
    source: Source, start: float, end: float, vectors: Vectors, instead: Vectors | None
) -> FeatureRow:
    """Return the row of a turn; the face is that of its own track, else `instead`."""
    shown = vectors if vectors.face is not None else instead
    face = shown.face if shown else None
    path = as_text(source.path.absolute())
    start, end = round(start, 3), round(end, 3)
    row = FeatureRow(
        clip=path + part_of_id(start, end),
        path=path,
        source_hash="",
        extractor=source.fingerprint,
        recording=path,
        face=None if face is None else np.asarray(face, np.float32),
        face_reason="no_face" if face is None else None,
        face_frames=shown.faces if shown and face is not None else 0,
        voice=None if vectors.voice is None else np.asarray(vectors.voice, np.float32),
        voice_reason="no_speech" if vectors.voice is None else None,
        voice_seconds=vectors.seconds if vectors.voice is not None else 0.0,
        start=start,
        end=end,
        seconds=round(end - start, 3),
    )
    return replace(row, source_hash=digest_of_turn(source.digest, row))
