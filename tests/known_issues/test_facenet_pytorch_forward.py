"""facenet-pytorch 2.5.3: `MTCNN.forward` fails on frames that `FaceFinder` must survive.

`FaceFinder` therefore calls `detect` and crops by itself. When one of these tests fails the library
has been mended, and the workaround can be looked at again.
"""

import numpy as np
import pytest

from extractors import compat
from extractors.face import FaceFinder
from extractors.media import read_video


@pytest.fixture(scope="module")
def mtcnn():
    compat.prepare()
    from facenet_pytorch import MTCNN

    return MTCNN(keep_all=False)


def test_a_batch_with_one_frame_without_a_face(mtcnn, sample_videos):
    frames = read_video(sample_videos / "person02/English/rec1/02.mp4", 2).frames
    frames[1] = 0
    with pytest.raises((TypeError, ValueError)):
        mtcnn(frames)
    assert [len(faces.boxes) for faces in FaceFinder().find(frames)] == [1, 0]


def test_a_frame_smaller_than_the_smallest_face(mtcnn):
    frames = np.zeros((1, 12, 12, 3), np.uint8)
    with pytest.raises((RuntimeError, ValueError)):
        mtcnn(frames)
    assert len(FaceFinder().find(frames)[0].boxes) == 0
