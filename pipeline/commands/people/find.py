"""The command `mraf find`."""

from collections.abc import Iterable, Sequence
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
    clock,
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
    """Print a table of the clips, and by what each was found; neighbouring turns of a file are one line."""
    from mraf.pipeline.people.archive.find import stretches

    if report.matches:
        turns = sum(match.turn for match in report.matches)
        found = len(report.matches)
        what = count(found, "turn" if turns == found else "clip")
        what = f"{found} clips and turns" if 0 < turns < found else what
        show_rows(
            f"{report.sought}: {what} of {report.clips}",
            ("score", "face", "voice", "speaker", "clip"),
            [_cells([report.matches[i] for i in each]) for each in stretches(report.matches)],
        )
    else:
        number = f"none of {report.clips} clips" if report.clips > 1 else "no other clip"
        show(f"{escape(report.sought)} appears in {number}, as far as faces and voices tell")
    show_notes(report.notes)


def _cells(matches: Sequence["Match"]) -> tuple[str, ...]:
    """Return the cells of a clip, or of neighbouring turns of a file: the best scores of any of them."""

    def share(numbers: Iterable[float | None]) -> str:
        some = [number for number in numbers if number is not None]
        return f"{max(some):.0%}" if some else ""

    first, last = matches[0], matches[-1]
    part = ""
    if first.turn:
        turns = f" ({len(matches)} turns)" if len(matches) > 1 else ""
        part = f" {clock(first.start or 0.0)} to {clock(last.end or 0.0)}{turns}"
    elif first.start is not None or first.end is not None:
        end = "end" if first.end is None else f"{first.end:g} s"
        part = f" ({first.start or 0:g} s to {end})"
    scores = [share(getattr(each, name) for each in matches) for name in ("score", "face", "voice")]
    names = dict.fromkeys(each.speaker for each in matches if each.speaker)
    return (*scores, ", ".join(names), f"{first.path}{part}")
