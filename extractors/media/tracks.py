"""Choose the picture and the sound of a clip among the streams of its container."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mraf.languages import canonical

_ASIDE = re.compile(
    r"comment|kommentar|comentari|解说|解説|해설|评论|"
    r"descri[bpz]|deskription|hörfilm|hörfassung|(?-i:\bAD\b)|\bDVS\b|karaoke|instrumental|"
    r"effects only|music and effects|music only|\b(?:isolated|original|music) score\b|"
    r"\bdub(?:s|bed|bing)?\b|doubl(?:age|ée?\b)|doppia|dobla(?:je|do|da)\b|dubla(?:gem|do)|"
    r"synchron(?:fassung|sprecher)|дубл|配音|吹き?替|더빙|"
    r"voice[- ]?over|interpret(?:er|ing|ation)|int[eé]rpr[eè]te\b|dolmetsch|simultan|lektor|"
    r"\btranslat|übersetz|traduc|traduz|\btraduit|перевод|закадр|озвуч|翻译|通訳",
    re.IGNORECASE,
)
"""Titles of tracks in which somebody else speaks, or nobody."""
_WITHOUT = re.compile(
    r"\b(?:no|non|not|without|ohne|keine?|sans|sin|senza|sem|bez|без)[- ]+[\w-]+", re.IGNORECASE
)
"""What a title says is not in the track."""
_ORIGINAL = re.compile(r"\boriginal|\bomu\b", re.IGNORECASE)
_FLAGS = {
    "comment": "commentary",
    "descriptions": "description",
    "visual_impaired": "description for the blind",
    "dub": "dubbed",
    "karaoke": "karaoke",
    "lyrics": "lyrics",
    "clean_effects": "without speech",
    "non_diegetic": "not of the scene",
    "dependent": "to be mixed with another",
}
"""Flags of tracks that are read last, in words."""
_SAME_SPEECH = {"hearing_impaired": "for the hard of hearing"}
"""Flags that say more of a track, in words. The speakers are the same, made clearer."""
_STILL_CODECS = frozenset("mjpeg png bmp tiff webp gif jpeg2000".split())
_MISSING = {  # names for people of codecs that FFmpeg cannot decode
    "mhm1": "MPEG-H 3D Audio",
    "mha1": "MPEG-H 3D Audio",
    "mhm2": "MPEG-H 3D Audio",
    "mpegh_3d_audio": "MPEG-H 3D Audio",
    "ac-4": "AC-4",
    "ac4": "AC-4",
    "apac": "APAC, Apple's spatial audio",
}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The streams that are asked for, counted from 1 among those of their kind.

    `sound` is a number, a language, 0 for none, or None for the best; so is `picture`, without languages.
    """

    sound: int | str | None = None
    picture: int | None = None


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """The streams that are read, and others that may be read instead, the best first."""

    picture: Any  # av.VideoStream; None: none
    sound: Any  # av.AudioStream; None: none
    no_picture: str = "no_video"  # why there is none
    no_sound: str = "no_audio"
    more_pictures: tuple[int, ...] = ()
    more_sound: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    # Numbers of those that are read, by which `Wish` asks for them.
    picture_number: int | None = None
    sound_number: int | None = None


