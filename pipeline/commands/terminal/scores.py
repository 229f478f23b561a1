"""Tables of measurements on the challenge's training features."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mraf.pipeline.commands.terminal.output import count, escape, new_table, out, show, show_rows
from mraf.pipeline.commands.terminal.rates import SEEN_AND_HEARD

if TYPE_CHECKING:
    from mraf.pipeline.polysim.ablation import Ablation
    from mraf.pipeline.polysim.protocol import Score
    from mraf.pipeline.polysim.strangers import StrangersReport, StrangersScore

_SHORT = {
    "identified at 1 %": "at 1 %",
    "identified at 5 %": "at 5 %",
    "right": "right",
    "unknown": "unknown",
    "strangers named": "named",
}
"""The figures of `mraf.pipeline.polysim.strangers`, and how the table calls them."""


def show_developed(scores: "Sequence[Score]") -> None:
    """Print a table for each mode, and how well the probabilities are calibrated."""
    from mraf.pipeline.modes import MODES

    for mode, meaning in MODES.items():
        of_mode = [score for score in scores if score.mode == mode]
        if of_mode:
            _show_scores(f"mode {mode}: {meaning}", of_mode)
    seeds = scores[0].seeds
    show(f"Mean ± standard deviation over {seeds} seed{'s' if seeds > 1 else ''}.")
    for score in scores:
        if score.mode == "single" and score.calibration_after is not None:
            show(
                f"  {escape(score.name)}: calibration error {score.calibration_before:.3f} before the "
                f"temperature, {score.calibration_after:.3f} after; {score.seconds:.0f} s a fit"
            )
        elif score.mode == "single":
            show(
                f"  {escape(score.name)}: not calibrated, to halve the time; {score.seconds:.0f} s a fit. "
                "Calibrated, as `mraf train` does, it differs in modes setting and cross."
            )


def show_ablated(result: "Ablation") -> None:
    """Print the ablation's table, the paper's figures and the files."""
    from mraf.pipeline.polysim.ablation import COLUMNS, EXTRA, PAPER_NOTE, extra

    conditions = result.conditions.replace("`", "")
    _show_scores(f"{result.title} ({conditions}), mode single", result.scores)
    if result.extras:
        lines = [(score.name, *extra(score)) for score in result.scores]
        show_rows("Cross-entropy, and where faces are another speaker's", ("", *EXTRA), lines)
    for name, values in result.paper.items():
        figures = ", ".join(f"{s} {v:.4f}" for s, v in zip(COLUMNS, values, strict=True))
        show(f"  published, {escape(name)}: {figures}")
    if result.paper:
        show(f"  {PAPER_NOTE}")
    for file in result.files:
        show(f"  {escape(str(file))}")


def _show_scores(title: str, scores: "Sequence[Score]") -> None:
    from mraf.pipeline.polysim.ablation import COLUMNS, figure

    table = new_table(title, "", numbers=COLUMNS)
    table.columns[0].min_width = min(max(len(score.name) for score in scores), 12)
    between = " " if out().width >= 110 else "\n"  # a narrow terminal has the deviation below
    for column in table.columns[1:]:
        column.no_wrap = True
    for score in scores:
        cells = [f"{figure(score, s)}{between}±{figure(score, s, deviation=True)}" for s in COLUMNS]
        table.add_row(escape(score.name), *cells)
    show(table)
    counts = ", ".join(f"{scores[0].n[s]:,} in {s}" for s in COLUMNS[:-1])
    show(f"Clips: {counts}.\n")


def show_strangers(report: "StrangersReport") -> None:
    """Print a table for each language, and how its columns are to be read."""
    draws = max((score.draws for score in report.scores), default=0)
    for language in dict.fromkeys(score.language for score in report.scores):
        scores = [score for score in report.scores if score.language == language]
        held = "other recordings" if language == report.language else f"after {report.language}"
        table = new_table(
            f"{language}, {held}: {report.known} known people, {report.strangers} strangers",
            *("", "Seen and heard"),
            numbers=tuple(_SHORT.values()),
        )
        for column in table.columns:
            column.no_wrap = True
        for score in _by_modalities(scores):
            cells = [_percent(score, figure) for figure in _SHORT]
            name = score.name.replace("plain prototypes, margin", "plain + margin")
            table.add_row(escape(name), SEEN_AND_HEARD[score.modalities], *cells)
        show(table)
        clips = max(scores, key=lambda score: score.known_clips)
        show(
            f"Clips of a draw: {clips.known_clips:,} of known people, {clips.stranger_clips:,} of "
            "strangers.\n"
        )
    show(
        "at 1 %, at 5 %: share of known people's clips that are named right where so many of the "
        "strangers' clips get a name; right, unknown: of known people, and named: of strangers, "
        f"at the model's own threshold. All in %, mean of {count(draws, 'draw')}; the file has the "
        "deviations between draws."
    )
    for file in report.files:
        show(f"  {escape(str(file))}")


def _by_modalities(scores: "Sequence[StrangersScore]") -> "list[StrangersScore]":
    names = list(SEEN_AND_HEARD)
    return sorted(scores, key=lambda score: names.index(score.modalities))


def _percent(score: "StrangersScore", figure: str) -> str:
    if figure not in score.mean:
        return "-"
    return f"{100 * score.mean[figure]:.1f}"
