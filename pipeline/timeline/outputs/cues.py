"""What subtitles share: cues of a length that suits players, and clock times."""

from collections.abc import Iterator
from dataclasses import dataclass

from mraf.pipeline.timeline.timeline import Timeline

LONGEST = 30.0
"""Seconds of a cue. Players that go to a time show only cues that begin later: a name is back soon."""


@dataclass(frozen=True, kw_only=True)
class Cue:
    """Those who speak from `start` to `end`, in milliseconds."""

    start: int
    end: int
    names: tuple[str, ...]


def cues_of_turns(timeline: Timeline) -> list[Cue]:
    """Return cues of one person each, which may overlap, in the order of time."""
    cues = [
        cue
        for turn in timeline.turns
        for cue in _cut(round(turn.start * 1000), round(turn.end * 1000), (turn.speaker,))
    ]
    return sorted(cues, key=lambda cue: (cue.start, cue.end))


def cues_in_a_row(timeline: Timeline) -> list[Cue]:
    """Return cues that never overlap: where two people speak, a cue has both."""
    changes = [
        (round(time * 1000), step, turn.speaker)
        for turn in timeline.turns
        if round(turn.end * 1000) > round(turn.start * 1000)
        for time, step in ((turn.start, 1), (turn.end, -1))
    ]
    cues: list[Cue] = []
    speaking: dict[str, int] = {}  # the number of turns, in the order in which they began
    before = 0
    for time, step, name in sorted(changes, key=lambda change: change[:2]):
        if time > before and speaking:
            cues += _cut(before, time, tuple(speaking))
        before = time
        speaking[name] = speaking.get(name, 0) + step
        if speaking[name] <= 0:
            del speaking[name]
    return cues


def clock(time: int, mark: str) -> str:
    """Return milliseconds as hours, minutes, seconds and, after `mark`, thousandths."""
    seconds, thousandths = divmod(time, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{thousandths:03}"


def _cut(start: int, end: int, names: tuple[str, ...]) -> Iterator[Cue]:
    """Yield a stretch in equal pieces; nothing where it has no length, for nobody would see it."""
    count = -(-(end - start) // round(LONGEST * 1000))
    for piece in range(count):
        first, last = (start + (end - start) * each // count for each in (piece, piece + 1))
        yield Cue(start=first, end=last, names=names)
