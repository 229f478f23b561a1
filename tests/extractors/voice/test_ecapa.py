import numpy as np
import pytest
import torch

from mraf.extractors.encoders import build
from mraf.extractors.media.read import read_video
from mraf.extractors.voice.ecapa import Ecapa
from mraf.extractors.voice.embed import embed_voices
from mraf.extractors.voice.vad import SpeechFinder
from tests.helpers import seeded
from tests.helpers.real_people import check_apart, clips_of, published


def test_ecapa_equals_speechbrains_own_chain():
    net = seeded.ecapa()
    encoder = Ecapa(seeded.ECAPA)
    from speechbrain.lobes.features import Fbank
    from speechbrain.processing.features import InputNormalization

    wave = np.random.default_rng(3).normal(0, 0.1, 32_000).astype(np.float32)
    features = Fbank(n_mels=80)(torch.from_numpy(wave)[None])
    normalise = InputNormalization(norm_type="sentence", std_norm=False)
    with torch.no_grad():
        expected = net(normalise(features, torch.ones(1)))[0, 0].numpy()
    (found,) = encoder.embed([wave])
    assert found.shape == (192,)
    assert np.allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_long_speech_is_embedded_in_pieces():
    encoder = Ecapa(seeded.ECAPA)
    wave = np.random.default_rng(4).normal(0, 0.1, 40 * 16_000 + 2).astype(np.float32)
    pieces = np.split(wave, [213_334, 426_668])
    (found,) = encoder.embed([wave])
    assert found.dtype == np.float32
    assert np.allclose(found, encoder.embed(pieces).mean(axis=0), rtol=1e-4)


def test_speech_of_one_length_goes_through_ecapa_together():
    encoder = Ecapa(seeded.ECAPA, device="cpu:0")  # as a torch module, as on a GPU
    rng = np.random.default_rng(5)
    waves = [rng.normal(0, 0.1, n).astype(np.float32) for n in (20_000, 30_000, 20_000, 20_000)]
    sizes, features = [], encoder._features
    encoder._features = lambda batch: (sizes.append(batch.shape), features(batch))[1]
    found = encoder.embed(waves)
    assert sizes == [(3, 20_000), (1, 30_000)]
    for wave, vector in zip(waves, found, strict=True):
        alone = encoder._net(features(wave[None])[0])[0][0]
        assert np.allclose(vector, alone, rtol=1e-3, atol=1e-3)


def test_on_a_cpu_no_more_speech_goes_through_at_once_than_a_long_piece():
    encoder = Ecapa(seeded.ECAPA)
    sizes = []

    def features(batch):
        sizes.append(batch.shape)
        return (batch,)

    encoder._features = features
    encoder._net = lambda batch: (np.repeat(batch[:, :1], 192, axis=1),)
    waves = [np.full(7 * 16_000, i, np.float32) for i in range(5)]
    assert np.array_equal(encoder.embed(waves)[:, 0], np.arange(5))
    assert sizes == [(2, 112_000), (2, 112_000), (1, 112_000)]


@pytest.mark.weights
@pytest.mark.shared
def test_the_published_weights_tell_real_people_apart(real_videos):
    encoder = build(published("ecapa"))
    clips, speakers = clips_of(real_videos)
    finder = SpeechFinder()
    waves = [read_video(clip, frames=0).wave for clip in clips]
    results = embed_voices([(finder.find(wave), None) for wave in waves], encoder)
    check_apart(np.stack([result.vector for result in results]), speakers)
