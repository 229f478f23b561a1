"""The commands `mraf features ...` and `mraf rename`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.commands.terminal.options import JsonOption, WorkspaceOption
from mraf.pipeline.commands.terminal.output import (
    count,
    escape,
    out,
    print_json,
    show,
    show_first,
    show_notes,
)

if TYPE_CHECKING:
    from mraf.data.table.features import FeatureTable
    from mraf.pipeline.quality import Figures
    from mraf.pipeline.upkeep.disk import OnDisk
    from mraf.pipeline.upkeep.prune import PruneReport
    from mraf.pipeline.upkeep.rename import RenameReport

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
    from mraf.pipeline.upkeep.disk import look
    from mraf.pipeline.workspace import Workspace

    table = Workspace.at(workspace).table
    disk = look(table)
    if as_json:
        lost = {"gone": disk.gone, "unreachable": (*disk.away, *disk.silent)}
        print_json(table.summary(disk.rows) | lost | figures(table, disk.rows).as_dict())
    else:
        show_info(table, figures(table, disk.rows), disk)


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


@app.command()
def prune(
    force: Annotated[
        bool,
        typer.Option(
            help="Remove clips too of whose folders nothing is left (a drive may not be mounted), and do "
            "so where that is most of the table.",
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove the rows of clips whose file is gone.

    A clip is gone where its file is not there, while other clips of its folders are. Models keep what
    they learned: train them again.
    """
    from mraf.pipeline.upkeep.prune import prune as run

    report = run(workspace, force=force)
    print_json(report.as_dict()) if as_json else show_pruned(report, force=force)


def show_pruned(report: "PruneReport", *, force: bool) -> None:
    """Print which rows were removed, and which clips could not be looked for."""
    if not report.removed:
        show(f"No row removed: no file of {count(report.clips, 'clip')} is known to be gone")
    else:
        show(f"{count(len(report.removed), 'row')} removed, {report.clips} left:")
        show_first(report.removed, str)
    if report.unreachable:
        more = "" if force else " If they are gone for good, say --force."
        show(
            f"[yellow]{count(len(report.unreachable), 'clip')} out of reach[/] in "
            f"{escape(report.folder or '')}; is a drive not mounted? Their rows stay.{more}"
        )


@app.command()
def drop(
    clips: Annotated[
        list[str],
        typer.Argument(metavar="CLIP", help="Ids of clips, or of files with all their turns."),
    ],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove single clips from the feature table.

    Their files stay: a later extraction of these brings the clips back.
    """
    from mraf.pipeline.upkeep.prune import drop as run

    report = run(clips, workspace)
    if as_json:
        print_json(report)
    else:
        show(
            f"{count(len(report.dropped), 'clip')} removed, {report.clips} left; the files stay, and a "
            "later `mraf extract` of them brings the clips back"
        )


def rename(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The speaker's name so far.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do so even where both become one speaker.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rename a speaker in the table, in the models and in later extractions.

    If there is a speaker of the new name, both become one, after a question (or --yes), in models of
    prototypes too; other models that know both must be trained again. `mraf rename NEW OLD` undoes a renaming, but makes no two of one.
    """
    from mraf.pipeline.commands.people.enrol import asked
    from mraf.pipeline.upkeep.rename import rename as run

    report = run(old, new, workspace, yes=yes, on_question=asked(as_json))
    print_json(report.as_dict()) if as_json else show_renamed(report)


def show_renamed(report: "RenameReport") -> None:
    """Print where a speaker has another name now, and where not."""
    into = ", which had some before," if report.merged else ""
    old, new = escape(report.old), escape(report.new)
    show(f"{count(report.clips, 'clip')} of {old} are now of [bold]{new}[/]{into} in the table")
    for name in report.models:
        show(f"  model {escape(name)}: renamed")
    for name, reason in report.untouched.items():
        show(f"  [yellow]model {escape(name)}: left as it is[/], {escape(reason)}")
    if report.kept:
        show(f"Clips that later extractions find for {old} become clips of {new}, too.")


def show_info(table: "FeatureTable", found: "Figures", disk: "OnDisk | None" = None) -> None:
    """Print how many clips there are, of whom, and how good their faces and voices are."""
    info = table.summary(disk.rows if disk else None)
    show(
        f"[bold]{escape(str(table.folder))}[/]: {count(info['clips'], 'clip')}, "
        f"{count(info['speakers'], 'speaker')}"
    )
    if info["turns"]:
        show(f"  turns          {info['turns']} of the clips are turns of longer files")
    for key in ("languages", "face_missing", "voice_missing", "extractors"):
        rows = ", ".join(f"{escape(str(name))} ({n})" for name, n in info[key].items())
        show(f"  {key.replace('_', ' '):<14} {rows or 'none'}")
    if info["failed"]:
        show(f"  failed         {info['failed']}")
    if found.several_people is not None:
        show(f"  several people {found.several_people or 'none'}")
    if disk:
        show_notes(disk.notes())
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
