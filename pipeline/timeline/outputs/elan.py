"""ELAN's format: a tier a person."""

import mimetypes
import re
from pathlib import Path

from mraf.pipeline.timeline.timeline import Timeline

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def elan(timeline: Timeline, path: str) -> str:
    """Return the turns as an ELAN document; ELAN asks for a length, so an empty turn gets 1 ms.

    Args:
        timeline: what to write.
        path: of the video, from the folder of the document.
    """
    from pympi.Elan import Eaf, to_string

    document = Eaf(author="mraf")
    document.remove_tier("default")
    if path:
        kind = mimetypes.guess_type(Path(path).name)[0] or "video/mp4"
        absolute = Path(timeline.path)
        url = absolute.as_uri() if absolute.is_absolute() else path
        near = path if Path(path).is_absolute() or path.startswith("..") else f"./{path}"
        document.add_linked_file(_text(url), relpath=_text(near), mimetype=kind)
    tiers: dict[str, str] = {}
    for person in timeline.people:
        tiers[person.name] = _free(_text(person.name).strip() or "?", set(tiers.values()))
        document.add_tier(tiers[person.name])
    for turn in timeline.turns:
        start, end = round(turn.start * 1000), round(turn.end * 1000)
        document.add_annotation(
            tiers[turn.speaker], start, max(end, start + 1), _text(turn.speaker)
        )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{to_string(document)}\n'


def _text(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)


def _free(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
