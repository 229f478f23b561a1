import numpy as np
import pytest

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
