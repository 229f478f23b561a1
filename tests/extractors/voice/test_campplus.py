import numpy as np
import pytest
import torch

from mraf.extractors.media.read import read_video
from mraf.extractors.voice.campplus import CampPlus
from mraf.extractors.voice.embed import embed_voices
from mraf.extractors.voice.kaldi import FilterBank
from mraf.extractors.voice.vad import SpeechFinder
from mraf.extractors.weights import MisfitError, Weights
from tests.helpers import seeded
from tests.helpers.real_people import campplus, check_apart, clips_of


@pytest.fixture(scope="module")
def encoder():
    return CampPlus(seeded.CAMPPLUS)


@pytest.fixture(scope="module")
def as_module():
    """The network in torch, from a wave to a vector."""
    features, net = FilterBank(), seeded.campplus()

    def embed(wave: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return net(features(torch.from_numpy(wave)[None]))[0].numpy()

    return embed


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    samples = round(seconds * 16_000)
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


@pytest.mark.parametrize("seconds", [1, 1.5, 2.014, 2.015, 2.03, 3, 4.02, 7.77, 20])
def test_graph_equals_the_network_in_torch(encoder, as_module, seconds):
    wave = noise(seconds)
    expected = as_module(wave)
    (found,) = encoder.embed([wave])
    assert found.shape == (192,) and found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_vectors_come_as_the_network_gives_them(encoder, as_module):
    length = np.linalg.norm(encoder.embed([noise(3)])[0])
    assert length == pytest.approx(np.linalg.norm(as_module(noise(3))), rel=1e-4)
    assert abs(length - 1) > 0.1


def test_long_speech_is_embedded_in_pieces(encoder, as_module):
    wave = noise(25)
    expected = np.mean([as_module(half) for half in np.split(wave, 2)], axis=0)
    assert np.allclose(encoder.embed([wave])[0], expected, atol=1e-4 * np.abs(expected).max())


def test_waves_together_give_what_each_gives_alone(encoder):
    waves = [noise(seconds, seed) for seed, seconds in enumerate((2, 3, 2, 2, 1, 3))]
    sizes, net = [], encoder._net
    encoder._net = lambda batch: (sizes.append(batch.shape), net(batch))[1]
    try:
        found = encoder.embed(waves)
    finally:
        encoder._net = net
    assert sizes == [(3, 198, 80), (2, 298, 80), (1, 98, 80)]
    for wave, vector in zip(waves, found, strict=True):
        assert np.allclose(vector, encoder.embed([wave])[0], atol=1e-4 * np.abs(vector).max())


def test_silence_gives_numbers(encoder):
    assert np.isfinite(encoder.embed([np.zeros(16_000, np.float32), noise(1) * 1e-9])).all()


def test_louder_speech_gives_the_same_vector(encoder):
    quiet, loud = encoder.embed([noise(2), 5 * noise(2)])
    assert np.allclose(quiet, loud, atol=1e-3 * np.abs(quiet).max())


def test_weights_of_another_network_are_told():
    others = Weights(sha256="not of CAM++", load=seeded.ECAPA.load)
    with pytest.raises(MisfitError, match=r"head\.conv1\.weight"):
        CampPlus(others)


@pytest.mark.shared
@pytest.mark.weights
def test_vector_is_that_of_the_authors(golden):
    known = np.load(golden / "campplus.npz")
    (found,) = CampPlus(campplus()).embed([known["wave"]])
    assert np.allclose(found, known["embedding"], atol=1e-4)


@pytest.mark.shared
@pytest.mark.weights
def test_the_published_weights_tell_real_people_apart(real_videos):
    clips, speakers = clips_of(real_videos)
    finder = SpeechFinder()
    waves = [read_video(clip, frames=0).wave for clip in clips]
    results = embed_voices([(finder.find(wave), None) for wave in waves], CampPlus(campplus()))
    vectors = np.stack([result.vector for result in results])
    check_apart(vectors, speakers)
    # Every clip is more like the other of its speaker than any of another's is like it.
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine, same = unit @ unit.T, speakers[:, None] == speakers
    np.fill_diagonal(cosine, -2)
    assert (
        cosine.max(axis=1, where=same, initial=-2) > cosine.max(axis=1, where=~same, initial=-2)
    ).all()
    errors = (cosine[same & (cosine > -2)][:, None] <= cosine[~same]).mean()
    assert errors < 0.005  # of all pairs of pairs: 1 - the area under the curve
