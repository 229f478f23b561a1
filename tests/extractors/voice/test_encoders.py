import numpy as np
import pytest
import torch

from mraf.extractors.voice.encoders import (
    GE2E,
    Ecapa,
    Speech,
    SpeechFinder,
    _bridged,
    _windows,
    embed_voices,
    signal_to_noise,
)
from tests.helpers import seeded
from tests.helpers.media_files import tone


class Length:
    """An encoder whose vector is the number of samples."""

    name, dim = "length", 1

    def embed(self, waves: list[np.ndarray]) -> np.ndarray:
        return np.array([[len(wave)] for wave in waves], np.float32)


class Scripted:
    """A finder that says what it is told."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def find(self, wave: np.ndarray) -> Speech:
        wave = np.ones(round(self.seconds * 16_000), np.float32)
        return Speech(wave, 0.8, 12.5, self.seconds)


def embed_voice(wave, reason, finder, encoder):
    """The voice of one clip."""
    heard = None if wave is None else finder.find(wave)
    return embed_voices([(heard, reason)], encoder)[0]


@pytest.fixture(scope="module")
def finder():
    return SpeechFinder()


TIME = np.arange(4 * 16_000) / 16_000


def notes(*hertz: float, overtones: int = 5) -> np.ndarray:
    """Notes that sound together for four seconds, each with overtones."""
    partials = [np.sin(2 * np.pi * f * n * TIME) / n for f in hertz for n in range(1, overtones)]
    return np.sum(partials, axis=0)


def melody() -> np.ndarray:
    """A plucked scale in C major, four notes a second, over a bass note."""
    scale = [261.6, 293.7, 329.6, 349.2, 392.0, 440.0, 493.9, 523.3] * 2
    step = (TIME * 4).astype(int)
    phase = 2 * np.pi * np.cumsum(np.array(scale)[step]) / 16_000
    plucked = np.exp(-6 * (TIME * 4 - step)) * (np.sin(phase) + 0.4 * np.sin(2 * phase))
    return plucked + 0.4 * np.sin(2 * np.pi * 130.8 * TIME)


def drums() -> np.ndarray:
    """A drum and a hiss in turn, 120 beats a minute."""
    beat = TIME % 0.5
    hiss = np.random.default_rng(0).normal(0, 0.3, len(TIME)) * np.exp(-30 * ((TIME + 0.25) % 0.5))
    return np.sin(2 * np.pi * 60 * beat) * np.exp(-12 * beat) + hiss


def noise(tilt: float) -> np.ndarray:
    """Noise whose power falls with the frequency to the power of `tilt`."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=len(TIME)))
    return np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** (tilt / 2))


def engine() -> np.ndarray:
    """The hum of an engine at 1,600 turns a minute that runs unevenly, with low noise."""
    speed = 2 * np.pi * np.cumsum(27 + 1.5 * np.sin(2 * np.pi * 0.4 * TIME)) / 16_000
    hum = np.sum([np.sin(n * speed) / n for n in range(1, 30)], axis=0)
    return hum + 0.3 * noise(2) / noise(2).std()


SOUNDS = {
    "silence": np.zeros(64_000),
    "ten samples": np.zeros(10),
    "a tone": notes(440.0, overtones=2),
    "a chord": notes(220.0, 277.2, 329.6),
    "a low note with many overtones": notes(110.0, overtones=20),
    "drums": drums(),
    "white noise": noise(0),
    "pink noise": noise(1),
    "an engine": engine(),
}


@pytest.mark.parametrize("level", [0.02, 0.3])
@pytest.mark.parametrize("name", SOUNDS)
def test_what_is_no_speech_is_not_embedded(finder, name, level):
    wave = level * SOUNDS[name] / max(np.abs(SOUNDS[name]).max(), 1e-9)
    result = embed_voice(wave.astype(np.float32), None, finder, Length())
    assert (result.vector, result.reason) == (None, "no_speech")


@pytest.mark.parametrize("level", [0.02, 0.3])
def test_a_melody_is_not_embedded_though_parts_of_it_pass_for_speech(finder, level):
    wave = level * melody() / np.abs(melody()).max()
    result = embed_voice(wave.astype(np.float32), None, finder, Length())
    assert result.vector is None and result.reason in ("no_speech", "speech_too_short")


@pytest.mark.parametrize("snr", [0.0, 10.0, 20.0, 30.0])
def test_noise_is_measured_between_the_speech(snr):
    rng = np.random.default_rng(0)
    speech = np.r_[np.zeros(32_000), rng.normal(0, 0.1, 32_000)]
    wave = speech + rng.normal(0, 0.1 * 10 ** (-snr / 20), len(speech))
    probability = np.r_[np.zeros(62), np.ones(63)]
    assert signal_to_noise(wave.astype(np.float32), probability) == pytest.approx(snr, abs=0.7)


