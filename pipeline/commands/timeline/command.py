"""The command `mraf timeline`."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

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
from mraf.pipeline.commands.timeline.options import (
    Corrections,
    EmbedOption,
    EnrolOption,
    FaceOption,
    FormatsOption,
    MaxSpeakersOption,
    MinSpeakersOption,
    NoCorrectionsOption,
    OutOption,
    RenameOption,
    SpeakersOption,
    SplitOption,
    ThresholdOption,
    VideosArgument,
    VoiceOption,
)

if TYPE_CHECKING:
    from mraf.pipeline.timeline.corrections.correct import CorrectReport
    from mraf.pipeline.timeline.run import TimelineDone


def timeline(
    videos: VideosArgument,
    out: OutOption = None,
    formats: FormatsOption = None,
    embed: EmbedOption = False,
    speakers: SpeakersOption = None,
    min_speakers: MinSpeakersOption = None,
    max_speakers: MaxSpeakersOption = None,
    model: ModelOption = None,
    threshold: ThresholdOption = None,
    rename: RenameOption = None,
    split: SplitOption = None,
    enrol: EnrolOption = None,
    no_corrections: NoCorrectionsOption = False,
    yes: YesOption = False,
    audio_track: AudioTrackOption = None,
    video_track: VideoTrackOption = None,
    face: FaceOption = Face.auto,
    voice: VoiceOption = Voice.auto,
    device: DeviceOption = "auto",
    precision: PrecisionOption = Precision.auto,
    weights_dir: WeightsOption = None,
    offline: OfflineOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who speaks when in long videos, and who is seen.

    People whom the model knows have their names, the others numbers (unknown 1, unknown 2, ...). Of talk.mp4,
    timelines/talk/ holds timeline.json and what is written from it: subtitles, tables, labels, and timeline.html, a
    page to look and listen, which plays the video where it lies. A second run reads nothing again, so that other options
    (--speakers, --formats, --threshold, --model) take seconds, longer for many hours; after Ctrl-C the same
    command goes on.

    A name that --rename gives is known in this file alone, until --enrol puts the person into the model.

    Whose lips speak is seen by LR-ASD, which `make install` fetches; elsewhere say mraf weights get lr-asd (3 MB)
    before the first run. Without it a voice is linked to the face that is seen whenever it is heard, and a note says so.

    mraf timeline talk.mp4

    mraf timeline talk.mp4 --rename "unknown 1=Ann Lee" --enrol "Ann Lee"
    """
    options = dict(locals())  # by the names of the Python interface, but for these
    options.pop("as_json")
    options["corrections"] = not options.pop("no_corrections")
    options |= {"face": str(face), "voice": str(voice), "precision": str(precision)}
    corrections = Corrections.of(options)
    if corrections is None:
        _make(options, as_json=as_json)
    else:
        _correct(corrections, options, as_json=as_json)


def _make(options: dict[str, Any], *, as_json: bool) -> None:
    """Make timelines, and show each when it is done."""
    from mraf.pipeline.commands.terminal.bars import timeline_bars
    from mraf.pipeline.commands.timeline.shown import show_timeline
    from mraf.pipeline.timeline.run import timeline as run

    shown = _Shown(as_json)
    ask = asked(as_json)
    with timeline_bars(as_json) as (on_download, on_progress, aside):

        def take(each: "TimelineDone") -> None:
            shown.add(each)
            if not as_json:
                aside(show_timeline, each)

        def note(line: str) -> None:
            aside(say, line) if as_json else aside(show_notes, [line])

        try:
            run(
                options.pop("videos"),
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

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._file: IO[bytes] | None = None
        self._lengths: list[int] = []  # of the objects in the file, in bytes
        self._others: list[bytes] = []  # those after them, for which the disk has no room
        self.failed = False  # a file could not be read, or a format not be written
        if as_json:
            with suppress(OSError):
                self._file = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115 - closed with this object

    @property
    def count(self) -> int:
        """Number of the objects that are kept."""
        return len(self._lengths) + len(self._others)

    def add(self, done: "TimelineDone") -> None:
        """Take a file that is done."""
        self.failed = self.failed or done.timeline.error is not None or bool(done.problems)
        if self._as_json:
            found = json_of(_as_json(done)).encode()
            if self._is_written(found):
                self._lengths.append(len(found))
            else:
                self._others.append(found)

    def details(self) -> dict[str, object]:
        """Return them for an error that ends the command."""
        return {"videos": [json.loads(each) for each in self._each()]} if self.count else {}

    def print(self) -> None:
        """Print one object with all of them."""
        print('{\n  "videos": [')
        for number, found in enumerate(self._each(), start=1):
            print("    " + found.decode() + ("," if number < self.count else ""))
        print("  ]\n}")

    def _is_written(self, found: bytes) -> bool:
        if self._file is None or self._others:
            return False
        try:
            return self._file.write(found) == len(found)
        except OSError:  # a full disk must not end the work on other files
            return False

    def _each(self) -> Iterator[bytes]:
        if self._file is not None:
            self._file.seek(0)
            yield from map(self._file.read, self._lengths)
        yield from self._others


def _correct(corrections: Corrections, options: dict[str, Any], *, as_json: bool) -> None:
    """Correct the timeline of a file, and enrol people of it."""
    from mraf.pipeline.commands.terminal.bars import timeline_bars
    from mraf.pipeline.timeline.corrections.correct import correct as run

    videos: Sequence[Path] = options.pop("videos")
    if len(videos) != 1:
        raise UsageError(
            f"--rename, --split and --enrol are for the timeline of one file, and {len(videos)} are named."
        )
    ask = asked(as_json)
    try:
        with timeline_bars(as_json) as (on_download, on_progress, aside):
            report = run(
                videos[0],
                rename=corrections.rename,
                split=corrections.split,
                enrol=corrections.enrol,
                **options,
                on_question=ask and partial(aside, ask),
                on_progress=on_progress,
                on_download=on_download,
            )
    except KeyboardInterrupt:
        say(
            "The corrections are kept, if they were made; the next `mraf timeline VIDEO` writes the formats that were not "
            "finished, such as mp4."
        )
        raise
    _show(report, as_json=as_json)


def _show(report: "CorrectReport", *, as_json: bool) -> None:
    from mraf.pipeline.commands.people.enrol import show_enrolled
    from mraf.pipeline.commands.timeline.shown import show_corrected

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
