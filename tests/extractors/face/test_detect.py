import numpy as np
import pytest

from mraf.extractors.boxes import overlap
from mraf.extractors.face.detect import FaceFinder, sharpness
from mraf.extractors.media.read import read_video


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


@pytest.mark.parametrize("shape", [(2, 120, 160), (1, 8, 8), (1, 3, 500), (2, 1080, 1920)])
def test_no_face_in_noise_of_any_size(finder, shape):
    frames = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    (faces,) = finder.find([frames])
    assert len(faces) == shape[0]
    assert all((f.probability < 0.9).all() for f in faces)


def test_clips_looked_at_together_show_the_same_faces_as_alone(finder, sample_videos):
    names = ("person01/English/rec1/02", "person02/Urdu/rec1/01", "person03/English/rec2/01")
    clips = [read_video(sample_videos / f"{name}.mp4", frames=3).frames for name in names]
    smaller = np.ascontiguousarray(clips[0][:2, ::2, ::2])
    empty = np.zeros((1, *clips[0].shape[1:]), np.uint8)
    clips = [clips[0], empty, smaller, *clips[1:]]
    together = finder.find(clips)
    assert [len(faces) for faces in together] == [len(frames) for frames in clips]
    for frames, faces in zip(clips, together, strict=True):
        (alone,) = finder.find([frames])
        for one, other in zip(alone, faces, strict=True):
            assert np.allclose(one.boxes, other.boxes, atol=0.1)
            assert np.allclose(one.probability, other.probability, atol=1e-4)
    assert [any(len(f.boxes) for f in faces) for faces in together[:3]] == [True, False, True]
    assert finder.find([]) == []


def test_a_blurred_face_is_less_sharp():
    import cv2

    frame = np.random.default_rng(0).integers(0, 255, (200, 400, 3), dtype=np.uint8)
    box = np.array([50.0, 20.0, 210.0, 180.0])
    sharp, blurred = sharpness(frame, box), sharpness(cv2.GaussianBlur(frame, (0, 0), 2), box)
    assert blurred < sharp / 10
    grey = np.full_like(frame, 128)
    for outside in ([-30, -30, 50, 50], [390, 190, 500, 300], [500, 300, 600, 400], [9, 9, 9, 9]):
        assert sharpness(grey, np.array(outside, float)) == 0


@pytest.fixture
def searched(finder, monkeypatch) -> list[int]:
    """Numbers of frames that are searched whole, call after call."""
    counts, detect = [], finder._cascade.detect

    def watched(frames, **how):
        counts.append(len(frames))
        return detect(frames, **how)

    monkeypatch.setattr(finder._cascade, "detect", watched)
    return counts


def two_people(sample_videos) -> tuple[np.ndarray, np.ndarray]:
    ann, bob = (
        read_video(sample_videos / f"person0{i}/English/rec1/02.mp4", frames=5).frames
        for i in (1, 2)
    )
    return ann, bob


def boxes_of(found) -> list[int]:
    return [int((faces.probability >= 0.9).sum()) for faces in found]


def test_a_face_is_followed_through_every_second_frame(finder, searched, sample_videos):
    ann, bob = two_people(sample_videos)
    both = np.concatenate([ann, bob], axis=2)
    (found,) = finder.find([both])
    assert boxes_of(found) == [2] * 5
    assert searched == [3]
    for t in range(5):
        (alone,) = finder.find([both[t : t + 1]])
        for box in found[t].boxes[:2]:
            assert max(overlap(box, other) for other in alone[0].boxes) > 0.85


def test_a_frame_that_shows_others_than_its_neighbours_is_searched(finder, searched, sample_videos):
    ann, bob = two_people(sample_videos)
    empty = np.zeros_like(ann[0])

    def beside(left, right):
        return np.concatenate([left, right], axis=1)

    frames = np.stack(
        [
            beside(ann[0], empty),
            beside(empty, bob[1]),  # a cut to somebody else
            beside(ann[2], empty),
            beside(empty, empty),  # out of view
            beside(ann[4], bob[4]),  # two people
            beside(ann[3], bob[3]),  # the last frame, where both stay
        ]
    )
    (found,) = finder.find([frames])
    assert boxes_of(found) == [1, 1, 1, 0, 2, 2]
    assert searched == [4, 2]
    assert found[1].boxes[0, 0] > ann.shape[2] * 0.9  # in the right half


def test_clips_in_one_call_are_not_followed_into_each_other(finder, searched, sample_videos):
    ann, bob = two_people(sample_videos)
    found = finder.find([ann[:1], bob[:2], np.zeros_like(ann[:3])])
    assert [boxes_of(each) for each in found] == [[1], [1, 1], [0, 0, 0]]
    assert searched[0] == 5  # one frame, both of two, the first and the last of three


def test_a_person_who_joins_in_the_last_frame_is_found(finder, sample_videos):
    ann, bob = two_people(sample_videos)
    empty = np.zeros_like(ann[0])
    frames = [np.concatenate([ann[t], bob[t] if t == 3 else empty], axis=1) for t in range(4)]
    (found,) = finder.find([np.stack(frames)])
    assert boxes_of(found) == [1, 1, 1, 2]


def test_the_box_of_a_face_that_moves_is_exact(finder, searched, sample_videos):
    ann, _ = two_people(sample_videos)
    (faces,) = finder.find([ann[:1]])
    width = faces[0].boxes[0, 2] - faces[0].boxes[0, 0]
    for share in (0.1, 0.2, 0.3):
        moved = np.stack([np.roll(ann[0], round(share * width * t), axis=1) for t in (-1, 0, 1)])
        searched.clear()
        (found,) = finder.find([moved])
        assert searched == [2]
        assert overlap(found[1].boxes[0], faces[0].boxes[0]) > 0.85


def corner_of(canvas: np.ndarray, face: np.ndarray, side: int) -> np.ndarray:
    """A large picture with a small one in its corner."""
    import cv2

    shown = canvas.copy()
    width = round(side * face.shape[1] / face.shape[0])
    shown[-side:, -width:] = cv2.resize(face, (width, side), interpolation=cv2.INTER_AREA)
    return shown


def test_where_few_frames_show_a_face_the_others_are_looked_at_more_closely(
    finder, searched, sample_videos
):
    ann, _ = two_people(sample_videos)
    canvas = np.full((480, 640, 3), 90, np.uint8)
    small = [corner_of(canvas, ann[t % 5], 90) for t in range(7)]
    (alone,) = finder.find([np.stack(small)])
    assert boxes_of(alone) == [1] * 7
    (found,) = finder.find([np.stack([*small[:3], corner_of(canvas, ann[3], 480), *small[3:]])])
    assert boxes_of(found) == [1] * 8


def test_where_most_frames_show_a_face_the_others_are_left(finder, searched, sample_videos):
    ann, _ = two_people(sample_videos)
    empty = np.zeros_like(ann[0])
    (found,) = finder.find([np.stack([ann[0], ann[1], ann[2], empty, empty])])
    assert boxes_of(found) == [1, 1, 1, 0, 0] and sum(searched) <= 5
    searched.clear()
    (found,) = finder.find([np.stack([ann[0], ann[1], empty, empty, empty])])
    assert boxes_of(found) == [1, 1, 0, 0, 0] and sum(searched) > 5
