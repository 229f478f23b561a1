"""Stretches of time: what they cover together, and where somebody else's overlap them."""

from collections.abc import Iterable, Sequence

Span = tuple[float, float]
"""Start and end in s."""


def union(spans: Iterable[Span]) -> list[Span]:
    """Return the stretches that spans cover together, in order, none of which touch."""
    found: list[Span] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(stop, found[-1][1])
        else:
            found.append((start, stop))
    return found


def length_of(spans: Iterable[Span]) -> float:
    """Return the seconds that spans cover together."""
    return sum((stop - start for start, stop in union(spans)), 0.0)


def overlaps(spans: Sequence[Span], owner: Sequence[object]) -> list[float]:
    """Return the seconds of each span in which a span of another owner runs too.

    Args:
        spans: in any order.
        owner: of each.
    """
    shared: list[list[Span]] = [[] for _ in spans]
    running: list[int] = []
    for i in sorted(range(len(spans)), key=lambda i: spans[i]):
        start, stop = spans[i]
        running = [j for j in running if spans[j][1] > start]
        for j in running:
            if owner[j] != owner[i]:
                span = (start, min(stop, spans[j][1]))
                shared[i].append(span)
                shared[j].append(span)
        running.append(i)
    return [length_of(each) for each in shared]
