import numpy as np
import pytest

from mraf.extractors import compat
from mraf.extractors.boxes import overlap
from mraf.extractors.face.mtcnn import THRESHOLDS, Cascade, _best, _suppress_by_frame
from mraf.extractors.media.read import read_video


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return Cascade()


@pytest.fixture(scope="module")
def frames(sample_videos) -> np.ndarray:
    """Two people side by side, a picture without anybody, and one of them alone."""
    ann, bob = (
        read_video(sample_videos / f"person0{i}/English/rec1/02.mp4", frames=1).frames[0]
        for i in (1, 2)
    )
    empty = np.zeros_like(ann)
    return np.stack([np.hstack([ann, bob]), np.hstack([empty, empty]), np.hstack([empty, bob])])


def test_faces_are_where_facenet_pytorch_finds_them(cascade, frames):
    compat.prepare()
    from facenet_pytorch import MTCNN

    boxes, probability = MTCNN(min_face_size=40, keep_all=True).detect(frames)
    found = cascade.detect(frames, side=10_000, min_face=40)
    for t in range(len(frames)):
        mine, sure = found[t].boxes, found[t].probability
        theirs = [] if boxes[t] is None else boxes[t]
        assert len(mine) == len(theirs)
        for box, p in zip(mine, sure, strict=True):
            match = max(range(len(theirs)), key=lambda m: overlap(box, theirs[m]))
            assert overlap(box, theirs[match]) > 0.8
            assert p == pytest.approx(probability[t][match], abs=0.03)
    assert [len(found[t].boxes) for t in range(3)] == [2, 0, 1]


def test_reduced_pictures_give_the_same_faces(cascade, frames):
    whole, reduced = (cascade.detect(frames, side=side, min_face=40) for side in (10_000, 240))
    assert [len(each.boxes) for each in whole] == [len(each.boxes) for each in reduced]
    for t in (0, 2):
        for box in reduced[t].boxes:
            assert max(overlap(box, other) for other in whole[t].boxes) > 0.8


def test_a_face_cut_by_the_edge_is_looked_at_and_stays_in_range(cascade, frames):
    left = frames[2][:, frames.shape[2] // 2 :]
    half = np.ascontiguousarray(left[None, :, left.shape[1] // 2 :])
    (found,) = cascade.detect(half, side=240, min_face=40)
    assert np.isfinite(found.boxes).all()
    assert (found.probability >= THRESHOLDS[2]).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 11, 300), (1, 24, 24), (1, 37, 1000)])
def test_pictures_too_small_for_a_face_hold_none(cascade, shape):
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    found = cascade.detect(noise, side=240, min_face=40)
    assert len(found) == shape[0] and not any(len(each.boxes) for each in found)


def test_boxes_of_other_frames_are_not_suppressed():
    rng = np.random.default_rng(1)
    boxes, score = np.tile(np.array([[0.0, 0, 9, 9]], np.float32), (6, 1)), rng.random(6)
    index = np.array([1, 0, 1, 0, 2, 1])
    kept = _suppress_by_frame(index, boxes, score, 0.5)
    assert index[kept].tolist() == [0, 1, 2]
    assert all(score[k] == score[index == t].max() for t, k in enumerate(kept))
    assert not len(_suppress_by_frame(np.zeros(0, int), np.zeros((0, 4)), np.zeros(0), 0.5))


def test_a_crowd_is_cut_to_the_best_of_each_frame():
    rng = np.random.default_rng(3)
    index, score = rng.integers(0, 3, 100), rng.random(100)
    kept = _best(index, score, 5)
    for t in range(3):
        mine = score[kept][index[kept] == t]
        assert np.array_equal(mine, np.sort(score[index == t])[::-1][:5])


def test_a_picture_full_of_candidates_costs_bounded_memory(monkeypatch):
    cascade, compared = Cascade(), []

    def everywhere(pictures):
        t, h, w = pictures.shape[0], pictures.shape[1] // 2 - 5, pictures.shape[2] // 2 - 5
        return np.zeros((t, 4, h, w), np.float32), np.ones((t, 2, h, w), np.float32)

    def watched(boxes, *_, **__):
        compared.append(len(boxes))
        return np.arange(len(boxes))

    monkeypatch.setattr(cascade, "_proposal", everywhere)
    monkeypatch.setattr("mraf.extractors.face.mtcnn.suppress", watched)
    cascade.detect(np.zeros((2, 240, 640, 3), np.uint8), side=480, min_face=20)
    assert 1000 < max(compared) <= 2000
