"""Find the faces in the looks at a stretch of video, large ones fast and small ones where there are some."""

import threading

import numpy as np

from mraf.extractors.face.detect import MIN_PROBABILITY, FaceFinder
from mraf.extractors.face.mtcnn import Faces

LARGE, SMALL = ((240, 40),), ((360, 24),)
"""Shorter side of the reduced pictures, and the smallest face in them: a sixth and a fifteenth of the shorter side."""


class LookFinder:
    """Finds faces from a fifteenth of the picture's shorter side on.

    Those from a sixth on are looked for in all pictures. One picture in the middle is searched for smaller
    ones, and all are if it shows some. Several threads may use it at once.
    """

    def __init__(self, device: str = "cpu", threads: int = 1) -> None:
        self._made_with = (device, threads)
        self._of_thread = threading.local()

    def find(self, pictures: np.ndarray) -> list[Faces]:
        """Return the faces in each of `[L, H, W, 3]` uint8 RGB pictures, some tenths of a second apart."""
        if not len(pictures):
            return []
        finder = self._finder()
        (found,) = finder.find([pictures], LARGE)
        middle = len(pictures) // 2
        ((closely,),) = finder.find([pictures[middle : middle + 1]], SMALL)
        if _sure(closely) > _sure(found[middle]):
            (found,) = finder.find([pictures], SMALL)
        return found

    def _finder(self) -> FaceFinder:
        # A network does one thing at a time.
        if not hasattr(self._of_thread, "finder"):
            self._of_thread.finder = FaceFinder(*self._made_with)
        finder: FaceFinder = self._of_thread.finder
        return finder


def _sure(faces: Faces) -> int:
    return int((faces.probability >= MIN_PROBABILITY).sum())
