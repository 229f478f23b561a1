"""What `mraf timeline` shows of a file."""

from pathlib import Path
from typing import TYPE_CHECKING

from mraf.pipeline.answers.words import share
from mraf.pipeline.commands.terminal.output import (
    clock,
    count,
    escape,
    new_table,
    show,
    show_notes,
)

if TYPE_CHECKING:
    from mraf.pipeline.timeline.corrections.correct import CorrectReport
    from mraf.pipeline.timeline.run import TimelineDone
    from mraf.pipeline.timeline.timeline import Person, Timeline

_SHOWN = 30
"""People of a file who are shown; more are in its outputs."""
_TELLING = 60.0
"""Seconds of a file from which its speed is told: for shorter ones the networks are loaded most of the time."""


def show_timeline(done: "TimelineDone") -> None:
    """Print who speaks in a file and for how long, notes, and where the outputs are."""
    found = done.timeline
    if found.error is not None:
        show(f"[bold]{escape(str(done.path))}[/]")
        show(f"  [yellow]no timeline[/]: {escape(found.error)}")
        show()
        return
    _show_people(str(done.path), found)
    if done.corrections:
        made = count(done.corrections, "correction")
        show(f"  {made} by hand made again (--no-corrections leaves them out)")
    show_notes([*_of_people(found), *found.notes, *done.remarks])
    _show_files(done.folder, done.files, done.problems)
    show(f"  {_work(done)}")
    show()


def show_corrected(report: "CorrectReport") -> None:
    """Print the people of a timeline after corrections, and which outputs were written anew."""
    for each in report.made:
        show(f"  corrected: {escape(each)}")
    _show_people(report.timeline.path, report.timeline)
    _show_files(report.folder, report.files, report.problems)


def _show_people(path: str, found: "Timeline") -> None:
    speaking = sum(person.seconds > 0 for person in found.people)
    parts = [clock(found.duration)] if found.duration is not None else []
    parts += [
        f"{speaking or 'nobody'} {'person speaks' if speaking == 1 else 'people speak'}"
        if speaking
        else "nobody speaks"
    ]
    if len(found.people) > speaking:
        parts.append(f"{len(found.people) - speaking} only seen")
    parts.append(count(len(found.turns), "turn"))
    if not found.people:
        show(f"[bold]{escape(path)}[/]  {', '.join(parts)}")
        return
    speech = sum(person.seconds for person in found.people)
    table = new_table(
        f"{path}  {', '.join(parts)}",
        *("who", "named by"),
        numbers=("speaks", "share", "turns", "seen"),
    )
    for person in found.people[:_SHOWN]:
        turns = sum(turn.speaker == person.name for turn in found.turns)
        part = f"{person.seconds / speech:.0%}" if speech and person.seconds else "-"
        table.add_row(
            f"[yellow]{escape(person.name)}[/]"
            if person.unknown
            else f"[green bold]{escape(person.name)}[/]",
            escape(_named_by(person)),
            clock(person.seconds) if person.seconds else "-",
            part,
            str(turns or "-"),
            clock(person.seen_seconds) if person.seen_seconds else "-",
        )
    show(table)
    if len(found.people) > _SHOWN:
        show(f"  ... and {len(found.people) - _SHOWN} more (all with --json)")


def _named_by(person: "Person") -> str:
    if person.named_by is None:
        return ""
    sure = "" if person.probability is None else f", {share(person.probability)}"
    return f"{person.named_by}{sure}"


def _of_people(found: "Timeline") -> list[str]:
    return [f"{person.name}: {note}" for person in found.people for note in person.notes]


def _show_files(folder: Path, files: tuple[Path, ...], problems: tuple[str, ...]) -> None:
    names = ", ".join(file.name for file in files)
    show(f"  [bold]{escape(str(folder))}[/]: {escape(names)}")
    for problem in problems:
        show(f"  [yellow]not written[/] {escape(problem)}")


def _work(done: "TimelineDone") -> str:
    """Return how long the work took, and what of the file was not read again."""
    length = done.timeline.duration
    text = f"{done.elapsed:.0f} s"
    if length and length >= _TELLING and done.elapsed >= 1 and not done.reused:
        text += f" ({length / done.elapsed:.1f} times as fast as it plays)"
    if done.reused and length and done.reused >= length - 1:
        text += ", read before: re-used"
    elif done.reused:
        text += f", {clock(done.reused)} of it read before and re-used"
    return text
