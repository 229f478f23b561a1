"""The command `mraf identify`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mraf.pipeline.answers.words import reason_in_words, share
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
    count,
    escape,
    print_json,
    say,
    show,
    show_notes,
)

if TYPE_CHECKING:
    from mraf.pipeline.answers.answer import Candidate, Evidence, Prediction

SURE = 0.99
"""Probability that a person is enrolled from which it is not shown."""
WORTH = 0.01
"""Least probability of a candidate that is shown behind the first."""
EVEN = 1e-4
"""Candidates whose probabilities differ by less have been given the same share."""


def identify(
    clips: Annotated[
        list[Path],
        typer.Argument(metavar="CLIP", help="Videos, sound files, pictures, or folders of them."),
    ],
    model: ModelOption = None,
    top: Annotated[int, typer.Option(min=1, help="Number of candidates to show.")] = 5,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Least probability, 0 to 1, that a person is enrolled for a name. Default: the model's."
        ),
    ] = None,
    audio_track: AudioTrackOption = None,
    video_track: VideoTrackOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the speaker of each clip, or say that the person is unknown."""
    from mraf.device import choose_device
    from mraf.extractors.processor import refuse_or_remark
    from mraf.pipeline.commands.terminal.bars import download_lines
    from mraf.pipeline.identification import identify as run

    if line := refuse_or_remark(str(precision), choose_device(device)):
        say(line)
    of_the_model: list[str] = []

    def note(line: str) -> None:
        of_the_model.append(line)
        if not as_json:
            show_notes([line])

    def show_next(prediction: "Prediction") -> None:
        own = [
            each for each in prediction.notes if each not in of_the_model
        ]  # those are shown once
        show_identified(prediction, own)

    predictions = run(
        clips,
        workspace=workspace,
        model=model,
        top=top,
        threshold=threshold,
        audio_track=audio_track,
        video_track=video_track,
        weights_dir=weights_dir,
        offline=offline,
        device=device,
        precision=str(precision),
        on_download=download_lines(as_json),
        on_note=note,
        on_prediction=None if as_json else show_next,
    )
    if as_json:
        print_json({"clips": [prediction.as_dict() for prediction in predictions]})
    if any(prediction.error is not None for prediction in predictions):
        raise typer.Exit(1)


def show_identified(prediction: "Prediction", notes: Sequence[str] = ()) -> None:
    """Print the candidates of a clip, the weights of its face and voice, and notes."""
    show(f"[bold]{escape(prediction.path)}[/]")
    nothing = not (prediction.face.present or prediction.voice.present)
    if prediction.speaker is not None:
        first, *others = prediction.candidates
        doubt = prediction.known if prediction.known is not None else 1.0
        enrolled = f"  ({share(doubt)} that this person is enrolled)" if doubt < SURE else ""
        show(f"  [green bold]{escape(first.speaker)}[/]  {share(first.probability)}{enrolled}")
        if rest := ", ".join(f"{escape(c.speaker)} {share(c.probability)}" for c in worth(others)):
            show(f"  then   {rest}")
    elif prediction.unknown:
        like = escape(prediction.candidates[0].speaker)
        enrolled = share(prediction.known or 0.0)
        show(
            f"  [yellow bold]unknown[/]  ({enrolled} that this person is enrolled; most like: {like})"
        )
    elif nothing and "decode_error" not in (prediction.face.reason, prediction.voice.reason):
        show("  [yellow]not identified[/]: there is neither face nor voice in it")
    else:
        why = (prediction.error or "").removeprefix(f"{Path(prediction.path).name}: ")
        show(f"  [yellow]not identified[/]: {escape(why)}")
    if not (nothing and "decode_error" in (prediction.face.reason, prediction.voice.reason)):
        show(f"  face   {_evidence(prediction.face, prediction)}")
        show(f"  voice  {_evidence(prediction.voice, prediction)}")
    show_notes(notes)
    show()


def worth(others: "Sequence[Candidate]") -> "list[Candidate]":
    """Return the candidates behind the first who are worth reading.

    Under 1 % is nobody; so are several whom all the same is left, the share of a voice that nobody knows.
    """
    likely = [each for each in others if each.probability >= WORTH]
    if len(likely) > 1 and likely[0].probability - likely[-1].probability < EVEN:
        return []
    return likely


def _evidence(evidence: "Evidence", prediction: "Prediction") -> str:
    if not evidence.present:
        reason = reason_in_words(evidence.reason or "", prediction.seconds, prediction.seconds_read)
        return f"missing: {reason}" + (f" ({escape(evidence.problem)})" if evidence.problem else "")
    if evidence.frames is not None:
        return f"weight {evidence.weight:.2f}, in {count(evidence.frames, 'frame')}"
    return f"weight {evidence.weight:.2f}, {evidence.seconds:.1f} s of speech"
