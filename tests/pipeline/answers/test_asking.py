from types import SimpleNamespace

import numpy as np

from mraf.pipeline.answers.asking import features_of, first_of
from mraf.types import Posterior

CONFIG = SimpleNamespace(face_dim=2, voice_dim=3)


def test_what_is_missing_is_marked():
    face, voice = np.ones(2, np.float32), np.ones(3, np.float32)
    found = features_of([(face, voice), (None, voice), (face, None)], CONFIG)
    assert found.face_present.tolist() == [True, False, True]
    assert found.voice_present.tolist() == [True, True, False]
    assert found.face.shape == (3, 2) and found.voice.shape == (3, 3)


def posterior(known, threshold):
    return Posterior(
        probability=np.array([[0.2, 0.8], [np.nan, np.nan]], np.float32),
        face_weight=np.zeros(2, np.float32),
        voice_weight=np.zeros(2, np.float32),
        known=None if known is None else np.array([known, np.nan]),
        threshold=None if known is None else np.array([threshold, np.nan]),
    )


def test_a_face_alone_names_somebody_whom_it_knows():
    found = first_of(posterior(0.9, 0.5), 0, ["ann", "bob"])
    assert found["speaker"] == "bob" and found["known"] == 0.9
    assert first_of(posterior(0.4, 0.5), 0, ["ann", "bob"]) == {"known": 0.4}
    assert first_of(posterior(0.9, 0.5), 1, ["ann", "bob"]) == {}
    assert first_of(posterior(None, None), 0, ["ann", "bob"])["known"] is None
