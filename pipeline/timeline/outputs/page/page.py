"""The page of a timeline: one HTML file that needs no server, no network and no other program."""

import base64
import hashlib
import html
import json
import mimetypes
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mraf.errors import MediaError
from mraf.pipeline.timeline.outputs.colours import COLOURS, INK
from mraf.pipeline.timeline.outputs.stored import as_json, relative_path
from mraf.pipeline.timeline.timeline import Timeline

LARGEST = 200 << 20
"""Bytes of a video that a page may hold: browsers take no text much longer than half a gigabyte."""

_SCRIPTS = ("model.js", "lanes.js", "screen.js", "page.js")
_PIECE = 3 << 20  # a multiple of three bytes: base64 of the pieces is that of the whole
_MARK = b'id="embedded">'
"""Of a page, before the video that it holds."""
_BEGINNING = 1 << 20
"""Bytes of a page in which that mark is."""


def write_page(
    timeline: Timeline, file: Path, *, video: Path | None = None, embed: bool = False
) -> None:
    """Write the page of a timeline, which appears whole or not at all.

    Args:
        timeline: what to show.
        file: the page.
        video: the video or sound file; None: the one that the timeline names, which may be absent.
        embed: put the video into the page, in place of a link to it; where the video is not there, the one that
            the page holds already.

    Raises:
        MediaError: the video is too large to embed, or not there.
        OSError: the page cannot be written.
    """
    if embed:
        _check(video, file)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.tmp")
    path = str(video) if video is not None else timeline.path
    before, after = _around_video(timeline, path, file)
    try:
        with temporary.open("w", encoding="utf-8", newline="", errors="replace") as out:
            out.write(before)
            if embed:
                has_video = video is not None and video.is_file()
                out.writelines(_base64(video) if video and has_video else _held(file))
            out.write(after)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def holds_video(page: Path) -> bool:
    """Return True where a page is there, and holds its video."""
    try:
        return next(_held(page), None) is not None
    except OSError:
        return False


def _around_video(timeline: Timeline, path: str, file: Path) -> tuple[str, str]:
    """Return the page in two parts, between which an embedded video goes."""
    folder = files("mraf.pipeline.timeline.outputs.page")
    page = folder.joinpath("page.html").read_text("utf-8")
    name = Path(path).name
    data = as_json(timeline) | {
        "colours": COLOURS,
        "ink": INK,
        "media": _media(path, file.parent),
    }
    data["path"] = name
    scripts = "".join(folder.joinpath(each).read_text("utf-8") for each in _SCRIPTS)
    script, style = (
        f'"use strict";\n{{\n{scripts}}}',
        folder.joinpath("page.css").read_text("utf-8"),
    )
    parts = {
        "policy": _policy(script, style),
        "title": html.escape(name or "Timeline"),
        "style": style,
        "script": script,
        # "<" would let a name end the script element.
        "data": json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    }
    pieces = page.split("@")  # a text, a name, a text, ...: no "@" of a name is taken for a mark
    place = pieces.index("embedded")
    filled = [parts.get(each, "") if at % 2 else each for at, each in enumerate(pieces)]
    return "".join(filled[:place]), "".join(filled[place:])


def _policy(script: str, style: str) -> str:
    """Return what the page may do: run this script, wear this style, show what is in it, and play a file."""

    def only(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {only(script)}; style-src {only(style)}; img-src data:; "
        "media-src 'self' file: blob:; base-uri 'none'; form-action 'none'"
    )


def _media(path: str, folder: Path) -> dict[str, Any]:
    name = Path(path).name
    kind = mimetypes.guess_type(name)[0] or ""
    url = ""
    if path:
        relative = relative_path(path, folder)
        url = quote(os.fsencode(relative))
        if Path(relative).is_absolute():
            url = f"file://{url}"
    return {"name": name, "url": url, "type": kind}


def _check(video: Path | None, file: Path) -> None:
    if video is None or not video.is_file():
        if holds_video(file):
            return
        raise MediaError(f"{file}: there is no video at hand that could be embedded.")
    size = video.stat().st_size
    if size > LARGEST:
        raise MediaError(
            f"{video.name}: has {size / 1e6:,.0f} MB, and at most {LARGEST / 1e6:.0f} MB can be "
            "embedded in a page. Leave out --embed: the page then plays the file that lies beside it."
        )


def _base64(video: Path) -> Iterator[str]:
    with video.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield base64.b64encode(piece).decode()


def _held(page: Path) -> Iterator[str]:
    """Yield the video that a page holds, as it stands there. Raises OSError."""
    with page.open("rb") as stream:
        _, _, piece = stream.read(_BEGINNING).partition(_MARK)
        while piece:
            text, end, _ = piece.partition(b"<")
            if text:
                yield text.decode("ascii")
            if end:
                return
            piece = stream.read(_PIECE)
