import warnings

import numpy as np
import pytest
import torch

from mraf.extractors import weights
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.turns import windows
from mraf.extractors.turns.segmentation_network import SegmentationNetwork
from mraf.extractors.turns.windows import FRAMES, SoundObserver
from mraf.extractors.weights import at_hand

RATE = 16_000


class Voice:
    """In place of an encoder: the wave's level in every place of the vector."""

    dim = 4

    def embed(self, waves):
        assert min(map(len, waves)) >= 0.4 * RATE - 1
        return np.array([[wave.std() + 1e-3] * 4 for wave in waves], np.float32)


@pytest.fixture
def observer(monkeypatch) -> SoundObserver:
    torch.manual_seed(0)
    state = SegmentationNetwork().state_dict()
    monkeypatch.setattr(windows.encoders, "build", lambda *_: Voice())
    pair = EncoderPair(face=EncoderSpec(name="dlib"), voice=EncoderSpec(name="campplus"))
    return SoundObserver(pair, weights.Weights(sha256="seeded 0", load=lambda: state))


def speaking(observer: SoundObserver, monkeypatch, speech: float = 1.0) -> None:
    """Let the networks hear the first local speaker all the time."""

    def classes(waves):
        found = np.zeros((len(waves), (waves.shape[1] - 991) // 270 + 1, 7), np.float32)
        found[..., 1] = 1
        return found

    monkeypatch.setattr(observer._segmentation, "probabilities", classes)
    monkeypatch.setattr(
        observer._detector, "probability", lambda wave: np.full(-(-len(wave) // 512), speech)
    )


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def test_windows_lie_on_one_grid_and_none_is_twice(observer, monkeypatch):
    speaking(observer, monkeypatch)
    wave = noise(75)
    whole = observer.observe(wave, 0.0, 75.0)
    parts = [
        observer.observe(wave[: 70 * RATE], 0.0, 60.0),
        observer.observe(wave[60 * RATE :], 60.0, 75.0),
    ]
    assert np.concatenate([each.starts for each in parts]).tolist() == whole.starts.tolist()
    assert whole.starts[:3].tolist() == [0, 2.5, 5] and whole.starts[-1] == 65
    activity = np.concatenate([each.activity for each in parts])
    assert np.array_equal(activity, whole.activity)
    assert all(each.spans.max() <= stop for each, stop in zip(parts, (60, 75), strict=True))
    assert parts[1].spans.min() >= 60
    assert [len(each.mfcc) for each in parts] == [6_000, 1_500]


@pytest.mark.parametrize("tail", [1, 5, 7.5, 8])
def test_a_short_last_part_has_its_voices_too(observer, monkeypatch, tail):
    speaking(observer, monkeypatch)
    found = observer.observe(noise(tail), 60.0, 60.0 + tail)
    assert found.starts[0] == 60 and len(found.spans)
    assert found.spans.min() < 60.2 and found.spans.max() > 60 + tail - 0.3


def test_spans_have_vectors_of_their_sound(observer, monkeypatch):
    speaking(observer, monkeypatch)
    found = observer.observe(noise(12), 0.0, 12.0)
    assert found.vectors.shape == (len(found.spans), 4) and found.vectors.dtype == np.float32
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(np.ones(len(found.spans)))
    assert found.seconds == pytest.approx(np.diff(found.spans).ravel())
    assert found.activity.shape == (len(found.starts), FRAMES, 3)
    assert found.spans[0, 0] < 0.1 and found.spans[-1, 1] > 11.8


def test_what_a_speech_detector_does_not_hear_is_no_speech(observer, monkeypatch):
    speaking(observer, monkeypatch, speech=0.05)
    found = observer.observe(noise(12), 0.0, 12.0)
    assert not found.activity.any() and not len(found.spans) and len(found.starts)


@pytest.mark.parametrize(
    "wave",
    [
        np.zeros(0, np.float32),
        np.zeros(300, np.float32),
        noise(0.3),
        np.full(3 * RATE, np.nan, np.float32),
        np.full(RATE, np.inf, np.float32),
        np.zeros(12 * RATE, np.float32),
    ],
)
def test_sound_of_nothing_is_heard_without_a_word(observer, wave):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = observer.observe(wave, 0.0, max(len(wave) / RATE, 0.1))
    assert len(found.starts) == len(found.activity) <= 2
    assert len(found.spans) == len(found.vectors) == len(found.seconds)


@pytest.mark.weights
@pytest.mark.shared
def test_two_real_people_in_turn_are_two_voices_and_music_is_none(real_videos):
    from mraf.extractors.encoders import choose
    from mraf.extractors.media.read import read_video

    found = at_hand("segmentation")
    if found is None:
        pytest.skip("no weights of the segmentation")
    clips = [sorted(real_videos.glob(f"{name}/**/*.mp4"))[0] for name in ("spk02", "spk03")]
    wave = np.concatenate([read_video(clip).wave[: 3 * RATE] for clip in clips])
    observer = SoundObserver(choose(voice="campplus", offline=True), found)
    heard = observer.observe(wave, 0.0, 6.0)
    middle = heard.spans.mean(axis=1)
    ann, bob = heard.vectors[middle < 2.5], heard.vectors[middle > 3.5]
    assert len(ann) > 1 and len(bob) > 1
    assert (ann @ ann.T).min() > 0.3 > (ann @ bob.T).max()
    time = np.arange(10 * RATE) / RATE
    for made in (np.sin(2 * np.pi * 440 * time), noise(10) * (1 + np.sin(8 * np.pi * time))):
        assert not len(observer.observe(made.astype(np.float32) * 0.3, 0.0, 10.0).spans)