def choose_tracks(container: Any, wish: Wish = Wish()) -> Tracks:
    """Choose by what a container says of its streams, the picture and the sound of one programme.

    The sound that its flags or its title call the original comes first, then the default; commentary,
    descriptions, dubs and the like come last; bit rates and channels play no part. The picture is the
    default or else the largest; covers and thumbnails of chapters are none.
    """
    sounds, films, covers = list(container.streams.audio), *_films(container)
    programmes = _Programmes(container)
    picked, no_picture = _wished(films, wish.picture)
    sound, no_sound = _wished_sound(sounds, wish.sound)
    if picked is None and no_picture is None:
        pool = [film for film in films if sound is None or programmes.are_one(film, sound)]
        has_sound = {s.index for s in pool if any(programmes.are_one(s, each) for each in sounds)}
        ranked = sorted(pool, key=lambda film: _picture_rank(film, has_sound, programmes))
        picked = ranked[0] if ranked else None
        more_pictures = _numbers(ranked[1:], films, picked, programmes)
    else:
        more_pictures = ()
    near = [each for each in sounds if picked is None or programmes.are_one(each, picked)]
    more_sound: tuple[int, ...] = ()
    if sound is None and no_sound is None:
        tracks = sorted(near, key=_sound_rank)
        sound = tracks[0] if tracks else None
        more_sound = _numbers(tracks[1:], sounds, sound, programmes)
    elif isinstance(wish.sound, str) and not wish.sound.isdecimal():
        others = [s for s in _of_language(near, wish.sound) if s is not sound]
        more_sound = _numbers(others, sounds, sound, programmes)
    notes = [*programmes.note(picked or sound, films, sounds)]
    if wish.sound != 0:
        notes += _note("sound", sound, sounds, programmes, wish.sound if no_sound else None)
    if wish.picture != 0:
        notes += _note("picture", picked, films, programmes, wish.picture if no_picture else None)
    lacking = "only_cover" if covers and not films else "no_video"
    return Tracks(
        picture=picked,
        sound=sound,
        no_picture=no_picture if no_picture == "no_such_track" else lacking,
        no_sound=no_sound if no_sound == "no_such_track" else "no_audio",
        more_pictures=more_pictures,
        more_sound=more_sound,
        notes=tuple(notes),
        picture_number=_number(picked, films),
        sound_number=_number(sound, sounds),
    )


def name_of_codec(container: Any, stream: Any) -> str:
    """Return the codec of a stream for people, whether or not there is a decoder for it."""
    if stream.codec_context is not None:
        return str(stream.codec_context.name)
    import av

    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # below which FFmpeg's description would be empty
    try:
        text = container.dumps_format()
    finally:
        av.logging.set_level(level)
    found = re.search(rf"Stream #0:{stream.index}\b.*?: (?:Audio|Video): ([^\n,]+)", text)
    code = found[1].strip() if found else "unknown"
    tag = re.match(r"(?:none|unknown)? ?\((\S+) / ", code)
    code = tag[1] if tag else code.split(" ")[0]
    return _MISSING.get(code, code)


def has_decoder(stream: Any) -> bool:
    """Tell whether this build of FFmpeg can decode a stream."""
    return stream.codec_context is not None


class _Programmes:
    """The programmes of a transport stream; of any other container, all streams are one.

    PyAV lists no programmes. FFmpeg looks for the best stream within the programme of another, so that
    the best picture and the best sound of a stream's programme tell programmes apart.
    """

    def __init__(self, container: Any) -> None:
        self._key: dict[int, tuple[int, ...]] = {}
        if "mpegts" in container.format.name or "wtv" in container.format.name:
            for stream in (*container.streams.video, *container.streams.audio):
                best = (container.streams.best(kind, related=stream) for kind in ("video", "audio"))
                self._key[stream.index] = tuple(-1 if s is None else s.index for s in best)
        self._order = list(dict.fromkeys(self._key.values()))

    def number(self, stream: Any) -> int:
        """Return the number of a stream's programme, from 1."""
        return self._order.index(self._key[stream.index]) + 1 if self._key else 1

    def are_one(self, one: Any, other: Any) -> bool:
        """Tell whether two streams are of one programme."""
        return self.number(one) == self.number(other)

    def note(self, stream: Any, films: Sequence[Any], sounds: Sequence[Any]) -> list[str]:
        """Return which of several programmes a stream is of, and how another one is read."""
        count = len(self._order)
        if stream is None or count < 2:
            return []
        note = f"programme {self.number(stream)} of {count}"
        for option, streams in (("--video-track", films), ("--audio-track", sounds)):
            for number, each in enumerate(streams, 1):
                if not self.are_one(each, stream):
                    other = "the other" if count == 2 else "another"
                    return [f"{note}: {option} {number} reads {other}"]
        return [note]


def _films(container: Any) -> tuple[list[Any], list[Any]]:
    """Return the streams of moving pictures, and those of covers and thumbnails."""
    from av.stream import Disposition as Flag

    aside = Flag.attached_pic | Flag.timed_thumbnails
    if container.streams.audio:
        aside |= Flag.still_image
    streams = container.streams.video
    films = [each for each in streams if not each.disposition & aside]
    return films, [each for each in streams if each.disposition & aside]


