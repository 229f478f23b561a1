"""The command `mraf find`."""

from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.commands.terminal.options import (
    DeviceOption,
    JsonOption,
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
    show,
    show_notes,
    show_rows,
)

if TYPE_CHECKING:
    from mraf.pipeline.people.archive.find import FindReport, Match


def find(
    who: Annotated[
        str,
        typer.Argument(
            metavar="NAME|CLIP", help="A speaker's name, a clip's id in the table, or a file."
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="Number of clips to show.")] = 20,
    unnamed: Annotated[
        bool, typer.Option("--unnamed", help="Look only in clips without a speaker's name.")
    ] = False,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the clips of the workspace in which a person appears, the likeliest first."""
    from mraf.pipeline.commands.terminal.bars import download_lines
    from mraf.pipeline.people.archive.find import find as run

    report = run(
        who,
        workspace=workspace,
        top=top,
        unnamed=unnamed,
        weights_dir=weights_dir,
        offline=offline,
        device=device,
        precision=str(precision),
        on_download=download_lines(as_json),
    )
    print_json(report.as_dict()) if as_json else show_found(report)


def show_found(report: "FindReport") -> None:
    """Print a table of the clips, and by what each was found."""
    if report.matches:
        show_rows(
            f"{report.sought}: {count(len(report.matches), 'clip')} of {report.clips}",
            ("score", "face", "voice", "speaker", "clip"),
            [_cells(match) for match in report.matches],
        )
    else:
        number = f"none of {report.clips} clips" if report.clips > 1 else "no other clip"
        show(f"{escape(report.sought)} appears in {number}, as far as faces and voices tell")
    show_notes(report.notes)


def _cells(match: "Match") -> tuple[str, ...]:
    def share(number: float | None) -> str:
        return "" if number is None else f"{number:.0%}"

    part = ""
    if match.start is not None or match.end is not None:
        end = "end" if match.end is None else f"{match.end:g} s"
        part = f" ({match.start or 0:g} s to {end})"
    scores = (share(match.score), share(match.face), share(match.voice))
    return (*scores, match.speaker or "", f"{match.path}{part}")
