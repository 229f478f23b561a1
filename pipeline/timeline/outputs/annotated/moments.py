"""Who speaks and who is seen at a moment of a timeline, asked for moment after moment."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from mraf.pipeline.timeline.timeline import Timeline, Turn

BEFORE, AFTER = 0.1, 0.25
"""Seconds that a face stays on display beside the first and the last look at it."""
_PAUSE = 1.0  # s between two looks from which on the face is not taken to be there between them
_BIN = 10.0  # s; turns and tracks are found by the tens of seconds that they touch


@dataclass(frozen=True, kw_only=True)
class Face:
    """A face on display."""

    box: tuple[float, float, float, float]  # x1, y1, x2, y2 in parts of width and height
    name: str | None
    speaks: bool


class Moments:
    """Answers for the moments of a timeline, each in a time that does not grow with its length."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._turns = _bins((turn.start, turn.end) for turn in timeline.turns)
        self._tracks = _bins(
            (track.times[0] - BEFORE, track.times[-1] + AFTER) if track.times else (0.0, -_BIN)
            for track in timeline.tracks
        )

    def turns(self, time: float) -> list[Turn]:
        """Return the turns at a time in s, in the order in which they began."""
        near = (self._timeline.turns[each] for each in self._turns.get(int(time // _BIN), ()))
        return [turn for turn in near if turn.start <= time < turn.end]

    def is_absent(self, turn: Turn, time: float, seen: set[str | None]) -> bool:
        """Tell whether who speaks in a turn is not in the picture at a time, where `seen` are the faces' names.

        A face that is lost for a moment within its track counts as there.
        """
        if turn.speaker in seen:
            return False
        times = () if turn.track is None else self._timeline.tracks[turn.track].times
        return not (times and times[0] - BEFORE <= time <= times[-1] + AFTER)

    def faces(self, time: float, heard: float | None = None) -> list[Face]:
        """Return the faces at a time in s, those of people who speak last; at the time `heard`, if it is another."""
        turns = self.turns(time if heard is None else heard)
        speaking = {turn.speaker for turn in turns if turn.track is not None}
        found = []
        for number in self._tracks.get(int(time // _BIN), ()):
            track = self._timeline.tracks[number]
            box = _box(track.times, track.boxes, time)
            if box is not None:
                found.append(Face(box=box, name=track.speaker, speaks=track.speaker in speaking))
        return sorted(found, key=lambda face: face.speaks)


def _bins(spans: Iterable[tuple[float, float]]) -> dict[int, list[int]]:
    bins: dict[int, list[int]] = defaultdict(list)
    for number, (start, end) in enumerate(spans):
        for each in range(int(start // _BIN), int(end // _BIN) + 1):
            bins[each].append(number)
    return dict(bins)


def _box(
    times: tuple[float, ...], boxes: tuple[tuple[float, float, float, float], ...], time: float
) -> tuple[float, float, float, float] | None:
    """Return the box between the looks before and after a time; None where there is no face."""
    after = bisect_right(times, time)
    if after == 0:
        return boxes[0] if times and times[0] - time <= BEFORE else None
    before = after - 1
    if after == len(times) or times[after] - times[before] > _PAUSE:
        return boxes[before] if time - times[before] <= AFTER else None
    share = (time - times[before]) / (times[after] - times[before])
    x1, y1, x2, y2 = (a + share * (b - a) for a, b in zip(boxes[before], boxes[after], strict=True))
    return x1, y1, x2, y2
