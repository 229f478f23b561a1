"""Clips that are found below folders, labelled by the names of these folders."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path, PurePosixPath

from mraf.data.clips.clip import Clip, add_clip
from mraf.data.clips.languages import canonical, is_language
from mraf.data.clips.listing import AUDIO_SUFFIXES, VIDEO_SUFFIXES, LeftOut, each_clip
from mraf.data.clips.names import as_text
from mraf.errors import UsageError


class Search:
    """A search for the clips at and below some files and folders, which yields them as it finds them.

    The folders above a clip name its speaker, language and recording:
    `<speaker>/<language>/<recording>/<clip>.mp4`, or fewer of them (see `describe_path`). A file
    with the ending of a video or sound file counts, unless it is hidden; a file in `paths` counts
    with any ending. Ids and labels are text: bytes of a name that are not UTF-8 are escaped (see
    `mraf.data.clips.names.as_text`).

    Iterating raises UsageError where a path does not exist or holds no clip, before the first clip is
    yielded, and where two files would have the same id, as soon as the second is found.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = list(paths)
        self._left_out = [LeftOut() for _ in self._paths]

    def __iter__(self) -> Iterator[Clip]:
        clips: dict[str, Clip] = {}
        for path, files in zip(
            self._paths, [*map(_files, self._paths, self._left_out)], strict=True
        ):
            for file in files:
                clip = _clip_at(file, path.absolute())
                if add_clip(clips, clip):
                    yield clip

    @property
    def other_files(self) -> dict[str, int]:
        """Number of the other files by ending, "" for none, in the folders that have been searched."""
        others: dict[str, Counter[str]] = {}
        for each in self._left_out:
            others |= each.others  # files of a folder that is named twice count once
        counts: Counter[str] = sum(others.values(), Counter())
        return dict(counts.most_common())

    @property
    def unreadable_folders(self) -> dict[str, str]:
        """Reason by folder."""
        found = (item for each in self._left_out for item in each.unreadable.items())
        return dict(sorted(found))


def find_clips(paths: Iterable[Path]) -> list[Clip]:
    """Return the clips at and below some paths, sorted by id. `Search` has the rules and the errors."""
    return sorted(Search(paths), key=lambda clip: clip.id)


def clip_files(path: Path) -> tuple[list[Path], dict[str, str]]:
    """Return the files of a `Search`, sorted and absolute, and the reason for each unreadable folder.

    Raises UsageError as it does.
    """
    left_out = LeftOut()
    return sorted(_files(path, left_out)), left_out.unreadable


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


def _files(path: Path, left_out: LeftOut) -> Iterator[Path]:
    """Return the clips at and below a path, of which one has been looked for already."""
    files = each_clip(path, left_out)
    for first in files:
        return chain([first], files)
    closed = [f"; {folder} cannot be listed ({why})" for folder, why in left_out.unreadable.items()]
    raise UsageError(
        f"{path}: no video or sound file in this folder or below it{''.join(closed[:3])}. "
        f"Looked for {', '.join(sorted(VIDEO_SUFFIXES))} and sound files."
    )


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
