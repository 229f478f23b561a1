"""What `mraf polysim` shows to a person."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from mraf.data.polysim.index import PolysimImport, SplitCount
from mraf.pipeline.commands.console import escape, out, rows
from mraf.pipeline.modes import MODES
from mraf.pipeline.polysim.ablation import COLUMNS, EXTRA, PAPER_NOTE, Ablation, extra, figure
from mraf.pipeline.polysim.challenge import SubmitReport
from mraf.pipeline.polysim.protocol import Score


def import_object(report: PolysimImport) -> dict[str, Any]:
    """The JSON object of `mraf polysim import`."""
    return {
        "version": report.version,
        "root": str(report.root),
        "samples": report.samples,
        "embedded": report.embedded,
        "unchanged": report.unchanged,
        "dropped": report.dropped,
        "languages": list(report.index.languages),
    }


def imported(report: PolysimImport) -> None:
    """Summary of `mraf polysim import`."""
    out.print(
        f"POLY-SIM {report.version}: {report.samples:,} samples in {' and '.join(report.index.languages)}, "
        f"{report.embedded:,} new or changed, {report.unchanged:,} as before"
        + (f", {report.dropped:,} no longer listed and removed" if report.dropped else "")
    )
    language = report.index.train_language
    out.print(f"Next: mraf train --language {language} --holdout 0, or mraf polysim dev")


def statistics(version: str, counts: Sequence[SplitCount]) -> None:
    """Table 1."""
    table = Table(
        title=f"POLY-SIM {version}", title_justify="left", title_style="bold", box=SIMPLE_HEAD
    )
    for column in ("Language", "Split"):
        table.add_column(column)
    for column in ("Videos", "Samples", "Speakers", "Faces missing", "Voices missing"):
        table.add_column(column, justify="right")
    for each in counts:
        numbers = (each.videos, each.samples, each.speakers)
        shown = ["-" if n is None else f"{n:,}" for n in numbers]
        missing = [f"{each.missing_faces:,}", f"{each.missing_voices:,}"]
        table.add_row(each.language, each.split, *shown, *missing)
    out.print(table)
    if any(each.videos is None for each in counts):
        out.print("-: not said by the challenge's files, which hide the speakers of that split.")


def developed(scores: Sequence[Score]) -> None:
    """Table of `mraf polysim dev`, a block for each mode."""
    for mode, meaning in MODES.items():
        of_mode = [score for score in scores if score.mode == mode]
        if of_mode:
            _scores(f"mode {mode}: {meaning}", of_mode)
    seeds = scores[0].seeds
    out.print(f"Mean ± standard deviation over {seeds} seed{'s' if seeds > 1 else ''}.")
    for score in scores:
        if score.mode == "single" and score.calibration_after is not None:
            out.print(
                f"  {escape(score.name)}: calibration error {score.calibration_before:.3f} before the "
                f"temperature, {score.calibration_after:.3f} after; {score.seconds:.0f} s a fit"
            )


def ablated(result: Ablation) -> None:
    """Table of `mraf polysim ablate`."""
    _scores(f"{result.title} ({result.conditions.replace('`', '')}), mode single", result.scores)
    if result.extras:
        lines = [(score.name, *extra(score)) for score in result.scores]
        rows("Cross-entropy, and where faces are another speaker's", ("", *EXTRA), lines)
    for name, values in result.paper.items():
        figures = ", ".join(f"{s} {v:.4f}" for s, v in zip(COLUMNS, values, strict=True))
        out.print(f"  published, {escape(name)}: {figures}")
    if result.paper:
        out.print(f"  {PAPER_NOTE}")
    for file in result.files:
        out.print(f"  {escape(str(file))}")


def submitted(report: SubmitReport) -> None:
    """Summary of `mraf polysim submit`."""
    counts = ", ".join(f"{n:,} {language}" for language, n in report.samples.items())
    out.print(
        f"{report.model} in mode {report.mode} ({MODES[report.mode]}): {counts} samples of "
        f"{report.version} {report.split}, checked"
    )
    for file in (*report.files, report.zip):
        out.print(f"  {escape(str(file))}")
    for note in report.notes:
        out.print(f"  [yellow]note[/] {escape(note)}")


def _scores(title: str, scores: Sequence[Score]) -> None:
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    longest = max((len(score.name) for score in scores), default=0)
    table.add_column("", overflow="fold", min_width=min(longest, 12))
    between = " " if out.width >= 110 else "\n"  # in narrow terminals the deviation stands below
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for score in scores:
        cells = [f"{figure(score, s)}{between}±{figure(score, s, deviation=True)}" for s in COLUMNS]
        table.add_row(escape(score.name), *cells)
    out.print(table)
    if scores:
        counts = ", ".join(f"{scores[0].n[s]:,} in {s}" for s in COLUMNS[:-1])
        out.print(f"Clips: {counts}.\n")
