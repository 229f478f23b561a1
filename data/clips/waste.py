"""What lies in folders of clips and is none: waste, thumbnails, text, and what people exclude."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

from mraf.data.clips.names import as_label
from mraf.errors import UsageError

_WASTE = frozenset(
    """
    @eadir @recycle @recently-snapshot @tmp @synoresource @transcode @__thumb .@__thumb #recycle #snapshot
    $recycle $recycle.bin recycler recycled lost+found __macosx .trash .trashes trashes .thumbnails .thumbs
    thumbs thumbnails .spotlight-v100 .fseventsd .temporaryitems .documentrevisions-v100 ~snapshot .snapshot
    .snapshots .zfs .stfolder .stversions found.000 node_modules __pycache__ .git .svn .dropbox.cache
    """.split()
) | {"system volume information", "network trash folder", "temporary items"}

_TRANSPORT = (".ts", ".mts")
_PROGRAMME = (".mod", ".tod", ".dat")
_START_CODE = b"\x00\x00\x01"
_LOOKED_AT = 2048
_TRACKERS = (b"M.K.", b"M!K!", b"FLT4", b"FLT8", b"4CHN", b"6CHN", b"8CHN")
_TEXT = bytes({7, 8, 9, 10, 12, 13, 27, *range(0x20, 0x100)} - {0x7F})


def is_waste(name: str) -> str | None:
    """Return the name of a folder for a report where it holds thumbnails, waste or no clips; else None."""
    low = name.lower()
    if low.startswith(".trash-"):
        return ".Trash-*"
    return as_label(name) if low in _WASTE else None


def why_no_media(entry: os.DirEntry[str]) -> str | None:
    """Return what a file is whose ending both videos and other files have, None for a video.

    Only files with such an ending are opened: `.ts` is TypeScript and Qt's translations too, `.mod` a
    module of a music tracker or of a program, `.dat` anything.
    """
    ending = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122
    if ending not in _TRANSPORT and ending not in _PROGRAMME:
        return None
    start = _start_of(entry)
    if not start or (ending in _PROGRAMME and _is_programme(start)):
        return None
    if ending == ".dat":
        return "files called *.dat that are no video"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or not start.translate(None, _TEXT):
        return f"text files called *{ending}"
    return "music modules (*.mod)" if start[1080:1084] in _TRACKERS else None


def _start_of(entry: os.DirEntry[str]) -> bytes:
    """Return the first bytes of a file; none where it cannot be read, which is said later."""
    try:
        if not entry.is_file():  # opening a pipe would block
            return b""
        with open(entry.path, "rb") as file:  # noqa: PTH123
            return file.read(_LOOKED_AT)
    except OSError:
        return b""


def _is_programme(start: bytes) -> bool:
    is_transport = start[:1] == b"G" and start[188:189] in (b"", b"G")
    is_video_cd = start[:4] == b"RIFF" and start[8:12] == b"CDXA"
    return start.startswith(_START_CODE) or is_transport or is_video_cd


@dataclass(frozen=True)
class Exclusion:
    """Patterns of names and paths that are left out, folders whole.

    A pattern is compared with the name, with the path below the named folder, and with the path as a
    shell shows it; where it begins with `**/` or ends in `/*` or `/**`, with the path below any folder.
    `*` stands for any text, slashes included, `?` for one letter, `[ab]` for one of these.

    Making one raises UsageError for an empty pattern.
    """

    patterns: Sequence[str] = ()
    used: set[str] = field(default_factory=set)  # the patterns that something fitted

    def __post_init__(self) -> None:
        for each in self.patterns:
            if not each.strip(" /"):
                raise UsageError(
                    f"--exclude '{each}': the pattern is empty. For example: --exclude '*.wav', --exclude raw."
                )
        compiled = [
            (each, re.compile(translate(text)), is_anywhere)
            for each in self.patterns
            for text, is_anywhere in _readings(each)
        ]
        object.__setattr__(self, "_compiled", compiled)

    def holds(self, root: Path, path: str) -> bool:
        """Return True where a pattern fits a file or folder at or below a folder."""
        if not self.patterns:
            return False
        compiled: list[tuple[str, re.Pattern[str], bool]] = object.__getattribute__(
            self, "_compiled"
        )
        below = as_label(os.path.relpath(path, root))
        names = {below, below.rpartition("/")[2], f"{as_label(root.name)}/{below}", as_label(path)}
        names.add(as_label(os.path.relpath(path)))
        parts = below.split("/")
        tails = {"/".join(parts[i:]) for i in range(len(parts))}
        for pattern, expression, is_anywhere in compiled:
            if any(map(expression.match, names | tails if is_anywhere else names)):
                self.used.add(pattern)
                return True
        return False

    @property
    def unused(self) -> list[str]:
        """The patterns that nothing fitted."""
        return [each for each in self.patterns if each not in self.used]


KEEP_ALL = Exclusion()
"""Leaves nothing out."""


def _readings(pattern: str) -> set[tuple[str, bool]]:
    """Return the patterns that one stands for, each with whether it counts below any folder."""
    text = as_label(pattern).removeprefix("./").rstrip("/")
    is_anywhere = text.startswith("**/") or text.endswith(("/*", "/**"))
    short = text.removeprefix("**/") if text.startswith("**/") else text
    return {(short, is_anywhere), (short.replace("/**/", "/"), is_anywhere)}
