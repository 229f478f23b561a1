"""The command `mraf evaluate`."""

from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.commands.terminal.options import (
    JsonOption,
    Mode,
    ModelOption,
    ModeOption,
    WorkspaceOption,
)
from mraf.pipeline.commands.terminal.output import (
    count,
    escape,
    new_table,
    print_json,
    show,
    show_notes,
)

if TYPE_CHECKING:
    from mraf.pipeline.evaluation import EvaluateReport

_CONDITIONS = {  # language and modalities of each setting
    "P3": ("same language", "face + voice"),
    "P4": ("same language", "voice only"),
    "P5": ("other language", "face + voice"),
    "P6": ("other language", "voice only"),
}


def evaluate(
    model: ModelOption = None,
    mode: ModeOption = Mode.single,
    other: Annotated[
        str | None,
        typer.Option(metavar="LANGUAGE", help="Language of P5 and P6. Default: all others."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on recordings that had no part in its answers.

    P3 and P4 test the languages that trained the model, P5 and P6 other languages; P3 and P5 with face
    and voice, P4 and P6 with the voice alone.
    """
    from mraf.pipeline.evaluation import evaluate as run

    report = run(workspace=workspace, model=model, mode=mode, other=other)
    print_json(report) if as_json else show_evaluated(report)


def show_evaluated(report: "EvaluateReport") -> None:
    """Print the table of accuracies."""
    from mraf.pipeline.modes import MODES

    languages = {
        "same language": ", ".join(name or "unnamed" for name in report.train_languages),
        "other language": ", ".join(name or "unnamed" for name in report.other_languages) or "-",
    }
    table = new_table(
        f"{report.model}, mode {report.mode}: {MODES[report.mode]}",
        *("", "Language", "Seen and heard"),
        numbers=("Accuracy", "Clips"),
    )
    for name, (language, modality) in _CONDITIONS.items():
        setting = report.settings[name]
        shown = f"{language} ({languages[language]})"
        table.add_row(name, escape(shown), modality, _accuracy(setting.accuracy), str(setting.n))
    table.add_row("mean", "", "", _accuracy(report.mean), "", end_section=True)
    for name, setting in report.more.items():
        table.add_row("", escape(name), "", _accuracy(setting.accuracy), str(setting.n))
    show(table)
    show("Measured on clips that did not train the model.")
    if report.out_of_fold:
        show(
            f"{count(report.out_of_fold, 'clip')} of P3 and P4 did train it: the answers to them are those of "
            "the cross-validation in training, of models that had not trained on them."
        )
    show_notes(report.notes)
    if report.unknown_speakers:
        clips = count(report.unknown_speakers, "clip")
        show_notes([f"Left out: {clips} of speakers that the model does not know."])
    if not report.other_languages:
        show(
            "No clip in another language: P5 and P6 need a model trained with --language on one of two."
        )


def _accuracy(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
