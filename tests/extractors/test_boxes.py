import numpy as np
import pytest

from mraf.extractors import boxes as module
from mraf.extractors import compat
from mraf.extractors.boxes import overlap, suppress


def drawn(seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes that overlap a lot, and their scores."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 60, (count, 2))], 1)
    return boxes.astype(np.float32), rng.random(count).astype(np.float32)


def one_by_one(boxes: np.ndarray, scores: np.ndarray, limit: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda k: -scores[k]):
        if all(iou(boxes[i], boxes[j]) <= limit for j in kept):
            kept.append(i)
    return kept


def iou(a: np.ndarray, b: np.ndarray) -> float:
    width = max(0.0, float(min(a[2], b[2]) - max(a[0], b[0])))
    height = max(0.0, float(min(a[3], b[3]) - max(a[1], b[1])))
    area = [float((x[2] - x[0]) * (x[3] - x[1])) for x in (a, b)]
    union = sum(area) - width * height
    return width * height / union if union > 0 else 0.0


@pytest.mark.parametrize("rows", [7, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_keeps_what_a_comparison_one_by_one_keeps(monkeypatch, seed, rows):
    monkeypatch.setattr(module, "_ROWS", rows)
    boxes, scores = drawn(seed, 60)
    for limit in (0.3, 0.5, 0.7):
        assert suppress(boxes, scores, limit).tolist() == one_by_one(boxes, scores, limit)


def test_keeps_what_facenet_pytorch_keeps_by_the_smaller_box():
    compat.prepare()
    from facenet_pytorch.models.utils.detect_face import nms_numpy

    boxes, scores = drawn(2, 100)
    kept = suppress(boxes, scores, 0.7, of_smaller=True, edge=1.0)
    assert np.array_equal(kept, nms_numpy(boxes, scores, 0.7, "Min"))


def test_of_equal_scores_the_first_is_kept():
    boxes = np.array([[0, 0, 9, 9], [50, 50, 60, 60], [0, 0, 9, 9], [50, 50, 60, 60]], float)
    assert suppress(boxes, np.array([0.1, 0.5, 0.9, 0.5]), 0.5).tolist() == [2, 1]


def test_nothing_and_boxes_without_area():
    empty = suppress(np.zeros((0, 4)), np.zeros(0), 0.5)
    assert empty.shape == (0,) and empty.dtype == np.int64
    assert suppress(np.zeros((3, 4)), np.array([0.1, 0.3, 0.2]), 0.5).tolist() == [1, 2, 0]


def test_overlap_is_the_intersection_over_the_union():
    box = np.array([0, 0, 4, 4], np.float32)
    assert overlap(box, box) == 1
    assert overlap(box, np.array([2, 0, 6, 4])) == pytest.approx(8 / 24)
    assert overlap(box, box + 4) == overlap(box, box + 9) == 0
    assert overlap(np.zeros(4), np.zeros(4)) == 0
