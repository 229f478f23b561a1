"""Timelines of videos and sound files: who speaks when, and who is seen."""

import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mraf.errors import MissingError, MrafError
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.weights import Progress
from mraf.pipeline.timeline.corrections.again import check_set_aside, made_again
from mraf.pipeline.timeline.corrections.stored import alone, read_corrections
from mraf.pipeline.timeline.making import FileMaker, Made
from mraf.pipeline.timeline.places import Place, places_of, settled
from mraf.pipeline.timeline.progress import TimelineProgress, Told, teller
from mraf.pipeline.timeline.several import Timelines
from mraf.pipeline.timeline.timeline import Timeline
from mraf.pipeline.timeline.wishes import Wishes, checked_wishes
from mraf.pipeline.timeline.written import Written, write_outputs
from mraf.pipeline.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class TimelineDone:
    """A timeline, and where its outputs are."""

    path: Path  # as it was given
    timeline: Timeline
    folder: Path
    files: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()  # why a format could not be written
    # On a folder of another path, formats that such a file cannot have, and corrections that were set aside.
    remarks: tuple[str, ...] = ()
    reused: float = 0.0  # seconds of the file that an earlier run had read
    corrections: int = 0  # made by hand earlier, and made again
    elapsed: float = 0.0  # s


def timeline(
    paths: Iterable[Path | str] | Path | str,
    *,
    workspace: Workspace | Path | str | None = None,
    out: Path | str | None = None,
    formats: Sequence[str] | str | None = None,
    embed: bool = False,
    speakers: int | None = None,
    min_speakers: int | None = None,
    max_speakers: int | None = None,
    model: str | None = None,
    threshold: float | None = None,
    corrections: bool = True,
    audio_track: str | None = None,
    video_track: int | None = None,
    face: str = "auto",
    voice: str = "auto",
    encoders: EncoderPair | None = None,
    weights_dir: Path | str | None = None,
    offline: bool = False,
    device: str = "auto",
    precision: str = "auto",
    on_progress: Callable[[TimelineProgress], None] | None = None,
    on_download: Progress | None = None,
    on_note: Callable[[str], None] | None = None,
    on_done: Callable[[TimelineDone], None] | None = None,
    yes: bool = False,
    on_question: Callable[[str], bool] | None = None,
) -> Sequence[Timeline]:
    """Say who speaks when in videos and sound files, and who is seen, and write that in several formats.

    People whom the workspace's model knows have their names, the others numbers: "unknown 1" and so on. A file
    that was read before, or in part, is not read again: what was found in it is kept in the workspace.
    Corrections that were made by hand (`mraf.correct`) are made again. A file or folder that cannot be read
    gives a timeline with an `error`, as does one whose corrections cannot be read; outputs that cannot be written
    give a `TimelineDone` with `problems`; and the others go on.

    Args:
        paths: one or several videos, sound files, and folders of them.
        workspace: the folder with the model, by default `./mraf-workspace`. Without a model nobody is named.
        out: folder of the outputs, by default `./timelines`; each file has one in it, called as the file.
        formats: "json", "rttm", "vtt", "srt", "eaf", "txt", "csv", "html", "mp4" or "all"; json is always
            among them. By default all but eaf and mp4.
        embed: put the video into the HTML page, in place of a link to it.
        speakers: number of people who speak in each file, where it is known. It is not kept: without it, a later
            run counts them.
        min_speakers: least number of people who speak in each file.
        max_speakers: largest number of them.
        model: its name, by default the one trained last.
        threshold: of the probability that a person is enrolled, 0 to 1, in place of the model's own.
        corrections: False leaves out those that were made by hand, and keeps them under another name
            (`corrections.old.json`, `corrections.old.2.json`, ...).
        audio_track: number (from 1) or language of the sound track to read; by default the best.
        video_track: number (from 1) of the picture to read; by default the best.
        face: encoder where there is neither a model nor features, see `mraf.extract`.
        voice: likewise.
        encoders: in place of those that are chosen.
        weights_dir: a folder that may hold published weights.
        offline: never use the network.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "single" or "bfloat16" of the encoders' arithmetic on a CPU.
        on_progress: called now and then.
        on_download: called with name, bytes that are there and bytes in all while weights are fetched.
        on_note: called with a line for people, such as that there is no model.
        on_done: called after each file.
        yes: True answers the question whether the corrections of several files are to be set aside.
        on_question: called with that question; without it the answer is no, unless `yes` is True.

    Returns:
        The timelines, in the order of the files. Each is read from its `timeline.json` when it is asked for.

    Raises:
        UsageError: a path is not there, or an option cannot be; or the encoders are not the model's.
        MissingError: there is no model of that name, or weights are not here and cannot be fetched.
    """
    wishes = checked_wishes(
        formats=formats,
        embed=embed,
        speakers=speakers,
        min_speakers=min_speakers,
        max_speakers=max_speakers,
        model=model,
        threshold=threshold,
    )
    named = [paths] if isinstance(paths, Path | str) else list(paths)
    places, unreadable = places_of(named, out)
    if not corrections:
        check_set_aside(places, yes=yes, on_question=on_question)
    maker = FileMaker(
        Workspace.at(workspace),
        wishes,
        audio_track=audio_track,
        video_track=video_track,
        face=face,
        voice=voice,
        encoders=encoders,
        weights_dir=Path(weights_dir) if weights_dir else None,
        offline=offline,
        device=device,
        precision=precision,
        on_download=on_download,
    )
    _note(maker, places if corrections else (), on_note)
    found = Timelines()
    for done in _each(maker, places, wishes, on_progress, corrections=corrections):
        found.add(done.timeline, done.folder if done.files else None)
        if on_done:
            on_done(done)
    for folder, reason in unreadable.items():
        lost = _lost(Path(folder), f"this folder cannot be listed ({reason})")
        found.add(lost.timeline, None)
        if on_done:
            on_done(lost)
    return found


