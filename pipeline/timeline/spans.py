"""Stretches of time: what they cover together, and where somebody else's overlap them."""

from collections.abc import Iterable, Iterator, Sequence

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


def shared(a: Iterable[Span], b: Iterable[Span]) -> float:
    """Return the seconds that two lists of spans have in common; each counts what overlaps in it once."""
    ones, twos = union(a), union(b)
    pairs = overlapping(ones, twos)
    return sum((min(ones[i][1], twos[k][1]) - max(ones[i][0], twos[k][0]) for i, k in pairs), 0.0)


def within(spans: Iterable[Span], start: float, end: float) -> list[Span]:
    """Return what of spans lies between two times."""
    cut = ((max(a, start), min(b, end)) for a, b in spans)
    return [(a, b) for a, b in cut if b > a]
