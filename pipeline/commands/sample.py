"""The commands `mraf sample` and `mraf demo`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mraf.pipeline.commands.terminal.options import JsonOption
from mraf.pipeline.commands.terminal.output import escape, print_json, show

if TYPE_CHECKING:
    from mraf.data.sample.make import DemoClip


def sample(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of the new videos.")],
    speakers: Annotated[int, typer.Option(min=2, help="Number of people.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    conversation: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.mp4",
            help="Also make a video in which some of them talk with each other, for mraf timeline.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make sample videos: drawn people who talk and do not exist."""
    from mraf.data.sample.conversation import make_conversation
    from mraf.data.sample.make import SampleOptions, make_sample
    from mraf.pipeline.commands.terminal.bars import count_bar

    started = time.monotonic()
    with count_bar("Drawing and speaking", as_json) as progress:
        options = SampleOptions(speakers=speakers, seed=seed)
        clips = make_sample(folder, options, progress=progress)
    said = make_conversation(conversation, options) if conversation else []
    if as_json:
        made: dict[str, Any] = {"folder": str(folder), "clips": len(clips), "speakers": speakers}
        print_json(made | ({"conversation": str(conversation)} if conversation else {}))
        return
    show_sampled(folder, clips, time.monotonic() - started)
    if said:
        people = len({line.speaker for line in said})
        show(f"{people} of them talk in [bold]{escape(str(conversation))}[/]")


def show_sampled(folder: Path, clips: "list[DemoClip]", seconds: float) -> None:
    """Print how many videos were made, of whom, and how many lack a face or sound."""
    speakers = len({clip.speaker for clip in clips})
    faceless = sum(clip.face != "seen" for clip in clips)
    silent = sum(clip.sound == "none" for clip in clips)
    show(
        f"{len(clips)} clips of {speakers} people who do not exist in [bold]{escape(str(folder))}[/] "
        f"({faceless} without a face to be found, {silent} without sound), {seconds:.0f} s"
    )


def demo(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder of the videos and results.")
    ] = Path("mraf-demo"),
    speakers: Annotated[int, typer.Option(min=4, help="Number of people.")] = 12,
    as_json: JsonOption = False,
) -> None:
    """Try the whole program on sample videos.

    It runs sample, extract, train, evaluate, identify, enrol and timeline.
    """
    from mraf.pipeline.demo import run

    announce = None if as_json else lambda line: typer.secho(f"\n$ {line}", bold=True)
    # The context carries the function that runs a command line: `cli` imports this module.
    code, steps = run(folder, speakers=speakers, command=context.obj, announce=announce)
    if as_json:
        print_json({"steps": steps})
    raise typer.Exit(code)
