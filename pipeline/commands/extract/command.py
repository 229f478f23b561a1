"""The command `mraf extract`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from mraf.extractors.names import Face, Voice
from mraf.pipeline.commands.extract.options import (
    AddressOption,
    DryRunOption,
    Engine,
    EngineOption,
    ExcludeOption,
    FaceOption,
    FramesOption,
    GpusOption,
    LayoutOption,
    ManifestOption,
    PathsArgument,
    RootOption,
    TurnsOption,
    VoiceOption,
    WorkersOption,
    engine_of,
)
from mraf.pipeline.commands.extract.shown import show_extracted
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
from mraf.pipeline.commands.terminal.output import print_json, say

if TYPE_CHECKING:
    from mraf.data.clips.labels.understood import Understood

_OF_LABELS = ("paths", "manifest", "root", "layout", "exclude")
"""Options on which it depends what is understood of the labels of clips."""


def extract(
    paths: PathsArgument = None,
    manifest: ManifestOption = None,
    root: RootOption = None,
    layout: LayoutOption = None,
    exclude: ExcludeOption = None,
    dry_run: DryRunOption = False,
    face: FaceOption = Face.auto,
    voice: VoiceOption = Voice.auto,
    frames: FramesOption = 8,
    audio_track: AudioTrackOption = None,
    video_track: VideoTrackOption = None,
    turns: TurnsOption = None,
    workers: WorkersOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    engine: EngineOption = Engine.local,
    address: AddressOption = None,
    gpus_per_worker: GpusOption = 0.0,
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
    options = dict(locals())  # by the names of the Python interface, but for these
    for name in ("dry_run", "as_json", "address", "gpus_per_worker"):
        options.pop(name)
    options |= {"paths": paths or (), "exclude": exclude or ()}
    options |= {"face": str(face), "voice": str(voice), "precision": str(precision)}
    if dry_run:
        _show_preview({name: options[name] for name in _OF_LABELS}, as_json=as_json)
        return
    options["engine"] = engine_of(
        engine,
        address=address,
        workers=workers,
        gpus=gpus_per_worker,
        device=device,
        precision=str(precision),
    )
    _run(options, as_json=as_json)


def _run(options: dict[str, Any], *, as_json: bool) -> None:
    """Extract, and show what came of it."""
    from mraf.pipeline.commands.terminal.bars import extract_bars
    from mraf.pipeline.extraction.extract import extract as run
    from mraf.pipeline.workspace import Workspace

    told: list[str] = []
    options["workspace"] = place = Workspace.at(options["workspace"])
    with extract_bars(as_json) as (on_download, on_progress, on_page):

        def on_understood(found: "Understood") -> None:
            on_page(found)
            told.extend(found.warnings)

        report = run(
            **options,
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


def _show_preview(options: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what is understood of the labels of clips."""
    from mraf.pipeline.extraction.extract import preview

    found = preview(**options, on_note=say)
    if as_json:
        print_json(found.as_dict())
    else:
        show_understood(found)
        show_left_out(found.other_files, found.set_aside, found.unreadable_folders)
    if found.unreadable_folders:
        raise typer.Exit(1)
