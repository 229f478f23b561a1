"""The people of a file: voices and faces that belong together, and one name each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mraf.pipeline.timeline.linking.correcting import TOGETHER_SECONDS
from mraf.pipeline.timeline.linking.links import Links
from mraf.pipeline.timeline.linking.looks import Faces, Look, Named, Naming, look_of, one_name
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.recognition.pairs import Pairs

ALIKE = 0.0
"""Least log odds of faces, and of voices, together with those of their name, for them to be one person's."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Somebody:
    """Voices and faces of one person."""

    voices: tuple[int, ...]
    faces: tuple[int, ...]
    look: Look
    named: Named = field(default_factory=Named)
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """Their name; None where nobody is named."""
        return self.named.name


def people_of(
    speech: Speech,
    seen: Faces,
    links: Links,
    *,
    naming: Naming | None,
    pairs: Pairs,
    count: SpeakerCount,
) -> list[Somebody]:
    """Return the people of a file, in no order.

    Two with the same name are one person where their faces and voices are alike and they never speak or are
    seen at once; else the name goes to the one whom it fits best. Where nobody is seen speaking, a voice is
    not a face's that has a name if it sounds like somebody else: the name is by the face alone then, and
    that they belong together is not seen.

    Args:
        speech: the turns and K voices.
        seen: the G faces.
        links: of voices and faces.
        naming: gives names; None where nobody is known.
        pairs: log odds of the encoders.
        count: of voices that somebody asked for.
    """
    found = []
    linked = links.face.tolist()
    for voice in np.flatnonzero(speech.present).tolist():
        faces = (linked[voice],) if linked[voice] >= 0 else ()
        found.append(_somebody((voice,), faces, speech, seen))
    taken = {each for somebody in found for each in somebody.faces}
    found += [
        _somebody((), (face,), speech, seen) for face in range(len(seen.seen)) if face not in taken
    ]
    if naming is None:
        return found
    found = _named(found, naming)
    if not links.by_lips:
        found = _parted_by_names(found, speech, seen, naming)
    return _one_name_each(found, speech, seen, naming, pairs, count)


def _named(found: Sequence[Somebody], naming: Naming) -> list[Somebody]:
    names = naming([each.look for each in found])
    return [replace(each, named=name) for each, name in zip(found, names, strict=True)]


def _parted_by_names(
    found: list[Somebody], speech: Speech, seen: Faces, naming: Naming
) -> list[Somebody]:
    """Return the people with those parted whose face has a name that their voice speaks against."""
    doubted = [each for each in found if each.voices and each.faces and each.named.doubted]
    halves = [
        _somebody(voices, faces, speech, seen)
        for each in doubted
        for voices, faces in ((each.voices, ()), ((), each.faces))
    ]
    return [each for each in found if each not in doubted] + _named(halves, naming)


def _one_name_each(
    found: list[Somebody],
    speech: Speech,
    seen: Faces,
    naming: Naming,
    pairs: Pairs,
    count: SpeakerCount,
) -> list[Somebody]:
    together = speech.turns.together(len(speech))
    voices = int(speech.present.sum())
    done: list[Somebody] = []
    place: dict[str, int] = {}
    # A name that the face bears and the voice speaks against goes to whoever else has it.
    for each in sorted(found, key=lambda each: (each.named.doubted, -each.named.strength)):
        first = place.setdefault(each.name, len(done)) if each.name else len(done)
        if first == len(done):
            done.append(each)
            continue
        best = done[first]
        falls = bool(best.voices and each.voices)
        if (not falls or count.may_fall(voices)) and _may_be_one(best, each, together, seen, pairs):
            voices -= falls
            done[first] = _joined(best, each, speech, seen, naming)
        else:
            done.append(_without_name(each))
    return done


def _may_be_one(
    one: Somebody, other: Somebody, together: np.ndarray, seen: Faces, pairs: Pairs
) -> bool:
    """Return whether two who have one name are one person.

    A name that only their faces bear says nothing of their voices, and the other way round.
    """
    if any(together[a, b] >= TOGETHER_SECONDS for a in one.voices for b in other.voices):
        return False
    if any(seen.are_two(a, b) for a in one.faces for b in other.faces):
        return False
    a, b = one.look, other.look
    faces = _odds(a.face, b.face, a.face_coherence * b.face_coherence, pairs.face)
    voices = _odds(a.voice, b.voice, a.voice_coherence * b.voice_coherence, pairs.voice)
    by_name = one_name(one.named, other.named)
    by_face, by_voice = (
        all(kind in (each.named.by or "") for each in (one, other)) for kind in ("face", "voice")
    )
    return all(
        odds is None or odds >= ALIKE - by_name * borne
        for odds, borne in ((faces, by_face), (voices, by_voice))
    )


def _odds(
    one: np.ndarray | None,
    other: np.ndarray | None,
    close: float,
    odds: Callable[[np.ndarray], np.ndarray],
) -> float | None:
    if one is None or other is None:
        return None
    return float(odds(np.array(one @ other * close)))


def _joined(
    best: Somebody, other: Somebody, speech: Speech, seen: Faces, naming: Naming
) -> Somebody:
    """Return one person of two who have the same name, which they keep."""
    voices = tuple(sorted(best.voices + other.voices))
    faces = tuple(sorted(best.faces + other.faces))
    whole = _somebody(voices, faces, speech, seen)
    named = naming([whole.look])[0]
    if named.name != best.name:
        named = best.named
    return replace(whole, named=named, notes=(*best.notes, *other.notes))


def _without_name(each: Somebody) -> Somebody:
    note = f"also like {each.name}, whom somebody else here is more like"
    named = Named(known=each.named.known, asked=True)
    return replace(each, named=named, notes=(*each.notes, note))


def _somebody(
    voices: tuple[int, ...], faces: tuple[int, ...], speech: Speech, seen: Faces
) -> Somebody:
    return Somebody(voices=voices, faces=faces, look=look_of(voices, faces, speech, seen))
