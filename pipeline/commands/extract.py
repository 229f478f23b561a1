"""The command `mraf extract`."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.errors import UsageError
from mraf.extractors.names import Face, Voice
from mraf.pipeline.answers.words import REASONS, reason_in_words
from mraf.pipeline.commands.terminal.labels import show_left_out, show_understood, show_warnings
from mraf.pipeline.commands.terminal.options import (
    AudioTrackOption,
    DeviceOption,
    JsonOption,
    OfflineOption,
    Precision,
    PrecisionOption,
    VideoTrackOption,
    WeightsOption,
    WorkspaceOption,
)
from mraf.pipeline.commands.terminal.output import (
    count,
    escape,
    print_json,
    say,
    show,
    show_first,
)

if TYPE_CHECKING:
    from mraf.data.clips.labels.understood import Understood
    from mraf.pipeline.extraction.ray.connection import Cluster
    from mraf.pipeline.extraction.ray.engine import RayEngine
    from mraf.pipeline.extraction.run import ExtractReport, Missing

Engine = StrEnum("Engine", ["local", "ray"])

_LOCAL_WORKERS = 256


def extract(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Videos, sound files, or folders of them."),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="CSV file of clips, in place of PATH. Columns: video (or audio and image), speaker, "
            "language, recording, start, end."
        ),
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(
            help="Folder where the manifest's paths start. Default: the manifest's folder."
        ),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help='What the paths below PATH name: "{speaker}/{language}/{recording}/{clip}", with * for what '
            'does not matter, or "{speaker}_{recording}_{clip}". Default: inferred, and shown.',
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Leave out files and folders of this name or path below PATH. May be repeated.",
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Show speakers, languages and recordings as understood, and stop."
        ),
    ] = False,
    face: Annotated[
        Face, typer.Option(help="Face encoder. auto: the table's, else facenet if available.")
    ] = Face.auto,
    voice: Annotated[
        Voice, typer.Option(help="Voice encoder. auto: the table's, else ecapa if available.")
    ] = Voice.auto,
    frames: Annotated[int, typer.Option(min=1, max=64, help="Frames to read in each clip.")] = 8,
    audio_track: AudioTrackOption = None,
    video_track: VideoTrackOption = None,
    turns: Annotated[
        bool | None,
        typer.Option(
            "--turns/--no-turns",
            help="Cut files into turns of one speaker, a row each, with start and end; the folder's name goes "
            "to who speaks most. Default: files of over two minutes. --no-turns: of these, read the first two minutes.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100_000,
            help="Number of processes; 0: only this one. Default: one a core, or two on a GPU.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    engine: Annotated[
        Engine, typer.Option(help="local: this machine. ray: a Ray cluster (docs/scale.md).")
    ] = Engine.local,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="With --engine ray: the cluster's head; this machine must be part of the cluster. "
            "Default: auto, the cluster that runs here; if there is none, this machine alone.",
        ),
    ] = None,
    gpus_per_worker: Annotated[
        float,
        typer.Option(
            min=0,
            help="With --engine ray: GPUs of each worker. 0.25: four share one. 0: only CPUs.",
        ),
    ] = 0.0,
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn the face and the voice of every clip into features.

    Folders name the speakers: <speaker>/<language>/<recording>/<clip>.mp4, or fewer levels, or as
    --layout says. What was understood is shown before work starts, --dry-run shows nothing else. A second
    run re-uses what the table holds. Clips and folders that cannot be read are listed at the end.
    Files of over two minutes are cut into turns: `mraf find ann` then gives file and time.
    """
    from mraf.pipeline.commands.terminal.bars import extract_bars
    from mraf.pipeline.extraction.extract import extract as run
    from mraf.pipeline.workspace import Workspace

    if dry_run:
        _show_preview(
            paths or (),
            manifest=manifest,
            root=root,
            layout=layout,
            exclude=exclude or (),
            as_json=as_json,
        )
        return
    told: list[str] = []
    cluster = _engine(
        engine,
        address=address,
        workers=workers,
        gpus=gpus_per_worker,
        device=device,
        precision=str(precision),
    )
    place = Workspace.at(workspace)
    with extract_bars(as_json) as (on_download, on_progress, on_page):

        def on_understood(found: "Understood") -> None:
            on_page(found)
            told.extend(found.warnings)

        report = run(
            paths or (),
            workspace=place,
            manifest=manifest,
            root=root,
            face=str(face),
            voice=str(voice),
            layout=layout,
            exclude=exclude or (),
            frames=frames,
            audio_track=audio_track,
            video_track=video_track,
            turns=turns,
            workers=workers,
            device=device,
            precision=str(precision),
            engine=cluster,
            weights_dir=weights_dir,
            offline=offline,
            on_understood=on_understood,
            on_progress=on_progress,
            on_download=on_download,
            on_note=say,
        )
    if as_json:
        print_json(report.as_dict())
    else:
        show_extracted(report, place.table.folder)
        show_left_out(report.other_files, report.set_aside, report.unreadable_folders)
        show_warnings([each for each in report.warnings if each not in told])
    if report.failed or report.unreadable_folders:
        raise typer.Exit(1)


