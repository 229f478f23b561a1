"""The command `mraf timeline`."""

import json
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mraf.errors import MrafError, UsageError
from mraf.extractors.names import Face, Voice
from mraf.pipeline.commands.people.enrol import YesOption, asked
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
from mraf.pipeline.commands.terminal.output import as_json as json_of
from mraf.pipeline.commands.terminal.output import print_json, say, show_notes

if TYPE_CHECKING:
    from mraf.pipeline.timeline.run import TimelineDone

_FORMATS = "json, rttm, vtt, srt, eaf (ELAN), txt (Audacity), csv, html, mp4 (names in the picture)"


def _formats(incomplete: str) -> list[str]:
    """Return formats for completion by the shell."""
    done, comma, last = incomplete.rpartition(",")
    names = "all json rttm vtt srt eaf txt csv html mp4".split()
    return [f"{done}{comma}{name}" for name in names if name.startswith(last)]


def timeline(
    videos: Annotated[
        list[Path],
        typer.Argument(
            metavar="VIDEO",
            help="Videos, sound files, or folders of them. To correct: one video, or the folder of its outputs.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of the outputs, with one in it for each file. Default: ./timelines.",
        ),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help=f"Formats to write: {_FORMATS}, or all. Default: all but eaf and mp4.",
            autocompletion=_formats,
        ),
    ] = None,
    embed: Annotated[
        bool,
        typer.Option("--embed", help="Put the video into the HTML page, in place of a link to it."),
    ] = False,
    speakers: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Number of people who speak in each file. Default: counted."
        ),
    ] = None,
    min_speakers: Annotated[int | None, typer.Option(metavar="N", help="At least.")] = None,
    max_speakers: Annotated[int | None, typer.Option(metavar="N", help="At most.")] = None,
    model: ModelOption = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Least probability, 0 to 1, that a person is enrolled for a name. Default: the model's."
        ),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OLD=NEW",
            help='Correct the timeline that is there: "unknown 1=Ann". Makes one of two where Ann is in it '
            'already; "Ann=unknown" takes a name away. May be repeated.',
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME@FROM-TO=NEW",
            help='Correct the timeline that is there: "Ann@12:30-14:00=Bob" gives Bob (or unknown) what Ann '
            "says in this time. May be repeated.",
        ),
    ] = None,
    enrol: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Enrol this person of the timeline in the model, by the face and the voice in this file. May "
            "be repeated.",
        ),
    ] = None,
    no_corrections: Annotated[
        bool,
        typer.Option(
            "--no-corrections",
            help="Set aside the corrections that were made by hand (corrections.old.json).",
        ),
    ] = False,
    yes: YesOption = False,
    audio_track: AudioTrackOption = None,
    video_track: VideoTrackOption = None,
    face: Annotated[
        Face,
        typer.Option(
            help="Face encoder. auto: the model's or the table's, else facenet if available."
        ),
    ] = Face.auto,
    voice: Annotated[
        Voice,
        typer.Option(
            help="Voice encoder. auto: the model's or the table's, else ecapa if available."
        ),
    ] = Voice.auto,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who speaks when in long videos, and who is seen.

    People whom the model knows have their names, the others numbers (unknown 1, unknown 2, ...). Each file
    gets a folder with timeline.json and what is written from it: subtitles, tables, labels, a page to play
    and look at. A second run reads nothing again, so that other options (--speakers, --formats, --threshold, --model)
    take no time; after Ctrl-C the same command goes on.

    mraf timeline talk.mp4

    mraf timeline talk.mp4 --rename "unknown 1=Ann Lee" --enrol "Ann Lee"
    """
    of_networks = {
        "workspace": workspace,
        "model": model,
        "audio_track": audio_track,
        "video_track": video_track,
        "face": str(face),
        "voice": str(voice),
        "weights_dir": weights_dir,
        "offline": offline,
        "device": device,
        "precision": str(precision),
    }
    own = (formats, embed, speakers, min_speakers, max_speakers, threshold, no_corrections)
    if rename or split or enrol:
        if any(each is not None and each is not False for each in own):
            raise UsageError(
                "--rename, --split and --enrol correct the timeline that is there: give formats, numbers of speakers "
                "and the like in a command of their own."
            )
        _correct(
            videos,
            out,
            rename or (),
            split or (),
            enrol or (),
            of_networks,
            yes=yes,
            as_json=as_json,
        )
        return
    _make(
        videos,
        {
            "out": out,
            "formats": formats,
            "embed": embed,
            "speakers": speakers,
            "min_speakers": min_speakers,
            "max_speakers": max_speakers,
            "threshold": threshold,
            "corrections": not no_corrections,
            "yes": yes,
            **of_networks,
        },
        as_json=as_json,
    )


def _make(videos: Sequence[Path], options: dict[str, Any], *, as_json: bool) -> None:
    """Make timelines, and show each when it is done."""
    from mraf.pipeline.commands.terminal.bars import timeline_bars
    from mraf.pipeline.commands.timeline.shown import show_timeline
    from mraf.pipeline.timeline.run import timeline as run

    shown = _Shown()
    ask = asked(as_json)
    with timeline_bars(as_json) as (on_download, on_progress, aside):

        def take(each: "TimelineDone") -> None:
            shown.add(each, as_json=as_json)
            if not as_json:
                aside(show_timeline, each)

        def note(line: str) -> None:
            aside(say, line) if as_json else aside(show_notes, [line])

        try:
            run(
                videos,
                **options,
                on_progress=on_progress,
                on_download=on_download,
                on_note=note,
                on_done=take,
                on_question=ask and partial(aside, ask),
            )
        except MrafError as error:
            error.details = shown.details() | dict(error.details)  # printed beside the error
            raise
        except KeyboardInterrupt:
            if not shown.count:
                raise
            raise _InterruptedError(shown.details()) from None
    if as_json:
        shown.print()
    if shown.failed:
        raise typer.Exit(1)


class _InterruptedError(MrafError):
    """Ctrl-C, with the files that were done."""

    exit_code = 130

    def __init__(self, details: dict[str, object]) -> None:
        super().__init__(
            "Interrupted. What was done is kept: `mraf timeline` of the same files goes on from there."
        )
        self.details = details


class _Shown:
    """What is to be printed as JSON of the files that are done, kept in a temporary file: it may be long."""

    def __init__(self) -> None:
        self._lines = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed with this object
        self.count = 0  # of the objects that are kept
        self.failed = False  # a file could not be read, or a format not be written

    def add(self, done: "TimelineDone", *, as_json: bool) -> None:
        """Take a file that is done."""
        self.failed = self.failed or done.timeline.error is not None or bool(done.problems)
        if as_json:
            self._lines.write(json_of(_as_json(done)) + "\n")
            self.count += 1

    def details(self) -> dict[str, object]:
        """Return them for an error that ends the command."""
        self._lines.seek(0)
        return {"videos": [json.loads(line) for line in self._lines]} if self.count else {}

    def print(self) -> None:
        """Print one object with all of them."""
        self._lines.seek(0)
        print('{\n  "videos": [')
        for number, line in enumerate(self._lines, start=1):
            print("    " + line.rstrip("\n") + ("," if number < self.count else ""))
        print("  ]\n}")


def _correct(
    videos: Sequence[Path],
    out: Path | None,
    rename: Sequence[str],
    split: Sequence[str],
    enrol: Sequence[str],
    of_networks: dict[str, Any],
    *,
    yes: bool,
    as_json: bool,
) -> None:
    """Correct the timeline of a file, and enrol people of it."""
    from mraf.pipeline.commands.people.enrol import show_enrolled
    from mraf.pipeline.commands.terminal.bars import timeline_bars
    from mraf.pipeline.commands.timeline.shown import show_corrected
    from mraf.pipeline.timeline.corrections.correct import correct as run

    if len(videos) != 1:
        raise UsageError(
            f"--rename, --split and --enrol are for the timeline of one file, and {len(videos)} are named."
        )
    ask = asked(as_json)
    try:
        with timeline_bars(as_json) as (on_download, on_progress, aside):
            report = run(
                videos[0],
                rename=rename,
                split=split,
                enrol=enrol,
                out=out,
                yes=yes,
                **of_networks,
                on_question=ask and partial(aside, ask),
                on_progress=on_progress,
                on_download=on_download,
            )
    except KeyboardInterrupt:
        say(
            "The corrections are kept, if they were made; `mraf timeline VIDEO --formats NAME` writes a format anew that "
            "was not finished, such as mp4."
        )
        raise
    if as_json:
        print_json(report.as_dict())
    else:
        show_corrected(report)
        for each in report.enrolled:
            show_enrolled(each)
    if report.problems or any(each.refused for each in report.enrolled):
        raise typer.Exit(1)


def _as_json(done: "TimelineDone") -> dict[str, Any]:
    """Return the object of a file that `mraf timeline --json` prints."""
    from mraf.pipeline.timeline.outputs.stored import as_json

    return as_json(done.timeline) | {
        "path": str(done.path),
        "folder": None if done.timeline.error is not None else str(done.folder),
        "files": [str(file) for file in done.files],
        "problems": list(done.problems),
        "remarks": list(done.remarks),
        "corrections": done.corrections,
        "reused": round(done.reused, 3),
        "elapsed": round(done.elapsed, 3),
    }
