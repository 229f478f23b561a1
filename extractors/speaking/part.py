"""A part of a file: what is being followed in it, and what has been."""

from collections import deque
from collections.abc import Iterable

import numpy as np

from mraf.extractors.face.detect import MIN_PROBABILITY
from mraf.extractors.face.embed import FaceEncoder
from mraf.extractors.face.mtcnn import Faces
from mraf.extractors.face.tracking import Track, Tracker
from mraf.extractors.speaking.crops import Greys
from mraf.extractors.speaking.followed import Followed
from mraf.extractors.speaking.lr_asd import LipReader
from mraf.extractors.streaming.cuts import CutFinder
from mraf.extractors.streaming.parts import FaceTrack, Seen
from mraf.extractors.streaming.slices import LOOK, TICKS, Slice

CONTEXT = 12
"""Ticks before and after speech at which lips are looked at too."""


class Part:
    """Takes in the slices of a part of a file, and gives what is seen in it.

    Pictures are let go of once the faces in them have been followed and cut out, two slices later at most.

    Args:
        encoder: of faces.
        reader: of lips; None: they are not read.
        before: the part before; None: the file begins.
    """

    def __init__(
        self, encoder: FaceEncoder, reader: LipReader | None, before: Seen | None = None
    ) -> None:
        self._encoder, self._reader = encoder, reader
        self._cut_finder = CutFinder(before.last if before else None)
        self._tracker, self._greys = Tracker(LOOK, 0), Greys()
        self._looks: deque[tuple[int, np.ndarray, Faces]] = deque()  # not followed yet
        self._followed: dict[int, Followed] = {}  # by the track's number
        self._tracks: list[FaceTrack] = []
        self._cuts: list[int] = []
        self._speech: list[bool] = []
        self._first: int | None = None  # tick
        self._size = (0, 0)  # height and width

    def add(self, piece: Slice, faces: list[Faces], speech: np.ndarray | None) -> None:
        """Take in a slice: see `PictureObserver.add`."""
        if self._first is None:
            self._first = piece.first_tick
            self._tracker = Tracker(LOOK, self._first)
        size = (int(piece.grey.shape[1]), int(piece.grey.shape[2]))
        if len(piece.grey) and size != self._size:
            self._change_size(piece.first_tick, size)
        self._speech += [True] * len(piece.shown) if speech is None else speech.tolist()
        self._cut_finder.add(piece.grey, piece.shown, piece.first_tick)
        self._greys.add(piece)
        self._looks.extend(zip(piece.looks.tolist(), piece.colour, faces, strict=True))
        self._go_on()

    def finish(self) -> Seen:
        """Close all tracks and return what was seen."""
        self._go_on(last=True)
        self._end(self._tracker.cut(self._until))
        return Seen(
            tracks=tuple(sorted(self._tracks, key=lambda each: each.first_tick)),
            cuts=np.array(self._cuts) / TICKS,
            width=self._size[1],
            height=self._size[0],
            last=self._cut_finder.last_pictures(),
        )

    @property
    def _until(self) -> int:
        """The tick after the last one that came."""
        return (self._first or 0) + len(self._speech)

    def _change_size(self, tick: int, size: tuple[int, int]) -> None:
        """Begin a shot with pictures of another size, in which the same box is another place."""
        if self._size != (0, 0):
            self._go_on(last=True)
            self._cut(tick)
            self._cut_finder = CutFinder()
        self._size = size

    def _go_on(self, last: bool = False) -> None:
        """Follow the faces as far as the cuts are known, and read their lips."""
        cuts, known = self._cut_finder.take(last=last)
        for cut in cuts:
            self._follow_until(cut)
            self._cut(cut)
        self._follow_until(known)
        for each in self._followed.values():
            each.read_lips(min(each.settled, self._until - CONTEXT), self._greys, self._looked_at)
        needed = [each.needs for each in self._followed.values() if each.needs is not None]
        self._greys.forget(min([known - LOOK, *needed]))

    def _follow_until(self, stop: int) -> None:
        while self._looks and self._looks[0][0] < stop:
            tick, picture, faces = self._looks.popleft()
            self._end(self._tracker.lost(tick))
            sure = faces.probability >= MIN_PROBABILITY
            boxes, probability = faces.boxes[sure], faces.probability[sure]
            tracks = self._tracker.add(tick, boxes, probability)
            for track, box, p in zip(tracks, boxes, probability, strict=True):
                self._followed_as(track).portraits.add(tick, picture, box, float(p))

    def _followed_as(self, track: Track) -> Followed:
        if track.number not in self._followed:
            self._followed[track.number] = Followed(track, self._encoder, self._reader)
        return self._followed[track.number]

    def _cut(self, tick: int) -> None:
        self._end(self._tracker.cut(tick))
        self._cuts.append(tick)

    def _end(self, tracks: Iterable[Track]) -> None:
        """Let go of tracks that are closed; keep those that show a face."""
        height, width = self._size
        for track in tracks:
            followed = self._followed.pop(track.number)
            if track.believed:
                followed.read_lips(followed.end, self._greys, self._looked_at)
                self._tracks += followed.finish(width, height)

    def _looked_at(self, tick: int) -> bool:
        """Tell whether speech may be heard about a tick."""
        k = tick - (self._first or 0)
        return any(self._speech[max(0, k - CONTEXT) : k + CONTEXT + 1])
