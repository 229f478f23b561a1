"""A timeline: who speaks when in a file, and who is seen."""

from dataclasses import dataclass

from mraf.extractors.media.tracks import Wish


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who speaks or is seen."""

    name: str  # of a person whom the model knows, or that somebody gave; else "unknown 1", "unknown 2", ...
    unknown: bool  # True: a number stands for a name
    probability: float | None = None  # of the name, where the model gave it
    known: float | None = None  # probability that this is somebody whom the model knows
    named_by: str | None = (
        None  # "face", "voice", "face and voice" or "hand"; None: nobody is named
    )
    seconds: float = 0.0  # of speech
    seen_seconds: float = 0.0
    notes: tuple[str, ...] = ()
    picture: str | None = None  # JPEG of the face, base64


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A stretch in which one person speaks; turns of two people may overlap."""

    start: float  # s from the beginning of the file, as a player shows it
    end: float
    speaker: str  # name of a person of the timeline
    overlap: float = 0.0  # seconds of it in which somebody else speaks too
    track: int | None = None  # position of the face track that is seen speaking; None: not seen


@dataclass(frozen=True, kw_only=True)
class Track:
    """A face that is followed through a shot."""

    speaker: str | None  # name of a person of the timeline; None: too little is seen of it
    times: tuple[float, ...]  # [T] s
    boxes: tuple[
        tuple[float, float, float, float], ...
    ]  # [T] x1, y1, x2, y2 in parts of width and height


@dataclass(frozen=True, kw_only=True)
class Streams:
    """The tracks of the file that were read, counted from 1 among those of their kind."""

    sound: int | None = None  # None: there is none
    picture: int | None = None
    asked_sound: int | str | None = None  # a number or a language that somebody asked for
    asked_picture: int | None = None

    @property
    def asked(self) -> Wish:
        """The tracks as somebody asked for them."""
        return Wish(sound=self.asked_sound, picture=self.asked_picture)


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """Who speaks when in a file, and who is seen, in the order of time."""

    path: str
    duration: float | None
    people: tuple[Person, ...] = ()  # in the order in which they appear
    turns: tuple[Turn, ...] = ()
    tracks: tuple[Track, ...] = ()
    cuts: tuple[float, ...] = ()  # s, where the picture cuts
    size: tuple[int, int] | None = None  # width and height of the picture in pixels
    notes: tuple[str, ...] = ()  # for people, as that sound and picture are out of step
    error: str | None = None  # why nothing can be said of the file
    content: str = ""  # digest of what was in the file; "": not known, as of older timelines
    content_bytes: int = 0  # size of the file then
    streams: Streams | None = None  # None: not known

    @property
    def wish(self) -> Wish:
        """The very tracks that the timeline is of; those that are read by default where that is not known."""
        if self.streams is None:
            return Wish()
        return Wish(sound=self.streams.sound or 0, picture=self.streams.picture or 0)
