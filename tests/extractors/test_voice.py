import numpy as np
import pytest
import torch

from extractors.voice import GE2E, Ecapa, SpeechFinder, _windows, embed_voice
from tests import seeded
from tests.media_files import tone


class Length:
    """An encoder whose vector is the number of samples."""

    name, dim = "length", 1

    def embed(self, wave: np.ndarray) -> np.ndarray:
        return np.array([len(wave)], np.float32)


class Scripted:
    """A finder that says what it is told."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def find(self, wave: np.ndarray) -> tuple[np.ndarray, float]:
        return np.ones(round(self.seconds * 16_000), np.float32), 0.8


@pytest.fixture(scope="module")
def finder():
    return SpeechFinder()


@pytest.mark.parametrize(
    ("wave", "name"),
    [
        (np.zeros(32_000, np.float32), "silence"),
        (tone(2.0), "a tone"),
        (np.random.default_rng(0).normal(0, 0.05, 32_000).astype(np.float32), "noise"),
        (np.zeros(10, np.float32), "ten samples"),
    ],
)
def test_what_is_no_speech_is_not_embedded(finder, wave, name):
    result = embed_voice(wave, None, finder, Length())
    assert (result.vector, result.reason) == (None, "no_speech"), name


def test_too_little_speech_is_not_embedded():
    result = embed_voice(tone(2.0), None, Scripted(0.9), Length())
    assert (result.vector, result.reason) == (None, "speech_too_short")
    assert result.seconds == pytest.approx(0.9)


def test_speech_is_embedded_with_its_seconds():
    result = embed_voice(tone(2.0), None, Scripted(1.5), Length())
    assert result.vector[0] == 24_000 and result.reason is None
    assert (result.seconds, result.quality) == (1.5, 0.8)


@pytest.mark.parametrize("reason", ["no_audio", "decode_error"])
def test_without_sound_the_reason_is_handed_on(reason):
    assert embed_voice(None, reason, Scripted(1), Length()).reason == reason


@pytest.mark.parametrize(
    ("samples", "starts"),
    [
        (8_000, [0]),
        (25_600, [0]),
        (31_000, [0]),
        (32_000, [0, 77]),
        (36_000, [0, 77]),
        (64_000, [0, 77, 154, 231]),
    ],
)
def test_windows_cover_the_speech_and_no_more_than_a_quarter_of_padding(samples, starts):
    found, reach = _windows(samples)
    assert found == starts
    assert reach == (starts[-1] + 160) * 160


def test_ge2e_equals_its_package_on_mel_frames():
    """The mel frames are librosa's, which the package uses, and the vector has unit length."""
    import librosa

    wave = np.random.default_rng(3).normal(0, 0.2, 25_600).astype(np.float32)
    encoder = GE2E()
    mels = librosa.feature.melspectrogram(y=wave, sr=16_000, n_fft=400, hop_length=160, n_mels=40)
    frames = torch.from_numpy(mels.astype(np.float32).T[None, :160])
    with torch.no_grad():
        _, (hidden, _) = encoder._lstm(frames)
        expected = torch.nn.functional.normalize(torch.relu(encoder._linear(hidden[-1])), dim=1)[0]
    found = encoder.embed(wave)
    assert found.shape == (256,)
    assert np.dot(found, expected.numpy()) > 0.99999
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)


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
    found = encoder.embed(wave)
    assert found.shape == (192,)
    assert np.allclose(found, expected, atol=1e-4 * np.abs(expected).max())
