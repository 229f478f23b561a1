"""The times at which people of a timeline speak and are seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mraf.pipeline.timeline.seen.tracks import STEP
from mraf.pipeline.timeline.timeline import Timeline, Track

Span = tuple[float, float]
"""Start and end in seconds."""


@dataclass(frozen=True, kw_only=True)
class Times:
    """The times at which somebody speaks and is seen."""

    speech: tuple[Span, ...] = ()
    seen: tuple[Span, ...] = ()


def times_of(timeline: Timeline) -> dict[str, Times]:
    """Return the times of each person of a timeline, by name and in the order of its people."""
    speech: dict[str, list[Span]] = {person.name: [] for person in timeline.people}
    seen: dict[str, list[Span]] = {person.name: [] for person in timeline.people}
    for turn in timeline.turns:
        if turn.speaker in speech:
            speech[turn.speaker].append((round(turn.start, 3), round(turn.end, 3)))
    for track in timeline.tracks:
        if track.speaker in seen and (span := seen_in(track)):
            seen[track.speaker].append(span)
    return {name: Times(speech=tuple(speech[name]), seen=tuple(seen[name])) for name in speech}


def seen_in(track: Track) -> Span | None:
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


def overlapping(some: Sequence[Span], others: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """Yield the positions of each two that overlap, one of some spans and one of others."""
    if not some or not others:
        return
    both = (some, others)
    order = sorted((span[0], side, i) for side in (0, 1) for i, span in enumerate(both[side]))
    running: tuple[list[int], list[int]] = ([], [])
    for start, side, i in order:
        if both[side][i][1] <= start:  # without length
            continue
        near = [k for k in running[1 - side] if both[1 - side][k][1] > start]
        running[1 - side][:] = near
        running[side].append(i)
        for k in near:
            yield (i, k) if side == 0 else (k, i)


def shared(a: Sequence[Span], b: Sequence[Span]) -> float:
    """Return the seconds that two lists of times have in common; each counts what overlaps in it once."""
    a, b = joined(a), joined(b)
    return sum(
        (min(a[i][1], b[k][1]) - max(a[i][0], b[k][0]) for i, k in overlapping(a, b)),
        0.0,
    )


def joined(spans: Sequence[Span]) -> list[Span]:
    """Return times in order, those that overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def length(spans: Sequence[Span]) -> float:
    """Return the seconds that times cover together, to the millisecond."""
    return round(sum(b - a for a, b in joined(spans)), 3)


def _spans(people: Mapping[str, Times], kind: str) -> tuple[list[str], list[Span]]:
    """Return the spans of all people, and whose each is."""
    found = [
        (name, span) for name, times in people.items() for span in joined(getattr(times, kind))
    ]
    return [name for name, _ in found], [span for _, span in found]
