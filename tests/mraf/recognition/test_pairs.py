"""Log odds that two clips are of one person."""

import numpy as np
import pytest

from mraf.errors import UsageError
from mraf.extractors import encoders
from mraf.recognition.pairs import FACE, VOICE, Pairs

PAIRS = Pairs.of("facenet", "ecapa")


def test_every_encoder_has_odds():
    assert FACE.keys() == encoders.FACE.keys()
    assert VOICE.keys() == encoders.VOICE.keys()


def test_other_encoders_are_refused():
    with pytest.raises(UsageError, match="'other'"):
        Pairs.of("other", "ecapa")


@pytest.mark.parametrize("face", FACE)
@pytest.mark.parametrize("voice", VOICE)
def test_equal_vectors_are_one_person_and_more_alike_is_likelier(face, voice):
    pairs = Pairs.of(face, voice)
    cosines = np.linspace(-1, 1, 9)
    for odds in (pairs.face(cosines), pairs.voice(cosines), pairs.both(cosines, cosines)):
        assert odds[-1] > 4
        assert odds[0] < -4
        assert (np.diff(odds) > 0).all()


def test_shapes_are_kept():
    face, voice = np.full((3, 4), 0.7), np.full((3, 4), 0.5)
    assert PAIRS.face(face).shape == PAIRS.both(face, voice).shape == (3, 4)


def test_missing_modalities_say_nothing():
    face, voice = np.array([0.7, np.nan, np.nan]), np.array([np.nan, 0.5, np.nan])
    together = PAIRS.both(face, voice)
    assert together[0] == PAIRS.face(face)[0]
    assert together[1] == PAIRS.voice(voice)[1]
    assert together[2] == 0


def test_two_modalities_say_more_than_one():
    alike, other = np.array(0.7), np.array(0.55)
    assert PAIRS.both(alike, other) > max(PAIRS.face(alike), PAIRS.voice(other)) > 0
