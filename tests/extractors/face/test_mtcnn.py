import numpy as np
import pytest

from mraf.extractors import compat
from mraf.extractors.face.mtcnn import THRESHOLDS, Cascade, _best, _suppress
from mraf.extractors.media.container import read_video


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return Cascade()


@pytest.fixture(scope="module")
def frames(sample_videos) -> np.ndarray:
    """Two people side by side, a picture without anybody, and one of them alone."""
    ann, bob = (
        read_video(sample_videos / f"person0{i}/English/rec1/02.mp4", 1).frames[0] for i in (1, 2)
    )
    beside = np.zeros_like(ann)
    return np.stack([np.hstack([ann, bob]), np.hstack([beside, beside]), np.hstack([beside, bob])])


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    shared = max(width, 0) * max(height, 0)
    return shared / (np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared)


def test_faces_are_where_facenet_pytorch_finds_them(cascade, frames):
    compat.prepare()
    from facenet_pytorch import MTCNN

    boxes, probability = MTCNN(min_face_size=40, keep_all=True).detect(frames)
    found = cascade.detect(frames, 10_000, 40)
    for t in range(len(frames)):
        mine, sure = found.of(t)
        theirs = [] if boxes[t] is None else boxes[t]
        assert len(mine) == len(theirs)
        for box, p in zip(mine, sure, strict=True):
            match = max(range(len(theirs)), key=lambda m: overlap(box, theirs[m]))
            assert overlap(box, theirs[match]) > 0.8
            assert p == pytest.approx(probability[t][match], abs=0.03)
    assert [len(found.of(t)[0]) for t in range(3)] == [2, 0, 1]


def test_reduced_pictures_give_the_same_faces(cascade, frames):
    whole, reduced = (cascade.detect(frames, side, 40) for side in (10_000, 240))
    assert np.array_equal(whole.frame, reduced.frame)
    for t in (0, 2):
        for box in reduced.of(t)[0]:
            assert max(overlap(box, other) for other in whole.of(t)[0]) > 0.8


def test_a_face_cut_by_the_edge_is_looked_at_and_stays_in_range(cascade, frames):
    left = frames[2][:, frames.shape[2] // 2 :]
    half = np.ascontiguousarray(left[None, :, left.shape[1] // 2 :])
    found = cascade.detect(half, 240, 40)
    assert np.isfinite(found.boxes).all()
    assert (found.probability >= THRESHOLDS[2]).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 11, 300), (1, 24, 24), (1, 37, 1000)])
def test_pictures_too_small_for_a_face_hold_none(cascade, shape):
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert not len(cascade.detect(noise, 240, 40).frame)


def boxes_of(seed: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 60, (count, 2))], 1)
    return rng.integers(0, 3, count), boxes.astype(np.float32), rng.random(count).astype(np.float32)


@pytest.mark.parametrize("limit", [0.5, 0.7])
def test_suppression_keeps_what_torchvisions_rule_keeps(limit):
    index, boxes, score = boxes_of(1, 200)
    kept = _suppress(index, boxes, score, limit)
    for t in range(3):
        mine = np.flatnonzero(index == t)
        expected = mine[compat.nms(*_tensors(boxes[mine], score[mine]), limit).numpy()]
        assert np.array_equal(kept[index[kept] == t], expected)


def test_the_last_suppression_is_that_of_the_package():
    compat.prepare()
    from facenet_pytorch.models.utils.detect_face import nms_numpy

    _, boxes, score = boxes_of(2, 100)
    kept = _suppress(np.zeros(100, int), boxes, score, 0.7, of_smaller=True)
    assert np.array_equal(kept, nms_numpy(boxes, score, 0.7, "Min"))


def test_nothing_to_suppress_is_nothing():
    assert not len(_suppress(np.zeros(0, int), np.zeros((0, 4)), np.zeros(0), 0.5))


def test_a_crowd_is_cut_to_the_best_of_each_frame():
    index, _, score = boxes_of(3, 100)
    kept = _best(index, score, 5)
    for t in range(3):
        mine = score[kept][index[kept] == t]
        assert np.array_equal(mine, np.sort(score[index == t])[::-1][:5])


def _tensors(*arrays):
    import torch

    return tuple(torch.from_numpy(each) for each in arrays)


def test_a_picture_full_of_candidates_costs_bounded_memory(monkeypatch):
    cascade, compared = Cascade(), []

    def everywhere(pictures):
        t, h, w = pictures.shape[0], pictures.shape[1] // 2 - 5, pictures.shape[2] // 2 - 5
        return np.zeros((t, 4, h, w), np.float32), np.ones((t, 2, h, w), np.float32)

    def watched(boxes, *more):
        compared.append(len(boxes))
        return np.arange(len(boxes))

    monkeypatch.setattr(cascade, "_proposal", everywhere)
    monkeypatch.setattr("mraf.extractors.face.mtcnn._greedy", watched)
    cascade.detect(np.zeros((2, 240, 640, 3), np.uint8), 480, 20)
    assert 1000 < max(compared) <= 2000
