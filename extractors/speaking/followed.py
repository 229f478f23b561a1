"""A face that is followed through a shot: its portraits and its lips, and the tracks that come of it."""

import itertools
from collections.abc import Callable

import numpy as np

from mraf.extractors.face.embed import FaceEncoder
from mraf.extractors.face.portraits import Portraits
from mraf.extractors.face.tracking import Track
from mraf.extractors.speaking.crops import MEDIAN, Greys, between, crop, squares
from mraf.extractors.speaking.lips import Lips
from mraf.extractors.speaking.lr_asd import SIZE, LipReader
from mraf.extractors.streaming.parts import FaceTrack
from mraf.extractors.streaming.slices import TICKS

BEYOND = 2
"""Ticks by which a face is there before its first look and after its last, where no cut is near."""
_FOREVER = 1 << 60  # ticks


class Followed:
    """A track, with what has been seen of its face so far.

    Args:
        track: which grows with every look.
        encoder: of faces.
        reader: of lips; None: they are not read.
    """

    def __init__(self, track: Track, encoder: FaceEncoder, reader: LipReader | None) -> None:
        self.track, self.portraits = track, Portraits(encoder)
        known = track.shot_start
        self.start = track.ticks[0] - BEYOND if known is None else known
        self._dim = encoder.dim
        self._lips = Lips(reader, self.start) if reader else None

    @property
    def needs(self) -> int | None:
        """The first tick whose grey picture is needed; None where no more are."""
        return self._lips.next_tick if self._lips else None

    def read_lips(self, until: int, greys: Greys, looked_at: Callable[[int], bool]) -> None:
        """Read the lips at the ticks before `until` at which they are looked at."""
        lips = self._lips
        if lips is None or until <= lips.next_tick:
            return
        # The median of places needs some before and after; at the ends of a track there are none.
        start = max(self.start, lips.next_tick - MEDIAN // 2)
        ticks = np.arange(start, until + MEDIAN // 2)
        places = squares(between(np.array(self.track.ticks), np.stack(self.track.boxes), ticks))
        for tick in range(lips.next_tick, until):
            picture = greys.at(tick) if looked_at(tick) else None
            lips.add(None if picture is None else crop(picture, places[tick - start]))

    @property
    def settled(self) -> int:
        """The tick before which its places will not change."""
        return self.track.ticks[-1] - MEDIAN // 2

    @property
    def end(self) -> int:
        """The tick after its last one, once it is closed."""
        known = self.track.shot_stop
        return self.track.ticks[-1] + BEYOND + 1 if known is None else known

    def finish(self, width: int, height: int) -> list[FaceTrack]:
        """Return its track in a picture of this size; several, where others took its place unnoticed."""
        self.portraits.finish()
        lips = self._lips.finish() if self._lips else np.zeros((0, SIZE), np.float16)
        edges = [self.start, *self.portraits.splits, _FOREVER]
        size = np.array([width, height, width, height], np.float32)
        return [self._between(start, stop, lips, size) for start, stop in itertools.pairwise(edges)]

    def _between(self, start: int, stop: int, lips: np.ndarray, size: np.ndarray) -> FaceTrack:
        ticks, boxes = np.array(self.track.ticks), np.stack(self.track.boxes)
        here = (start <= ticks) & (ticks < stop)
        views = [view for view in self.portraits.views if start <= view.tick < stop]
        embedded = [view for view in views if view.vector is not None]
        heights = (boxes[:, 3] - boxes[:, 1])[here]
        return FaceTrack(
            times=ticks[here] / TICKS,
            boxes=boxes[here] / size,
            probability=np.array(self.track.probability, np.float32)[here],
            size=float(np.median(heights)),
            vectors=np.array([view.vector for view in embedded], np.float32).reshape(
                len(embedded), self._dim
            ),
            vector_times=np.array([view.tick for view in embedded]) / TICKS,
            lips=lips[start - self.start : stop - self.start],
            first_tick=start,
            picture=max(views, key=lambda view: view.quality).picture if views else b"",
        )