def _picture_rank(stream: Any, has_sound: set[int], programmes: _Programmes) -> tuple[Any, ...]:
    from av.stream import Disposition

    context = stream.codec_context
    area = 0 if context is None else (context.width or 0) * (context.height or 0)
    return (
        context is None,
        stream.frames == 1 or (context is not None and context.name in _STILL_CODECS),
        stream.index not in has_sound,
        programmes.number(stream),
        not stream.disposition & Disposition.default,
        -area,
        stream.index,
    )


def _sound_rank(stream: Any) -> tuple[Any, ...]:
    from av.stream import Disposition

    title = _WITHOUT.sub("", _title(stream))
    is_original = stream.disposition & Disposition.original or _ORIGINAL.search(title)
    return (
        not has_decoder(stream),
        bool(_flags(stream, _FLAGS) or _ASIDE.search(title)),
        not is_original,
        not stream.disposition & Disposition.default,
        stream.index,
    )


def _wished(streams: Sequence[Any], number: int | None) -> tuple[Any, str | None]:
    """Return the stream of a number, and why there is none although one is wished for."""
    if number is None:
        return None, None
    if 1 <= number <= len(streams):
        return streams[number - 1], None
    return None, "no_such_track" if number else "left_out"


def _wished_sound(streams: Sequence[Any], wish: int | str | None) -> tuple[Any, str | None]:
    if wish is None or isinstance(wish, int) or wish.isdecimal():
        return _wished(streams, None if wish is None else int(wish))
    found = _of_language(streams, wish)
    return (found[0], None) if found else (None, "no_such_track")


def _of_language(streams: Sequence[Any], language: str) -> list[Any]:
    named = (each for each in streams if _is_language(_language(each), language))
    return sorted(named, key=_sound_rank)


def _numbers(
    streams: Sequence[Any], among: Sequence[Any], chosen: Any, programmes: _Programmes
) -> tuple[int, ...]:
    """Return the numbers of other streams of the programme that can be decoded."""
    indices = [each.index for each in among]
    return tuple(
        indices.index(each.index) + 1
        for each in streams
        if has_decoder(each) and chosen is not None and programmes.are_one(each, chosen)
    )


def _note(
    kind: str,
    chosen: Any,
    streams: Sequence[Any],
    programmes: _Programmes,
    wanted: int | str | None,
) -> list[str]:
    """Return which of several streams was chosen, or which there are in place of the `wanted` one."""
    if wanted is not None:
        there = ", ".join(_described(each, streams) for each in streams) or "none"
        return [f"{kind}: there is no track {wanted!s}; tracks of this file: {there}"]
    if chosen is None or sum(programmes.are_one(each, chosen) for each in streams) < 2:
        return []
    number = _number(chosen, streams)
    lost = [i + 1 for i, each in enumerate(streams) if not has_decoder(each)]
    note = f"{kind}: track {number} of {len(streams)}{_detail(chosen)}"
    for each in lost:
        codec = name_of_codec(chosen.container, streams[each - 1])
        note += f"; track {each} has no decoder here ({codec})"
    return [note]


def _described(stream: Any, streams: Sequence[Any]) -> str:
    return f"{_number(stream, streams)}{_detail(stream)}"


def _number(stream: Any, streams: Sequence[Any]) -> int | None:
    indices = [each.index for each in streams]
    return None if stream is None else indices.index(stream.index) + 1


def _detail(stream: Any) -> str:
    title = stream.metadata.get("title") or ""
    parts = [
        _language(stream),
        f"'{title}'" if title else "",
        *_flags(stream, _FLAGS | _SAME_SPEECH),
    ]
    shown = ", ".join(part for part in parts if part)
    return f" ({shown})" if shown else ""


def _flags(stream: Any, known: dict[str, str]) -> list[str]:
    from av.stream import Disposition

    return [words for flag, words in known.items() if stream.disposition & Disposition[flag]]


def _title(stream: Any) -> str:
    return f"{stream.metadata.get('title', '')} {stream.metadata.get('handler_name', '')}"


def _language(stream: Any) -> str:
    language = stream.metadata.get("language", "")
    return "" if language == "und" else language


def _is_language(tag: str, asked: str) -> bool:
    """Tell whether the tag of a stream, such as `eng`, means the language that is asked for."""
    return bool(tag) and canonical(tag).casefold() == canonical(asked.strip()).casefold()
