import numpy as np
import pytest

from mraf.extractors.voice.embed import MIN_SECONDS
from mraf.extractors.voice.vad import SpeechFinder, _bridged, signal_to_noise


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
def test_no_speech_is_found_in_other_sounds(finder, name, level):
    wave = level * SOUNDS[name] / max(np.abs(SOUNDS[name]).max(), 1e-9)
    assert not len(finder.find(wave.astype(np.float32)).wave)


@pytest.mark.parametrize("level", [0.02, 0.3])
def test_too_little_of_a_melody_passes_for_speech_to_be_embedded(finder, level):
    wave = level * melody() / np.abs(melody()).max()
    assert finder.find(wave.astype(np.float32)).seconds < MIN_SECONDS


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


def spoken() -> np.ndarray:
    """A sentence in 16-bit steps, between pauses of a second."""
    from mraf.data.sample.voice import SAMPLE_RATE, draw_voice, speak

    said = speak("The train to the coast leaves at nine.", "English", draw_voice(0, 0, False))
    said = np.interp(np.arange(0, len(said), SAMPLE_RATE / 16_000), np.arange(len(said)), said)
    return np.pad(said, 16_000) / np.abs(said).max() * 0.5


@pytest.mark.parametrize("scale", [0.1, 0.01, 0.001])
def test_quiet_speech_is_found_and_loud_enough_for_an_encoder(finder, scale):
    wave = np.round(spoken() * scale * 2**15) / 2**15
    clean, quiet = finder.find(spoken().astype(np.float32)), finder.find(wave.astype(np.float32))
    assert clean.gain == 1 and quiet.gain > 1
    assert quiet.seconds == pytest.approx(clean.seconds, abs=0.3)
    assert np.abs(quiet.wave).max() > 0.2


def test_speech_on_a_constant_offset_is_found(finder):
    wave = spoken()
    found = finder.find((wave / 2 + 0.5).astype(np.float32))
    assert found.seconds == pytest.approx(finder.find(wave.astype(np.float32)).seconds, abs=0.2)
    assert abs(found.wave.mean()) < 0.01


def test_quiet_speech_after_a_loud_noise_is_found(finder):
    slam = np.random.default_rng(0).normal(0, 0.3, 16_000) * np.exp(-np.arange(16_000) / 4_000)
    wave = np.concatenate([slam, np.tile(spoken() * 0.002, 2)]).astype(np.float32)
    found = finder.find(wave)
    assert found.seconds > 2 and np.abs(found.wave).max() > 0.05


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
