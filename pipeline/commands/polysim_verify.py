"""The command `mraf polysim verify`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.answers.words import REASONS
from mraf.pipeline.commands.terminal.options import (
    DeviceOption,
    JsonOption,
    OfflineOption,
    Version,
    VersionOption,
    WeightsOption,
)
from mraf.pipeline.commands.terminal.output import (
    escape,
    new_table,
    print_json,
    show,
    show_first,
    show_notes,
)

if TYPE_CHECKING:
    from rich.table import Table

    from mraf.pipeline.polysim.agreement import Agreement, Cosines
    from mraf.pipeline.polysim.verify import VerifyReport

_ROWS = {  # by kind: titles of what is found, the whole, and the whole where nothing is found
    "face": ("face found in the jpg", "whole jpg as the face", "  of these, no face found"),
    "voice": ("speech found in the wav", "whole wav", "  of these, too little speech"),
}
VERDICTS = {
    "the same": "the same as the published vectors",
    "mostly the same": "the same as the published vectors, but for some clips",
    "close": "close to the published vectors, but not the same",
    "different": "different from the published vectors: figures measured on these may not hold here",
    "unclear": "these figures do not tell",
    "not measured": "not measured",
}


def verify(
    root: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="The challenge's folder: csv_files/, feats/, and the wav and jpg files.",
        ),
    ],
    samples: Annotated[int, typer.Option(min=1, help="Number of clips to compare.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of their choice.")] = 1,
    version: VersionOption = Version.v1,
    media: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the paths of the wav and jpg files start. Default: FOLDER and folders around it.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the challenge's vectors with those extracted here from its wav and jpg files."""
    from mraf.pipeline.commands.terminal.bars import verify_bars
    from mraf.pipeline.polysim.verify import verify as run

    with verify_bars(as_json) as (on_download, on_progress):
        report = run(
            root,
            version,
            samples=samples,
            seed=seed,
            media=media,
            weights_dir=weights_dir,
            offline=offline,
            device=device,
            on_progress=on_progress,
            on_download=on_download,
        )
    print_json(report) if as_json else show_verified(report)
    if report.problems:
        raise typer.Exit(1)


def show_verified(report: "VerifyReport") -> None:
    """Print the cosines, the verdicts and what could not be compared."""
    clips = ", ".join(f"{n} {name}" for name, n in report.samples.items())
    table = new_table(
        f"POLY-SIM {report.version}: cosine to the published vectors ({clips} clips, seed {report.seed})",
        "Extracted here",
        numbers=("Clips", "Median", "Lowest 5 %"),
    )
    both = {"face": report.face, "voice": report.voice}
    for kind, agreement in both.items():
        _add_rows(table, agreement, _ROWS[kind])
    show(table)
    show(f"  encoders {escape(report.encoders)}")
    for kind, agreement in both.items():
        show(f"  [bold]{kind}[/]: {VERDICTS[agreement.verdict]}{_usual(agreement)}")
        for reason, number in agreement.reasons.items():
            show(f"    {REASONS.get(reason, reason)}: {number}")
        if agreement.unpublished:
            show(f"    no published vector: {agreement.unpublished}")
    show_notes(report.notes)
    if report.passed_over:
        folders = ", ".join(map(str, report.folders))
        show_notes(
            [
                f"Passed over {report.passed_over} clips whose files are not there (looked in {folders})."
            ]
        )
    show_first(report.problems, str)


def _add_rows(table: "Table", agreement: "Agreement", titles: tuple[str, str, str]) -> None:
    rows = zip(titles, (agreement.found, agreement.whole, agreement.not_found), strict=True)
    for number, (title, cosines) in enumerate(rows):
        if number < 2 or cosines.n:
            table.add_row(title, *_figures(cosines))


def _figures(cosines: "Cosines") -> tuple[str, str, str]:
    values = (cosines.median, cosines.p5)
    median, p5 = ("-" if value is None else f"{value:.4f}" for value in values)
    return str(cosines.n), median, p5


def _usual(agreement: "Agreement") -> str:
    """Return the cosine of strangers, by which to judge the others."""
    if agreement.strangers is None:
        return ""
    return f" (published vectors of two different speakers: median {agreement.strangers:.4f})"
