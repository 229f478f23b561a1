"""The commands `mraf polysim ...`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mraf.errors import UsageError
from mraf.pipeline.commands.polysim_verify import verify
from mraf.pipeline.commands.terminal.options import (
    JsonOption,
    Mode,
    ModelOption,
    ModelType,
    ModeOption,
    Preset,
    Version,
    VersionOption,
    WorkspaceOption,
)
from mraf.pipeline.commands.terminal.output import (
    escape,
    new_table,
    print_json,
    show,
    show_notes,
)
from mraf.pipeline.commands.terminal.scores import show_ablated, show_developed, show_strangers

if TYPE_CHECKING:
    from mraf.data.polysim.importing import PolysimImport
    from mraf.data.polysim.index import SplitCount
    from mraf.pipeline.polysim.challenge import SubmitReport
    from mraf.pipeline.polysim.protocol import Spec

app = typer.Typer(
    help="Import, measure and submit for the POLY-SIM 2026 challenge.", no_args_is_help=True
)
app.command()(verify)

Split = StrEnum("Split", ["val", "test"])
AblationName = StrEnum("AblationName", ["fusion", "missing", "ratio", "prototypes"])

SeedsOption = Annotated[int, typer.Option(min=1, help="Number of random seeds.")]
FoldsOption = Annotated[int, typer.Option(min=2, help="Number of folds of the cross-validation.")]
ChangeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE", help="Set a training option, such as epochs=8 (may be repeated)."
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=0, max=256, help="Number of processes; 0: only this one. Default: one a core."
    ),
]


@app.command("import")
def import_(
    root: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The challenge's folder: csv_files/ and feats/."),
    ],
    version: VersionOption = Version.v1,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import the challenge's features into the feature table."""
    from mraf.pipeline.commands.terminal.bars import count_bar
    from mraf.pipeline.polysim.challenge import import_features

    with count_bar("Reading", as_json) as progress:
        report = import_features(root, version=version, workspace=workspace, progress=progress)
    if as_json:
        counts = {name: value for name, value in vars(report).items() if name != "index"}
        print_json({**counts, "languages": report.index.languages})
    else:
        show_imported(report)


