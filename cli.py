"""The command `mraf`: parses, calls one function a command, prints."""

import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from mraf import __version__
from mraf.errors import MrafError
from mraf.pipeline.commands.extract import extract
from mraf.pipeline.commands.features import app as features_app
from mraf.pipeline.commands.options import (
    DeviceOption,
    JsonOption,
    ModelOption,
    ModeOption,
    OfflineOption,
    WeightsOption,
    WorkspaceOption,
)
from mraf.pipeline.commands.polysim import app as polysim_app
from mraf.pipeline.commands.weights import app as weights_app

INTERRUPTED = 130
CLOSED_PIPE = 128 + 13  # as a shell reports SIGPIPE

app = typer.Typer(
    name="mraf",
    help="Who is speaking, in any language, even when no face is seen.\n\n"
    "mraf extract videos/   mraf train   mraf identify clip.mp4",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(weights_app, name="weights")
app.add_typer(features_app, name="features")
app.add_typer(polysim_app, name="polysim")


app.command()(extract)


@app.command()
def train(
    arch: Annotated[
        str, typer.Option(help="mraf; for comparison fop (the challenge's baseline) or prototype.")
    ] = "mraf",
    preset: Annotated[str, typer.Option(help="default or paper, of mraf.")] = "default",
    language: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Train on this language only (may be repeated)."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the model; default: the preset's or --arch.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 1,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most this many.")] = None,
    holdout: Annotated[
        float,
        typer.Option(min=0, max=0.9, help="Share of each speaker's recordings not trained on."),
    ] = 0.25,
    device: DeviceOption = "auto",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train MRAF, or what it is compared with, on the extracted features."""
    from mraf.pipeline.commands import console
    from mraf.pipeline.training.train import train as run

    with console.train_line(as_json) as on_epoch:
        report = run(
            workspace,
            name=name,
            preset=preset,
            languages=tuple(language) if language else None,
            holdout=holdout,
            seed=seed,
            epochs=epochs,
            device=device,
            on_epoch=on_epoch,
            arch=arch,
        )
    console.print_json(report) if as_json else console.trained(report)


@app.command()
def evaluate(
    model: ModelOption = None,
    mode: ModeOption = "single",
    other: Annotated[
        str | None,
        typer.Option(metavar="LANGUAGE", help="Language of P5 and P6; default: all others."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on clips of recordings it was not trained on (P3 to P6)."""
    from mraf.pipeline.commands import console
    from mraf.pipeline.evaluation import evaluate as run

    report = run(workspace, model=model, mode=mode, other=other)
    console.print_json(report) if as_json else console.evaluated(report)


@app.command()
def identify(
    clips: Annotated[list[Path], typer.Argument(help="Videos, sound files, pictures, or folders.")],
    model: ModelOption = None,
    top: Annotated[int, typer.Option(min=1, help="How many candidates to show.")] = 5,
    device: DeviceOption = "auto",
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who is speaking in each clip."""
    from mraf.pipeline.commands import console
    from mraf.pipeline.identification import Identifier
    from mraf.pipeline.identification import identify as run

    def load() -> Identifier:
        return Identifier(
            workspace, model=model, weights_dir=weights_dir, offline=offline, device=device
        )

    predictions = run(
        clips,
        identifier=load,
        top=top,
        on_prediction=None if as_json else console.identified,
    )
    if as_json:
        console.print_json({"clips": [prediction.as_dict() for prediction in predictions]})
    if any(prediction.speaker is None for prediction in predictions):
        raise typer.Exit(1)


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Where the videos go.")],
    speakers: Annotated[int, typer.Option(min=2, help="How many people to draw.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Make talking videos of people who do not exist, to try mraf on."""
    from mraf.data.sample.make import SampleOptions, make_sample
    from mraf.pipeline.commands import console

    started = time.monotonic()
    with console.count_bar("Drawing and speaking", as_json) as progress:
        clips = make_sample(folder, SampleOptions(speakers=speakers, seed=seed), progress)
    if as_json:
        console.print_json({"folder": str(folder), "clips": len(clips), "speakers": speakers})
    else:
        console.sampled(folder, clips, time.monotonic() - started)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where videos and results go.")] = Path(
        "mraf-demo"
    ),
    speakers: Annotated[int, typer.Option(min=4, help="How many people to draw.")] = 12,
    as_json: JsonOption = False,
) -> None:
    """Run the whole of it on sample videos: sample, extract, train, evaluate, identify."""
    from mraf.pipeline.commands import console
    from mraf.pipeline.demo import Demo

    announce = None if as_json else lambda line: typer.secho(f"\n$ {line}", bold=True)
    code, steps = Demo(folder, speakers).run(_run, announce)
    if as_json:
        console.print_json({"steps": steps})
    raise typer.Exit(code)


@app.command()
def doctor(weights_dir: WeightsOption = None, as_json: JsonOption = False) -> None:
    """Show what this installation has: versions, devices, encoders, weights."""
    from mraf.pipeline.commands import console
    from mraf.pipeline.doctor import examine

    findings = examine(weights_dir)
    if as_json:
        console.print_json({name: value for name, value, _ in findings})
    else:
        console.rows("mraf doctor", ("", "", ""), findings)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mraf {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Entry point of the command `mraf`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    """Run one command; the exit code says how it went (README: 0, 1, 2, 3, 130)."""
    try:
        command = typer.main.get_command(app)
        code = int(command.main(arguments, prog_name="mraf", standalone_mode=False) or 0)
    except MrafError as error:
        return _fail(str(error), error.exit_code, arguments, getattr(error, "problems", ()))
    except TyperException as error:
        return _fail(getattr(error, "format_message", error.__str__)(), 2, arguments)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except SystemExit:  # so typer ends where nobody reads the output any more, as with `| head`
        return CLOSED_PIPE
    if code == INTERRUPTED and arguments[:1] != ["demo"]:  # where the command in hand has said it
        return _fail(_INTERRUPTED.get(arguments[0], "Interrupted."), code, arguments)
    return code


_INTERRUPTED = {
    "extract": "Interrupted. What was embedded is kept: the same command goes on from there.",
    "train": "Interrupted. No model was written; an older one of this name is as it was.",
}


def _fail(message: str, code: int, arguments: list[str], problems: Sequence[str] = ()) -> int:
    """Say what went wrong. `problems` are those of which the message names only the first."""
    from mraf.pipeline.commands.console import as_json, visible

    if "--json" in arguments:
        more = {"problems": list(problems)} if problems else {}
        print(as_json({"error": message, **more}))
    is_help = message.startswith("Usage:")  # a command that was given nothing to do
    shown = "\n".join(visible(line) for line in message.split("\n"))  # some have several lines
    print(shown if is_help else f"mraf: {shown}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
