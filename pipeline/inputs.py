"""Files that are to be identified: clips and pictures, at and below paths."""

from pathlib import Path

from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import clip_files
from mraf.data.clips.listing import AUDIO_SUFFIXES, LeftOut, each_clip
from mraf.data.clips.names import as_text

IMAGE_SUFFIXES = frozenset(
    ".avif .bmp .heic .heif .hif .jfif .jpe .jpeg .jpg .png .tif .tiff .webp".split()
)


def files_to_identify(path: Path) -> tuple[list[Path], dict[str, str]]:
    """Return the clips and pictures at and below a path, and the reason for each unreadable folder.

    A file is returned as it is given, those of a folder are absolute and sorted. Raises UsageError where
    there is none.
    """
    left_out = LeftOut()
    files = sorted([*each_clip(path, left_out), *_pictures(left_out)])
    if not files:
        clip_files(path)  # says what was looked for
    return ([path] if files == [path.absolute()] else files), left_out.unreadable


def clip_of(path: Path) -> Clip:
    """Return a file as a clip: a picture or a sound file by its ending, else a video."""
    suffix, name = path.suffix.lower(), as_text(path)
    if suffix in IMAGE_SUFFIXES:
        return Clip(name, image=path)
    return Clip(name, audio=path) if suffix in AUDIO_SUFFIXES else Clip(name, video=path)


def _pictures(left_out: LeftOut) -> list[Path]:
    """Return the pictures among the files that a search left out."""
    return [
        file
        for folder, endings in left_out.others.items()
        if IMAGE_SUFFIXES & endings.keys()
        for file in Path(folder).iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES
        and not file.name.startswith(".")
        and file.is_file()
    ]
