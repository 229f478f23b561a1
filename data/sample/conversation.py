"""A conversation of people of the sample: two who are seen, a stranger, and a voice from outside the picture.

Rooms, clothes and microphones are others than in the clips. The two speak in turn, each alone in the picture
and then side by side; whose voice it is that is heard from outside is never seen.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mraf.data.sample.acoustics import draw_acoustics, record
from mraf.data.sample.film import FPS, write_film
from mraf.data.sample.make import AFTER, BEFORE, say_something
from mraf.data.sample.painting.clothes import draw_clothes
from mraf.data.sample.painting.look import draw_look, is_female
from mraf.data.sample.painting.puppet import Frame, Puppet, draw_motion
from mraf.data.sample.painting.room import draw_scene, paint_room
from mraf.data.sample.plan import SampleOptions, Take, check_options
from mraf.data.sample.voice import SAMPLE_RATE, Wave, draw_voice, envelope
from mraf.errors import UsageError

FEWEST = 4
"""Number of people that take part."""
WIDTH, HEIGHT = 640, 360
SAMPLES = SAMPLE_RATE // FPS
"""Number of samples of sound that go with a picture."""


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What is seen between two cuts, and who speaks in it one after the other."""

    seen: tuple[str, ...]  # from left to right; nobody: an empty room
    speak: tuple[str, ...]


LANGUAGES = {"first": "English", "second": "Urdu", "outside": "English", "stranger": "English"}
"""The parts, and the language of each."""
SHOTS = (
    Shot(seen=(), speak=("outside",)),
    Shot(seen=("first",), speak=("first",)),
    Shot(seen=("second",), speak=("second",)),
    Shot(seen=("first", "second"), speak=("first", "second", "outside")),
    Shot(seen=("stranger",), speak=("stranger", "stranger")),
    Shot(seen=("first",), speak=("first",)),
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A sentence of the conversation."""

    start: float  # s
    stop: float
    speaker: str
    text: str
    seen: bool  # True: the speaker is in the picture


@dataclass(frozen=True, eq=False, kw_only=True)
class _Part:
    """Somebody who takes part."""

    number: int  # among the people of the sample
    sentences: list[tuple[str, Wave]]  # dry, in the order in which they are said
    rng: np.random.Generator


def make_conversation(path: Path, options: SampleOptions | None = None) -> list[Line]:
    """Write the video, and beside it who speaks when as RTTM; return the sentences in their order.

    The second person of the sample is heard from outside the picture. The last is the stranger; the one
    before, whom the demo enrols, and the third (of four people the first) are seen. An existing file is replaced once its successor is complete.

    Raises UsageError for options out of range, fewer than four people, or a folder that cannot be made.
    """
    options = options or SampleOptions()
    check_options(options)
    if options.speakers < FEWEST:
        raise UsageError(
            f"speakers is {options.speakers}; {FEWEST} or more take part in a conversation"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent} cannot be made ({error}); name another") from error
    texts: set[str] = set()
    parts = {}
    for name, number in _cast(options.speakers).items():
        parts[name] = _part(options, name, number, texts)
        texts.update(text for text, _ in parts[name].sentences)
    lines, waves, frames = [], [], []
    start = 0.0
    for shot in SHOTS:
        said = [(parts[name], *parts[name].sentences.pop(0)) for name in shot.speak]
        counts = [_frames_of(dry) for _, _, dry in said]
        for (part, text, dry), name, count in zip(said, shot.speak, counts, strict=True):
            lines.append(
                Line(
                    start=start + BEFORE,
                    stop=start + len(dry) / SAMPLE_RATE - AFTER,
                    speaker=_name(part.number),
                    text=text,
                    seen=name in shot.seen,
                )
            )
            waves.append(_recorded(part, options.seed, dry, count))
            start += count / FPS
        frames.append(_filmed(shot, parts, options.seed, [dry for _, _, dry in said]))
    write_film(
        path, (frame for each in frames for frame in each), np.concatenate(waves), SAMPLE_RATE
    )
    _write_rttm(path, lines)
    return lines


def _cast(people: int) -> dict[str, int]:
    """Return the numbers of those who take part.

    Drawn faces look more alike to an encoder than real ones. These are well apart in the default sample.
    """
    return {
        "outside": 1,
        "first": 2 if people > FEWEST else 0,
        "second": people - 2,
        "stranger": people - 1,
    }


def _name(number: int) -> str:
    return Take(speaker=number, language="", recording=0, clip=0).speaker_name


def _part(options: SampleOptions, name: str, number: int, taken: set[str]) -> _Part:
    """Return somebody with all that he or she says: no sentence twice, and none that others say."""
    rng = _rng(options.seed, number, "said")
    voice = draw_voice(options.seed, number, is_female(options.seed, number))
    sentences: dict[str, Wave] = {}
    while len(sentences) < sum(shot.speak.count(name) for shot in SHOTS):
        text, dry = say_something(LANGUAGES[name], voice, rng)
        if text not in taken:
            sentences[text] = dry
    return _Part(number=number, sentences=list(sentences.items()), rng=rng)


def _rng(seed: int, number: int, what: str) -> np.random.Generator:
    return np.random.default_rng([seed, 13, number, zlib.crc32(what.encode())])


def _frames_of(dry: Wave) -> int:
    return -(-len(dry) // SAMPLES)


def _recorded(part: _Part, seed: int, dry: Wave, frames: int) -> Wave:
    """Return a sentence [N] as the speaker's microphone records it, as long as so many frames."""
    acoustics = draw_acoustics(_rng(seed, part.number, "microphone"))
    return record(np.pad(dry, (0, frames * SAMPLES - len(dry))), acoustics, part.rng)


def _filmed(shot: Shot, parts: dict[str, _Part], seed: int, said: list[Wave]) -> Iterator[Frame]:
    """Yield the pictures [H, W, 3] of a shot; whoever is seen moves the lips at his or her sentences."""
    counts = [_frames_of(dry) for dry in said]
    if not shot.seen:
        room = paint_room(draw_scene(_rng(seed, 0, "empty room")), HEIGHT, WIDTH)
        picture = (room * 255 + 0.5).astype(np.uint8)
        yield from (picture for _ in range(sum(counts)))
        return
    cv2.setNumThreads(1)
    sides = []
    for name in shot.seen:
        loud = [
            envelope(dry if speaks == name else np.zeros_like(dry), count, FPS)
            for speaks, dry, count in zip(shot.speak, said, counts, strict=True)
        ]
        rng = parts[name].rng
        motion = draw_motion(np.concatenate(loud), FPS, rng)
        sides.append(_puppet(parts[name], seed, WIDTH // len(shot.seen)).frames(motion, rng))
    for pictures in zip(*sides, strict=True):
        yield np.hstack(pictures)


def _puppet(part: _Part, seed: int, width: int) -> Puppet:
    """Return somebody in the room, clothes and light of this conversation."""
    rng = _rng(seed, part.number, "room")
    return Puppet(
        look=draw_look(seed, part.number),
        clothes=draw_clothes(rng),
        scene=draw_scene(rng),
        size=(width, HEIGHT),
    )


def _write_rttm(path: Path, lines: list[Line]) -> None:
    rows = [
        f"SPEAKER {path.stem} 1 {line.start:.3f} {line.stop - line.start:.3f} "
        f"<NA> <NA> {line.speaker} <NA> <NA>\n"
        for line in lines
    ]
    path.with_suffix(".rttm").write_text("".join(rows), encoding="utf-8")
