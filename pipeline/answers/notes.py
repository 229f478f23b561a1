"""Notes on an answer: what a person should know of the clip before trusting it."""

from collections.abc import Sequence

from mraf.extractors.extractor import Extracted
from mraf.extractors.second_looks import SEARCHED
from mraf.extractors.turns.voices import counted, in_words
from mraf.pipeline.answers.answer import Candidate, Evidence
from mraf.pipeline.answers.words import length

SURE = 0.9
"""Least probability at which one of several voices is named."""


def notes_on(found: Extracted, parts: Sequence[Candidate], two: tuple[str, ...]) -> tuple[str, ...]:
    """Return the notes on a clip, the weightiest first.

    Args:
        found: its face and voice.
        parts: whom each of several voices is most like, in their order; empty for a single voice.
        two: the notes that face and voice disagree, if they do.
    """
    return (
        *two,
        *_voices(found, parts),
        *_people(found),
        *undecoded(found),
        *_unread(found),
        *found.notes,
    )


def undecoded(found: Extracted) -> tuple[str, ...]:
    """Return the notes on a picture or sound that could not be decoded."""
    kinds = (("picture", found.face), ("sound", found.voice))
    return tuple(f"the {kind} cannot be read: {x.problem}" for kind, x in kinds if x.problem)


def disagreement(face: Evidence, voice: Evidence) -> str:
    """Return the note on a clip that shows one person and lets another be heard."""
    return (
        f"face and voice disagree: the face alone looks like {_named(face)}, the voice alone sounds "
        f"like {_named(voice)}; who speaks is asked, so the voice counts more"
    )


def different_names(parts: Sequence[Candidate]) -> bool:
    """Return whether all of several voices are named, each otherwise."""
    sure = {part.speaker for part in parts if part.probability >= SURE}
    return len(parts) > 1 and len(sure) == len(parts)


def _named(evidence: Evidence) -> str:
    probability = evidence.probability or 0.0
    shown = "over 99 %" if probability > 0.99 else f"{100 * probability:.0f} %"
    return f"{evidence.speaker} ({shown})"


def _voices(found: Extracted, parts: Sequence[Candidate]) -> tuple[str, ...]:
    if not different_names(parts):
        return in_words(found.voice)
    _first, *others = in_words(found.voice)
    sides = [voice.side for voice in found.voice.voices]
    if all(sides):
        said = ", ".join(f"{s} like {p.speaker}" for s, p in zip(sides, parts, strict=True))
    else:
        said = ", then ".join(f"like {part.speaker}" for part in parts)
        said = f"first {said}"
    return f"{counted(len(parts), 'voice')} are heard: {said}", *others


def _people(found: Extracted) -> tuple[str, ...]:
    people = found.face.people or 0
    if found.face.vector is None or people < 2:
        return ()
    return (f"{counted(people, 'people')} are seen; the face is the largest of those who stay",)


def _unread(found: Extracted) -> tuple[str, ...]:
    if found.seconds_read is None or (found.seconds or 1e9) <= found.seconds_read:
        return ()
    whole = f"of {length(found.seconds)} " if found.seconds else ""
    only = "" if any(note.startswith(SEARCHED) for note in found.notes) else "only "
    return (f"{whole}{only}the first {length(found.seconds_read)} were read",)
