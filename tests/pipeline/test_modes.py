from dataclasses import replace

import numpy as np
import pytest

from mraf.errors import UsageError
from mraf.inference.prediction import predict
from mraf.inference.propagation import SettingClips, propagate_cross, propagate_setting
from mraf.pipeline.modes import MODES, probabilities
from mraf.prototypes.fit import fit_uncalibrated
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import made_features


@pytest.fixture(scope="module")
def model():
    """A model of six speakers, without anything learned."""
    return fit_uncalibrated(made_features(), 6, PrototypeOptions.cosine())


@pytest.fixture
def clips():
    """Other recordings, some of them without a face or a voice."""
    return made_features(session=1, noise=0.6, missing=0.2)


def setting_clips(posterior, with_faces):
    face = posterior.face_embedding
    return SettingClips(
        probability=posterior.probability,
        voice=np.nan_to_num(posterior.voice_embedding),
        voice_present=np.isfinite(posterior.voice_embedding[:, 0]),
        face=np.nan_to_num(face) if with_faces else None,
        face_present=np.isfinite(face[:, 0]) if with_faces else None,
    )


def test_single_is_the_posterior(model, clips):
    ((complete, voice),) = probabilities(model, [clips], "single")
    np.testing.assert_array_equal(complete, predict(model, clips).probability)
    np.testing.assert_array_equal(voice, predict(model, clips.without_face()).probability)
    assert np.isnan(voice[~clips.voice_present]).all()


def test_setting_and_cross_propagate_the_posteriors(model, clips):
    complete = setting_clips(predict(model, clips), with_faces=True)
    voices = setting_clips(predict(model, clips.without_face()), with_faces=False)
    ((first, second),) = probabilities(model, [clips], "setting")
    np.testing.assert_array_equal(first, propagate_setting(complete))
    np.testing.assert_array_equal(second, propagate_setting(voices))
    ((first, second),) = probabilities(model, [clips], "cross")
    for found, expected in zip((first, second), propagate_cross(complete, voices), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", MODES)
def test_only_cross_lets_voices_depend_on_faces(model, clips, mode):
    ((_, voice),) = probabilities(model, [clips], mode)
    ((_, other),) = probabilities(model, [replace(clips, face=clips.face[::-1].copy())], mode)
    assert np.array_equal(voice, other, equal_nan=True) == (mode != "cross")


@pytest.mark.parametrize("mode", MODES)
def test_one_part_does_not_depend_on_another(model, clips, mode):
    second = made_features(session=2)
    together = probabilities(model, [clips, second], mode)
    apart = [*probabilities(model, [clips], mode), *probabilities(model, [second], mode)]
    for mine, theirs in zip(together, apart, strict=True):
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


def test_an_unknown_mode_is_named(model):
    with pytest.raises(UsageError, match=r"'sinlge' \(there are: single, .*Did you mean 'single'"):
        probabilities(model, [], "sinlge")
