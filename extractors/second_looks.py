"""Look for a voice or a face elsewhere in a file: in its other tracks, and in its later minutes."""

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from mraf.errors import BusyError, MediaError
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.media.channels import clipped_share
from mraf.extractors.media.read import Media, Part, Wish
from mraf.extractors.voice.embed import MIN_SECONDS
from mraf.extractors.voice.vad import Speech

FARTHEST = 600.0
"""Seconds from where reading starts, beyond which neither speech nor a face is looked for."""

LONG = 16.0
"""Seconds of a clip from which its frames may all miss a face: they lie two seconds apart, and more."""

OTHERS = 3
"""Other tracks in whose later minutes speech is looked for."""

FEW = 4
"""Frames of a quick look at later minutes below which they are decoded whole: some recordings of
screens have minutes without a picture that stands for itself."""

LEAKAGE = 0.18
"""Level of the speech in the centre beside that of the other channels below which it is leakage: -15 dB."""

SEARCHED = "later minutes were read as well in search of"
"""The beginning of notes on minutes beyond those that were read at first."""

Read = Callable[[Part, Wish], Media]


def with_speech(
    media: Media,
    find: Callable[[np.ndarray], Speech],
    read: Read,
    part: Part,
    wish: Wish,
) -> tuple[Media, Speech | None]:
    """Return a clip with sound in which there is speech, if it has any, and that speech.

    Where the track that was read holds less than a second of speech, or none of it can be decoded, its
    other tracks are tried, the best first, then later minutes of all of them. If none holds enough,
    the first one stands. Of several channels, those that speak are heard, see `_of_channels`. Notes say
    what was found where.

    Args:
        media: the clip as it was read.
        find: returns the speech in sound `[N]`.
        read: reads a part of the clip's file again, and other tracks of it.
        part: that was read.
        wish: by which it was read.
    """
    media, first = _of_channels(media, find)
    if _is_enough(first) or not (media.more_sound or media.seconds_read):
        return media, first
    lacks = "cannot be read" if media.wave is None else "holds too little speech"
    for number in media.more_sound:
        other, found = _heard_in(read, part, Wish(sound=number, picture=0), find)
        if other is not None and _is_enough(found):
            told = [f"{note}; the first choice {lacks}" for note in other.notes]
            return _heard(media, other, told or [f"sound: the first choice {lacks}"]), found
    if media.more_sound:
        media = _told(media, "sound", f"; it {lacks}, and so do the others")
    tracks = [Wish(sound=number, picture=0) for number in media.more_sound[:OTHERS]]
    if media.wave is not None:
        tracks.insert(0, _sound_alone(media, wish))
    later = Part()
    for later, track in itertools.product(_later(media, part), tracks):
        other, found = _heard_in(read, later, track, find)
        if other is not None and _is_enough(found):
            is_first = track == tracks[0] and media.wave is not None
            note = f"{SEARCHED} a voice: it is from {_span(later)}"
            return _heard(media, other, [*_of("sound", media if is_first else other), note]), found
    if later.end is not None:
        note = f"{SEARCHED} a voice, up to {_clock(later.end)} (min:s): none is there"
        media = replace(media, notes=(*media.notes, note))
    return media, first


def _heard_in(
    read: Read, part: Part, wish: Wish, find: Callable[[np.ndarray], Speech]
) -> tuple[Media | None, Speech | None]:
    other = _tried(read, part, wish)
    return (None, None) if other is None else _of_channels(other, find)


def _of_channels(media: Media, find: Callable[[np.ndarray], Speech]) -> tuple[Media, Speech | None]:
    """Return a clip with those channels in which there is speech, and the speech.

    The centre is heard where it holds enough speech that is not far quieter than that of the other
    channels, else these, else all of them. If none holds enough, the centre stands.
    """
    first = None if media.wave is None else find(media.wave)
    if first is None or media.wave is None or media.rest is None:
        return media, first
    centre, rest = media.wave, media.rest
    media = replace(media, rest=None)
    beside = find(rest)
    if _is_enough(beside) and not (
        _is_enough(first) and _loudness(first) > LEAKAGE * _loudness(beside)
    ):
        note = (
            "sound: the channels beside the centre, in which there is no speech or far quieter one"
        )
        return _of_mix(media, rest, note), beside
    if _is_enough(first):
        return media, first
    together = (centre + rest) / 2
    of_all = find(together)
    if _is_enough(of_all):
        note = "sound: all channels together, since the centre holds too little speech"
        return _of_mix(media, together, note), of_all
    return media, first


def _of_mix(media: Media, wave: np.ndarray, note: str) -> Media:
    return replace(media, wave=wave, clipped=clipped_share(wave), notes=(*media.notes, note))


def _loudness(speech: Speech) -> float:
    """Return the level of speech before it was amplified."""
    return float(np.sqrt(np.square(speech.wave).mean())) / speech.gain if speech.wave.size else 0.0


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
    picture = _picture_alone(media, wish)
    found, note = _in_more_frames(media, embed, lambda piece: _tried(read, piece, picture), part)
    return found or face, (*media.notes, *note)


def _in_more_frames(
    media: Media,
    embed: Callable[[Media], FaceResult],
    read: Callable[[Part], Media | None],
    part: Part,
) -> tuple[FaceResult | None, list[str]]:
    """Return a face in frames between those that were looked at, or later, and a note on where it is."""
    near, later = list(_quarters(media, part)), list(_later(media, part))
    left = deque(replace(piece, is_quick=True) for piece in (*near, *later))
    while left:
        piece = left.popleft()
        other = read(piece)
        found = None if other is None else embed(other)
        whole = replace(piece, is_quick=False)
        if found is not None and found.vector is not None:
            few = "a face is seen in few frames only" if whole in near else f"{SEARCHED} a face"
            return found, [f"{few}: it is from {_span(piece)}"]
        if piece.is_quick and whole in later and _shows_little(other):
            left.append(whole)
    if not later:
        return None, []
    return None, [f"{SEARCHED} a face, up to {_clock(later[-1].end or 0.0)} (min:s): none is there"]


def _shows_little(media: Media | None) -> bool:
    return media is None or media.frames is None or len(media.frames) < FEW


def _sound_alone(media: Media, wish: Wish) -> Wish:
    """Return the wish for the track that was read, without the picture of its programme."""
    return Wish(sound=media.sound_track or wish.sound, picture=0)


def _picture_alone(media: Media, wish: Wish) -> Wish:
    return Wish(sound=0, picture=media.picture_track or wish.picture)


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
