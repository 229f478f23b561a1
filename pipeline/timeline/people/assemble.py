"""A timeline from what was heard and seen in a file."""

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mraf.extractors.streaming.parts import Observed
from mraf.pipeline.timeline.linking.evidence import seen_seconds
from mraf.pipeline.timeline.linking.linked import Linked, linked
from mraf.pipeline.timeline.linking.looks import Naming
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.people.assembled import Assembled, Vectors
from mraf.pipeline.timeline.people.cast import Cast, cast_of
from mraf.pipeline.timeline.people.naming import NamingModel
from mraf.pipeline.timeline.people.persons import Somebody, people_of
from mraf.pipeline.timeline.people.telling import notes_of
from mraf.pipeline.timeline.people.turns import Spoken, overlaps, speaking_tracks
from mraf.pipeline.timeline.seen.scoring import Scorer
from mraf.pipeline.timeline.seen.seen import SeenFile, seen_in
from mraf.pipeline.timeline.seen.tracks import WholeTrack, unit_mean
from mraf.pipeline.timeline.timeline import Person, Timeline, Track, Turn
from mraf.pipeline.timeline.turns.voices import Voices
from mraf.recognition.pairs import Pairs


def assembled(
    path: Path | str,
    parts: Iterable[Observed],
    *,
    model: NamingModel | None,
    scorer: Scorer | None,
    pairs: Pairs,
    speakers: int | None = None,
    least: int = 1,
    most: int | None = None,
    voice: str = "campplus",
    duration: float | None = None,
    notes: Sequence[str] = (),
) -> Assembled:
    """Return the timeline of a file, and the vectors of its people and turns.

    Args:
        path: of the file.
        parts: what was heard and seen in it; read several times, one part after another.
        model: names people; None where nobody is known.
        scorer: LR-ASD, which tells who of those seen speaks; None where its weights are not there.
        pairs: log odds of the encoders.
        speakers: the number of people who speak, where somebody says it.
        least: the least number.
        most: the largest number.
        voice: name of the encoder of voices.
        duration: of the file in s; by default up to the last part's end.
        notes: on the file, which the timeline tells too.
    """
    from mraf.pipeline.timeline.turns.cluster import voices_of

    seen = seen_in(parts, scorer, pairs.face)
    voices = voices_of(
        parts,
        speakers=speakers,
        least=least,
        most=most,
        voice=voice,
        cuts=np.array(seen.cuts) + seen.late,
    )
    if duration is None:
        duration = max((part.stop for part in parts), default=None)
    return together(
        path,
        voices,
        seen,
        naming=model,
        pairs=pairs,
        count=SpeakerCount(speakers=speakers, least=least, most=most),
        duration=duration,
        notes=[*notes, *(model.notes if model else ())],
        lips=scorer is not None,
    )


def together(
    path: Path | str,
    voices: Voices,
    seen: SeenFile,
    *,
    naming: Naming | None,
    pairs: Pairs,
    count: SpeakerCount | None = None,
    duration: float | None = None,
    notes: Sequence[str] = (),
    lips: bool = True,
) -> Assembled:
    """Return the timeline of voices and of people who are seen.

    Args:
        path: of the file.
        voices: of the file.
        seen: who is seen in it.
        naming: names faces and voices; None where nobody is known.
        pairs: log odds of the encoders.
        count: of voices that somebody asked for.
        duration: of the file in s.
        notes: on the file.
        lips: False where nothing can tell whose lips speak.
    """
    count = count or SpeakerCount()
    ends = [turn.stop for turn in voices.turns] + [track.stop for track in seen.tracks]
    found = linked(
        voices,
        seen,
        naming=naming,
        pairs=pairs,
        count=count,
        duration=max([duration or 0.0, *ends]),
    )
    people = people_of(
        found.speech, found.faces, found.links, naming=naming, pairs=pairs, count=count
    )
    cast = cast_of(people, found, seen)
    said = (*notes, *voices.notes, *notes_of(seen, found, lips=lips, count=count))
    return _written(Path(path), cast, found, seen, duration=duration, notes=said)


