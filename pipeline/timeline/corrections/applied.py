"""A timeline after corrections."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mraf.pipeline.timeline.corrections.edits import (
    BY_HAND,
    UNKNOWN,
    Edit,
    clock,
    is_number,
)
from mraf.pipeline.timeline.corrections.finding import best_of, sought
from mraf.pipeline.timeline.corrections.times import in_common, times_of
from mraf.pipeline.timeline.spans import length_of, overlaps
from mraf.pipeline.timeline.timeline import Person, Timeline, Track, Turn

SLIVER = 0.3
"""Seconds: a shorter piece that a split would leave of a turn stays with the rest of it."""


def corrected(timeline: Timeline, edit: Edit) -> Timeline:
    """Return a timeline in which a person, or what lies in a part of the file of it, has another name.

    Where somebody has that name both become one. Numbers of other unknown people stay as they are.
    """
    name = next_number(timeline) if edit.name == UNKNOWN else edit.name
    if edit.is_split:
        return _split(timeline, edit, name)
    if any(each.name == name for each in timeline.people):
        return _merged(timeline, edit.person, name)
    people = [_named(p, name) if p.name == edit.person else p for p in timeline.people]
    return _with_names(timeline, {edit.person: name}, people)


def applied(timeline: Timeline, edits: Sequence[Edit]) -> tuple[Timeline, list[str]]:
    """Return a timeline that was made anew with the corrections of an earlier one, and notes.

    The person of a correction is whoever has most of its times, if these are most of that one's own. One that
    nobody fits is left out, and a note says so. Two become one only where a correction said that of these two:
    somebody else whom the model takes for a name that was given by hand gets a number, and a note says that, too.
    """
    notes: list[str] = []
    outdone: list[_Outdone] = []
    for edit in edits:
        found = sought(timeline, edit)
        person, before = found.person, found.before
        if found.note:
            notes.append(found.note)
        if person is None:
            continue
        if edit.name == UNKNOWN or is_number(edit.name):
            name = UNKNOWN if edit.name == UNKNOWN else before or UNKNOWN
            stays = name == UNKNOWN and not edit.is_split and is_number(person)
            if person != name and not stays:
                timeline = corrected(timeline, replace(edit, person=person, name=name))
        else:
            timeline, other = _named_again(timeline, edit, person, before)
            outdone += other
    for each in outdone:
        timeline, said = _given_back(timeline, each)
        notes += said
    return timeline, notes


@dataclass(frozen=True, kw_only=True)
class _Outdone:
    """Somebody whom the model took for a name that a correction gave to another."""

    person: Person  # as the model has it
    number: str  # in place of the name
    note: str


def _named_again(
    timeline: Timeline, edit: Edit, person: str, before: str | None
) -> tuple[Timeline, list[_Outdone]]:
    """Return a timeline in which a person has the name of a correction, and who had to give it up for that.

    Args:
        timeline: that was made anew.
        edit: the correction.
        person: whom it is about, as the timeline calls him or her.
        before: who had the name when it was made, likewise; None: nobody, or nobody who can be found.
    """
    name, outdone = edit.name, []
    holder = next((each for each in timeline.people if each.name == name), None)
    was_merge = bool(edit.name_speech or edit.name_seen)
    if before is None and was_merge and holder is not None and holder.named_by == BY_HAND:
        before = name  # both were said by hand to be this person
    if holder is not None and name not in (person, before):
        note, number = _told(timeline, edit), next_number(timeline)
        outdone.append(_Outdone(person=holder, number=number, note=note))
        timeline = corrected(timeline, Edit(person=name, name=UNKNOWN))
    if edit.is_split and person == name:
        return timeline, outdone
    if before not in (None, person, name):
        timeline = corrected(timeline, Edit(person=before or "", name=name))
    if person != name:
        timeline = corrected(timeline, replace(edit, person=person, name=name))
    return timeline, outdone


def _given_back(timeline: Timeline, each: _Outdone) -> tuple[Timeline, list[str]]:
    """Return a timeline in which somebody has the model's name again, if later corrections left it free."""
    names = {person.name for person in timeline.people}
    if each.number not in names:  # a later correction was about this one
        return timeline, []
    if each.person.name in names:
        return timeline, [each.note]
    found = each.person
    people = [
        replace(found, seconds=p.seconds, seen_seconds=p.seen_seconds)
        if p.name == each.number
        else p
        for p in timeline.people
    ]
    return _with_names(timeline, {each.number: found.name}, people), []


def _told(timeline: Timeline, edit: Edit) -> str:
    """Return a note on somebody whom the model takes for a name that was given by hand."""
    times = times_of(timeline)[edit.name]
    first = min((start for start, _ in (*times.speech, *times.seen)), default=0.0)
    return (
        f"'{edit.name}' is whom a correction calls so ({edit}); the model takes somebody else for '{edit.name}', too, "
        f"who first appears at {clock(first)} and has a number. If they are one person, rename one to the other."
    )


def with_numbers_of(before: Timeline, now: Timeline) -> Timeline:
    """Return a timeline in which unknown people have the numbers that they had in an earlier one.

    A model that has come to know somebody would otherwise move the numbers of all who appear later. People who
    are new get the numbers behind all of these.
    """
    unknown = {name: times for name, times in times_of(now).items() if is_number(name)}
    common = in_common(unknown, times_of(before))
    names: dict[str, str] = {}
    given: set[str] = set()
    for name, times in unknown.items():
        old = best_of(common[name], times)
        if old is not None and is_number(old) and old not in given:
            names[name] = old
            given.add(old)
    last = int(next_number(before).split()[1])
    for i, name in enumerate(name for name in unknown if name not in names):
        names[name] = f"{UNKNOWN} {last + i}"
    people = [replace(each, name=names.get(each.name, each.name)) for each in now.people]
    return _with_names(now, names, people)


