"""`timeline.json`: the file that a timeline is kept in, from which every other format is written.

Times are rounded to milliseconds, parts of the picture and probabilities to 4 decimals. The path of the
video is relative to the folder of the file, so that both can be moved together.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mraf.errors import MissingError, UsageError
from mraf.json_text import finite
from mraf.pipeline.timeline.timeline import Person, Timeline, Track, Turn
from mraf.pipeline.workspace import write_text

NAME = "timeline.json"
VERSION = 1
"""Changes when a reader of the earlier form would misread the file."""


def as_json(timeline: Timeline, folder: Path | None = None) -> dict[str, Any]:
    """Return a timeline as values of JSON.

    Args:
        timeline: what to return.
        folder: the folder that the path of the video becomes relative to; None leaves it as it is.
    """
    people = {person.name: person for person in timeline.people}
    found: dict[str, Any] = {
        "version": VERSION,
        "path": timeline.path if folder is None else relative_path(timeline.path, folder),
        "content": timeline.content,
        "content_bytes": timeline.content_bytes,
        "streams": timeline.streams and asdict(timeline.streams),
        "duration": _seconds(timeline.duration),
        "size": timeline.size and list(timeline.size),
        "error": timeline.error,
        "notes": list(timeline.notes),
        "speakers": [_person(each) for each in timeline.people],
        "turns": [_turn(each, people.get(each.speaker)) for each in timeline.turns],
        "tracks": [],
        "cuts": [_seconds(time) for time in timeline.cuts],
    }
    return {**finite(found), "tracks": [_track(each) for each in timeline.tracks]}


def save(timeline: Timeline, file: Path) -> None:
    """Write a timeline to a file, which appears whole or not at all. Raises OSError."""
    write_text(file, _text(as_json(timeline, file.parent)))


def load(where: Path) -> Timeline:
    """Read a timeline from `timeline.json`, or from the folder that holds it.

    Raises:
        MissingError: there is no such file.
        UsageError: it is no timeline, or a damaged one.
    """
    file = where / NAME if where.is_dir() else where
    try:
        text = file.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise MissingError(
            f"{file}: there is no timeline. Run `mraf timeline VIDEO` to make one."
        ) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from None
    timeline = _timeline(_parsed(text, file), file)
    return timeline


def relative_path(path: str, folder: Path) -> str:
    """Return the path from a folder to a file, with `/`; an absolute one where they share no folder."""
    full = Path(path).parent.resolve() / Path(path).name
    here = folder.resolve()
    if not path or full.parts[:2] != here.parts[:2]:
        return str(full) if path else ""
    return Path(os.path.relpath(full, here)).as_posix()


def _person(person: Person) -> dict[str, Any]:
    return asdict(person) | {
        "probability": _part(person.probability),
        "known": _part(person.known),
        "seconds": _seconds(person.seconds),
        "seen_seconds": _seconds(person.seen_seconds),
        "notes": list(person.notes),
    }


def _turn(turn: Turn, person: Person | None) -> dict[str, Any]:
    return {
        "start": _seconds(turn.start),
        "end": _seconds(turn.end),
        "speaker": turn.speaker,
        # Of the speaker, for those who read the turns alone.
        "unknown": None if person is None else person.unknown,
        "probability": None if person is None else _part(person.probability),
        "named_by": None if person is None else person.named_by,
        "overlap": _seconds(turn.overlap),
        "track": turn.track,
    }


def _track(track: Track) -> dict[str, Any]:
    # Hours have a million of these numbers.
    times = np.round(np.array(track.times, float), 3)
    boxes = np.round(np.array(track.boxes, float).reshape(-1, 4), 4)
    return {"speaker": track.speaker, "times": times.tolist(), "boxes": boxes.tolist()}


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(float(value), 3)


def _part(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)


def _text(found: dict[str, Any]) -> str:
    """Return JSON with a line for each person, turn and track."""
    lines = []
    for key, value in found.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(f"  {_line(each)}" for each in value)
            lines.append(f"{_line(key)}: [\n{rows}\n]")
        else:
            lines.append(f"{_line(key)}: {_line(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _line(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # of file names that are not UTF-8
        text = json.dumps(value, allow_nan=False)
    return text


def _parsed(text: str, file: Path) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"found {constant}, expected a number")

    try:
        found = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{file}: is no timeline, or a damaged one: {error}. Run `mraf timeline` on its video again."
        ) from None
    if not isinstance(found, dict) or "turns" not in found or "speakers" not in found:
        raise UsageError(
            f"{file}: is no timeline: an object with 'speakers' and 'turns' was expected."
        )
    version = found.get("version")
    if version != VERSION:
        raise UsageError(
            f"{file}: found version {version!r}, expected {VERSION}. "
            "Run `mraf timeline` on its video again, or install the mraf that wrote it."
        )
    return found


def _timeline(found: dict[str, Any], file: Path) -> Timeline:
    from pydantic import TypeAdapter, ValidationError

    wanted = {**found, "people": found["speakers"]}
    try:
        timeline = TypeAdapter(Timeline).validate_python(wanted)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(
            f"{file}: {_place(first['loc'])}: found {_shown(first['input'])}, expected: {first['msg']}"
        ) from None
    for problem in _problems(timeline):
        raise UsageError(f"{file}: {problem}")
    path = os.path.normpath(file.parent.resolve() / timeline.path) if timeline.path else ""
    return replace(timeline, path=path)


def _place(where: tuple[int | str, ...]) -> str:
    names = ("speakers" if each == "people" else each for each in where)
    return "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in names).lstrip(
        "."
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):  # of which a key is absent
        return "no such key"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _problems(timeline: Timeline) -> Iterator[str]:
    """Yield what contradicts itself in a timeline."""
    names = {person.name for person in timeline.people}
    if len(names) < len(timeline.people):
        yield "speakers: found a name twice, expected each once"
    for number, turn in enumerate(timeline.turns):
        at, count = f"turns[{number}]", len(timeline.tracks)
        if not 0 <= turn.start <= turn.end:
            yield f"{at}: found start {turn.start} and end {turn.end}, expected 0 <= start <= end"
        if turn.speaker not in names:
            yield f"{at}.speaker: found {turn.speaker!r}, expected a name of 'speakers'"
        if turn.track is not None and not 0 <= turn.track < count:
            yield f"{at}.track: found {turn.track}, expected one of {count} tracks"
    for number, track in enumerate(timeline.tracks):
        at, times = f"tracks[{number}]", track.times
        if len(times) != len(track.boxes) or list(times) != sorted(times):
            yield f"{at}: found {len(track.boxes)} boxes, expected one for each of rising times"
        if track.speaker is not None and track.speaker not in names:
            yield f"{at}.speaker: found {track.speaker!r}, expected a name of 'speakers'"
