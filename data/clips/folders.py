"""Clips that are found below folders, labelled by the names of these folders."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from mraf.data.clips.clip import Clip, add_clip
from mraf.data.clips.languages import canonical, is_language
from mraf.data.clips.listing import AUDIO_SUFFIXES, VIDEO_SUFFIXES, Listing, list_clips
from mraf.data.clips.names import as_text
from mraf.errors import UsageError


@dataclass(frozen=True)
class FoundClips:
    """Clips, sorted by id, and other files and folders that were found with them."""

    clips: list[Clip]
    _: KW_ONLY
    other_files: dict[str, int] = field(default_factory=dict)  # count by ending, "" for none
    unreadable_folders: dict[str, str] = field(default_factory=dict)  # reason by folder


def survey(paths: Iterable[Path]) -> FoundClips:
    """Return the clips at and below some files and folders, and count the other files.

    The folders above a clip name its speaker, language and recording:
    `<speaker>/<language>/<recording>/<clip>.mp4`, or fewer of them (see `describe_path`). A file
    with the ending of a video or sound file counts, unless it is hidden; a file in `paths` counts
    with any ending. Ids and labels are text: bytes of a name that are not UTF-8 are escaped (see
    `mraf.data.clips.names.as_text`).

    Raises UsageError where a path does not exist, holds no clip, or two files would have the same id.
    """
    clips: dict[str, Clip] = {}
    # By folder: files of a folder that is named twice count once.
    others: dict[str, Counter[str]] = {}
    unreadable: dict[str, str] = {}
    for path in paths:
        listing = _list(path)
        for clip in map(partial(_clip_at, root=path.absolute()), listing.files):
            add_clip(clips, clip)
        others |= listing.others
        unreadable |= listing.unreadable
    counts: Counter[str] = sum(others.values(), Counter())
    return FoundClips(
        [clips[key] for key in sorted(clips)],
        other_files=dict(counts.most_common()),
        unreadable_folders=dict(sorted(unreadable.items())),
    )


def find_clips(paths: Iterable[Path]) -> list[Clip]:
    """Return the clips at and below some paths. See `survey` for the rules and the errors."""
    return survey(paths).clips


def clip_files(path: Path) -> tuple[list[Path], dict[str, str]]:
    """Return the files of `survey`, sorted and absolute, and the reason for each unreadable folder.

    Raises UsageError as `survey` does.
    """
    listing = _list(path)
    return listing.files, listing.unreadable


def describe_path(path: Path, root: Path) -> tuple[str | None, str | None, str | None]:
    """Return speaker, language and recording of a clip, from the folders that it lies in.

    Where a folder has the English name of a language, the folder above it names the speaker and the
    folders below it the recording. Such a folder may lie above `root` too, so that `videos/`,
    `videos/ann/` and `videos/ann/English/` give the same answer. Without one, the last three folders
    between `root` and the clip are speaker, language and recording; of two folders the first is the
    speaker and the second the recording; a single one is the speaker.
    """
    folders = path.parent.parts
    below = path.relative_to(root).parent.parts if path != root else ()
    for index in range(len(folders) - 1, 0, -1):
        inside_root = len(folders) - index <= len(below)
        # Further above the root, a folder called "german" need not mean the language of the clips.
        near_root = len(folders) - index <= len(below) + 2
        if is_language(folders[index]) and (inside_root or near_root):
            recording = "/".join(folders[index + 1 :]) or None
            return folders[index - 1], canonical(folders[index]), recording
    if len(below) >= 3:
        return below[-3], below[-2], below[-1]
    if len(below) == 2:
        return below[0], None, below[1]
    return (below[0] if below else None), None, None


def _list(path: Path) -> Listing:
    listing = list_clips(path)
    if not listing.files:
        closed = [
            f"; {folder} cannot be listed ({why})" for folder, why in listing.unreadable.items()
        ]
        raise UsageError(
            f"{path}: no video or sound file in this folder or below it{''.join(closed[:3])}. "
            f"Looked for {', '.join(sorted(VIDEO_SUFFIXES))} and sound files."
        )
    return listing


def _clip_at(file: Path, root: Path) -> Clip:
    speaker, language, recording = (each and as_text(each) for each in describe_path(file, root))
    folders = [part for part in (speaker, language, recording) if part]
    is_sound = file.suffix.lower() in AUDIO_SUFFIXES
    return Clip(
        str(PurePosixPath(*folders, as_text(file.name))),
        None if is_sound else file,
        audio=file if is_sound else None,
        speaker=speaker,
        language=language,
        recording=recording,
    )
