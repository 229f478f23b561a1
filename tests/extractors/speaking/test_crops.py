import cv2
import numpy as np
import pytest

from mraf.extractors.speaking.crops import between, crop, squares

RANDOM = np.random.default_rng(0)
PICTURE = cv2.GaussianBlur(RANDOM.integers(0, 255, (300, 400), np.uint8), (0, 0), 2)


def plainly(picture: np.ndarray, x: float, y: float, half: float) -> np.ndarray:
    """The square cut out whole, scaled whole, then its middle."""
    edge = 1000
    wide = cv2.copyMakeBorder(picture, *[edge] * 4, cv2.BORDER_CONSTANT, value=110)
    rows = slice(int(y - half) + edge, int(y + 1.8 * half) + edge)
    columns = slice(int(x - 1.4 * half) + edge, int(x + 1.4 * half) + edge)
    return cv2.resize(wide[rows, columns], (224, 224))[72:152, 72:152]


@pytest.mark.parametrize(
    "square", [(200, 150, 50), (200.7, 140.2, 81.6), (60, 30, 40), (380, 280, 90), (200, 150, 20)]
)
def test_the_middle_of_a_square_around_the_face(square):
    found = crop(PICTURE, np.array(square, float))
    assert found.shape == (80, 80) and found.dtype == np.uint8
    assert np.abs(found.astype(int) - plainly(PICTURE, *square)).max() <= 2


def test_what_lies_outside_is_grey():
    assert (crop(PICTURE, np.array([-500, 100, 50])) == 110).all()
    assert (crop(PICTURE, np.array([10_000, 100, 50])) == 110).all()
    assert crop(PICTURE, np.array([100, 100, 0])).shape == (80, 80)


def test_boxes_lie_on_lines_between_looks_and_stay_beyond_them():
    boxes = np.array([[0, 0, 10, 10], [10, 20, 30, 40]], float)
    found = between(np.array([5, 10]), boxes, np.array([3, 5, 7, 10, 14]))
    assert found[:2].tolist() == [[0, 0, 10, 10]] * 2
    assert found[2].tolist() == [4, 8, 18, 22]
    assert found[3:].tolist() == [[10, 20, 30, 40]] * 2


def test_a_jump_of_a_few_ticks_is_smoothed_away():
    boxes = np.tile([100.0, 100, 140, 160], (40, 1))
    boxes[20:25] += 30
    assert np.array_equal(squares(boxes), np.tile([120.0, 130, 30], (40, 1)))
    assert squares(boxes[:1]).tolist() == [[120, 130, 30]]
