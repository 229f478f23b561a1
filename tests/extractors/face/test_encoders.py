import numpy as np
import pytest
import torch

from mraf.extractors import compat
from mraf.extractors.face.encoders import Dlib, FaceFinder, FaceNet, average
from mraf.extractors.media.container import read_video
from tests.helpers import seeded


def test_average_has_unit_length_and_weighs_frames_alike():
    mean = average(np.array([[3.0, 0.0], [0.0, 100.0]]))
    assert np.allclose(mean, np.sqrt([0.5, 0.5])) and mean.dtype == np.float32


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
    clips = [read_video(sample_videos / f"{name}.mp4", 3).frames for name in names]
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


def test_many_faces_go_through_facenet_in_bounded_batches(monkeypatch):
    encoder, sizes = seeded_facenet(), []

    def net(crops):
        sizes.append(len(crops))
        return (crops.reshape(len(crops), -1)[:, :512].astype(np.float32),)

    monkeypatch.setattr(encoder, "_net", net)
    frames = [np.full((40, 40, 3), i % 251, np.uint8) for i in range(300)]
    vectors = encoder.embed(frames, np.tile(np.array([5.0, 5, 30, 30]), (300, 1)))
    assert sizes == [128, 128, 44]
    assert np.array_equal(vectors[:, 0], np.arange(300) % 251)


def seeded_facenet() -> FaceNet:
    return FaceNet(seeded.FACENET)


def test_facenet_gives_what_the_plain_way_of_its_package_gives():
    compat.prepare()
    from facenet_pytorch import extract_face, fixed_image_standardization

    encoder = seeded_facenet()
    frame = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    box = np.array([100.4, 50.2, 180.7, 150.9], np.float32)
    plain = seeded.facenet()
    with torch.no_grad():
        expected = plain(fixed_image_standardization(extract_face(frame, box))[None])[0].numpy()
    found = encoder.embed([frame, frame], np.stack([box, box]))
    assert found.shape == (2, 512)
    assert np.allclose(found[0], expected, atol=1e-5)


@pytest.mark.parametrize("box", [(-30, -30, 50, 50), (300, 200, 400, 300), (10, 10, 10, 10)])
@pytest.mark.parametrize("make", [seeded_facenet, Dlib])
def test_a_box_that_leaves_the_picture_still_gives_a_finite_vector(make, box):
    frame = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    encoder = make()
    vector = encoder.embed([frame], np.array([box], np.float32))
    assert vector.shape == (1, encoder.dim) and np.isfinite(vector).all()


def test_dlib_takes_frames_that_are_not_contiguous_or_read_only():
    frame = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    box = np.array([[100, 50, 180, 150]], np.float32)
    turned = frame[:, ::-1][:, ::-1]
    turned.flags.writeable = False
    encoder = Dlib()
    assert np.array_equal(encoder.embed([frame], box), encoder.embed([turned], box))
