import numpy as np
import pytest

from mraf.extractors.face.dlib import Dlib


@pytest.mark.parametrize("box", [(-30, -30, 50, 50), (300, 200, 400, 300), (10, 10, 10, 10)])
def test_a_box_that_leaves_the_picture_still_gives_a_finite_vector(box):
    frame = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    encoder = Dlib()
    vector = encoder.embed([frame], np.array([box], np.float32))
    assert vector.shape == (1, encoder.dim) and np.isfinite(vector).all()


def test_dlib_takes_frames_that_are_not_contiguous_or_read_only():
    frame = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    box = np.array([[100, 50, 180, 150]], np.float32)
    turned = frame[:, ::-1][:, ::-1]
    turned.flags.writeable = False
    encoder = Dlib()
    assert np.array_equal(encoder.embed([frame], box), encoder.embed([turned], box))
