"""The outputs of a timeline: those that are asked for, and those that were there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mraf.errors import MediaError, MrafError
from mraf.pipeline.timeline.places import SOURCE
from mraf.pipeline.timeline.timeline import Timeline

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

    No two files of a folder contradict each other. A page that holds its video keeps it.

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
    kept = keep(timeline, folder, [name for name in possible if name in formats], video=video)
    if _bytes(folder / SOURCE) != before:
        formats = [*formats, *there]
    formats = [name for name in possible if name in formats and name != "json"]
    alone = [name for name in ("html", "mp4") if name in formats]
    write_kept(kept, folder, [name for name in formats if name not in alone], video=video)
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
            if name == "html":  # a page without the video is better than one of an earlier timeline
                write_kept(kept, folder, [name], video=video)
    files = [_file(folder, name) for name in ("json", *formats)]
    return Written(
        files=tuple(file for file in files if file.is_file()),
        problems=tuple(problems),
        remarks=tuple(remarks),
    )


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
