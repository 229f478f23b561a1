"""Corrections that are made again when the timeline of a file is made anew."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mraf.errors import MrafError, UsageError
from mraf.pipeline.timeline.corrections.applied import applied, with_numbers_of
from mraf.pipeline.timeline.corrections.stored import (
    FILE,
    Corrections,
    holds,
    read_corrections,
    set_aside,
)
from mraf.pipeline.timeline.places import Place
from mraf.pipeline.timeline.timeline import Timeline

_NAMED = 5
"""Files that a question names."""


@dataclass(frozen=True, kw_only=True)
class Again:
    """A timeline with the corrections that were made by hand earlier."""

    timeline: Timeline
    count: int = 0  # of corrections
    remarks: tuple[str, ...] = ()  # on corrections that were set aside


def made_again(made: Timeline, place: Place, *, wanted: bool) -> Again:
    """Return a timeline that was made anew with the corrections of its folder.

    Those of another content of the file are set aside, as are all where they are not wanted. Unknown people
    keep the numbers of the timeline that somebody has corrected.

    Raises MrafError where corrections cannot be read or set aside.
    """
    found = read_corrections(place.folder) if wanted else Corrections()
    before = _before(place.folder) if found.edits else None
    if not wanted:
        aside = set_aside(place.folder)
        return Again(timeline=made, remarks=() if aside is None else (_unwanted(aside),))
    if not _are_of(found, before, made, place.path):
        aside = set_aside(place.folder)
        name = FILE if aside is None else aside.name
        remark = (
            f"its corrections by hand were not made again: they are of other content, which {place.path.name} does "
            f"not hold any more. They are kept as {name}."
        )
        return Again(timeline=made, remarks=(remark,))
    timeline, notes = applied(made, found.edits)
    if before is not None:  # somebody has looked at its numbers
        timeline = with_numbers_of(before, timeline)
    timeline = replace(timeline, notes=tuple(dict.fromkeys((*timeline.notes, *notes))))
    return Again(timeline=timeline, count=len(found.edits))


def check_set_aside(
    places: Sequence[Place], *, yes: bool, on_question: Callable[[str], bool] | None
) -> None:
    """Raise UsageError where corrections of several files would be set aside and nobody says so."""
    some = [place.path.name for place in places if (place.folder / FILE).is_file()]
    if len(some) < 2 or yes:
        return
    more = f" and {len(some) - _NAMED} more" if len(some) > _NAMED else ""
    doubt = f"--no-corrections sets aside the corrections of {len(some)} files: {', '.join(some[:_NAMED])}{more}."
    if on_question is None:
        raise UsageError(f"{doubt} To do that, say --yes (yes=True). Nothing was changed.")
    if not on_question(f"{doubt} Set them aside?"):
        raise UsageError("The corrections stay. Nothing was changed.")


def _are_of(found: Corrections, before: Timeline | None, made: Timeline, file: Path) -> bool:
    """Return True where corrections are of what a file holds now, or of what it began with."""
    content, size = found.content, found.content_bytes
    if not content and before is not None:  # they were kept without it
        content, size = before.content, before.content_bytes
    if not found.edits or not made.content or content == made.content:
        return True
    try:
        return holds(file, content, size)
    except OSError as error:
        raise MrafError(f"{file}: cannot be read ({error.strerror or error}).") from None


def _unwanted(aside: Path) -> str:
    return (
        f"the corrections by hand were set aside as {aside}: to have them again, give the file the name {FILE}"
        " and run the command without --no-corrections"
    )


def _before(folder: Path) -> Timeline | None:
    """Return the timeline that a folder of outputs holds; None where there is none that can be read."""
    from mraf.pipeline.timeline.outputs.write import read

    try:
        return read(folder)
    except MrafError:
        return None