def next_number(timeline: Timeline) -> str:
    """Return the name of the next unknown person."""
    numbers = [int(p.name.split()[1]) for p in timeline.people if is_number(p.name)]
    return f"{UNKNOWN} {max(numbers, default=0) + 1}"


def _named(person: Person, name: str) -> Person:
    unknown = is_number(name)
    return replace(
        person,
        name=name,
        unknown=unknown,
        probability=None,
        known=None,
        named_by=None if unknown else BY_HAND,
        notes=(),
    )


def _merged(timeline: Timeline, old: str, name: str) -> Timeline:
    """Return a timeline in which two people are one, who keeps the second's name."""
    by_name = {each.name: each for each in timeline.people}
    gone, kept = by_name[old], by_name[name]
    one = replace(
        kept,
        named_by=None if kept.unknown else BY_HAND,
        probability=None,
        known=None,
        picture=kept.picture or gone.picture,
        notes=(),
    )
    people = [one if p.name == name else p for p in timeline.people if p.name != old]
    return _measured(_with_names(timeline, {old: name}, people), {name})


def _with_names(timeline: Timeline, names: dict[str, str], people: Sequence[Person]) -> Timeline:
    turns = tuple(
        replace(t, speaker=names[t.speaker]) if t.speaker in names else t for t in timeline.turns
    )
    tracks = tuple(
        replace(t, speaker=names[t.speaker]) if t.speaker in names else t for t in timeline.tracks
    )
    return replace(timeline, people=tuple(people), turns=turns, tracks=tracks)


def _split(timeline: Timeline, edit: Edit, name: str) -> Timeline:
    """Return a timeline in which turns and tracks of a person in a part of the file are another's.

    Turns are cut at the ends of the part. A face track goes where most of it lies.
    """
    turns = [piece for turn in timeline.turns for piece in _pieces(turn, edit, name)]
    tracks = tuple(_track(track, edit, name) for track in timeline.tracks)
    found = replace(timeline, turns=tuple(sorted(turns, key=lambda t: (t.start, t.end))))
    found = replace(found, tracks=tracks)
    people = list(timeline.people)
    if all(each.name != name for each in people):
        people.append(_named(Person(name=name, unknown=True), name))
    found = _measured(replace(found, people=tuple(people)), {edit.person, name})
    speaking = [
        t
        if t.track is None or found.tracks[t.track].speaker == t.speaker
        else replace(t, track=None)
        for t in found.turns
    ]
    return replace(found, turns=tuple(speaking))


def _pieces(turn: Turn, edit: Edit, name: str) -> list[Turn]:
    """Return a turn in up to three pieces, those in the part under the new name."""
    if turn.speaker != edit.person:
        return [turn]
    ends = [turn.start]
    for cut in (edit.start, edit.end):
        if cut is not None and ends[-1] + SLIVER <= cut <= turn.end - SLIVER:
            ends.append(cut)
    ends.append(turn.end)
    return [
        replace(turn, start=a, end=b, speaker=name if edit.holds((a + b) / 2) else turn.speaker)
        for a, b in pairwise(ends)
    ]


def _track(track: Track, edit: Edit, name: str) -> Track:
    if track.speaker != edit.person or not track.times:
        return track
    inside = sum(map(edit.holds, track.times))
    return replace(track, speaker=name) if 2 * inside > len(track.times) else track


def _measured(timeline: Timeline, changed: set[str]) -> Timeline:
    """Return a timeline whose turns of some people are joined, and their seconds and overlaps counted anew."""
    turns = _with_overlaps(_without_doubles(timeline.turns, changed))
    timeline = replace(timeline, turns=tuple(turns))
    people, all_times = [], times_of(timeline)
    for each in timeline.people:
        times = all_times[each.name]
        if each.name not in changed:
            people.append(each)
        elif times.speech or times.seen:  # else nothing is left of the person
            seconds, seen = (round(length_of(spans), 3) for spans in (times.speech, times.seen))
            people.append(replace(each, seconds=seconds, seen_seconds=seen))
    first: dict[str, float] = {}
    for turn in timeline.turns:
        first.setdefault(turn.speaker, turn.start)
    for track in timeline.tracks:
        if track.speaker and track.times:
            first[track.speaker] = min(track.times[0], first.get(track.speaker, track.times[0]))
    people.sort(key=lambda each: first.get(each.name, 0.0))
    return replace(timeline, people=tuple(people))


def _without_doubles(turns: Sequence[Turn], of: set[str]) -> list[Turn]:
    """Return turns of which those of one person that overlap or touch are one."""
    last: dict[str, int] = {}
    found: list[Turn] = []
    for turn in sorted(turns, key=lambda t: (t.start, t.end)):
        before = last.get(turn.speaker)
        if before is not None and turn.speaker in of and turn.start <= found[before].end:
            one = found[before]
            track = one.track if one.track is not None else turn.track
            found[before] = replace(one, end=max(one.end, turn.end), track=track)
        else:
            last[turn.speaker] = len(found)
            found.append(turn)
    return found


def _with_overlaps(turns: Sequence[Turn]) -> list[Turn]:
    """Return turns with the seconds in which somebody else speaks too."""
    spans = [(turn.start, turn.end) for turn in turns]
    common = overlaps(spans, [turn.speaker for turn in turns])
    return [replace(turn, overlap=round(each, 3)) for turn, each in zip(turns, common, strict=True)]