def _note(maker: FileMaker, places: Sequence[Place], on_note: Callable[[str], None] | None) -> None:
    """Tell what is to be known before hours of work, damaged corrections of one of many files among it."""
    if on_note is None:
        return
    for line in maker.notes:
        on_note(line)
    for place in places if len(places) > 1 else ():
        try:
            read_corrections(place.folder)
        except MrafError as error:
            on_note(str(error))


def _each(
    maker: FileMaker,
    places: Sequence[Place],
    wishes: Wishes,
    on_progress: Callable[[TimelineProgress], None] | None,
    *,
    corrections: bool,
) -> Iterator[TimelineDone]:
    """Make the timelines of files, one after the other."""
    for number, place in enumerate(places, start=1):
        told = teller(on_progress, place.path, number, len(places))
        yield _done(maker, place, wishes, told, corrections=corrections)


def _done(
    maker: FileMaker, place: Place, wishes: Wishes, told: Told, *, corrections: bool
) -> TimelineDone:
    """Make the timeline of a file and write its outputs."""
    started = time.monotonic()
    try:
        if corrections:
            read_corrections(place.folder)  # damaged ones end it before hours of work
        made = maker.make(place.path, told)
        if made.timeline.error is not None:
            return _lost(place.path, made.timeline.error)
        done = _with_outputs(made, place, wishes, told, corrections=corrections)
    except MissingError:
        raise
    except MrafError as error:
        done = _lost(place.path, str(error))
    except Exception as error:  # a fault of ours costs this file alone
        done = _lost(place.path, _unforeseen(error))
    return replace(done, elapsed=time.monotonic() - started)


def _with_outputs(
    made: Made, place: Place, wishes: Wishes, told: Told, *, corrections: bool
) -> TimelineDone:
    """Correct a timeline and write its outputs. Raises MrafError where corrections cannot be read."""
    place = settled(place, made.timeline.content)
    with alone(place.folder):
        again = made_again(made.timeline, place, wanted=corrections)
        found = replace(again.timeline, path=str(place.path.absolute()))
        told("writing", 0.0, found.duration, 0.0)
        try:
            written = write_outputs(
                found,
                place.folder,
                wishes.formats,
                video=place.path,
                embed=wishes.embed,
                on_progress=lambda done, total: told("writing", done, total, 0.0),
            )
        except MrafError as error:
            written = Written(files=(), problems=(str(error),))
    return TimelineDone(
        path=place.path,
        timeline=found,
        folder=place.folder,
        files=written.files,
        problems=written.problems,
        remarks=(*place.remarks, *written.remarks, *again.remarks),
        reused=made.reused,
        corrections=again.count,
    )


def _unforeseen(error: Exception) -> str:
    """Return what to say of an error that nobody has thought of: it, and where it was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}, line {last.lineno}"
    return f"an error that was not foreseen: {type(error).__name__}: {error} ({where})"


def _lost(path: Path, error: str) -> TimelineDone:
    """Return the result of a file that cannot be read, whose earlier outputs stay."""
    return TimelineDone(
        path=path,
        timeline=Timeline(path=str(path.absolute()), duration=None, error=error),
        folder=path,
    )
