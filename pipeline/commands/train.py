"""The command `mraf train`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from mraf.pipeline.commands.terminal.options import (
    DeviceOption,
    JsonOption,
    ModelType,
    Preset,
    WorkspaceOption,
)
from mraf.pipeline.commands.terminal.output import count, escape, print_json, show, show_notes

_TITLES = (("face_voice", "face + voice"), ("voice", "voice only"), ("face", "face only"))

if TYPE_CHECKING:
    from mraf.pipeline.training.model_card import TrainReport


def train(
    model_type: Annotated[
        ModelType,
        typer.Option(
            help="prototypes: comparison with each speaker's mean. mraf: the paper's network. fop: the "
            "baseline of POLY-SIM 2026."
        ),
    ] = ModelType.prototypes,
    preset: Annotated[
        Preset,
        typer.Option(
            help="Settings of the model type. default: of mraf, with heads that compare with each speaker's "
            "mean. paper: mraf as printed. authors: mraf as in its authors' code. cosine: prototypes that "
            "learn nothing."
        ),
    ] = Preset.default,
    language: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Train on this language only (may be repeated)."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the model. Default: its type and preset."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 1,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of epochs, of paper, authors and fop.")
    ] = None,
    holdout: Annotated[
        float,
        typer.Option(
            min=0,
            max=0.9,
            help="Share of each speaker's recordings that does not train and only measures.",
        ),
    ] = 0.0,
    false_names: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Share of the clips of people it does not know that may get a name, above 0 and below 1.",
        ),
    ] = 0.01,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model on the extracted features."""
    from mraf.pipeline.commands.terminal.bars import train_bar
    from mraf.pipeline.training.train import train as run

    with train_bar(as_json) as on_epoch:
        report = run(
            workspace=workspace,
            name=name,
            model_type=model_type,
            preset=preset,
            languages=tuple(language) if language else None,
            holdout=holdout,
            seed=seed,
            epochs=epochs,
            false_names=false_names,
            device=device,
            on_epoch=on_epoch,
        )
    print_json(report) if as_json else show_trained(report)


def show_trained(report: "TrainReport") -> None:
    """Print what was trained, and how good it is on clips that did not train."""
    epoch = f"epoch {report.epoch}, " if report.epoch else ""
    show(
        f"Model [bold]{escape(report.model)}[/]: {report.speakers} speakers, "
        f"{count(report.samples, 'clip')}, {epoch}{report.seconds:.0f} s, in {escape(str(report.folder))}"
    )
    if report.dev:
        show(f"  {count(report.heldout, 'held-out clip')} named right: {_figures(report.dev)}")
    if report.cross_validation:
        show(
            f"  {count(report.cross_validated, 'training clip')} named right by models that had not trained on "
            f"{'them' if report.folds_by == 'clip' else 'their recordings'}: "
            f"{_figures(report.cross_validation)}"
        )
    if report.calibration:
        before = report.calibration.get("before")
        shown = f" ({before:.3f} before it was calibrated)" if before is not None else ""
        show(f"  calibration error {report.calibration['after']:.3f}{shown}")
    if strangers := _strangers(report.recognition):
        show(f"  {strangers}")
    for name, value in report.learned.items():
        show(f"  {escape(name)} {value:.3f}")
    show_notes(report.notes)


def _figures(accuracy: dict[str, float]) -> str:
    return ", ".join(f"{title} {accuracy[key]:.3f}" for key, title in _TITLES if key in accuracy)


def _strangers(recognition: dict[str, Any]) -> str | None:
    """Return a line on the decision whether a person is known; None where there is none."""
    if not recognition:
        return None
    promise = (
        f"strangers: at most {100 * recognition['false_names']:g} % of their clips may get a name"
    )
    shown, people = [], 0
    for key, title in _TITLES:
        rates = recognition[key]
        if "strangers" in rates and "known" in rates:
            named, error = rates["strangers"]["named"], rates["strangers"]["error"]
            shown.append(
                f"{title} {100 * named:.1f} ± {100 * error:.1f} % "
                f"(known people right {100 * rates['known']['right']:.1f} %)"
            )
            people = max(people, rates["strangers"]["speakers"])
    if not shown:
        return f"{promise}; not measured"
    said = f"{promise}; measured: {', '.join(shown)}"
    if people * recognition["false_names"] < 1:  # one of them named once is more than was promised
        said += f"; {count(people, 'speaker')} cannot show so small a share"
    return said
