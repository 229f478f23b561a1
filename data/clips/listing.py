"""Files at and below a path: clips, other files, what is set aside, and folders that cannot be listed."""

import os
import stat
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from mraf.data.clips.names import as_text
from mraf.data.clips.waste import KEEP_ALL, Exclusion, is_waste, why_no_media
from mraf.errors import UsageError

VIDEO_SUFFIXES = frozenset(
    ".264 .265 .360 .3g2 .3gp .3gp2 .3gpp .3gpp2 .amv .asf .avi .dat .dav .divx .dv .dvr-ms .f4v .flv .h261 .h263 "
    ".h264 .h265 .hevc .insv .ivf .m1v .m2p .m2t .m2ts .m2v .m4v .mjpeg .mjpg .mk3d .mkv .mod .mov .mp2v .mp4 "
    ".mp4v .mpe .mpeg .mpeg4 .mpg .mpg2 .mpg4 .mpv .mpv2 .mts .mxf .nut .obu .ogm .ogv .ogx .qt .rm .rmvb .tod "
    ".tp .trp .ts .vob .vro .webm .wmv .wtv .y4m".split()
)
AUDIO_SUFFIXES = frozenset(
    ".aa .aac .aax .ac3 .ac4 .adts .aif .aifc .aiff .amr .ape .au .awb .caf .dff .dsf .dts .dtshd .ec3 .eac3 .flac "
    ".gsm .m1a .m2a .m4a .m4b .m4p .m4r .mka .mlp .mp1 .mp2 .mp3 .mpa .mpc .mpga .nist .oga .ogg .oma .opus .qcp "
    ".ra .shn .snd .sph .spx .tak .thd .tta .voc .w64 .wav .wave .weba .wma .wv".split()
)


_LINKS = 3
SORTED_AT_ONCE = 4096
"""Names of a folder that are sorted together: of a larger one, clips are yielded before all are read."""


@dataclass(kw_only=True)
class LeftOut:
    """Files and folders that are no clips, without hidden ones; `each_clip` fills it."""

    others: dict[str, Counter[str]] = field(default_factory=dict)  # by folder: count by ending
    unreadable: dict[str, str] = field(default_factory=dict)  # by folder: why it cannot be listed
    set_aside: Counter[str] = field(default_factory=Counter)  # by what it is
    links: list[str] = field(default_factory=list)  # the first of those searched anyway

    def add_link(self, path: str) -> None:
        """Note a link to a folder that is searched under another name."""
        self.set_aside["links to folders that are searched anyway"] += 1
        if len(self.links) < _LINKS:
            self.links.append(path)


def each_clip(
    path: Path,
    left_out: LeftOut,
    *,
    exclusion: Exclusion = KEEP_ALL,
    seen: set[tuple[int, int]] | None = None,
) -> Iterator[Path]:
    """Yield the clips at and below a path while it is searched, as absolute paths.

    A name with the ending of a video or sound file counts as a clip, though it may turn out to be no
    regular file when it is opened; endings that other files have too are looked into. A file that is
    given as `path` counts with any ending. The clips of a folder come before those of the folders in
    it, by name (in pieces, where there are many). Folders of thumbnails and waste are set aside.

    Links to folders are followed after all other folders, each folder once; one that leads to a folder
    above the one that is searched is not.

    Args:
        path: a file or folder.
        left_out: is filled.
        exclusion: names and paths that are set aside too.
        seen: device and inode of the folders that have been searched; filled.

    Raises UsageError where the path does not exist or the system refuses it.
    """
    root = path.absolute()
    if not stat.S_ISDIR(mode_of(path, "no such file or folder")):
        yield root
        return
    for folder in _folders(str(root), left_out=left_out, seen=set() if seen is None else seen):
        others = left_out.others[folder.path] = Counter()
        try:
            for entry in _entries(folder.path):
                what = _what_is(entry, exclusion=exclusion, root=root)
                if what is None:
                    yield Path(entry.path)
                elif what is _FOLDER:
                    (folder.links if entry.is_symlink() else folder.inner).append(entry.path)
                elif what is _OTHER:
                    if not entry.name.startswith("."):
                        others[as_text(Path(entry.name).suffix.lower())] += 1
                elif what:
                    left_out.set_aside[what] += 1
        except OSError as error:
            left_out.unreadable[folder.path] = error.strerror or str(error)


_FOLDER, _OTHER, _HIDDEN = "folder", "other", ""


@dataclass(kw_only=True)
class _Folder:
    """A folder that is searched, and what was found in it to be searched next."""

    path: str
    inner: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def _folders(root: str, *, left_out: LeftOut, seen: set[tuple[int, int]]) -> Iterator[_Folder]:
    """Yield each folder at and below one, once: those that links lead to after the others."""
    waiting, links = [root], deque[str]()
    while waiting or links:
        is_link = not waiting
        folder = _Folder(path=links.popleft() if is_link else waiting.pop())
        if is_link and _leads_above(folder.path, root):
            left_out.set_aside["links to a folder above the one named"] += 1
        elif _is_new(folder.path, seen):
            yield folder
            waiting += sorted(folder.inner, reverse=True)
            links += folder.links
        elif is_link:
            left_out.add_link(folder.path)


def _what_is(entry: os.DirEntry[str], *, exclusion: Exclusion, root: Path) -> str | None:
    """Return what an entry is: None for a clip, else one of `_FOLDER` and so on or why it is set aside."""
    if exclusion.holds(root, entry.path):
        return "excluded by --exclude"
    if _is_folder(entry):
        return is_waste(entry.name) or (_HIDDEN if entry.name.startswith(".") else _FOLDER)
    if not is_clip_name(entry.name):
        is_broken = entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110
        return "broken links" if is_broken else _OTHER
    if entry.name.startswith("."):
        return "._* (side files of macOS)" if entry.name.startswith("._") else "hidden files"
    return why_no_media(entry)


def _leads_above(folder: str, root: str) -> bool:
    above = os.path.realpath(folder).rstrip("/")
    return f"{os.path.realpath(root)}/".startswith(f"{above}/")


def is_clip_name(name: str) -> bool:
    """Return True for a name with the ending of a video or sound file."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122  # faster than Path
    return ending in VIDEO_SUFFIXES or ending in AUDIO_SUFFIXES


def is_sound_name(name: str) -> bool:
    """Return True for a name with the ending of a sound file."""
    return os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES  # noqa: PTH122


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield what a folder holds, sorted in pieces."""
    with os.scandir(folder) as entries:
        while some := list(islice(entries, SORTED_AT_ONCE)):
            yield from sorted(some, key=lambda each: each.name)


def _is_new(folder: str, seen: set[tuple[int, int]]) -> bool:
    """Return True where a folder has not been searched yet, and note that it has."""
    try:
        found = os.stat(folder)  # noqa: PTH116
    except OSError:
        return True  # listing it says why
    key = found.st_dev, found.st_ino
    if key in seen:
        return False
    seen.add(key)
    return True


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
