"""Notes on an answer: what a person should know of the clip before trusting it."""

from collections.abc import Sequence

from mraf.extractors.extractor import Extracted
from mraf.extractors.second_looks import SEARCHED
from mraf.extractors.turns.voices import counted, in_words
from mraf.pipeline.answers.answer import Evidence, Voice
from mraf.pipeline.answers.people import Answer, Conflict
from mraf.pipeline.answers.words import length, share

SURE = 0.9
"""Least probability at which one of several voices is named."""
STRANGERS_UNTOLD = (
    "This model cannot tell strangers: whoever speaks gets the name of one of its speakers. "
    "Train it again (`mraf train`)."
)
_NOBODY = "nobody that the model knows"


def notes_on(found: Extracted, parts: Sequence[Voice], two: tuple[str, ...]) -> tuple[str, ...]:
    """Return the notes on a clip, the weightiest first.

    Args:
        found: its face and voice.
        parts: several voices, in their order; empty for a single one.
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


def conflict(answer: Answer, face: Evidence, voice: Evidence) -> tuple[str, ...]:
    """Return the note on a clip that may show one person and let another be heard, if it may."""
    result = "nobody is named" if answer.unknown else "the voice counts more"
    looks, sounds = f"the face alone looks like {_named(face)}", f"sounds like {_named(voice)}"
    asked = f"the question is who speaks, so {result}"
    match answer.conflict:
        case Conflict.TWO:
            said = f"face and voice disagree: {looks}, the voice alone {sounds}; {asked}"
        case Conflict.STRANGE_VOICE:
            said = f"{looks}, but the voice is that of {_NOBODY}; {asked}"
        case Conflict.STRANGE_FACE:
            said = f"the voice alone {sounds}, but the face is that of {_NOBODY}; {asked}"
        case Conflict.BY_FACE:
            heard = f"{share(voice.known or 0)} that it is an enrolled person's"
            said = f"named by the face: the voice alone is not recognised ({heard})"
        case Conflict.UNHEARD:
            said = f"{looks}; the voice could not be compared: the model has none of {face.speaker}"
        case Conflict.UNSEEN:
            said = f"the voice alone {sounds}; the face could not be compared: the model has none of {voice.speaker}"
        case Conflict.NONE:
            return ()
    return (said,)


def different_names(parts: Sequence[Voice]) -> bool:
    """Return whether all of several voices are named, each otherwise."""
    sure = {part.speaker for part in parts if part.speaker and (part.probability or 0) >= SURE}
    return len(parts) > 1 and len(sure) == len(parts)


def _named(evidence: Evidence) -> str:
    if evidence.speaker is None:
        return _NOBODY
    return f"{evidence.speaker} ({share(evidence.probability or 0.0)})"


def _voices(found: Extracted, parts: Sequence[Voice]) -> tuple[str, ...]:
    told = in_words(found.voice)
    strange = [part for part in parts if part.speaker is None and part.known is not None]
    recognised = [part for part in parts if part not in strange]
    if not strange and not different_names(parts):
        return told
    if len(recognised) > 1 and not different_names(recognised):
        return told
    if len(recognised) == 1 and (recognised[0].probability or 0) < SURE:
        return told
    heard, others = f"{counted(len(parts), 'voice')} are heard", told[1:]
    if not recognised:
        return f"{heard}, of {_NOBODY}", *others
    who = [f"like {part.speaker}" if part in recognised else "somebody unknown" for part in parts]
    sides = [voice.side for voice in found.voice.voices]
    if all(sides):
        said = ", ".join(f"{side} {name}" for side, name in zip(sides, who, strict=True))
    else:
        said = "first " + ", then ".join(who)
    return f"{heard}: {said}", *others


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
    said = f"{whole}{only}the first {length(found.seconds_read)} were read"
    return (f"{said}: `mraf timeline` names everybody",)
