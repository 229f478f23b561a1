"""The outputs of a timeline: those that are asked for, and those that were there."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mraf.errors import MediaError, MrafError, UsageError
from mraf.pipeline.timeline.places import SOURCE
from mraf.pipeline.timeline.timeline import Timeline
from mraf.pipeline.workspace import write_text

_UNFINISHED = ".unfinished"
"""File of a folder of outputs that names those which are still to be written."""

WritingTold = Callable[[float, float | None], None]
"""Called with the seconds of a video that are done, and its length."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """The files of a timeline."""

    files: tuple[Path, ...]  # that this run has written
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

    No two files of a folder contradict each other: a file of an earlier timeline that cannot be made anew is set
    aside (`timeline.old.mp4`), and what a run leaves unfinished that was broken off, the next one writes, as it
    does what a full disk or a video that is not at hand has cost. What fails keeps no other format from being
    written. A page that holds its video keeps it.

    Raises UsageError where a file would replace the video, MrafError where `timeline.json` cannot be written.
    """
    from mraf.pipeline.timeline.outputs.page.page import holds_video
    from mraf.pipeline.timeline.outputs.write import FORMATS

    at_hand = video or Path(timeline.path)
    others = [n for n in FORMATS if n != "json" and not _is_same(_file(folder, n), at_hand)]
    there = [name for name in others if _file(folder, name).is_file()]
    embed = embed or holds_video(_file(folder, "html"))
    has_picture = timeline.size is not None
    asked = [n for n in FORMATS if n in formats and n != "json" and (n != "mp4" or has_picture)]
    unfinished, before = _Unfinished(folder), _bytes(folder / SOURCE)
    kept, left = _kept(timeline, folder, asked, there, unfinished, video)
    due = {*left, *(there if _bytes(folder / SOURCE) != before else ())}
    outdated = due.intersection(there)
    writing = _Writing(kept, folder, video, embed, on_progress)
    if "mp4" in formats and not has_picture:
        writing.remarks.append("no annotated video is written: there is no picture")
    if "mp4" in outdated and not has_picture:
        writing.remarks.append(_set_aside(_file(folder, "mp4")))
    names = [n for n in others if n in (*asked, *due) and (n != "mp4" or has_picture)]
    unfinished.try_to_keep(names)
    for name in names:
        if writing.is_settled(name, outdated=name in outdated):
            unfinished.remove(name)
    return Written(
        files=(_file(folder, "json"), *writing.files),
        problems=tuple(writing.problems),
        remarks=tuple(writing.remarks),
    )


def _kept(
    timeline: Timeline,
    folder: Path,
    asked: Sequence[str],
    there: Sequence[str],
    unfinished: "_Unfinished",
    video: Path | None,
) -> tuple[Timeline, list[str]]:
    """Write `timeline.json`; return the timeline as it is kept, and the formats that an earlier run has left.

    Raises UsageError where a file would replace the video, MrafError where it cannot be written.
    """
    from mraf.pipeline.timeline.outputs.write import keep

    try:
        left = unfinished.begin([*asked, *there])
        try:
            return keep(timeline, folder, asked, video=video), left
        except UsageError:
            unfinished.keep(left)
            raise
    except OSError as error:
        raise MrafError(_cannot_be_written(error, folder)) from None


class _Writing:
    """The files of formats, written one after the other, and what is to be said of them."""

    def __init__(
        self,
        kept: Timeline,
        folder: Path,
        video: Path | None,
        embed: bool,
        on_progress: WritingTold | None,
    ) -> None:
        self._kept, self._folder, self._video = kept, folder, video
        self._embed, self._on_progress = embed, on_progress
        self.files: list[Path] = []
        self.problems: list[str] = []
        self.remarks: list[str] = []

    def is_settled(self, name: str, *, outdated: bool) -> bool:
        """Write a format, and return False where a later run has to.

        Args:
            name: of the format.
            outdated: True where its file is of an earlier timeline, and is set aside if this fails.
        """
        file = _file(self._folder, name)
        try:
            self._write(name)
        except (MediaError, OSError) as error:
            is_system = isinstance(error, OSError)
            said = [_cannot_be_written(error, file) if is_system else str(error)]
            if outdated:
                said.append(_set_aside(file))
            later = is_system or not (self._video or Path(self._kept.path)).is_file()
            # An annotated video takes hours: it is not tried again with each run.
            said.append("The next run writes it." if later else f"To try again: --formats {name}.")
            self.problems.append(" ".join(said))
            return not later
        self.files.append(file)
        return True

    def _write(self, name: str) -> None:
        """Write a format. Raises MediaError, OSError."""
        from mraf.pipeline.timeline.outputs.write import write_kept

        try:
            write_kept(
                self._kept,
                self._folder,
                [name],
                video=self._video,
                embed=self._embed,
                on_progress=self._on_progress,
                on_remark=self.remarks.append,
            )
        except MediaError as error:
            if name != "html":
                raise
            self.problems.append(str(error))
            # A page without the video is better than one of an earlier timeline.
            write_kept(self._kept, self._folder, [name], video=self._video)


class _Unfinished:
    """The formats that are still to be written of `timeline.json`, kept in a file while there are any."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / _UNFINISHED
        self._names: list[str] = []

    def begin(self, names: Sequence[str]) -> list[str]:
        """Note that these are to be written, and return those that an earlier run has left. Raises OSError."""
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

    def try_to_keep(self, names: Sequence[str]) -> None:
        """Note that these are left; where the disk is full, more than these stay noted."""
        with suppress(OSError):
            self.keep(names)

    def remove(self, name: str) -> None:
        """Note that nobody has to write one any more."""
        self.try_to_keep([each for each in self._names if each != name])


def _set_aside(file: Path) -> str:
    """Take a file of an earlier timeline out of its place, and return what is to be said of that."""
    old = file.with_name(f"{file.stem}.old{file.suffix}")
    try:
        file.replace(old)
    except OSError as error:
        return f"{file.name} is still of an earlier timeline ({error.strerror or error})."
    return f"{file.name} was of an earlier timeline, and is kept as {old.name}."


def _cannot_be_written(error: Exception, where: Path) -> str:
    file, reason = getattr(error, "filename", None), getattr(error, "strerror", None)
    return f"{file or where}: cannot be written ({reason or error})."


def _is_same(file: Path, other: Path) -> bool:
    try:
        return file.samefile(other)
    except OSError:
        return False


def _file(folder: Path, name: str) -> Path:
    return folder / f"timeline.{name}"


def _bytes(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:
        return None
