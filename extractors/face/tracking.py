"""Follow faces from look to look through a shot, by where they are."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from mraf.extractors.boxes import shared_and_whole
from mraf.extractors.face.follow import SAME_PLACE

BRIDGED = 25
"""Ticks for which a face may be lost, as that of a head that turns, and still be the same."""
SURE = 0.98
"""Probability from which a face is believed that is seen in a single look."""


@dataclass(eq=False, kw_only=True)
class Track:
    """A face that is followed: where it was seen, in the order of time."""

    number: int
    ticks: list[int] = field(default_factory=list)
    boxes: list[np.ndarray] = field(default_factory=list)  # [4] x1, y1, x2, y2 in pixels
    probability: list[float] = field(default_factory=list)
    shot_start: int | None = None  # first tick of its shot, where that is shortly before it is seen
    shot_stop: int | None = None  # tick after the last one of its shot, where that is shortly after

    @property
    def believed(self) -> bool:
        """True unless it is one unsure look, which shows a face as often as something else."""
        return len(self.ticks) > 1 or max(self.probability) >= SURE


class Tracker:
    """Joins the faces of one look to those of the looks before; two of one look are two tracks.

    Looks and cuts come in the order of time.

    Args:
        step: ticks from look to look.
        first: first tick of the first shot.
    """

    def __init__(self, step: int, first: int) -> None:
        self.open: list[Track] = []
        self._step = step
        self._count = 0
        self._shot = first

    def add(self, tick: int, boxes: np.ndarray, probability: np.ndarray) -> list[Track]:
        """Take in the faces `[M, 4]` of a look; return the track of each, in their order."""
        theirs: dict[int, Track] = {}
        for overlap, k, i in self._likely(boxes):
            if i not in theirs and self.open[k] not in theirs.values() and overlap > SAME_PLACE:
                theirs[i] = self.open[k]
        for i, (box, sure) in enumerate(zip(boxes, probability, strict=True)):
            track = theirs[i] = theirs.get(i) or self._new(tick)
            track.ticks.append(tick)
            track.boxes.append(np.asarray(box, np.float32))
            track.probability.append(float(sure))
        return [theirs[i] for i in range(len(boxes))]

    def lost(self, tick: int) -> list[Track]:
        """Close and return the tracks that have not been seen for too long at a tick."""
        return self._close(track for track in self.open if tick - track.ticks[-1] > BRIDGED)

    def cut(self, tick: int) -> list[Track]:
        """Close and return all tracks: a new shot begins with this tick, or nothing more comes."""
        for track in self.open:
            if tick - track.ticks[-1] <= self._step:
                track.shot_stop = tick
        self._shot = tick
        return self._close(self.open)

    def _likely(self, boxes: np.ndarray) -> list[tuple[float, int, int]]:
        """Return overlap, position of a track and of a box of all pairs, the likeliest first."""
        if not self.open or not len(boxes):
            return []
        last = np.stack([track.boxes[-1] for track in self.open]).astype(float)
        shared, union = shared_and_whole(last[:, None], boxes[None].astype(float))
        overlap = shared / np.maximum(union, 1e-9)
        order = np.argsort(-overlap, axis=None, kind="stable")
        return [(float(overlap.flat[n]), *divmod(int(n), len(boxes))) for n in order]

    def _new(self, tick: int) -> Track:
        track = Track(number=self._count)
        if tick - self._shot < self._step:
            track.shot_start = self._shot
        self._count += 1
        self.open.append(track)
        return track

    def _close(self, some: Iterable[Track]) -> list[Track]:
        closed = list(some)
        self.open = [track for track in self.open if track not in closed]
        return closed
