"""The commands `mraf features ...`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.commands.terminal.options import JsonOption, WorkspaceOption
from mraf.pipeline.commands.terminal.output import count, escape, out, print_json, show

if TYPE_CHECKING:
    from mraf.data.table.features import FeatureTable
    from mraf.pipeline.quality import Figures

app = typer.Typer(help="Look at, export and clean the feature table.", no_args_is_help=True)

BARS, PLAIN_BARS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
_FIGURES = {  # title and format of each figure
    "face_frames": ("face, frames", "{:.0f}"),
    "face_size": ("face, pixels high", "{:.0f}"),
    "face_quality": ("face, confidence", "{:.3f}"),
    "face_steadiness": ("face, steadiness", "{:.3f}"),
    "face_sharpness": ("face, sharpness", "{:.0f}"),
    "voice_seconds": ("voice, seconds", "{:.1f}"),
    "voice_quality": ("voice, confidence", "{:.3f}"),
    "voice_snr": ("voice, SNR in dB", "{:.1f}"),
}


@app.command()
def info(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show the speakers, and the quality of faces and voices."""
    from mraf.pipeline.quality import figures
    from mraf.pipeline.workspace import Workspace

    table = Workspace.at(workspace).table
    if as_json:
        print_json(table.summary() | figures(table).as_dict())
    else:
        show_info(table, figures(table))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new .csv or .parquet file.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the feature table to one file."""
    from mraf.pipeline.workspace import Workspace

    clips = Workspace.at(workspace).table.export(file)
    if as_json:
        print_json({"file": str(file), "clips": clips})
    else:
        show(f"{count(clips, 'clip')} in {escape(str(file))}")


@app.command()
def remove(
    speaker: Annotated[str, typer.Argument(metavar="SPEAKER", help="Name of the speaker.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a speaker's clips from the feature table.

    Models keep what they learned: train them again to remove the speaker there too.
    """
    from mraf.pipeline.workspace import Workspace

    clips = Workspace.at(workspace).table.remove(speaker)
    if as_json:
        print_json({"speaker": speaker, "clips": clips})
    else:
        show(f"{count(clips, 'clip')} of {escape(speaker)} removed; models keep what they learned")


def show_info(table: "FeatureTable", found: "Figures") -> None:
    """Print how many clips there are, of whom, and how good their faces and voices are."""
    info = table.summary()
    show(
        f"[bold]{escape(str(table.folder))}[/]: {count(info['clips'], 'clip')}, "
        f"{count(info['speakers'], 'speaker')}"
    )
    for key in ("languages", "face_missing", "voice_missing", "extractors"):
        rows = ", ".join(f"{escape(str(name))} ({n})" for name, n in info[key].items())
        show(f"  {key.replace('_', ' '):<14} {rows or 'none'}")
    if info["failed"]:
        show(f"  failed         {info['failed']}")
    if found.several_people is not None:
        show(f"  several people {found.several_people or 'none'}")
    if found.spreads:
        _show_spreads(found)


def _show_spreads(found: "Figures") -> None:
    ramp = PLAIN_BARS if out().options.ascii_only else BARS
    show(f"\n  {'':<18}{'clips':>8}{'median':>9}{'5 %':>8}{'95 %':>8}   lowest to highest")
    for name, spread in found.spreads.items():
        title, form = _FIGURES[name]
        numbers = (f"{form.format(v):>8}" for v in (spread.median, spread.p5, spread.p95))
        line = f"  {title:<18}{spread.clips:>8} {''.join(numbers)}   {bars(spread.counts, ramp)}"
        show(escape(line.rstrip()))


def bars(counts: tuple[int, ...], ramp: str) -> str:
    """Return a histogram in one line: a character a bin, blank only where the bin is empty."""
    top = len(ramp) - 1
    return "".join(ramp[-(-count * top // max(counts))] for count in counts)  # rounded up
