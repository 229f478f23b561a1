"""The command `mraf identify`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.commands.terminal.options import (
    AudioTrackOption,
    DeviceOption,
    JsonOption,
    ModelOption,
    OfflineOption,
    Precision,
    PrecisionOption,
    VideoTrackOption,
    WeightsOption,
    WorkspaceOption,
)
from mraf.pipeline.commands.terminal.output import (
    REASONS,
    count,
    escape,
    print_json,
    say,
    show,
    show_notes,
)

if TYPE_CHECKING:
    from mraf.pipeline.identification import Evidence, Prediction


def identify(
    clips: Annotated[
        list[Path],
        typer.Argument(metavar="CLIP", help="Videos, sound files, pictures, or folders of them."),
    ],
    model: ModelOption = None,
    top: Annotated[int, typer.Option(min=1, help="Number of candidates to show.")] = 5,
    audio_track: AudioTrackOption = None,
    video_track: VideoTrackOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the speaker of each clip."""
    from mraf.device import choose_device
    from mraf.extractors.processor import refuse_or_remark
    from mraf.pipeline.commands.terminal.bars import download_lines
    from mraf.pipeline.identification import identify as run

    if line := refuse_or_remark(str(precision), choose_device(device)):
        say(line)
    noted: set[str] = set()

    def show_next(prediction: "Prediction") -> None:
        show_identified(prediction)
        # Those on the model are the same for every clip, and shown once.
        of_model = {note for note in prediction.notes if note.startswith("The model ")}
        if new := [note for note in prediction.notes if note not in noted & of_model]:
            show_notes(new)
            show()
        noted.update(of_model)

    predictions = run(
        clips,
        workspace=workspace,
        model=model,
        top=top,
        audio_track=audio_track,
        video_track=video_track,
        weights_dir=weights_dir,
        offline=offline,
        device=device,
        precision=str(precision),
        on_download=download_lines(as_json),
        on_prediction=None if as_json else show_next,
    )
    if as_json:
        print_json({"clips": [prediction.as_dict() for prediction in predictions]})
    if any(prediction.speaker is None for prediction in predictions):
        raise typer.Exit(1)


def show_identified(prediction: "Prediction") -> None:
    """Print the candidates of a clip and the weights of its face and voice."""
    show(f"[bold]{escape(prediction.path)}[/]")
    evidence = f"  face   {_evidence(prediction.face)}\n  voice  {_evidence(prediction.voice)}\n"
    if prediction.speaker is not None:
        first, *others = prediction.candidates
        show(f"  [green bold]{escape(first.speaker)}[/]  {first.probability:.1%}")
        if others:
            rest = ", ".join(f"{escape(c.speaker)} {c.probability:.1%}" for c in others)
            show(f"  then   {rest}")
        show(evidence)
    elif prediction.face.present or prediction.voice.present:
        show(f"  [yellow]not identified[/]: {escape(prediction.error or '')}")
        show(evidence)
    elif "decode_error" in (prediction.face.reason, prediction.voice.reason):
        show(f"  [yellow]not identified[/]: {escape(prediction.error or '')}\n")
    else:
        show("  [yellow]not identified[/]: there is neither face nor voice in it")
        show(evidence)


def _evidence(evidence: "Evidence") -> str:
    if not evidence.present:
        return f"missing: {REASONS.get(evidence.reason or '', evidence.reason)}"
    if evidence.frames is not None:
        return f"weight {evidence.weight:.2f}, in {count(evidence.frames, 'frame')}"
    return f"weight {evidence.weight:.2f}, {evidence.seconds:.1f} s of speech"
