"""Look for a voice or a face elsewhere in a file: in its other tracks, and in its later minutes."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from mraf.errors import BusyError, MediaError
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.media.read import Media, Part, Wish
from mraf.extractors.voice.embed import MIN_SECONDS
from mraf.extractors.voice.vad import Speech

FARTHEST = 600.0
"""Seconds from where reading starts, beyond which neither speech nor a face is looked for."""

LONG = 16.0
"""Seconds of a clip from which its frames may all miss a face: they lie two seconds apart, and more."""

Read = Callable[[Part, Wish], Media]


def with_speech(
    media: Media,
    find: Callable[[Media], Speech | None],
    read: Read,
    part: Part,
    wish: Wish,
) -> tuple[Media, Speech | None]:
    """Return a clip with sound in which there is speech, if it has any, and that speech.

    Where the track that was read holds less than a second of speech, or none of it can be decoded, its
    other tracks are tried, the best first, then later minutes of the first one. If none holds enough,
    the first one stands. Notes say what was found where.

    Args:
        media: the clip as it was read.
        find: returns the speech in a clip, None where there is no sound.
        read: reads a part of the clip's file again, and other tracks of it.
        part: that was read.
        wish: by which it was read.
    """
    first = find(media)
    if _is_enough(first) or not (media.more_sound or media.seconds_read):
        return media, first
    lacks = "cannot be read" if media.wave is None else "holds too little speech"
    for number in media.more_sound:
        other = _tried(read, part, Wish(sound=number, picture=0))
        found = None if other is None else find(other)
        if other is not None and found is not None and _is_enough(found):
            told = [f"{note}; the first choice {lacks}" for note in other.notes]
            return _heard(media, other, told or [f"sound: the first choice {lacks}"]), found
    if media.more_sound:
        media = _told(media, "sound", f"; it {lacks}, and so do the others")
    if media.wave is None:
        return media, first
    for later in _later(media, part):
        other = _tried(read, later, replace(wish, picture=0))
        found = None if other is None else find(other)
        if other is not None and found is not None and _is_enough(found):
            note = f"no voice before {_clock(later.begins)}: it is from {_span(later)}"
            return _heard(media, other, [*_of("sound", media), note]), found
    return media, first


def with_face(
    face: FaceResult,
    media: Media,
    embed: Callable[[Media], FaceResult],
    read: Read,
    part: Part,
    wish: Wish = Wish(),
) -> tuple[FaceResult, tuple[str, ...]]:
    """Return a face of a clip in which none was found, if it has one, and the notes of the clip.

    Its other pictures are tried, the largest first, then more frames of the first one, and later minutes.

    Args:
        face: what was found in the clip.
        media: the clip as it was read.
        embed: finds and embeds the face of a clip.
        read: reads a part of the clip's file again, and other tracks of it.
        part: that was read.
        wish: by which it was read.
    """
    if face.vector is not None:
        return face, media.notes
    for number in media.more_pictures:
        other = _tried(read, part, Wish(sound=0, picture=number))
        found = None if other is None else embed(other)
        if other is not None and found is not None and found.vector is not None:
            told = [f"{note}; the first choice shows no face" for note in other.notes]
            return found, (*_others("picture", media), *told)
    if face.reason not in ("no_face", "low_confidence"):
        return face, media.notes
    for piece in (*_quarters(media, part), *_later(media, part)):
        other = _tried(read, replace(piece, is_quick=True), replace(wish, sound=0))
        found = None if other is None else embed(other)
        if found is not None and found.vector is not None:
            note = f"a face is seen in few frames only: it is from {_span(piece)}"
            return found, (*media.notes, note)
    return face, media.notes


def _is_enough(speech: Speech | None) -> bool:
    return speech is not None and speech.seconds >= MIN_SECONDS


def _tried(read: Read, part: Part, wish: Wish) -> Media | None:
    try:
        return read(part, wish)
    except BusyError:
        raise
    except MediaError:
        return None


def _later(media: Media, part: Part) -> Iterator[Part]:
    """Yield the parts that follow the one that was read, of the same length."""
    step = media.seconds_read
    if not step:
        return
    end = part.begins + min(FARTHEST, media.seconds or FARTHEST)
    start = part.begins + step
    while start < end:
        yield Part(start=start, end=min(start + step, end))
        start += step


def _quarters(media: Media, part: Part) -> Iterator[Part]:
    """Yield the quarters of what was read, where its frames lie far apart."""
    length = min(media.seconds or 0.0, media.seconds_read or FARTHEST)
    if media.frames is None or length < LONG:
        return
    for number in range(4):
        start = part.begins + number * length / 4
        yield Part(start=start, end=start + length / 4)


def _heard(media: Media, other: Media, notes: list[str]) -> Media:
    """Return a clip with the sound of another reading of it."""
    return replace(
        media,
        wave=other.wave,
        wave_reason=other.wave_reason,
        problem=media.problem if media.frames is None else None,
        sides=other.sides,
        clipped=other.clipped,
        notes=(*_others("sound", media), *notes),
    )


def _told(media: Media, kind: str, more: str) -> Media:
    notes = (note + more if note.startswith(kind + ":") else note for note in media.notes)
    return replace(media, notes=tuple(notes))


def _of(kind: str, media: Media) -> list[str]:
    return [note for note in media.notes if note.startswith(kind + ":")]


def _others(kind: str, media: Media) -> list[str]:
    return [note for note in media.notes if not note.startswith(kind + ":")]


def _span(part: Part) -> str:
    return f"{_clock(part.begins)} to {_clock(part.end or 0.0)} (min:s)"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
