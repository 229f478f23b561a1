"""The command `mraf compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.answers.words import share
from mraf.pipeline.commands.terminal.options import (
    DeviceOption,
    JsonOption,
    OfflineOption,
    Precision,
    PrecisionOption,
    WeightsOption,
    WorkspaceOption,
)
from mraf.pipeline.commands.terminal.output import escape, print_json, show, show_notes

if TYPE_CHECKING:
    from mraf.pipeline.people.compare import Alike, Comparison


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="A video, sound file or picture.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say if two clips are of the same person; no model is needed."""
    from mraf.pipeline.commands.terminal.bars import download_lines
    from mraf.pipeline.people.compare import compare as run

    comparison = run(
        a,
        b,
        workspace=workspace,
        weights_dir=weights_dir,
        offline=offline,
        device=device,
        precision=str(precision),
        on_download=download_lines(as_json),
    )
    print_json(comparison.as_dict()) if as_json else show_comparison(comparison)


def show_comparison(comparison: "Comparison") -> None:
    """Print the verdict, what faces and voices say, and notes."""
    verdict = f"[bold]{comparison.verdict}[/]"
    if comparison.probability is not None:
        verdict += f"  ({share(comparison.probability)} that the person is the same)"
    show(verdict)
    show(f"  face   {_said(comparison.face)}")
    show(f"  voice  {_said(comparison.voice)}")
    show_notes(comparison.notes)


def _said(alike: "Alike") -> str:
    if alike.probability is None:
        return f"not compared: {escape('; '.join(alike.missing))}"
    return f"{share(alike.probability)} that they are one person's (cosine {alike.cosine:.2f})"