def test_figure_of_noise_is_bounded_and_absent_where_all_is_speech():
    wave = np.r_[np.zeros(32_000), np.ones(32_000)].astype(np.float32)
    probability = np.r_[np.zeros(62), np.ones(63)]
    assert signal_to_noise(wave, probability) == 60
    assert signal_to_noise(1 - wave, probability) == -10
    assert signal_to_noise(wave, np.ones(125)) is None
    assert signal_to_noise(wave, np.zeros(125)) is None
    assert signal_to_noise(wave[:100], np.ones(1)) is None


def test_noisier_speech_has_a_lower_figure(finder):
    """Measured on spoken sentences: within 4 dB of what was mixed."""
    from mraf.data.sample.voice import SAMPLE_RATE, draw_voice, speak

    spoken = speak("The train to the coast leaves at nine.", "English", draw_voice(0, 0, False))
    spoken = np.interp(
        np.arange(0, len(spoken), SAMPLE_RATE / 16_000), np.arange(len(spoken)), spoken
    )
    spoken = np.pad(spoken, 16_000) / np.sqrt(np.mean(spoken**2)) * 0.05
    rng = np.random.default_rng(0)
    for snr in (5, 15, 25):
        noisy = spoken + rng.normal(0, 0.05 * 10 ** (-snr / 20), len(spoken))
        assert finder.find(noisy.astype(np.float32)).snr == pytest.approx(snr, abs=4)


def test_too_little_speech_is_not_embedded():
    result = embed_voice(tone(2.0), None, Scripted(0.9), Length())
    assert (result.vector, result.reason) == (None, "speech_too_short")
    assert result.seconds == pytest.approx(0.9)


def test_speech_is_embedded_with_its_seconds():
    result = embed_voice(tone(2.0), None, Scripted(1.5), Length())
    assert result.vector[0] == 24_000 and result.reason is None
    assert (result.seconds, result.quality, result.snr) == (1.5, 0.8, 12.5)


def test_pauses_do_not_count_as_speech():
    class Pausing:
        def find(self, wave: np.ndarray) -> Speech:
            return Speech(np.ones(32_000, np.float32), 0.8, None, 0.9)

    assert embed_voice(tone(2.0), None, Pausing(), Length()).reason == "speech_too_short"


@pytest.mark.parametrize(
    ("spans", "embedded"),
    [
        ([(0, 64_000)], [(0, 64_000)]),
        ([(8_000, 30_000), (38_000, 56_000)], [(0, 64_000)]),  # gaps of half a second
        ([(8_001, 30_000), (38_001, 55_999)], [(8_001, 30_000), (38_001, 55_999)]),
        ([(20_000, 40_000)], [(20_000, 40_000)]),
    ],
)
def test_short_pauses_stay_in_and_long_ones_go(spans, embedded):
    assert _bridged(spans, 64_000) == embedded


@pytest.mark.parametrize("reason", ["no_audio", "decode_error"])
def test_without_sound_the_reason_is_handed_on(reason):
    assert embed_voice(None, reason, Scripted(1), Length()).reason == reason


def test_voices_of_several_clips_are_embedded_together_and_not_mixed_up():
    def heard(seconds: float) -> Speech:
        return Scripted(seconds).find(np.zeros(1))

    silent = Speech(np.zeros(0, np.float32), 0.1)
    clips = [
        (heard(2), None),
        (None, "no_audio"),
        (silent, None),
        (heard(0.5), None),
        (heard(3), None),
    ]
    results = embed_voices(clips, Length())
    assert [None if r.vector is None else r.vector[0] for r in results] == [
        32e3,
        None,
        None,
        None,
        48e3,
    ]
    assert [r.reason for r in results] == [None, "no_audio", "no_speech", "speech_too_short", None]
    assert [r.seconds for r in results] == [2, 0, 0, 0.5, 3]
    assert embed_voices([], Length()) == []


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
    sizes, net = [], encoder._net
    encoder._net = lambda batch: (sizes.append(batch.shape), net(batch))[1]
    found = encoder.embed(waves)
    assert sizes == [(3, 20_000), (1, 30_000)]
    for wave, vector in zip(waves, found, strict=True):
        assert np.allclose(vector, net(wave[None])[0][0], rtol=1e-3, atol=1e-3)


def test_on_a_cpu_no_more_speech_goes_through_at_once_than_a_long_piece():
    encoder = Ecapa(seeded.ECAPA)
    sizes = []

    def net(batch):
        sizes.append(batch.shape)
        return (np.repeat(batch[:, :1], 192, axis=1),)

    encoder._net = net
    waves = [np.full(7 * 16_000, i, np.float32) for i in range(5)]
    assert np.array_equal(encoder.embed(waves)[:, 0], np.arange(5))
    assert sizes == [(2, 112_000), (2, 112_000), (1, 112_000)]
