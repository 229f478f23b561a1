import cv2
import numpy as np
import pytest

from mraf.extractors.face.portraits import Portraits
from tests.helpers.painted_faces import ANN, AXES, BEN, HEIGHT, WIDTH, Painted

RANDOM = np.random.default_rng(0)


class Counted(Painted):
    """Notes how large the pictures are."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def embed(self, frames, boxes):
        self.sizes += [frame.nbytes for frame in frames]
        return super().embed(frames, boxes)


def painted(who: int, box: np.ndarray, grain: float = 0) -> np.ndarray:
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    x1, y1, x2, y2 = box.astype(int)
    shades = 200 + RANDOM.normal(0, grain, (y2 - y1, x2 - x1))
    picture[y1:y2, x1:x2, who] = np.clip(shades, 0, 255)
    return picture


BOX = np.array([100, 50, 180, 130], np.float32)


def seen(portraits: Portraits, *people: int, box: np.ndarray = BOX, first: int = 0) -> Portraits:
    for k, who in enumerate(people):
        portraits.add(first + 5 * k, painted(who, box), box, 0.99)
    portraits.finish()
    return portraits


def test_a_minute_is_embedded_about_eight_times_spread_over_it():
    encoder = Painted()
    views = seen(Portraits(encoder), *[ANN] * 300).views
    ticks = [view.tick for view in views]
    assert 8 <= len(views) <= 12 and encoder.embedded == len(views)
    assert ticks == sorted(ticks) and max(np.diff(ticks)) <= 400 and ticks[-1] >= 1_200
    assert all(np.allclose(view.vector, AXES[ANN]) for view in views)
    assert all(np.linalg.norm(view.vector) == pytest.approx(1) for view in views)


def test_one_look_is_enough():
    (view,) = seen(Portraits(Painted()), ANN).views
    assert view.tick == 0 and view.vector is not None
    assert Portraits(Painted()).finish() is None


def test_the_sharpest_and_surest_look_is_taken():
    portraits = Portraits(Painted())
    for k in range(6):
        grain, probability = (40, 0.99) if k == 3 else (40, 0.91) if k == 4 else (1, 0.99)
        portraits.add(5 * k, painted(ANN, BOX, grain), BOX, probability)
    portraits.finish()
    assert [view.tick for view in portraits.views] == [15]


@pytest.mark.parametrize("at", [1, 7, 10, 11, 19, 20, 39])
def test_another_person_in_the_same_place_is_noticed_and_when(at):
    portraits = seen(Portraits(Painted()), *[ANN] * at, *[BEN] * (60 - at))
    assert portraits.splits in ([5 * at], [])
    # One whom no view shows cannot be told: here who comes in the middle of the last stretch.
    shown = {int(view.vector.argmax()) for view in portraits.views}
    assert bool(portraits.splits) == (len(shown) == 2) == (at < 39)


def test_back_and_forth_is_noticed():
    portraits = seen(Portraits(Painted()), *[ANN] * 40, *[BEN] * 45, *[ANN] * 60)
    assert portraits.splits == [200, 425]


def test_a_face_of_under_24_pixels_has_a_picture_and_no_vector():
    encoder = Painted()
    small = np.array([100, 50, 120, 73], np.float32)
    (view,) = seen(Portraits(encoder), ANN, ANN, box=small).views
    assert view.vector is None and view.picture and not encoder.embedded


@pytest.mark.parametrize("box", [(100, 50, 180, 130), (-40, -30, 60, 70), (330, 120, 420, 230)])
def test_the_picture_is_a_small_jpeg_of_the_face(box):
    box = np.array(box, np.float32)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    x1, y1, x2, y2 = np.clip(box, 0, [WIDTH, HEIGHT] * 2).astype(int)
    picture[y1:y2, x1:x2, ANN] = 200
    portraits = Portraits(Painted())
    portraits.add(0, picture, box, 0.99)
    portraits.finish()
    image = cv2.imdecode(np.frombuffer(portraits.views[0].picture, np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == (96, 96, 3)
    red = image[..., 2] > 100  # OpenCV has the colours the other way round
    assert 0.3 < red.mean() < 1 and image[..., 0].max() < 60


def test_a_large_face_does_not_keep_a_large_picture():
    encoder = Counted()
    large = np.array([10, 10, 1_010, 1_010], np.float32)
    picture = np.full((1_080, 1_920, 3), 200, np.uint8)
    portraits = Portraits(encoder)
    for k in range(100):
        portraits.add(5 * k, picture, large, 0.99)
    assert max(encoder.sizes) < 500_000
    kept = sum(each.picture.nbytes for each in portraits._rough)
    assert kept < 100 * 100_000 and all(s.picture.base is None for s in portraits._rough)
