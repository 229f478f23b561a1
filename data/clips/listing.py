"""Which files lie at and below a path: clips, other files, and folders that cannot be looked into."""

import os
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass
class Listing:
    """What was found at and below one path.

    `files` are the clips, sorted, as absolute paths. `others` counts the other files of each folder by
    ending (in lower case, "" for none); `unreadable` gives the reason for each folder that could not
    be listed. Hidden files and folders are in neither.
    """

    files: list[Path] = field(default_factory=list)
    others: dict[str, Counter[str]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


def list_clips(path: Path) -> Listing:
    """The clips at and below a path. Links to folders are not followed.

    What carries the ending of a video or sound file counts though it may be no regular file: opening
    it tells. What is named itself counts whatever its ending.

    Raises UsageError where the path is not there or the system refuses it.
    """
    root = path.absolute()
    if not stat.S_ISDIR(mode_of(path, "no such file or folder")):
        return Listing([root])
    found = Listing()
    for folder, names in _walk(root, found.unreadable):
        others = found.others.setdefault(folder, Counter())
        for name in names:
            ending = Path(name).suffix.lower()
            if ending in VIDEO_SUFFIXES or ending in AUDIO_SUFFIXES:
                found.files.append(Path(folder, name))
            else:
                others[as_text(ending)] += 1
    found.files.sort()
    return found


def mode_of(path: Path, absent: str) -> int:
    """What kind of file lies at a path, as `stat` has it.

    Raises UsageError naming the path: with `absent` where nothing is there, with the reason where the
    system refuses the path.
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
    """A hint at the name most like that of a path that is not there, for the end of a message."""
    import difflib

    try:
        names = os.listdir(path.parent)  # noqa: PTH208  # of a folder that may not be there
    except (OSError, ValueError):
        return ""
    near = difflib.get_close_matches(path.name, names, 1)
    return f" Did you mean {path.with_name(near[0])}?" if near else ""


def _walk(root: Path, unreadable: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Each folder with the names of its files; those that cannot be listed go into `unreadable`."""

    def note(error: OSError) -> None:
        unreadable[str(error.filename)] = error.strerror or str(error)

    for folder, folders, names in os.walk(root, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield folder, [name for name in names if not name.startswith(".")]
