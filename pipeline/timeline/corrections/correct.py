"""Corrections by hand of a timeline, after which all its outputs are written anew."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from mraf.data.table.row import FeatureRow
from mraf.errors import MrafError, UsageError
from mraf.pipeline.people.enrol import EnrolReport, enrol_rows
from mraf.pipeline.timeline.corrections.applied import corrected
from mraf.pipeline.timeline.corrections.edits import (
    Edit,
    rename_edit,
    rename_of,
    split_of,
)
from mraf.pipeline.timeline.corrections.enrolling import check_enrolled, rows_of
from mraf.pipeline.timeline.corrections.stored import read_edits, write_edits
from mraf.pipeline.timeline.corrections.times import shared
from mraf.pipeline.timeline.making import FileMaker
from mraf.pipeline.timeline.places import folder_of
from mraf.pipeline.timeline.progress import TimelineProgress, Told, teller
from mraf.pipeline.timeline.timeline import Timeline
from mraf.pipeline.timeline.wishes import Wishes
from mraf.pipeline.timeline.written import write_outputs
from mraf.pipeline.workspace import Workspace

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
    enrolled: tuple[EnrolReport, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf timeline --rename ... --json` prints."""
        from mraf.pipeline.timeline.outputs.stored import as_json

        video = as_json(self.timeline) | {
            "folder": str(self.folder),
            "files": [str(file) for file in self.files],
            "problems": list(self.problems),
        }
        enrolled = [each.as_dict() for each in self.enrolled]
        return {"videos": [video], "corrected": list(self.made), "enrolled": enrolled}


def correct(
    file: Path | str,
    *,
    rename: Mapping[str, str] | Sequence[str] = (),
    split: Sequence[str] = (),
    enrol: Sequence[str] = (),
    out: Path | str | None = None,
    yes: bool = False,
    on_question: Callable[[str], bool] | None = None,
    workspace: Workspace | Path | str | None = None,
    model: str | None = None,
    on_progress: Callable[[TimelineProgress], None] | None = None,
    **networks: Any,
) -> CorrectReport:
    """Correct the timeline of a file by hand, and write all outputs anew that were there.

    The corrections are kept beside the outputs: a later `mraf.timeline` of the file makes them again. People
    whom nobody has named keep their numbers. All corrections are checked before anything is written; they stay
    where an enrolment fails afterwards.

    Args:
        file: a video or sound file that has a timeline, its `timeline.json` or the folder of its outputs.
        rename: new names by the old ones, or texts such as "unknown 1=Ann", one after the other. Where somebody
            in the file has the new name, both become one person, if the answer is yes. "unknown" as the new name
            gives the next free number.
        split: texts such as "Ann@12:30-14:00=Bob": what Ann says in this time was said by Bob, or by "unknown".
        enrol: names of people of the timeline, corrected, who are enrolled in the model by the face and the voice
            in the file, as by `mraf.enrol`. What was kept of the file in the workspace is used, or it is read again.
        out: folder of the outputs, by default `./timelines`.
        yes: True answers the questions whether two are one person, and those of `mraf.enrol`.
        on_question: called with such a question; without it the answer is no, unless `yes` is True.
        workspace: the folder of the model, by default `./mraf-workspace`.
        model: that people are enrolled into, by default the one trained last.
        on_progress: called now and then.
        networks: further arguments of `mraf.timeline`, for `enrol`: tracks, encoders, weights and device.

    Raises:
        UsageError: there is no such timeline or person, a name cannot be one, or the answer is no.
        MrafError: the corrections that were made before cannot be read, a file cannot be written, or nobody can
            be enrolled.
        MissingError, MediaError: see `mraf.timeline`, for `enrol`.
    """
    from mraf.pipeline.timeline.outputs.write import read

    folder = folder_of(file, out)
    timeline, edits = read(folder), read_edits(folder)
    made: list[Edit] = []
    for step in _steps(rename, split):
        edit = step(timeline)
        _ask(timeline, edit, yes=yes, on_question=on_question)
        timeline = corrected(timeline, edit)
        made.append(edit)
    names = list(dict.fromkeys(check_enrolled(name, timeline) for name in enrol))
    if not made and not names:
        raise UsageError("Nothing to correct: say whom to --rename or --enrol, or what to --split.")
    video = video_of(Path(file), timeline)
    if names and video is None:
        raise UsageError(f"{timeline.path}: is not there, and nobody can be enrolled without it.")
    timeline = replace(timeline, path=str(video.absolute()) if video else timeline.path)
    told = teller(on_progress, video or folder)
    # Kept first: an annotated video may take long, and Ctrl-C must not lose what somebody has said.
    if made:
        write_edits(folder, [*edits, *made])
    written = write_outputs(
        timeline,
        folder,
        (),
        video=video,
        on_progress=lambda done, total: told("writing", done, total, 0.0),
    )
    report = CorrectReport(
        timeline=timeline,
        folder=folder,
        made=tuple(map(str, made)),
        files=written.files,
        problems=written.problems,
    )
    if not names or video is None:
        return report
    try:
        place = Workspace.at(workspace)
        rows = _rows(names, timeline, video, place, told, model=model, **networks)
        enrolled = [
            enrol_rows(place, name, some, model=model, yes=yes, on_question=on_question)
            for name, some in rows.items()
        ]
    except MrafError as error:
        if made:
            error.args = (f"{error} The corrections of the timeline were made, and stay.",)
        raise
    return replace(report, enrolled=tuple(enrolled))


def _steps(
    rename: Mapping[str, str] | Sequence[str], split: Sequence[str]
) -> list[Callable[[Timeline], Edit]]:
    """Return functions that make each correction, for the timeline as those before it leave it."""
    if isinstance(rename, Mapping):
        renames = [partial(rename_edit, old, new) for old, new in rename.items()]
    else:
        renames = [partial(rename_of, text) for text in rename]
    return [*renames, *(partial(split_of, text) for text in split)]


def _rows(
    names: Sequence[str],
    timeline: Timeline,
    video: Path,
    workspace: Workspace,
    told: Told,
    **networks: Any,
) -> dict[str, list[FeatureRow]]:
    """Return the rows of people of a timeline by name, of what the workspace keeps of the file."""
    maker = FileMaker(workspace, Wishes(model=networks.pop("model", None)), **networks)
    made, source = maker.make(video, told), maker.source(video)
    if made.assembled is None:
        raise MrafError(f"{video}: {made.timeline.error or 'there is nothing to enrol by'}.")
    return {name: rows_of(name, timeline, made.assembled, source) for name in names}


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
        raise UsageError(
            f"{doubt} If they are one person, say --yes (yes=True). Nothing was changed."
        )
    if not on_question(f"{doubt} Are they one person?"):
        raise UsageError(f"'{edit.person}' was not renamed.")
