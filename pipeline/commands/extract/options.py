"""Options of `mraf extract`, and the engine that they ask for."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.errors import UsageError
from mraf.extractors.names import Face, Voice
from mraf.pipeline.commands.extract.shown import show_cluster
from mraf.pipeline.commands.terminal.output import say

if TYPE_CHECKING:
    from mraf.pipeline.extraction.ray.engine import RayEngine

Engine = StrEnum("Engine", ["local", "ray"])

_LOCAL_WORKERS = 256

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH", help="Videos, sound files, or folders of them."),
]
ManifestOption = Annotated[
    Path | None,
    typer.Option(
        help="CSV file of clips, in place of PATH. Columns: video (or audio and image), speaker, "
        "language, recording, start, end."
    ),
]
RootOption = Annotated[
    Path | None,
    typer.Option(help="Folder where the manifest's paths start. Default: the manifest's folder."),
]
LayoutOption = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help='What the paths below PATH name: "{speaker}/{language}/{recording}/{clip}", with * for what '
        'does not matter, or "{speaker}_{recording}_{clip}". Default: inferred, and shown.',
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GLOB",
        help="Leave out files and folders of this name or path below PATH. May be repeated.",
    ),
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Show speakers, languages and recordings as understood, and stop."
    ),
]
FaceOption = Annotated[
    Face, typer.Option(help="Face encoder. auto: the table's, else facenet if available.")
]
VoiceOption = Annotated[
    Voice, typer.Option(help="Voice encoder. auto: the table's, else ecapa if available.")
]
FramesOption = Annotated[int, typer.Option(min=1, max=64, help="Frames to read in each clip.")]
TurnsOption = Annotated[
    bool | None,
    typer.Option(
        "--turns/--no-turns",
        help="Cut files into turns of one speaker, a row each, with start and end; the folder's name goes "
        "to who speaks most. Default: files of over two minutes. --no-turns: of these, read the first two minutes.",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=100_000,
        help="Number of processes; 0: only this one. Default: one a core, or two on a GPU.",
    ),
]
EngineOption = Annotated[
    Engine, typer.Option(help="local: this machine. ray: a Ray cluster (docs/scale.md).")
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="With --engine ray: the cluster's head; this machine must be part of the cluster. "
        "Default: auto, the cluster that runs here; if there is none, this machine alone.",
    ),
]
GpusOption = Annotated[
    float,
    typer.Option(
        min=0,
        help="With --engine ray: GPUs of each worker. 0.25: four share one. 0: only CPUs.",
    ),
]


def engine_of(
    name: Engine,
    *,
    address: str | None,
    workers: int | None,
    gpus: float,
    device: str,
    precision: str,
) -> "RayEngine | None":
    """Return the engine that was asked for; None for processes on this machine.

    Raises UsageError for options that it cannot have.
    """
    if name == Engine.local:
        for option, value in (("--address", address), ("--gpus-per-worker", gpus)):
            if value:
                raise UsageError(f"{option} belongs to --engine ray.")
        if workers is not None and workers > _LOCAL_WORKERS:
            raise UsageError(
                f"--workers {workers}: at most {_LOCAL_WORKERS} processes on one machine."
            )
        return None
    if workers == 0:
        raise UsageError("--workers 0 works in this process, which --engine ray cannot.")
    if device not in ("auto", "cpu", "cuda") or (device == "cuda" and not gpus):
        raise UsageError(
            f"--device {device}: with --engine ray, say --gpus-per-worker 0.25 (or another share) to "
            "work on GPUs, and leave it out to work on CPUs."
        )
    if gpus > 1 and gpus % 1:
        raise UsageError(
            f"--gpus-per-worker {gpus:g}: a share of one GPU, or a whole number of them."
        )
    if device == "cpu" and gpus:
        raise UsageError("--device cpu and --gpus-per-worker exclude each other.")
    from mraf.pipeline.extraction.ray.engine import RayEngine

    return RayEngine(
        address,
        workers=workers,
        gpus=gpus,
        precision=precision,
        on_start=show_cluster,
        on_note=say,
    )
