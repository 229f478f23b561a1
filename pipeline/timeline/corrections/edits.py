"""Corrections as people write them, and as they are kept."""

import re
from dataclasses import dataclass, replace

from mraf.data.clips.times import seconds_of
from mraf.data.table.renames import checked, plain
from mraf.errors import UsageError, choices
from mraf.pipeline.timeline.corrections.times import Times, times_of
from mraf.pipeline.timeline.spans import Span
from mraf.pipeline.timeline.timeline import Timeline

UNKNOWN = "unknown"
"""The name that stands for "nobody who is known": mraf gives the next free number."""
NUMBERED = re.compile(rf"{UNKNOWN} [1-9][0-9]*", re.IGNORECASE)
"""The names that mraf gives to people whom nobody has named."""
BY_HAND = "hand"
"""What a name comes from that somebody gave."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A correction: a person of a timeline, or what lies in a part of the file of it, gets another name.

    The person is found again in a timeline that was made anew, where numbers and names may be others, by the
    times at which he or she spoke and was seen when this was said. So is an unknown person whom it makes one
    with another.
    """

    person: str
    name: str  # as `checked`, or "unknown", or that of an unknown person of the timeline
    start: float | None = None  # s; None and no `end`: the whole person
    end: float | None = None  # s; None: up to the end
    speech: tuple[Span, ...] = ()
    seen: tuple[Span, ...] = ()
    name_speech: tuple[Span, ...] = ()  # of the person who had the new name before, if any
    name_seen: tuple[Span, ...] = ()
    duration: float | None = None  # s; of the file when this was said; None: not known

    @property
    def times(self) -> Times:
        """The times of the person that lie in the part of the file."""
        end = float("inf") if self.end is None else self.end
        return Times(speech=self.speech, seen=self.seen).between(self.start or 0.0, end)

    @property
    def name_times(self) -> Times:
        """The times of whoever had the new name before."""
        return Times(speech=self.name_speech, seen=self.name_seen)

    @property
    def until(self) -> float:
        """The end of the file when this was said, in s; it may have grown since."""
        return float("inf") if self.duration is None else self.duration

    @property
    def is_split(self) -> bool:
        """True for a correction of a part of the file."""
        return self.start is not None or self.end is not None

    def holds(self, time: float) -> bool:
        """Return True where the correction is of this time, in seconds."""
        return (self.start or 0.0) <= time and (self.end is None or time < self.end)

    def part_of(self, times: Times) -> Times:
        """Return what of some times lies in the part of the file, as far as the file went then."""
        end = self.until if self.end is None else min(self.end, self.until)
        return times.between(self.start or 0.0, end)

    def __str__(self) -> str:
        part = f"@{clock(self.start or 0.0)}-{'' if self.end is None else clock(self.end)}"
        return f"{self.person}{part if self.is_split else ''}={self.name}"


def rename_of(text: str, timeline: Timeline) -> Edit:
    """Return the correction that `OLD=NEW` says. Raises UsageError."""
    places = [i for i, letter in enumerate(text) if letter == "="]
    if not places:
        raise UsageError(
            f"--rename '{text}' cannot be read: expected OLD=NEW, as in \"unknown 1=Ann\"."
        )
    names = _names(timeline)
    # Of several, the one behind a name of the timeline.
    at = next((i for i in places if plain(text[:i]) in names), places[0])
    return rename_edit(text[:at], text[at + 1 :], timeline)


def rename_edit(old: str, new: str, timeline: Timeline) -> Edit:
    """Return the correction that gives a person of a timeline another name. Raises UsageError."""
    person, name = known_person(old, timeline), _name(new, timeline)
    if person == name:
        raise UsageError(f"'{person}' and '{name}' are the same name.")
    return _edit(timeline, person, name)


def is_number(name: str) -> bool:
    """Return True for the name of somebody whom nobody has named."""
    return NUMBERED.fullmatch(name) is not None


_SPLIT = re.compile(r"(.*)@\s*([^@=-]*?)\s*-\s*([^@=-]*?)\s*", re.DOTALL)


def split_of(text: str, timeline: Timeline) -> Edit:
    """Return the correction that `NAME@FROM-TO=NEW` says; FROM or TO may be left out. Raises UsageError."""
    expected = '"Ann@12:30-14:00=Bob" or "Ann@12:30-14:00=unknown"'
    left, equals, name = text.rpartition("=")
    found = _SPLIT.fullmatch(left)
    if not equals or not found or not (found[2] or found[3]):
        raise UsageError(f"--split '{text}' cannot be read: expected {expected}.")
    person = known_person(found[1], timeline)
    start = seconds_of(found[2], f"--split '{text}':") if found[2] else 0.0
    end = seconds_of(found[3], f"--split '{text}':") if found[3] else None
    if end is not None and end <= start:
        raise UsageError(f"--split '{text}': {clock(start)} is not before {clock(end)}.")
    if timeline.duration is not None and start >= timeline.duration:
        raise UsageError(f"--split '{text}': the file ends at {clock(timeline.duration)}.")
    name = _name(name, timeline)
    if name == person:
        raise UsageError(f"--split '{text}': both names are the same.")
    return replace(_edit(timeline, person, name), start=start, end=end)


def clock(seconds: float) -> str:
    """Return a time as people write it: `2:03` or `1:02:03.5`."""
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    text = f"{rest // 10:02d}" + (f".{rest % 10}" if rest % 10 else "")
    return f"{hours}:{minutes:02d}:{text}" if hours else f"{minutes}:{text}"


def _edit(timeline: Timeline, person: str, name: str) -> Edit:
    """Return a correction with the times of both people."""
    times = times_of(timeline)
    before = times.get(name, Times())
    return Edit(
        person=person,
        name=name,
        speech=times[person].speech,
        seen=times[person].seen,
        name_speech=before.speech,
        name_seen=before.seen,
        duration=timeline.duration,
    )


def known_person(person: str, timeline: Timeline) -> str:
    """Return the name of a person of a timeline as it is written there. Raises UsageError."""
    names = _names(timeline)
    if plain(person) not in names:
        known = choices(plain(person), names)
        raise UsageError(f"Nobody is called '{plain(person)}' in this timeline {known}")
    return names[plain(person)]


def _name(text: str, timeline: Timeline) -> str:
    """Return a new name. Raises UsageError where it cannot be one."""
    name = plain(text)
    if name.casefold() == UNKNOWN:
        return UNKNOWN
    names = _names(timeline)
    if name in names:
        return names[name]
    if is_number(name):
        raise UsageError(
            f"'{name}' is nobody in the timeline {choices(name, names)} To say that somebody is not known, write "
            f"'{UNKNOWN}': mraf gives the number."
        )
    return checked(name)


def _names(timeline: Timeline) -> dict[str, str]:
    """Return the names of a timeline by how names are compared."""
    return {plain(each.name): each.name for each in timeline.people}
