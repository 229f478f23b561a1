"""The times at which people of a timeline speak and are seen."""

from collections.abc import Mapping
from dataclasses import dataclass

from mraf.pipeline.timeline.seen.tracks import STEP
from mraf.pipeline.timeline.spans import Span, overlapping, union, within
from mraf.pipeline.timeline.timeline import Timeline, Track


@dataclass(frozen=True, kw_only=True)
class Times:
    """The times at which somebody speaks and is seen."""

    speech: tuple[Span, ...] = ()
    seen: tuple[Span, ...] = ()

    def between(self, start: float, end: float) -> "Times":
        """Return the times that lie between two others, in s."""
        return Times(
            speech=tuple(within(self.speech, start, end)),
            seen=tuple(within(self.seen, start, end)),
        )

    def joined(self, more: "Times") -> "Times":
        """Return these times and others."""
        return Times(speech=(*self.speech, *more.speech), seen=(*self.seen, *more.seen))


def times_of(timeline: Timeline) -> dict[str, Times]:
    """Return the times of each person of a timeline, by name and in the order of its people."""
    speech: dict[str, list[Span]] = {person.name: [] for person in timeline.people}
    seen: dict[str, list[Span]] = {person.name: [] for person in timeline.people}
    for turn in timeline.turns:
        if turn.speaker in speech:
            speech[turn.speaker].append((round(turn.start, 3), round(turn.end, 3)))
    for track in timeline.tracks:
        if track.speaker in seen and (span := seen_span(track)):
            seen[track.speaker].append(span)
    return {name: Times(speech=tuple(speech[name]), seen=tuple(seen[name])) for name in speech}


def seen_span(track: Track) -> Span | None:
    """Return the time in which a face is seen; that of a single look has a length, too."""
    if not track.times:
        return None
    return round(track.times[0], 3), round(track.times[-1] + STEP, 3)


def in_common(
    some: Mapping[str, Times], others: Mapping[str, Times]
) -> dict[str, dict[str, float]]:
    """Return the seconds in which each of some people and each of others speak, and are seen, at once.

    Those who have nothing in common are left out. Takes a time that grows with the number of spans.
    """
    found: dict[str, dict[str, float]] = {name: {} for name in some}
    for kind in ("speech", "seen"):
        ones, one_spans = _spans(some, kind)
        twos, two_spans = _spans(others, kind)
        for i, k in overlapping(one_spans, two_spans):
            (a, b), (c, d) = one_spans[i], two_spans[k]
            row = found[ones[i]]
            row[twos[k]] = row.get(twos[k], 0.0) + min(b, d) - max(a, c)
    return found


def _spans(people: Mapping[str, Times], kind: str) -> tuple[list[str], list[Span]]:
    """Return the spans of all people, and whose each is."""
    found = [(name, span) for name, times in people.items() for span in union(getattr(times, kind))]
    return [name for name, _ in found], [span for _, span in found]
