"""Whom a correction is about in a timeline that was made anew."""

from collections.abc import Mapping
from dataclasses import dataclass

from mraf.pipeline.timeline.corrections.edits import BY_HAND, UNKNOWN, Edit, is_number
from mraf.pipeline.timeline.corrections.times import Times, in_common, times_of
from mraf.pipeline.timeline.spans import length_of, shared
from mraf.pipeline.timeline.timeline import Timeline

FOUND = 0.5
"""Least share of a person's former time that somebody of a new timeline must have to be the same."""
OWN = 0.5
"""Share of the time of somebody of a new timeline of which more must be the former person's: else a correction
of one person would name all who are one with this person now."""
HARDLY_SEEN = 0.5
"""Seconds in which a person is seen, for each second of speech, up to which the voice alone says who it is."""
_NOT_MADE = "a correction could not be made again"
_ROUNDING = 1e-6
"""Seconds by which sums of times may differ."""


@dataclass(frozen=True, kw_only=True)
class Sought:
    """The people of a correction, as a timeline calls them."""

    person: str | None = None  # None: the correction cannot be made
    before: str | None = None  # who had the new name; None: nobody, or nobody who can be found
    note: str | None = None  # on what cannot be done


def sought(timeline: Timeline, edit: Edit) -> Sought:
    """Return whom a correction is about: whoever has most of its times, if these are most of his or her own.

    Somebody who has the new name already may have any other times, too.
    """
    people = times_of(timeline)
    wanted = {"person": edit.times, "before": edit.name_times}
    common = in_common(wanted, people)
    person, before = (best_of(common[each], times) for each, times in wanted.items())
    if person is None:
        return Sought(note=f"{_NOT_MADE}, as nobody speaks or is seen then: {edit}")
    if not _fits(timeline, edit, people[person], person, before):
        return Sought(
            note=f"{_NOT_MADE}, as whoever speaks and is seen then is mostly somebody else: {edit}"
        )
    numbered = is_number(edit.name)
    if before is not None and before != person and (numbered or before != edit.name):
        whole = people[before].between(0.0, edit.until)
        before = before if _owns(edit.name_times, whole) else None
    note = f"{_NOT_MADE} as a whole, as one of the two cannot be found: {edit}"
    return Sought(person=person, before=before, note=note if numbered and not before else None)


def best_of(common: Mapping[str, float], times: Times) -> str | None:
    """Return who has most in common with some times; None where that is less than half of them."""
    best = max(common, key=common.__getitem__, default=None)
    total = length_of(times.speech) + length_of(times.seen)
    return best if best is not None and common[best] >= FOUND * total - _ROUNDING else None


def _fits(timeline: Timeline, edit: Edit, now: Times, person: str, before: str | None) -> bool:
    """Return True where a correction may be made of a person: nobody else gets, or loses, a name by it."""
    if person == edit.name and not is_number(person):
        return True  # is called so already
    if not edit.is_split:
        if person == before and is_number(edit.name):
            return True  # are one already
        if edit.name == UNKNOWN and is_number(person):
            return True  # has no name already
        named_by = {each.name: each.named_by for each in timeline.people}
        if named_by[person] == BY_HAND and person != edit.person:
            return False  # has the name of another correction
    both = edit.times.joined(edit.name_times)
    return _owns(both if person == before else edit.times, edit.part_of(now))


def _owns(times: Times, of: Times) -> bool:
    """Return True where more than half of the times of somebody are among some others.

    Of somebody who is hardly seen in these it is enough that the voice's are: the face may have been found since.
    """
    speech, seen = shared(times.speech, of.speech), shared(times.seen, of.seen)
    spoken, shown = length_of(of.speech), length_of(of.seen)
    if speech + seen > OWN * (spoken + shown) + _ROUNDING:
        return True
    is_voice = length_of(times.seen) <= HARDLY_SEEN * length_of(times.speech)
    return is_voice and speech > OWN * spoken + _ROUNDING
