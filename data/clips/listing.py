"""Files at and below a path: clips, other files, and folders that cannot be listed."""

import os
import stat
from collections import Counter
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


@dataclass(kw_only=True)
class Listing:
    """Files and folders at and below one path, without hidden ones."""

    files: list[Path] = field(default_factory=list)  # clips, sorted, as absolute paths
    others: dict[str, Counter[str]] = field(default_factory=dict)  # by folder: count by ending
    unreadable: dict[str, str] = field(default_factory=dict)  # by folder: why it cannot be listed


def list_clips(path: Path) -> Listing:
    """List the clips at and below a path. Links to folders are not followed.

    A name with the ending of a video or sound file counts as a clip, though it may turn out to be no
    regular file when it is opened. A file that is given as `path` counts with any ending.

    Raises UsageError where the path does not exist or the system refuses it.
    """
    root = path.absolute()
    if not stat.S_ISDIR(mode_of(path, "no such file or folder")):
        return Listing(files=[root])
    found = Listing()

    def note(error: OSError) -> None:
        found.unreadable[str(error.filename)] = error.strerror or str(error)

    for folder, folders, names in os.walk(root, onerror=note):
        folders[:] = [name for name in folders if not name.startswith(".")]
        others = found.others.setdefault(folder, Counter())
        for name in names:
            if name.startswith("."):
                continue
            ending = Path(name).suffix.lower()
            if ending in VIDEO_SUFFIXES or ending in AUDIO_SUFFIXES:
                found.files.append(Path(folder, name))
            else:
                others[as_text(ending)] += 1
    found.files.sort()
    return found


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
