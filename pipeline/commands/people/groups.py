"""The commands `mraf cluster` and `mraf name`."""

from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.commands.people.enrol import asked
from mraf.pipeline.commands.terminal.options import JsonOption, ModelOption, WorkspaceOption
from mraf.pipeline.commands.terminal.output import (
    clock,
    count,
    escape,
    print_json,
    show,
    show_notes,
    show_rows,
)

if TYPE_CHECKING:
    from mraf.pipeline.people.archive.cluster import ClusterReport, Group
    from mraf.pipeline.people.archive.naming import NameReport

_SHOWN = 50


def cluster(
    everything: Annotated[
        bool, typer.Option("--all", help="Group the clips that have a speaker's name, too.")
    ] = False,
    model: ModelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Group the clips without a speaker's name by person.

    How many people there are is not asked. `mraf name GROUP NAME` gives a group a name.
    """
    from mraf.pipeline.people.archive.cluster import cluster as run

    report = run(workspace, all=everything, model=model)
    print_json(report.as_dict()) if as_json else show_groups(report, everything=everything)


def name(
    group: Annotated[
        str, typer.Argument(metavar="GROUP", help="Id of a group, as `mraf cluster` shows it.")
    ],
    speaker: Annotated[str, typer.Argument(metavar="NAME", help="The speaker's name.")],
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", "-y", help="Do so even where another group or somebody has the name."
        ),
    ] = False,
    model: ModelOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a group of clips a speaker's name, and enrol the speaker."""
    from mraf.pipeline.people.archive.naming import name as run

    report = run(
        group, speaker, workspace=workspace, model=model, yes=yes, on_question=asked(as_json)
    )
    print_json(report.as_dict()) if as_json else show_named(report)


def show_groups(report: "ClusterReport", *, everything: bool = False) -> None:
    """Print a table of the groups, the biggest first, and how many clips are in none."""
    if not report.clips:
        what = "no clips" if everything else "every clip has a speaker's name"
        show(f"Nothing to group: {what}" + ("" if everything else "; --all groups them all"))
    elif not report.groups:
        show(f"No group: no two of {count(report.clips, 'clip')} are of one person")
    else:
        grouped = sum(group.clips for group in report.groups)
        show_rows(
            f"{count(len(report.groups), 'group')} with {grouped} of {count(report.clips, 'clip')}",
            ("group", "clips", "seconds", "sure", "who", "such as"),
            [_cells(group) for group in report.groups[:_SHOWN]],
        )
        if len(report.groups) > _SHOWN:
            show(f"  ... and {len(report.groups) - _SHOWN} more (all with --json)")
    if report.singles:
        verb = "is" if len(report.singles) == 1 else "are"
        show(f"{count(len(report.singles), 'clip')} {verb} like no other")
    if report.nothing:
        show(f"{count(len(report.nothing), 'clip')} without a face or a voice to compare")
    if any(group.perhaps is None and not group.speakers for group in report.groups):
        show("`mraf name GROUP NAME` gives a group a name")
    show_notes(report.notes)


def _cells(group: "Group") -> tuple[str, ...]:
    who = f"perhaps {group.perhaps}" if group.perhaps else ""
    if group.speakers:
        who = ", ".join(f"{name} ({n})" for name, n in list(group.speakers.items())[:3])
    length = "" if group.seconds is None else f"{group.seconds:.0f}"
    at = "" if group.start is None else f" at {clock(group.start)}"
    such = f"{group.representative}{at}"
    return (group.id, str(group.clips), length, f"{group.sure:.0%}", who, such)


def show_named(report: "NameReport") -> None:
    """Print which group has which name now."""
    name = escape(report.name)
    show(f"{count(report.clips, 'clip')} of {escape(report.group)} are now of [bold]{name}[/]")
    for clip, reason in list(report.refused.items())[:_SHOWN]:
        show(f"  [yellow]without a name still[/] {escape(clip)}: {escape(reason)}")
    enrolled = report.enrolment
    show(
        f"  model {escape(enrolled['model'])} knows {name} by {count(enrolled['references'], 'recording')}: face in "
        f"{enrolled['face']}, voice in {enrolled['voice']} of {count(enrolled['clips'], 'clip')} enrolled now"
    )
    if enrolled["begun"]:
        show("  There was no model: this one has learned nothing and compares as the encoders do.")
    show_notes(enrolled["notes"])
    if report.merged:
        show(f"  with those of {escape(', '.join(report.merged))}")
