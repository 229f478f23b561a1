"""Corrections of a timeline that are checked and agreed to before anything is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mraf.errors import UsageError
from mraf.pipeline.timeline.corrections.applied import corrected
from mraf.pipeline.timeline.corrections.edits import Edit, rename_edit, rename_of, split_of
from mraf.pipeline.timeline.corrections.enrolling import check_enrolled
from mraf.pipeline.timeline.corrections.stored import FILE, Corrections, holds, read_corrections
from mraf.pipeline.timeline.places import SOURCE
from mraf.pipeline.timeline.spans import shared
from mraf.pipeline.timeline.timeline import Timeline

AT_ONCE = 1.0
"""Seconds for which two must be seen at once to be told when they are to become one."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Corrections that were checked and agreed to."""

    state: tuple[object, ...]  # of the files that they were checked with
    timeline: Timeline  # corrected
    earlier: Corrections
    made: tuple[Edit, ...]
    enrol: tuple[str, ...]  # names
    video: Path | None  # None where it is not at hand


def planned(
    file: Path,
    folder: Path,
    steps: Sequence[Callable[[Timeline], Edit]],
    enrol: Sequence[str],
    *,
    yes: bool,
    on_question: Callable[[str], bool] | None,
) -> Plan:
    """Check corrections, and ask what is to be asked; nothing is written. Raises what `correct` raises."""
    from mraf.pipeline.timeline.outputs.write import read

    state = state_of(folder)
    timeline, earlier = read(folder), read_corrections(folder)
    video = video_of(file, timeline)
    _check_content(timeline, earlier, folder, video)
    made: list[Edit] = []
    for step in steps:
        edit = step(timeline)
        _ask(timeline, edit, yes=yes, on_question=on_question)
        timeline = corrected(timeline, edit)
        made.append(edit)
    names = dict.fromkeys(check_enrolled(name, timeline) for name in enrol)
    if not made and not names:
        raise UsageError("Nothing to correct: say whom to --rename or --enrol, or what to --split.")
    if names and video is None:
        raise UsageError(f"{timeline.path}: is not there, and nobody can be enrolled without it.")
    return Plan(
        state=state,
        timeline=replace(timeline, path=str(video.absolute()) if video else timeline.path),
        earlier=earlier,
        made=tuple(made),
        enrol=tuple(names),
        video=video,
    )


def steps_of(
    rename: Mapping[str, str] | Sequence[str], split: Sequence[str]
) -> list[Callable[[Timeline], Edit]]:
    """Return functions that make each correction, for the timeline as those before it leave it."""
    if isinstance(rename, Mapping):
        renames = [partial(rename_edit, old, new) for old, new in rename.items()]
    else:
        renames = [partial(rename_of, text) for text in rename]
    return [*renames, *(partial(split_of, text) for text in split)]


def video_of(file: Path, timeline: Timeline) -> Path | None:
    """Return the video or sound file of a timeline; None where it is not at hand."""
    if file.is_file() and file.suffix != ".json":
        return file
    return Path(timeline.path) if timeline.path and Path(timeline.path).is_file() else None


def state_of(folder: Path) -> tuple[object, ...]:
    """Return what changes when the timeline of a folder, or its corrections, are written."""
    found: list[object] = []
    for name in (SOURCE, FILE):
        try:
            stat = (folder / name).stat()
            found.append((stat.st_ino, stat.st_mtime_ns, stat.st_size))
        except OSError:
            found.append(None)
    return tuple(found)


def _check_content(
    timeline: Timeline, earlier: Corrections, folder: Path, video: Path | None
) -> None:
    """Raise UsageError where a timeline, or its corrections, are of something else than the file holds now."""
    if video is None:
        return
    known = [(f"{folder}: this timeline is", timeline.content, timeline.content_bytes)]
    if earlier.edits and earlier.content != timeline.content:
        kept = f"{folder / FILE}: these corrections are"
        known.append((kept, earlier.content, earlier.content_bytes))
    for what, content, size in known:
        try:
            fits = holds(video, content, size)
        except OSError as error:
            raise UsageError(f"{video}: cannot be read ({error.strerror or error}).") from None
        if not fits:
            raise UsageError(
                f"{what} of other content than {video} holds now. Run `mraf timeline` on it first. Nothing was changed."
            )


def _ask(
    timeline: Timeline, edit: Edit, *, yes: bool, on_question: Callable[[str], bool] | None
) -> None:
    """Raise UsageError where two people would become one and nobody says that they are."""
    names = {person.name for person in timeline.people}
    if edit.is_split or edit.name not in names or yes:
        return
    doubt = f"'{edit.name}' is somebody in this timeline already, and '{edit.person}' would become one with them."
    at_once = shared(edit.seen, edit.name_seen)
    if at_once >= AT_ONCE:
        doubt += f" They are seen at once for {at_once:.0f} s."
    if on_question is None:
        raise UsageError(
            f"{doubt} If they are one person, say --yes (yes=True). Nothing was changed."
        )
    if not on_question(f"{doubt} Are they one person?"):
        raise UsageError(f"'{edit.person}' was not renamed.")
