"""The commands `mraf enrol` and `mraf forget`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.commands.terminal.options import (
    DeviceOption,
    JsonOption,
    ModelOption,
    OfflineOption,
    Precision,
    PrecisionOption,
    WeightsOption,
    WorkspaceOption,
)
from mraf.pipeline.commands.terminal.output import (
    count,
    escape,
    print_json,
    say,
    show,
    show_notes,
    visible,
)

if TYPE_CHECKING:
    from mraf.pipeline.people.enrol import EnrolReport
    from mraf.pipeline.people.forget import ForgetReport

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Answer questions with yes.")]


def enrol(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the person.")],
    clips: Annotated[
        list[Path],
        typer.Argument(
            metavar="CLIP", help="Videos, sound files or photos of the person, or folders of them."
        ),
    ],
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="Take one clip from here on: 75, 1:15 or 1:02:03.5."
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Take one clip up to here.")
    ] = None,
    yes: YesOption = False,
    model: ModelOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person to the model without training, or more clips to one whom it knows.

    Clips that cannot tell who somebody is are refused, each with its reason. The next `mraf train` has the
    person, too.
    """
    from mraf.device import choose_device
    from mraf.extractors.processor import refuse_or_remark
    from mraf.pipeline.commands.terminal.bars import download_lines
    from mraf.pipeline.people.enrol import enrol as run

    if line := refuse_or_remark(str(precision), choose_device(device)):
        say(line)
    report = run(
        name,
        clips,
        workspace=workspace,
        model=model,
        start=start,
        end=end,
        yes=yes,
        weights_dir=weights_dir,
        offline=offline,
        device=device,
        precision=str(precision),
        on_download=download_lines(as_json),
        on_question=asked(as_json),
    )
    print_json(report.as_dict()) if as_json else show_enrolled(report)
    if report.refused:
        raise typer.Exit(1)


def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the person.")],
    yes: YesOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a person from the models and from the feature table.

    The files stay: a later `mraf extract` of them brings the person's clips back. Models that must be
    trained to lose somebody are told.
    """
    from mraf.errors import UsageError
    from mraf.pipeline.people.forget import forget as run

    ask = None if yes else asked(as_json)
    if ask is None and not yes:
        raise UsageError(
            f"'{name}' would be removed from models and table: there is no terminal to ask at; say --yes."
        )
    report = run(name, workspace, on_question=ask)
    print_json(report.as_dict()) if as_json else show_forgotten(report)
    if report.untouched:
        raise typer.Exit(1)


def asked(as_json: bool) -> Callable[[str], bool] | None:
    """Return a function that asks at the terminal; None where there is none, or JSON is wanted."""
    if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    return lambda question: typer.confirm(visible(question), err=True)


def show_enrolled(report: "EnrolReport") -> None:
    """Print who was enrolled, by what, and which clips were refused."""
    name, model = escape(report.name), escape(report.model)
    if report.clips:
        parts = [count(report.clips, "clip"), f"face in {report.face}", f"voice in {report.voice}"]
        if report.speech:
            parts.append(f"{report.speech:.1f} s of speech")
        show(
            f"[green bold]{name}[/] {'enrolled' if report.new else 'has more clips'}: {', '.join(parts)}"
        )
    if report.already:
        show(f"  {count(report.already, 'clip')} of {name} known before")
    show(f"  model {model} knows {name} by {count(report.references, 'recording')}")
    if report.begun:
        show(
            "  There was no model: this one has learned nothing and compares as the encoders do. `mraf train` makes "
            "a better one as soon as there are two people."
        )
    show_notes(report.notes)
    for each in report.refused:
        show(f"  [yellow]refused[/] {escape(each.path)}: {escape(each.reason)}")


def show_forgotten(report: "ForgetReport") -> None:
    """Print from where a person is gone, and where not."""
    name = escape(report.name)
    show(f"{count(report.clips, 'clip')} of [bold]{name}[/] removed from the table")
    for model in report.models:
        show(f"  model {escape(model)}: forgotten")
    for model in report.deleted:
        show(f"  model {escape(model)}: deleted, as it knew nobody else")
    for model, reason in report.untouched.items():
        show(f"  [yellow]model {escape(model)}: left as it is[/], {escape(reason)}")
    if report.untouched:
        models = ", ".join(report.untouched)
        show(
            f"[yellow]Not forgotten everywhere:[/] {escape(models)}: do what is said above, or delete the folder"
        )
    if report.clips > report.enrolled:
        show("The files stay: a later `mraf extract` of them brings the clips back.")
