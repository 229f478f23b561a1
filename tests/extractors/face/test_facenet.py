import numpy as np
import pytest
import torch

from mraf.extractors import compat
from mraf.extractors.encoders import build
from mraf.extractors.face.detect import FaceFinder
from mraf.extractors.face.embed import embed_faces
from mraf.extractors.face.facenet import FaceNet
from mraf.extractors.media.read import read_video
from tests.helpers import seeded
from tests.helpers.real_people import check_apart, clips_of, published


def test_many_faces_go_through_facenet_in_bounded_batches(monkeypatch):
    encoder, sizes = FaceNet(seeded.FACENET), []

    def net(crops):
        sizes.append(len(crops))
        return (crops.reshape(len(crops), -1)[:, :512].astype(np.float32),)

    monkeypatch.setattr(encoder, "_net", net)
    frames = [np.full((40, 40, 3), i % 251, np.uint8) for i in range(300)]
    vectors = encoder.embed(frames, np.tile(np.array([5.0, 5, 30, 30]), (300, 1)))
    assert sizes == [128, 128, 44]
    assert np.array_equal(vectors[:, 0], np.arange(300) % 251)


def test_facenet_gives_what_the_plain_way_of_its_package_gives():
    compat.prepare()
    from facenet_pytorch import extract_face, fixed_image_standardization

    encoder = FaceNet(seeded.FACENET)
    frame = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    box = np.array([100.4, 50.2, 180.7, 150.9], np.float32)
    plain = seeded.facenet()
    with torch.no_grad():
        expected = plain(fixed_image_standardization(extract_face(frame, box))[None])[0].numpy()
    found = encoder.embed([frame, frame], np.stack([box, box]))
    assert found.shape == (2, 512)
    assert np.allclose(found[0], expected, atol=1e-5)


@pytest.mark.parametrize("box", [(-30, -30, 50, 50), (300, 200, 400, 300), (10, 10, 10, 10)])
def test_a_box_that_leaves_the_picture_still_gives_a_finite_vector(box):
    frame = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    encoder = FaceNet(seeded.FACENET)
    vector = encoder.embed([frame], np.array([box], np.float32))
    assert vector.shape == (1, encoder.dim) and np.isfinite(vector).all()


@pytest.mark.weights
@pytest.mark.shared
def test_the_published_weights_tell_real_people_apart(real_videos):
    encoder = build(published("facenet"))
    clips, speakers = clips_of(real_videos)
    frames = [read_video(clip, frames=4).frames for clip in clips]
    results = embed_faces([(each, None) for each in frames], FaceFinder(), encoder)
    found = np.array([result.vector is not None for result in results])
    assert found.mean() > 0.8
    vectors = np.stack([result.vector for result in results if result.vector is not None])
    check_apart(vectors, speakers[found])
