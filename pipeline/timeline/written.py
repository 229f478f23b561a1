"""The outputs of a timeline: those that are asked for, and those that were there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mraf.errors import MediaError, MrafError
from mraf.pipeline.timeline.places import SOURCE
from mraf.pipeline.timeline.timeline import Timeline
from mraf.pipeline.workspace import write_text

_UNFINISHED = ".unfinished"
"""File of a folder of outputs that names those which are still to be written."""
_BEGINNING = 1 << 20
"""Bytes of a page in which it says whether the video is in it."""

WritingTold = Callable[[float, float | None], None]
"""Called with the seconds of a video that are done, and its length."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """The files of a timeline."""

    files: tuple[Path, ...]
    problems: tuple[str, ...] = ()  # why a format could not be written
    remarks: tuple[str, ...] = ()  # on formats that such a file cannot have


def write_outputs(
    timeline: Timeline,
    folder: Path,
    formats: Sequence[str],
    *,
    video: Path | None,
    embed: bool = False,
    on_progress: WritingTold | None = None,
) -> Written:
    """Write a timeline in some formats, and, where it has changed, in those that the folder has already.

    No two files of a folder contradict each other: what a run leaves unfinished that was broken off, or could not
    write, the next one makes anew. A page that holds its video keeps it.

    Raises UsageError where a file would replace the video, MrafError where one cannot be written.
    """
    try:
        return _written(timeline, folder, formats, video, embed, on_progress)
    except OSError as error:
        where = error.filename or folder
        raise MrafError(f"{where}: cannot be written ({error.strerror or error}).") from None


def _written(
    timeline: Timeline,
    folder: Path,
    formats: Sequence[str],
    video: Path | None,
    embed: bool,
    on_progress: WritingTold | None,
) -> Written:
    from mraf.pipeline.timeline.outputs.write import FORMATS, keep, write_kept

    there = [name for name in FORMATS if _file(folder, name).is_file()]
    before = _bytes(folder / SOURCE)
    embed = embed or is_embedded(folder)
    problems, remarks = list[str](), list[str]()
    has_picture = timeline.size is not None
    if "mp4" in formats and not has_picture:
        remarks.append("no annotated video is written: there is no picture")
    possible = [name for name in FORMATS if name != "mp4" or has_picture]
    unfinished = _Unfinished(folder)
    left = unfinished.begin([name for name in there if name != "json"])
    kept = keep(timeline, folder, [name for name in possible if name in formats], video=video)
    stale = there if _bytes(folder / SOURCE) != before else [n for n in left if n in there]
    formats = [n for n in possible if n != "json" and (n in formats or n in stale)]
    unfinished.keep([name for name in formats if name in there])
    alone = [name for name in ("html", "mp4") if name in formats]
    write_kept(kept, folder, [name for name in formats if name not in alone], video=video)
    unfinished.keep([name for name in alone if name in there])
    for name in alone:  # what one of them lacks keeps no other from being written
        try:
            write_kept(
                kept,
                folder,
                [name],
                video=video,
                embed=embed,
                on_progress=on_progress,
                on_remark=remarks.append,
            )
        except MediaError as error:
            problems.append(str(error))
            if name != "html":
                continue
            # A page without the video is better than one of an earlier timeline.
            write_kept(kept, folder, [name], video=video)
        unfinished.remove(name)
    files = [_file(folder, name) for name in ("json", *formats)]
    return Written(
        files=tuple(file for file in files if file.is_file()),
        problems=tuple(problems),
        remarks=tuple(remarks),
    )


class _Unfinished:
    """The formats whose files are of an earlier timeline than `timeline.json`, kept in a file while there are any."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _UNFINISHED
        self._names: list[str] = []

    def begin(self, names: Sequence[str]) -> list[str]:
        """Note that these are to be written, and return those that an earlier run has left."""
        left = (_bytes(self._file) or b"").decode(errors="replace").split()
        if names:
            self.keep(list(dict.fromkeys([*left, *names])))
        return left

    def keep(self, names: Sequence[str]) -> None:
        """Note that these are left. Raises OSError."""
        self._names = list(names)
        if self._names:
            write_text(self._file, "\n".join(self._names))
        else:
            self._file.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Note that one is written."""
        self.keep([each for each in self._names if each != name])


def is_embedded(folder: Path) -> bool:
    """Return True where the page of a folder of outputs holds its video."""
    try:
        with _file(folder, "html").open("rb") as page:
            _, mark, after = page.read(_BEGINNING).partition(b'id="embedded">')
    except OSError:
        return False
    return bool(mark) and not after.startswith(b"<")


def _file(folder: Path, name: str) -> Path:
    return folder / f"timeline.{name}"


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