def _written(
    path: Path,
    cast: Cast,
    found: Linked,
    seen: SeenFile,
    *,
    duration: float | None,
    notes: Sequence[str],
) -> Assembled:
    linked_voices = {i for i, face in enumerate(found.links.face.tolist()) if face >= 0}
    visible = [bool(linked_voices & set(each.voices)) for each in cast.people]
    tracks = speaking_tracks(
        cast.turns, seen, cast.person, visible=visible, by_lips=found.links.by_lips
    )
    names = cast.names
    turns = tuple(
        Turn(
            start=round(turn.start, 3),
            end=round(turn.stop, 3),
            speaker=names[turn.person],
            overlap=round(overlap, 3),
            track=track,
        )
        for turn, overlap, track in zip(cast.turns, overlaps(cast.turns), tracks, strict=True)
    )
    timeline = Timeline(
        path=str(path),
        duration=duration,
        people=_people(cast, seen),
        turns=turns,
        tracks=tuple(
            _track(track, names[i] if i >= 0 else None)
            for track, i in zip(seen.tracks, cast.person.tolist(), strict=True)
        ),
        cuts=tuple(round(cut, 3) for cut in seen.cuts),
        size=seen.size,
        notes=tuple(dict.fromkeys(notes)),
    )
    return Assembled(
        timeline=timeline,
        people=tuple(_of_person(each, found) for each in cast.people),
        turns=tuple(
            _of_turn(turn, None if track is None else seen.tracks[track], seen.late)
            for turn, track in zip(cast.turns, tracks, strict=True)
        ),
        tracks=tuple(seen.tracks),
        late=seen.late,
    )


def _people(cast: Cast, seen: SeenFile) -> tuple[Person, ...]:
    number = len(cast.people)
    shown = seen_seconds(seen.tracks, cast.person, number)
    spoken_seconds = np.zeros(number)
    for turn in cast.turns:
        spoken_seconds[turn.person] += turn.stop - turn.start
    return tuple(
        Person(
            name=cast.names[i],
            unknown=each.name is None,
            probability=each.named.probability,
            known=each.named.known,
            named_by=each.named.by,
            seconds=round(float(spoken_seconds[i]), 3),
            seen_seconds=round(float(shown[i]), 3),
            notes=tuple(dict.fromkeys((*each.named.notes, *each.notes))),
            picture=_picture(seen, cast.person == i),
        )
        for i, each in enumerate(cast.people)
    )


def _picture(seen: SeenFile, own: np.ndarray) -> str | None:
    tracks = [seen.tracks[i] for i in np.flatnonzero(own) if seen.tracks[i].picture]
    if not tracks:
        return None
    best = max(tracks, key=lambda track: track.best)
    return base64.b64encode(best.picture).decode("ascii")


def _track(track: WholeTrack, speaker: str | None) -> Track:
    # Four digits are a pixel of an 8K picture.
    boxes = np.round(track.boxes.astype(float), 4).tolist()
    return Track(
        speaker=speaker,
        times=tuple(np.round(track.times, 3).tolist()),
        boxes=tuple((x1, y1, x2, y2) for x1, y1, x2, y2 in boxes),
    )


def _of_person(each: Somebody, found: Linked) -> Vectors:
    return Vectors(
        face=each.look.face,
        faces=int(found.faces.number[list(each.faces)].sum()),
        voice=each.look.voice,
        seconds=each.look.seconds,
    )


def _of_turn(turn: Spoken, track: WholeTrack | None, late: float) -> Vectors:
    """Return the vectors of a turn: of a face those from within it, or else all of its track.

    `late` are the s by which the sound comes after the picture.
    """
    voice = turn.voice
    seconds = float(turn.seconds.sum())
    if track is None or not len(track.vectors):
        return Vectors(voice=voice, seconds=seconds)
    times = track.vector_times + late
    within = (times >= turn.start) & (times <= turn.stop)
    vectors = track.vectors[within] if within.any() else track.vectors
    return Vectors(
        face=unit_mean(vectors),
        faces=len(vectors),
        size=track.size,
        voice=voice,
        seconds=seconds,
    )
