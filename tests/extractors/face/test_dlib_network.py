import struct
from pathlib import Path

import dlib
import face_recognition_models as files
import numpy as np
import pytest
import torch

from mraf.extractors.face import dlib_network
from mraf.extractors.weights import MisfitError


@pytest.fixture(scope="module")
def path():
    return files.face_recognition_model_location()


def test_the_vectors_are_those_of_dlib(path):
    rng = np.random.default_rng(1)
    rough = [rng.integers(0, 255, (n, n, 3), dtype=np.uint8) for n in (3, 10, 30, 150)]
    faces = [np.repeat(np.repeat(each, 150 // len(each), 0), 150 // len(each), 1) for each in rough]
    ours = dlib_network.read(path)(torch.from_numpy(np.stack(faces))).detach().numpy()
    theirs = np.array(dlib.face_recognition_model_v1(path).compute_face_descriptor(faces))
    assert np.abs(theirs).max() > 0.1
    assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("harm", ["empty", "cut", "of other sizes", "twice", "another"])
def test_a_file_of_another_network_is_said_to_be_one(path, tmp_path, harm):
    data = Path(path).read_bytes()
    harmed = {
        "empty": b"",
        "cut": data[: len(data) // 2],
        # The first array is said to hold one number less.
        "of other sizes": data.replace(struct.pack("<H", 4736), struct.pack("<H", 4735), 1),
        "twice": data + data,
        "another": Path(files.pose_predictor_five_point_model_location()).read_bytes(),
    }[harm]
    other = tmp_path / "other.dat"
    other.write_bytes(harmed)
    with pytest.raises(MisfitError, match=r"other\.dat"):
        dlib_network.read(other)
