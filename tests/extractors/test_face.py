import numpy as np
import pytest
import torch

from extractors.face import (
    MIN_PIXELS,
    Dlib,
    FaceFinder,
    FaceNet,
    Faces,
    average,
    choose_person,
    embed_face,
)
from tests import seeded


def at(*boxes: tuple[float, float, float], probability: float = 0.99) -> Faces:
    """Faces at (x, y) with a side of s pixels."""
    array = np.array([(x, y, x + s, y + s) for x, y, s in boxes], np.float32).reshape(-1, 4)
    return Faces(array, np.full(len(boxes), probability, np.float32))


class Scripted:
    """A finder that says what it is told."""

    def __init__(self, faces: list[Faces]) -> None:
        self.faces = faces

    def find(self, frames: np.ndarray) -> list[Faces]:
        return self.faces


class Corners:
    """An encoder whose vector is the box."""

    name, dim = "corners", 4

    def embed(self, frames: list[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        return boxes


FRAMES = np.zeros((4, 200, 200, 3), np.uint8)


def test_the_larger_of_two_steady_people_is_chosen_in_every_frame():
    faces = [
        at((10, 10, 40), (100, 50, 60)),
        at((102, 50, 61), (11, 10, 40)),
        at((99, 51, 60), (9, 9, 41)),
    ]
    assert choose_person(faces) == [1, 0, 0]


def test_a_large_face_that_passes_by_is_not_chosen():
    faces = [at((10, 10, 40)), at((10, 11, 40), (60, 20, 120)), at((11, 10, 40)), at((10, 10, 41))]
    assert choose_person(faces) == [0, 0, 0, 0]


def test_person_is_followed_over_a_frame_without_them():
    faces = [
        at((10, 10, 40)),
        at(),
        at((14, 12, 40), (150, 10, 30)),
        at((16, 12, 40), (150, 10, 30)),
    ]
    assert choose_person(faces) == [0, -1, 0, 0]


def test_uncertain_faces_do_not_count():
    assert choose_person([at((10, 10, 40), probability=0.8)] * 3) == [-1, -1, -1]
    assert choose_person([]) == []


@pytest.mark.parametrize(
    ("faces", "reason"),
    [
        ([at()] * 4, "no_face"),
        ([at((5, 5, 50), probability=0.75)] * 4, "low_confidence"),
        ([at((5, 5, MIN_PIXELS - 2))] * 4, "face_too_small"),
    ],
)
def test_what_is_not_found_has_a_reason_and_no_vector(faces, reason):
    result = embed_face(FRAMES, None, Scripted(faces), Corners())
    assert (result.vector, result.reason) == (None, reason)


@pytest.mark.parametrize("reason", ["no_video", "decode_error"])
def test_without_frames_the_reason_is_handed_on(reason):
    assert embed_face(None, reason, Scripted([]), Corners()).reason == reason


def test_vector_is_the_mean_of_unit_vectors_of_the_chosen_face():
    faces = [at((10, 10, 40)), at(), at((12, 10, 40), (150, 9, 30)), at((12, 12, 42))]
    result = embed_face(FRAMES, None, Scripted(faces), Corners())
    boxes = np.array([faces[0].boxes[0], faces[2].boxes[0], faces[3].boxes[0]])
    assert np.allclose(result.vector, average(boxes))
    assert (result.frames, result.size, result.reason) == (3, 40.0, None)
    assert result.quality == pytest.approx(0.99)


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
