import numpy as np
import pytest
import torch

from extractors import compat
from extractors.face import Dlib, FaceFinder, FaceNet, average
from tests import seeded


def test_average_has_unit_length_and_weighs_frames_alike():
    mean = average(np.array([[3.0, 0.0], [0.0, 100.0]]))
    assert np.allclose(mean, np.sqrt([0.5, 0.5])) and mean.dtype == np.float32


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


@pytest.mark.parametrize("shape", [(2, 120, 160), (1, 8, 8), (1, 3, 500), (2, 1080, 1920)])
def test_no_face_in_noise_of_any_size(finder, shape):
    frames = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    faces = finder.find(frames)
    assert len(faces) == shape[0]
    assert all((f.probability < 0.9).all() for f in faces)


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
