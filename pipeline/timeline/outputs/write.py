"""Write a timeline in the formats that people work with, all from `timeline.json`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mraf.errors import MediaError, UsageError, choices
from mraf.pipeline.timeline.outputs.audacity import audacity
from mraf.pipeline.timeline.outputs.rttm import rttm
from mraf.pipeline.timeline.outputs.srt import srt
from mraf.pipeline.timeline.outputs.table import table
from mraf.pipeline.timeline.outputs.vtt import vtt
from mraf.pipeline.timeline.timeline import Timeline

# What needs more than text is imported where it is used: the command line reads this table for its help.

Told = Callable[[float, float | None], None]
"""Called with the seconds of an annotated video that are done, and its length."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A file to write."""

    timeline: Timeline
    file: Path
    video: Path | None  # None where there is none, or where it is not at hand
    embed: bool
    on_progress: Told | None
    on_remark: Callable[[str], None] | None


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format: what it is for, in words, and how it is written."""

    about: str
    write: Callable[[Task], None]
    short: str = ""  # for lists, where the name alone does not say it


def _as_text(make: Callable[[Timeline], str]) -> Callable[[Task], None]:
    def save(task: Task) -> None:
        from mraf.pipeline.workspace import write_text

        # Of names that are not UTF-8, what cannot be written becomes a question mark.
        write_text(task.file, make(task.timeline).encode(errors="replace").decode())

    return save


def _json(task: Task) -> None:
    from mraf.pipeline.timeline.outputs import stored

    stored.save(task.timeline, task.file)


def _elan(task: Task) -> None:
    from mraf.pipeline.timeline.outputs.elan import elan
    from mraf.pipeline.timeline.outputs.stored import relative_path

    path = relative_path(str(task.video), task.file.parent) if task.video else ""
    _as_text(lambda timeline: elan(timeline, path))(task)


def _page(task: Task) -> None:
    from mraf.pipeline.timeline.outputs.page.page import write_page

    write_page(task.timeline, task.file, video=task.video, embed=task.embed)


def _annotated(task: Task) -> None:
    from mraf.pipeline.timeline.outputs.annotated.annotate import annotate

    if task.video is None:
        raise MediaError(f"{task.file}: is made from the video, which is not at hand.")
    for remark in annotate(task.timeline, task.video, task.file, on_progress=task.on_progress):
        if task.on_remark is not None:
            task.on_remark(remark)


FORMATS = {
    "json": Format(about="everything; the source of all others, always written", write=_json),
    "rttm": Format(about="turns for diarization's tools", write=_as_text(rttm)),
    "vtt": Format(about="WebVTT subtitles with voices", write=_as_text(vtt)),
    "srt": Format(about="subtitles that every player reads", write=_as_text(srt)),
    "eaf": Format(about="ELAN document, a tier a person", short="ELAN", write=_elan),
    "txt": Format(about="labels of Audacity", short="Audacity", write=_as_text(audacity)),
    "csv": Format(about="turns as a table", write=_as_text(table)),
    "html": Format(
        about="page with player, faces and a lane a person", short="a page", write=_page
    ),
    "mp4": Format(
        about="video with names and boxes in the picture",
        short="names in the picture",
        write=_annotated,
    ),
}
"""By the name of the format, which is also the ending of its file."""


def write(
    timeline: Timeline,
    folder: Path,
    formats: Sequence[str],
    *,
    video: Path | None = None,
    embed: bool = False,
    on_progress: Told | None = None,
    on_remark: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write `timeline.json`, and from it the files of other formats, see `keep` and `write_kept`.

    Returns the files, in the order of `FORMATS`.
    """
    kept = keep(timeline, folder, formats, video=video)
    others = [name for name in formats if name != "json"]
    written = write_kept(
        kept,
        folder,
        others,
        video=video,
        embed=embed,
        on_progress=on_progress,
        on_remark=on_remark,
    )
    return [folder / "timeline.json", *written]


def keep(
    timeline: Timeline, folder: Path, formats: Sequence[str] = (), *, video: Path | None = None
) -> Timeline:
    """Write `timeline.json` into a folder, which is made, and return the timeline as it is kept there.

    Raises:
        UsageError: there is no format of a name in `formats`, or a file of one would replace the video.
        OSError: the file cannot be written.
    """
    from mraf.pipeline.timeline.outputs import stored

    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"There is no format '{name}' {choices(name, FORMATS)}")
    file = folder / "timeline.json"
    _spare(_at_hand(timeline, video), [file, *(folder / f"timeline.{name}" for name in formats)])
    stored.save(timeline, file)
    return stored.load(file)


def write_kept(
    kept: Timeline,
    folder: Path,
    formats: Sequence[str],
    *,
    video: Path | None = None,
    embed: bool = False,
    on_progress: Told | None = None,
    on_remark: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write the files of formats (`timeline.rttm` and so on) from what `keep` has returned.

    Args:
        kept: what to write.
        folder: where to.
        formats: keys of `FORMATS`; the files come back in its order.
        video: the video or sound file; None: the one that the timeline names, where it is there.
        embed: put the video into the page, in place of a link to it.
        on_progress: is called while a video is annotated.
        on_remark: is called with what is to be said of a file.

    Raises:
        UsageError: a file would replace the video.
        MediaError: a video cannot be annotated or embedded; the other files are written all the same.
        OSError: a file cannot be written.
    """
    video = _at_hand(kept, video)
    files = {name: folder / f"timeline.{name}" for name in FORMATS if name in formats}
    _spare(video, files.values())
    problem: MediaError | None = None
    for name, file in files.items():
        task = Task(
            timeline=kept,
            file=file,
            video=video,
            embed=embed,
            on_progress=on_progress,
            on_remark=on_remark,
        )
        try:
            FORMATS[name].write(task)
        except MediaError as error:
            problem = problem or error
    if problem is not None:
        raise problem
    return list(files.values())


def read(where: Path | str) -> Timeline:
    """Read a timeline from its folder or its `timeline.json`.

    Raises:
        MissingError: there is none.
        UsageError: it is damaged.
    """
    from mraf.pipeline.timeline.outputs import stored

    return stored.load(Path(where))


def _at_hand(timeline: Timeline, video: Path | None) -> Path | None:
    if video is None and timeline.path and Path(timeline.path).is_file():
        return Path(timeline.path)
    return video


def _spare(video: Path | None, files: Iterable[Path]) -> None:
    for file in files:
        if video is not None and file.exists() and file.samefile(video):
            raise UsageError(
                f"{file}: would be written over the video itself. Choose another folder with --out."
            )
