import numpy as np
import pytest
import torch

from mraf.extractors.voice.ge2e import GE2E, _windows


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
    (found,) = encoder.embed([wave])
    assert found.shape == (256,)
    assert np.dot(found, expected.numpy()) > 0.99999
    assert np.linalg.norm(found) == pytest.approx(1, abs=1e-5)