@app.command()
def stats(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Count the imported clips, as in the paper's Table 1."""
    from mraf.pipeline.polysim.challenge import statistics

    version, counts = statistics(workspace)
    if as_json:
        print_json({"version": version, "splits": [vars(each) for each in counts]})
    else:
        show_statistics(version, counts)


@app.command()
def dev(
    model_type: Annotated[
        list[ModelType] | None,
        typer.Option(
            metavar="<prototypes|mraf|fop>", help="Model type to measure (may be repeated)."
        ),
    ] = None,
    preset: Annotated[
        list[Preset] | None,
        typer.Option(
            metavar="<default|cosine|paper|authors>",
            help="Settings of the model type (may be repeated).",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Number of random seeds. Default: 3; with --strangers, 8."),
    ] = None,
    folds: FoldsOption = 5,
    strangers: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Measure how N people who are not enrolled are told instead."
        ),
    ] = None,
    change: ChangeOption = None,
    language: Annotated[
        str, typer.Option(metavar="NAME", help="Language that trains the models.")
    ] = "English",
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure models without any test label.

    P3 and P4 come from cross-validation over recordings, P5 and P6 from the other language. Without
    --model-type it measures the default. After an interruption, the same command goes on.

    With --strangers, each seed draws N people who are not enrolled. Of the others, a recording of each
    one who has several is held out; models train on the rest and name these clips, those in the other
    language, and the strangers'. Plain prototypes stand beside them.
    """
    from mraf.pipeline.commands.terminal.bars import count_bar
    from mraf.pipeline.polysim.protocol import develop

    specs = _specs(
        model_type or [ModelType.prototypes], preset or [Preset.default], _changes(change or [])
    )
    if strangers is not None:
        _dev_strangers(
            specs,
            as_json,
            workspace=workspace,
            strangers=strangers,
            draws=seeds,
            language=language,
            workers=workers,
        )
        return
    with count_bar("Training", as_json) as progress:
        scores = develop(
            specs,
            workspace=workspace,
            seeds=seeds or 3,
            folds=folds,
            language=language,
            workers=workers,
            progress=progress,
        )
    if as_json:
        print_json({"scores": [vars(score) for score in scores]})
    else:
        show_developed(scores)


def _dev_strangers(specs: "list[Spec]", as_json: bool, draws: int | None, **options: Any) -> None:
    from mraf.pipeline.commands.terminal.bars import count_bar
    from mraf.pipeline.polysim.strangers import DRAWS, measure_strangers

    with count_bar("Training", as_json) as progress:
        report = measure_strangers(specs, draws=draws or DRAWS, progress=progress, **options)
    print_json(report) if as_json else show_strangers(report)


@app.command()
def ablate(
    what: Annotated[
        AblationName,
        typer.Argument(
            help="fusion: Table 3. missing: Table 4. ratio: Figure 3. prototypes: parts of the default."
        ),
    ],
    seeds: SeedsOption = 3,
    folds: FoldsOption = 5,
    change: ChangeOption = None,
    workers: WorkersOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run an ablation of the paper, or of prototypes.

    It writes a CSV file and a Markdown table to the workspace's reports/, and for the ratio a plot.
    After an interruption, the same command goes on.
    """
    from mraf.pipeline.commands.terminal.bars import count_bar
    from mraf.pipeline.polysim.ablation import PAPER_MODE
    from mraf.pipeline.polysim.ablation import ablate as run

    with count_bar("Training", as_json) as progress:
        result = run(
            what,
            workspace=workspace,
            seeds=seeds,
            folds=folds,
            changes=_changes(change or []),
            workers=workers,
            progress=progress,
        )
    if as_json:
        print_json({"what": what, **asdict(result), "paper_mode": PAPER_MODE})
    else:
        show_ablated(result)


@app.command()
def submit(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the submission.")],
    mode: ModeOption = Mode.single,
    model: ModelOption = None,
    split: Annotated[Split, typer.Option(help="Split whose speakers to name.")] = Split.test,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write and check the submission: two CSV files and their zip."""
    from mraf.pipeline.polysim.challenge import submit as run

    report = run(out, mode=mode, workspace=workspace, model=model, split=split)
    print_json(report) if as_json else show_submitted(report)


def _specs(
    model_types: list[ModelType], presets: list[Preset], changes: dict[str, Any]
) -> "list[Spec]":
    """Return the models to measure: of each type, the presets that it has.

    Raises UsageError for a type that has none of them, and for a preset that no type has.
    """
    from mraf.model_types import MODEL_TYPES, changed, options_of, title_of
    from mraf.pipeline.polysim.protocol import Spec

    has = {t: [p for p in presets if p in MODEL_TYPES[t].presets] for t in model_types}
    lost = [(model_types[0], p) for p in presets if not any(p in each for each in has.values())]
    pairs = [(t, p) for t, each in has.items() for p in each or presets[:1]] + lost
    suffix = "".join(f", {name} = {value}" for name, value in changes.items())
    return [
        Spec(
            title_of(model_type, preset) + suffix, changed(options_of(model_type, preset), changes)
        )
        for model_type, preset in pairs
    ]


def _changes(pairs: list[str]) -> dict[str, Any]:
    """Return training options from "name=value"; values that are JSON are read as JSON."""
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--change {pair}: NAME=VALUE was expected, such as epochs=8.")
        try:
            changes[name] = json.loads(value)
        except ValueError:
            changes[name] = value
    return changes


def show_imported(report: "PolysimImport") -> None:
    """Print how many samples were imported, and the next command."""
    show(
        f"POLY-SIM {report.version}: {report.samples:,} samples in {' and '.join(report.index.languages)}, "
        f"{report.embedded:,} new or changed, {report.unchanged:,} as before"
        + (f", {report.dropped:,} no longer listed and removed" if report.dropped else "")
    )
    language = report.index.train_language
    show(f"Next: mraf train --language {language}, or mraf polysim dev")


def show_statistics(version: str, counts: "Sequence[SplitCount]") -> None:
    """Print the paper's Table 1."""
    table = new_table(
        f"POLY-SIM {version}",
        *("Language", "Split"),
        numbers=("Videos", "Samples", "Speakers", "Faces missing", "Voices missing"),
    )
    for each in counts:
        numbers = (each.videos, each.samples, each.speakers)
        shown = ["-" if n is None else f"{n:,}" for n in numbers]
        missing = [f"{each.missing_faces:,}", f"{each.missing_voices:,}"]
        table.add_row(each.language, each.split, *shown, *missing)
    show(table)
    if any(each.videos is None for each in counts):
        show("-: not in the challenge's files, which hide the speakers of that split.")


def show_submitted(report: "SubmitReport") -> None:
    """Print what the submission holds and where it is."""
    from mraf.pipeline.modes import MODES

    counts = ", ".join(f"{n:,} {language}" for language, n in report.samples.items())
    show(
        f"{report.model} in mode {report.mode} ({MODES[report.mode]}): {counts} samples of "
        f"{report.version} {report.split}, checked"
    )
    for file in (*report.files, report.zip):
        show(f"  {escape(str(file))}")
    show_notes(report.notes)
