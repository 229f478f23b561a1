"""The command `mraf train`."""

from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.commands.terminal.options import (
    Arch,
    DeviceOption,
    JsonOption,
    Preset,
    WorkspaceOption,
)
from mraf.pipeline.commands.terminal.output import count, escape, print_json, show, show_notes

if TYPE_CHECKING:
    from mraf.pipeline.training.model_card import TrainReport


def train(
    arch: Annotated[
        Arch, typer.Option(help="Kind of model. fop and prototype are baselines to compare with.")
    ] = Arch.mraf,
    preset: Annotated[
        Preset, typer.Option(help="Settings of --arch mraf. paper: as printed in the paper.")
    ] = Preset.default,
    language: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Train on this language only (may be repeated)."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the model. Default: the preset or --arch."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="Maximum number of epochs.")] = None,
    holdout: Annotated[
        float,
        typer.Option(
            min=0, max=0.9, help="Share of each speaker's recordings held out of training."
        ),
    ] = 0.25,
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
            preset=preset,
            languages=tuple(language) if language else None,
            holdout=holdout,
            seed=seed,
            epochs=epochs,
            device=device,
            arch=arch,
            on_epoch=on_epoch,
        )
    print_json(report) if as_json else show_trained(report)


def show_trained(report: "TrainReport") -> None:
    """Print what was trained, and how good it is on the held-out clips."""
    epoch = f"epoch {report.epoch}, " if report.epoch else ""
    show(
        f"Model [bold]{escape(report.model)}[/]: {report.speakers} speakers, "
        f"{count(report.samples, 'clip')}, {epoch}{report.seconds:.0f} s, in {escape(str(report.folder))}"
    )
    if report.dev:
        names = (("face_voice", "face + voice"), ("voice", "voice only"), ("face", "face only"))
        figures = [f"{title} {report.dev[key]:.3f}" for key, title in names if key in report.dev]
        show(f"  {count(report.heldout, 'held-out clip')} named right: {', '.join(figures)}")
        if report.calibration:
            after, before = (report.calibration[name] for name in ("after", "before"))
            show(f"  calibration error {after:.3f} ({before:.3f} before it was calibrated)")
    show_notes(report.notes)
