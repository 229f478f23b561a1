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
from mraf.pipeline.commands.terminal.rates import show_open_set

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
    """Measure a model on clips that did not train it, or by models that did not train on them.

    P3 and P4 test the languages that trained the model, P5 and P6 other languages; P3 and P5 with face
    and voice, P4 and P6 with the voice alone. Clips that trained the model have the answers of the
    cross-validation in training; those of a network of linear heads chose its epoch and temperatures
    too, which makes its figures a little too good.

    Of people whom the model knows, it shows which share of clips it names right, names wrong and leaves
    unknown, and of strangers, which share it names. Strangers are the new clips of people whom the
    model does not have; and in training, people who were left out in turn.
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
    for sentence in _who_answered(report):
        show(sentence)
    show_open_set(report.open_set)
    for file in report.files:
        show(f"  {escape(str(file))}")
    show_notes(report.notes)
    if report.unknown_speakers:
        clips = count(report.unknown_speakers, "clip")
        show_notes([f"Left out of accuracies: {clips} of speakers that the model does not know."])
    if not report.other_languages:
        show(
            "No clip in another language: P5 and P6 need a model trained with --language on one of two."
        )


def _who_answered(report: "EvaluateReport") -> list[str]:
    """Return a sentence for the languages of training, and one for others, where there are clips."""
    has = {name for name, setting in report.settings.items() if setting.n}
    by_model = "by the model, which did not train on these clips"
    found = []
    if has & {"P3", "P4"} and report.out_of_fold:
        clips = count(report.out_of_fold, "clip")
        more = f"; {count(report.held_out, 'clip')} {by_model}" if report.held_out else ""
        found.append(
            f"P3 and P4: {clips} by models that had not trained on them, from the cross-validation in "
            f"training{more}."
        )
    elif has & {"P3", "P4"}:
        found.append(f"P3 and P4: {by_model}.")
    if has & {"P5", "P6"}:
        found.append(f"P5 and P6: {by_model}.")
    return found


def _accuracy(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
