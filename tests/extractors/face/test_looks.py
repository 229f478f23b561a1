from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from mraf.extractors.face.looks import LARGE, SMALL, LookFinder
from mraf.extractors.face.mtcnn import Faces
from tests.helpers.painted_faces import at

PICTURES = np.zeros((10, 90, 160, 3), np.uint8)


class Passes:
    """A finder that finds other faces in each pass, and notes how many pictures it looked at."""

    def __init__(self, large: Faces, small: Faces) -> None:
        self.faces = {LARGE: large, SMALL: small}
        self.looked: list[tuple[object, int]] = []

    def find(self, clips, passes):
        self.looked.append((passes, len(clips[0])))
        return [[self.faces[passes]] * len(clip) for clip in clips]


def finder(large: Faces, small: Faces) -> tuple[LookFinder, Passes]:
    passes, found = Passes(large, small), LookFinder()
    found._of_thread.finder = passes
    return found, passes


def test_small_faces_are_looked_for_in_one_picture_alone_where_it_shows_none():
    looks, passes = finder(at((5, 5, 40)), at((5, 5, 41)))
    found = looks.find(PICTURES)
    assert passes.looked == [(LARGE, 10), (SMALL, 1)]
    assert len(found) == 10 and all(len(faces.boxes) == 1 for faces in found)


def test_where_it_shows_some_all_pictures_are_searched_closely():
    looks, passes = finder(at((5, 5, 40)), at((5, 5, 40), (90, 5, 10)))
    found = looks.find(PICTURES)
    assert passes.looked[-1] == (SMALL, 10)
    assert len(found) == 10 and all(len(faces.boxes) == 2 for faces in found)


def test_unsure_small_faces_do_not_count():
    looks, passes = finder(at(), at((90, 5, 10), probability=0.8))
    looks.find(PICTURES)
    assert (SMALL, 10) not in passes.looked


def test_no_pictures_no_faces():
    assert LookFinder().find(PICTURES[:0]) == []


@pytest.fixture(scope="module")
def faces(sample_videos) -> np.ndarray:
    """A large drawn face and a small one, each in three pictures."""
    from mraf.extractors.media.read import read_video

    names = ("person01/English/rec1/02.mp4", "person03/English/rec2/01.mp4")
    large, small = (read_video(sample_videos / name, frames=3).frames for name in names)
    found = np.full((3, 480, 854, 3), 90, np.uint8)
    for picture, one, other in zip(found, large, small, strict=True):
        picture[20:420, 20:420] = cv2.resize(one, (400, 400), interpolation=cv2.INTER_AREA)
        picture[100:220, 600:720] = cv2.resize(other, (120, 120), interpolation=cv2.INTER_AREA)
    return found


def test_large_and_small_drawn_faces_in_several_threads(faces):
    looks = LookFinder()
    with ThreadPoolExecutor(2) as pool:
        several = list(pool.map(looks.find, [faces] * 4))
    for found in several:
        assert len(found) == 3
        for each in found:
            sure = each.boxes[each.probability >= 0.9]
            assert sorted(sure[:, 0] > 500) == [False, True]
