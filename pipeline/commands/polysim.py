"""The commands `mraf polysim ...`: parse, call one function, print."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mraf.errors import UsageError
from mraf.pipeline.commands.options import JsonOption, ModelOption, ModeOption, WorkspaceOption

app = typer.Typer(
    help="The POLY-SIM 2026 challenge: import its features, measure, submit.", no_args_is_help=True
)

SeedsOption = Annotated[int, typer.Option(min=1, help="How many seeds, from 1.")]
FoldsOption = Annotated[int, typer.Option(min=2, help="Of the cross-validation.")]
ChangeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="Another training option (may be repeated)."),
]
WorkersOption = Annotated[
    int | None, typer.Option(min=0, max=256, help="Processes; default: one a core.")
]


@app.command("import")
def import_(
    root: Annotated[Path, typer.Argument(help="The challenge's folder: csv_files/ and feats/.")],
    version: Annotated[
        str, typer.Option(help="v1 (English, Urdu), v2 (Hindi) or v3 (German).")
    ] = "v1",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the challenge's features into the feature table."""
    from mraf.pipeline.commands import console, console_polysim
    from mraf.pipeline.polysim.challenge import import_features

    with console.count_bar("Reading", as_json) as progress:
        report = import_features(root, version, workspace, progress)
    if as_json:
        console.print_json(console_polysim.import_object(report))
    else:
        console_polysim.imported(report)


@app.command()
def stats(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Count what was imported: the paper's Table 1."""
    from mraf.pipeline.commands import console, console_polysim
    from mraf.pipeline.polysim.challenge import statistics

    found, counts = statistics(workspace)
    if as_json:
        console.print_json({"version": found, "splits": [vars(each) for each in counts]})
    else:
        console_polysim.statistics(found, counts)


@app.command()
def dev(
    arch: Annotated[
        list[str] | None, typer.Option(help="mraf, fop or prototype (may be repeated).")
    ] = None,
    preset: Annotated[
        list[str] | None, typer.Option(help="default or paper, of mraf (may be repeated).")
    ] = None,
    seeds: SeedsOption = 3,
    folds: FoldsOption = 5,
    change: ChangeOption = None,
    language: Annotated[
        str, typer.Option(metavar="NAME", help="The language that trains.")
    ] = "English",
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure without test labels: P3 and P4 by folds of recordings, P5 and P6 in the other language.

    Without --arch and --preset, the default. A run that was stopped goes on where it was.
    """
    from mraf.pipeline.commands import console, console_polysim
    from mraf.pipeline.polysim.protocol import Spec, develop
    from mraf.pipeline.training.presets import changed, options_of

    changes = _changes(change or [])
    presets = preset or (["default"] if "mraf" in (arch or ["mraf"]) else [])
    specs = [("mraf", name, name) for name in presets]
    specs += [(name, "default", name) for name in arch or [] if name != "mraf"]
    told = "".join(f", {name} = {value}" for name, value in changes.items())
    with console.count_bar("Training", as_json) as progress:
        scores = develop(
            [Spec(title + told, changed(options_of(a, p), changes)) for a, p, title in specs],
            workspace,
            seeds,
            folds,
            language,
            workers,
            progress=progress,
        )
    if as_json:
        console.print_json({"scores": [vars(score) for score in scores]})
    else:
        console_polysim.developed(scores)


@app.command()
def ablate(
    what: Annotated[str, typer.Argument(help="fusion, missing, ratio or default.")],
    seeds: SeedsOption = 3,
    folds: FoldsOption = 5,
    change: ChangeOption = None,
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an ablation of the paper (Tables 3 and 4, Figure 3), or of our default.

    Writes a CSV file, a Markdown table and, for the ratio, a plot into reports/. A run that was
    stopped goes on where it was.
    """
    from mraf.pipeline.commands import console, console_polysim
    from mraf.pipeline.polysim.ablation import PAPER_MODE
    from mraf.pipeline.polysim.ablation import ablate as run

    with console.count_bar("Training", as_json) as progress:
        result = run(what, workspace, seeds, folds, _changes(change or []), workers, progress)
    if as_json:
        console.print_json({"what": what, **asdict(result), "paper_mode": PAPER_MODE})
    else:
        console_polysim.ablated(result)


@app.command()
def submit(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go.")],
    mode: ModeOption = "single",
    model: ModelOption = None,
    split: Annotated[str, typer.Option(help="test or val.")] = "test",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the two CSV files and the zip that the challenge wants, and check them."""
    from mraf.pipeline.commands import console, console_polysim
    from mraf.pipeline.polysim.challenge import submit as run

    report = run(out, mode, workspace, model, split)
    console.print_json(report) if as_json else console_polysim.submitted(report)


def _changes(pairs: list[str]) -> dict[str, object]:
    """Training options from "name=value": numbers where they are numbers."""
    import json

    changes: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--change {pair}: NAME=VALUE was expected, such as epochs=8.")
        try:
            changes[name] = json.loads(value)
        except ValueError:
            changes[name] = value
    return changes