def _show_preview(
    paths: Sequence[Path],
    *,
    manifest: Path | None,
    root: Path | None,
    layout: str | None,
    exclude: Sequence[str],
    as_json: bool,
) -> None:
    """Print what is understood of the labels of clips."""
    from mraf.pipeline.extraction.extract import preview

    found = preview(
        paths, manifest=manifest, root=root, layout=layout, exclude=exclude, on_note=say
    )
    if as_json:
        print_json(found.as_dict())
    else:
        show_understood(found)
        show_left_out(found.other_files, found.set_aside, found.unreadable_folders)
    if found.unreadable_folders:
        raise typer.Exit(1)


def _engine(
    name: Engine,
    *,
    address: str | None,
    workers: int | None,
    gpus: float,
    device: str,
    precision: str,
) -> "RayEngine | None":
    """Return the engine that was asked for; None for processes on this machine."""
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
        on_start=say_cluster,
        on_note=say,
    )


def say_cluster(cluster: "Cluster") -> None:
    """Print the Ray cluster that an extraction works on."""
    where = "started on this machine" if cluster.is_own else f"cluster at {cluster.address}"
    gpus = f", {count(cluster.gpus, 'GPU')}" if cluster.gpus else ""
    say(f"Ray: {where}, {count(cluster.nodes, 'node')}, {count(cluster.cpus, 'core')}{gpus}")
    if cluster.dashboard:
        say(f"Dashboard: {cluster.dashboard}")


def show_extracted(report: "ExtractReport", folder: Path) -> None:
    """Print how many clips were embedded, and which of them lack a face or a voice."""
    show(
        f"{count(report.clips, 'clip')} in [bold]{escape(str(folder))}[/]: {report.embedded} new, "
        f"{report.reused} re-used, {report.seconds:.0f} s ({report.clips_per_second:.1f} clips/s)"
    )
    rows = report.clips - report.files_by_turns + report.turns
    if report.files_by_turns:
        show(
            f"  turns  {report.turns} in {count(report.files_by_turns, 'file')}: each is a row of the table"
        )
    for name, reasons in (("face", report.face_reasons), ("voice", report.voice_reasons)):
        found = rows - sum(reasons.values())
        detail = ", ".join(f"{n} {REASONS.get(r, r)}" for r, n in sorted(reasons.items()))
        show(f"  {name:<5}  {found} of {rows}" + (f"  ({detail})" if detail else ""))
    show(f"  by     {report.encoders}")
    if report.renamed:
        old, new = report.renamed[0]
        show(
            f"[yellow]{count(len(report.renamed), 'clip')} known under another name[/] now have the new "
            f"name and its speaker in the table (the first: {escape(old)} is now {escape(new)})."
        )
    if report.renamed_speakers:
        pairs = ", ".join(f"{old} is now {new}" for old, new in report.renamed_speakers.items())
        show(f"Speakers under the names that `mraf rename` gave them: {escape(pairs)}")
    if report.gone:
        clips = count(len(report.gone), "clip")
        show(
            f"[yellow]{clips} of the table {'is' if len(report.gone) == 1 else 'are'} gone from the disk[/] "
            f"(the first: {escape(report.gone[0])}) and will not train; `mraf features prune` removes "
            f"{'its row' if len(report.gone) == 1 else 'their rows'}."
        )
    if report.failed:
        show(f"[yellow]{len(report.failed)} could not be read:[/]")
        show_first(report.failed, lambda failure: f"{failure.clip}: {failure.error}")
    failed = {failure.clip for failure in report.failed}
    if missing := [each for each in report.missing if each.clip not in failed]:
        show(f"[yellow]{len(missing)} without a face or a voice:[/]")
        show_first(missing, _reasons_of)
    cut = [each for each in report.noted if each.turns]
    noted = [each for each in report.noted if not each.turns]
    for those, title in (
        (cut, "cut into turns"),
        (noted, "with a face and a voice, and something to know"),
    ):
        if those:
            show(f"{len(those)} {title}:")
            show_first(those, lambda each: f"{each.clip}: {each.note}")


def _reasons_of(missing: "Missing") -> str:
    """Return a line on what a clip lacks and why."""
    pairs = (("picture", missing.face), ("sound", missing.voice))
    # "cannot be read" does not say by itself which of the two it means.
    reasons = (
        f"{noun} {REASONS[r]}"
        if r == "decode_error"
        else reason_in_words(r, missing.seconds, missing.seconds_read)
        for noun, r in pairs
        if r
    )
    detail = f" ({missing.detail})" if missing.detail else ""
    return f"{missing.clip}: {'; '.join(reasons)}{detail}"
