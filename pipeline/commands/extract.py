"""The command `mraf extract`: parse, call one function, print."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.errors import UsageError, choices
from mraf.pipeline.commands.options import (
    DeviceOption,
    JsonOption,
    OfflineOption,
    WeightsOption,
    WorkspaceOption,
)

if TYPE_CHECKING:
    from mraf.pipeline.extraction.ray.engine import RayEngine

ENGINES = ("local", "ray")


def extract(
    paths: Annotated[list[Path] | None, typer.Argument(help="Videos, or folders of them.")] = None,
    manifest: Annotated[
        Path | None, typer.Option(help="CSV of clips: video, or audio and image; speaker, ...")
    ] = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder the manifest's paths start from.")
    ] = None,
    face: Annotated[str, typer.Option(help="Face encoder: facenet, dlib or auto.")] = "auto",
    voice: Annotated[str, typer.Option(help="Voice encoder: ecapa, ge2e or auto.")] = "auto",
    frames: Annotated[int, typer.Option(min=1, max=64, help="Frames looked at in a clip.")] = 8,
    workers: Annotated[
        int | None,
        typer.Option(min=0, max=100_000, help="Processes; default: one a core, two a GPU."),
    ] = None,
    device: DeviceOption = "auto",
    engine: Annotated[
        str, typer.Option(help="local: this machine; ray: a cluster (docs/scale.md).")
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="With --engine ray: head of the cluster that this machine is part of; auto: whichever "
            "that is. Default: auto where there is one, else this machine alone.",
        ),
    ] = None,
    gpus_per_worker: Annotated[
        float,
        typer.Option(min=0, help="With --engine ray: 0.25 has four workers share a GPU; 0: CPUs."),
    ] = 0.0,
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find and embed the face and the voice of every clip.

    Folders name what is in them: <speaker>/<language>/<recording>/<clip>.mp4, or fewer levels. A
    second run re-uses what is there. A clip or folder that cannot be read is listed at the end, with
    the reason.
    """
    from mraf.data.clips.manifest import Found, read_manifest, survey
    from mraf.extractors.extractor import ExtractOptions
    from mraf.pipeline.commands import console
    from mraf.pipeline.extraction.extract import choose_encoders, extract_clips
    from mraf.pipeline.workspace import Workspace

    if bool(paths) == bool(manifest):
        raise UsageError("Name videos or folders of them, or a --manifest (one of the two).")
    if root and not manifest:
        raise UsageError("--root belongs to --manifest: it is where the manifest's paths start.")
    cluster = _engine(engine, address, workers, gpus_per_worker, device)
    found = Found(read_manifest(manifest, root)) if manifest else survey(paths or [])
    place = Workspace.at(workspace)
    with console.download_bar(as_json) as downloading:
        encoders = choose_encoders(
            place,
            face=face,
            voice=voice,
            weights_dir=weights_dir,
            offline=offline,
            progress=downloading,
        )
    if encoders.note:
        console.say(encoders.note)
    with console.extract_bar(as_json) as progress:
        report = extract_clips(
            found.clips,
            encoders=encoders,
            workspace=place,
            options=ExtractOptions(frames=frames),
            worker_count=workers,
            device=device,
            on_progress=progress,
            engine=cluster,
        )
    if as_json:
        console.print_json(report.as_dict() | found.beside())
    else:
        console.extracted(report, place.table.folder)
        console.beside(found)
    if report.failed or found.unreadable:
        raise typer.Exit(1)


def _engine(
    name: str, address: str | None, workers: int | None, gpus: float, device: str
) -> "RayEngine | None":
    """The engine that was asked for; None for processes on this machine."""
    if name not in ENGINES:
        raise UsageError(f"There is no engine '{name}' {choices(name, ENGINES)}")
    if name == "local":
        for option, given in (("--address", address), ("--gpus-per-worker", gpus)):
            if given:
                raise UsageError(f"{option} belongs to --engine ray.")
        if workers is not None and workers > 256:
            raise UsageError(f"--workers {workers}: at most 256 processes on one machine.")
        return None
    if workers == 0:
        raise UsageError("--workers 0 works in this process, which --engine ray cannot.")
    if device not in ("auto", "cpu", "cuda") or (device == "cuda") > bool(gpus):
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
    from mraf.pipeline.commands import console
    from mraf.pipeline.extraction.ray.engine import RayEngine

    return RayEngine(address, workers=workers, gpus=gpus, on_start=console.joined)
