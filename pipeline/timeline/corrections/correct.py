"""Corrections by hand of a timeline, after which all its outputs are written anew."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mraf.errors import MrafError, UsageError
from mraf.pipeline.timeline.corrections.applied import corrected
from mraf.pipeline.timeline.corrections.edits import (
    Edit,
    rename_edit,
    rename_of,
    shared,
    split_of,
)
from mraf.pipeline.timeline.corrections.stored import read_edits, write_edits
from mraf.pipeline.timeline.places import folder_of
from mraf.pipeline.timeline.timeline import Timeline
from mraf.pipeline.timeline.written import write_outputs

AT_ONCE = 1.0
"""Seconds for which two must be seen at once to be told when they are to become one."""


@dataclass(frozen=True, kw_only=True)
class CorrectReport:
    """The result of corrections."""

    timeline: Timeline
    folder: Path
    made: tuple[str, ...]  # the corrections, as `--rename` and `--split` take them
    files: tuple[Path, ...]
    problems: tuple[str, ...] = ()  # why a format could not be written


def correct(
    file: Path | str,
    *,
    rename: Mapping[str, str] | Sequence[str] = (),
    split: Sequence[str] = (),
    out: Path | str | None = None,
    yes: bool = False,
    on_question: Callable[[str], bool] | None = None,
    on_progress: Callable[[float, float | None], None] | None = None,
) -> CorrectReport:
    """Correct the timeline of a file by hand, and write all outputs anew that were there.

    The corrections are kept beside the outputs: a later `mraf.timeline` of the file makes them again. People
    whom nobody has named keep their numbers. All corrections are checked before anything is written.

    Args:
        file: a video or sound file that has a timeline, its `timeline.json` or the folder of its outputs.
        rename: new names by the old ones, or texts such as "unknown 1=Ann", one after the other. Where somebody
            in the file has the new name, both become one person, if the answer is yes. "unknown" as the new name
            gives the next free number.
        split: texts such as "Ann@12:30-14:00=Bob": what Ann says in this time was said by Bob, or by "unknown".
        out: folder of the outputs, by default `./timelines`.
        yes: True answers the question whether two are one person.
        on_question: called with that question; without it the answer is no, unless `yes` is True.
        on_progress: called with the seconds of an annotated video that are done, and its length.

    Raises:
        UsageError: there is no such timeline or person, a name cannot be one, or the answer is no.
        MrafError: the corrections that were made before cannot be read, or a file cannot be written.
    """
    from mraf.pipeline.timeline.outputs.write import read

    folder = folder_of(file, out)
    timeline, edits = read(folder), read_edits(folder)
    made: list[Edit] = []
    pairs = list(rename.items()) if isinstance(rename, Mapping) else []
    texts = [] if isinstance(rename, Mapping) else list(rename)
    steps = [lambda t, pair=pair: rename_edit(*pair, t) for pair in pairs]
    steps += [lambda t, text=text: rename_of(text, t) for text in texts]
    steps += [lambda t, text=text: split_of(text, t) for text in split]
    if not steps:
        raise UsageError("Nothing to correct: say whom to --rename, or what to --split.")
    for step in steps:
        edit = step(timeline)
        _ask(timeline, edit, yes=yes, on_question=on_question)
        timeline = corrected(timeline, edit)
        made.append(edit)
    video = video_of(Path(file), timeline)
    timeline = replace(timeline, path=str(video.absolute()) if video else timeline.path)
    # Kept first: an annotated video may take long, and Ctrl-C must not lose what somebody has said.
    write_edits(folder, [*edits, *made])
    try:
        written = write_outputs(timeline, folder, (), video=video, on_progress=on_progress)
    except OSError as error:
        where = error.filename or folder
        raise MrafError(f"{where}: cannot be written ({error.strerror or error}).") from None
    return CorrectReport(
        timeline=timeline,
        folder=folder,
        made=tuple(map(str, made)),
        files=written.files,
        problems=written.problems,
    )


def video_of(file: Path, timeline: Timeline) -> Path | None:
    """Return the video or sound file of a timeline; None where it is not at hand."""
    if file.is_file() and file.suffix != ".json":
        return file
    return Path(timeline.path) if timeline.path and Path(timeline.path).is_file() else None


def _ask(
    timeline: Timeline, edit: Edit, *, yes: bool, on_question: Callable[[str], bool] | None
) -> None:
    """Raise UsageError where two people would become one and nobody says that they are."""
    names = {person.name for person in timeline.people}
    if edit.is_split or edit.name not in names or yes:
        return
    doubt = f"'{edit.name}' is somebody in this timeline already, and '{edit.person}' would become one with them."
    at_once = shared(edit.seen, edit.name_seen)
    if at_once >= AT_ONCE:
        doubt += f" They are seen at once for {at_once:.0f} s."
    if on_question is None:
        raise UsageError(f"{doubt} If they are one person, say --yes (yes=True). Nothing was changed.")
    if not on_question(f"{doubt} Are they one person?"):
        raise UsageError(f"'{edit.person}' was not renamed.")
