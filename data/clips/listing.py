"""Files at and below a path: clips, other files, and folders that cannot be listed."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from mraf.data.clips.names import as_text
from mraf.errors import UsageError

VIDEO_SUFFIXES = frozenset(
    ".264 .265 .3g2 .3gp .asf .avi .divx .dv .f4v .flv .h264 .hevc .ivf .m1v .m2t .m2ts .m2v .m4v .mjpeg "
    ".mjpg .mkv .mov .mp4 .mpe .mpeg .mpg .mts .mxf .nut .obu .ogm .ogv .qt .rm .rmvb .ts .vob .webm "
    ".wmv .wtv".split()
)
AUDIO_SUFFIXES = frozenset(
    ".aac .ac3 .aif .aifc .aiff .amr .ape .au .caf .dts .eac3 .flac .m4a .m4b .mka .mp2 .mp3 .oga .ogg "
    ".opus .spx .tta .w64 .wav .weba .wma .wv".split()
)


SORTED_AT_ONCE = 4096
"""Names of a folder that are sorted together: of a larger one, clips are yielded before all are read."""


@dataclass(kw_only=True)
class LeftOut:
    """Files and folders that are no clips, without hidden ones; `each_clip` fills it."""

    others: dict[str, Counter[str]] = field(default_factory=dict)  # by folder: count by ending
    unreadable: dict[str, str] = field(default_factory=dict)  # by folder: why it cannot be listed


def each_clip(path: Path, left_out: LeftOut) -> Iterator[Path]:
    """Yield the clips at and below a path while it is searched, as absolute paths.

    Links to folders are not followed. A name with the ending of a video or sound file counts as a
    clip, though it may turn out to be no regular file when it is opened. A file that is given as
    `path` counts with any ending. The clips of a folder come before those of the folders in it, by
    name (in pieces, where there are many).

    Raises UsageError where the path does not exist or the system refuses it.
    """
    root = path.absolute()
    if not stat.S_ISDIR(mode_of(path, "no such file or folder")):
        yield root
        return
    folders = [str(root)]
    while folders:
        folder, inner = folders.pop(), []
        others = left_out.others[folder] = Counter()
        try:
            for entry in _entries(folder):
                if _is_folder(entry):
                    if not entry.is_symlink():
                        inner.append(entry.path)
                    continue
                ending = Path(entry.name).suffix.lower()
                if ending in VIDEO_SUFFIXES or ending in AUDIO_SUFFIXES:
                    yield Path(entry.path)
                else:
                    others[as_text(ending)] += 1
        except OSError as error:
            left_out.unreadable[folder] = error.strerror or str(error)
        folders += sorted(inner, reverse=True)


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield what a folder holds, without hidden names, sorted in pieces."""
    with os.scandir(folder) as entries:
        while some := list(islice(entries, SORTED_AT_ONCE)):
            for entry in sorted(some, key=lambda each: each.name):
                if not entry.name.startswith("."):
                    yield entry


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # of a link that cannot be followed
        return False


def mode_of(path: Path, absent: str) -> int:
    """Return the mode of the file at a path, as `stat` gives it.

    Raises UsageError naming the path: with the text `absent` where nothing is there, with the reason
    where the system refuses the path.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise UsageError(f"{path}: {absent}.{nearest(path)}") from None
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be looked at ({error.strerror}). Check the path and its permissions."
        ) from None


def nearest(path: Path) -> str:
    """Return a hint at the most similar existing name, for the end of a message."""
    import difflib

    try:
        names = os.listdir(path.parent)  # noqa: PTH208  # the folder may not exist
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(path.name, names, 1)
    return f" Did you mean {path.with_name(near[0])}?" if near else ""
