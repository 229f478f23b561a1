"""Face tracks of the parts of a file joined over the parts' borders."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from mraf.extractors.boxes import overlap
from mraf.extractors.streaming.parts import FaceTrack, Seen
from mraf.pipeline.timeline.seen.tracks import Piece, WholeTrack, joined, unit_mean

NEAR_SECONDS = 0.7
"""Time before and after a border within which a face must be seen on both sides."""
OVERLAP = 0.3
"""Least intersection over union of the last box and the next one."""
STRANGE = -3.0
"""Log odds of two faces below which they are not one, wherever they are seen."""


@dataclass
class Stitcher:
    """Takes the tracks of one part after another and gives those of the whole file."""

    face_odds: Callable[[np.ndarray], np.ndarray]  # log odds of cosines of two faces
    _open: list[list[Piece]] = field(default_factory=list)  # those that reach the last border
    _done: list[WholeTrack] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    _before: np.ndarray = field(default_factory=lambda: np.zeros(0))  # cuts of the last part

    def add(self, start: float, stop: float, seen: Seen | None, pieces: Iterable[Piece]) -> None:
        """Take a part from `start` to `stop` s."""
        cuts = seen.cuts if seen else np.zeros(0)
        self.cuts += cuts.tolist()
        before, self._open = self._open, []
        chains = [[piece] for piece in pieces if len(piece.track.times)]
        near = np.concatenate([self._before, cuts])
        self._before = cuts
        for chain, old in self._matched(start, near, before, chains):
            chain[:0] = old
            before = [each for each in before if each is not old]
        self._done += map(joined, before)
        for chain in chains:
            reaches = chain[-1].track.times[-1] >= stop - NEAR_SECONDS
            if reaches:
                self._open.append(chain)
            else:
                self._done.append(joined(chain))

    def finish(self) -> list[WholeTrack]:
        """Return all tracks in the order in which they begin."""
        self._done += map(joined, self._open)
        self._open = []
        return sorted(self._done, key=lambda track: (track.start, track.stop))

    def _matched(
        self, start: float, cuts: np.ndarray, before: list[list[Piece]], after: list[list[Piece]]
    ) -> list[tuple[list[Piece], list[Piece]]]:
        """Return pairs of a new and an old chain that go on in it, those that fit best first."""
        found = []
        for old in before:
            for new in after:
                one, two = old[-1].track, new[0].track
                if two.times[0] > start + NEAR_SECONDS or _cut_between(one, two, cuts):
                    continue
                shared = overlap(one.boxes[-1], two.boxes[0])
                if shared >= OVERLAP and not self._strange(one, two):
                    found.append((shared, new, old))
        chosen: list[tuple[list[Piece], list[Piece]]] = []
        for _, new, old in sorted(found, key=lambda each: -each[0]):
            if all(new is not each and old is not other for each, other in chosen):
                chosen.append((new, old))
        return chosen

    def _strange(self, one: FaceTrack, two: FaceTrack) -> bool:
        a, b = unit_mean(one.vectors), unit_mean(two.vectors)
        if a is None or b is None:
            return False
        return float(self.face_odds(np.array(a @ b))) < STRANGE


def _cut_between(one: FaceTrack, two: FaceTrack, cuts: np.ndarray) -> bool:
    return bool(((cuts > one.times[-1]) & (cuts <= two.times[0])).any())
