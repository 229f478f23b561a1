"""Corrections by hand of a timeline, after which all its outputs are written anew."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mraf.data.table.row import FeatureRow
from mraf.errors import MrafError, UsageError
from mraf.pipeline.people.enrol import EnrolReport, enrol_rows
from mraf.pipeline.timeline.corrections.enrolling import rows_of
from mraf.pipeline.timeline.corrections.plan import Plan, planned, state_of, steps_of
from mraf.pipeline.timeline.corrections.stored import (
    Corrections,
    alone,
    write_corrections,
)
from mraf.pipeline.timeline.making import FileMaker
from mraf.pipeline.timeline.places import folder_of
from mraf.pipeline.timeline.progress import TimelineProgress, Told, teller
from mraf.pipeline.timeline.timeline import Timeline
from mraf.pipeline.timeline.wishes import Wishes
from mraf.pipeline.timeline.written import write_outputs
from mraf.pipeline.workspace import Workspace


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
    folder, steps = folder_of(file, out), steps_of(rename, split)
    report: CorrectReport | None = None
    while report is None:  # somebody else may correct it while a question is answered
        plan = planned(Path(file), folder, steps, enrol, yes=yes, on_question=on_question)
        with alone(folder):
            if state_of(folder) == plan.state:
                report = _kept(plan, folder, on_progress)
    if not plan.enrol or plan.video is None:
        return report
    told, place = teller(on_progress, plan.video), Workspace.at(workspace)

    def enrol_one(name: str, rows: Sequence[FeatureRow]) -> EnrolReport:
        return enrol_rows(place, name, rows, model=model, yes=yes, on_question=on_question)

    return _enrolled(report, lambda: _rows(plan, place, told, model=model, **networks), enrol_one)


def _kept(
    plan: Plan, folder: Path, on_progress: Callable[[TimelineProgress], None] | None
) -> CorrectReport:
    """Keep corrections and write all outputs that were there."""
    told = teller(on_progress, plan.video or folder)
    # Kept first: an annotated video may take long, and Ctrl-C must not lose what somebody has said.
    if plan.made:
        kept = Corrections(
            edits=(*plan.earlier.edits, *plan.made),
            content=plan.timeline.content,
            content_bytes=plan.timeline.content_bytes,
        )
        write_corrections(folder, kept)
    written = write_outputs(
        plan.timeline,
        folder,
        (),
        video=plan.video,
        on_progress=lambda done, total: told("writing", done, total, 0.0),
    )
    return CorrectReport(
        timeline=plan.timeline,
        folder=folder,
        made=tuple(map(str, plan.made)),
        files=written.files,
        problems=written.problems,
    )


def _enrolled(
    report: CorrectReport,
    rows_of_all: Callable[[], Mapping[str, Sequence[FeatureRow]]],
    enrol_one: Callable[[str, Sequence[FeatureRow]], EnrolReport],
) -> CorrectReport:
    """Enrol people one after the other; an error says which of them were enrolled before it."""
    enrolled: list[EnrolReport] = []
    try:
        for name, rows in rows_of_all().items():
            enrolled.append(enrol_one(name, rows))
    except MrafError as error:
        raise _with_what_was_done(error, report, enrolled) from error
    return replace(report, enrolled=tuple(enrolled))


def _with_what_was_done(
    error: MrafError, report: CorrectReport, enrolled: Sequence[EnrolReport]
) -> MrafError:
    """Return an error that says, too, what stays of a command that did not come to its end."""
    parts = [str(error)]
    if report.made:
        parts.append("The corrections of the timeline were made, and stay.")
    if enrolled:
        names = ", ".join(f"'{each.name}'" for each in enrolled)
        parts.append(f"Enrolled before that, and stay so: {names}.")
    found = copy(error)
    found.args = (" ".join(parts),)
    return found


def _rows(
    plan: Plan, workspace: Workspace, told: Told, **networks: Any
) -> dict[str, list[FeatureRow]]:
    """Return the rows of those to enrol by name, of what the workspace keeps of the file."""
    timeline, video = plan.timeline, plan.video
    if video is None:
        return {}
    networks |= _tracks(timeline, networks)
    maker = FileMaker(workspace, Wishes(model=networks.pop("model", None)), **networks)
    made, source = maker.make(video, told), maker.source(video)
    if made.assembled is None:
        raise MrafError(f"{video}: {made.timeline.error or 'there is nothing to enrol by'}.")
    return {name: rows_of(name, timeline, made.assembled, source) for name in plan.enrol}


def _tracks(timeline: Timeline, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tracks that a timeline was made from, as they were asked for.

    Raises UsageError where others are wanted.
    """
    streams = timeline.streams
    if streams is None:
        return {}
    sound, picture = streams.asked_sound, streams.asked_picture
    found = {
        "audio_track": (None if sound is None else str(sound), streams.sound),
        "video_track": (picture, streams.picture),
    }
    for option, (asked, read) in found.items():
        track = wanted.get(option)
        if track is not None and str(track) not in (str(asked), str(read)):
            raise UsageError(
                f"--{option.replace('_', '-')} {track}: this timeline was made from another track. Run `mraf timeline` "
                "with this option first."
            )
    return {option: asked for option, (asked, _) in found.items()}
