import numpy as np
import pytest
import torch

from mraf.extractors import weights
from mraf.extractors.turns.segmentation import Piece, Segmentation
from mraf.extractors.turns.segmentation_network import SegmentationNetwork
from mraf.extractors.weights import at_hand


def piece(*frames: tuple[int, int, int]) -> Piece:
    return Piece(start=0, stop=270 * len(frames) + 720, speaks=np.array(frames, bool))


def test_what_each_says_alone_and_how_long_two_speak_at_once():
    one = piece(*[(1, 0, 0)] * 100, *[(1, 1, 0)] * 50, *[(0, 1, 0)] * 60)
    assert one.overlap == pytest.approx(50 * 270 / 16_000)
    first, second, third = (one.alone(speaker) for speaker in range(3))
    assert len(first) == one.stop and not third.any()
    assert first.sum() == pytest.approx(100 * 270, abs=400)
    assert second.sum() == pytest.approx(60 * 270, abs=800)
    assert not (first & second).any() and np.flatnonzero(first).max() < np.flatnonzero(second).min()


@pytest.fixture(scope="module")
def seeded() -> Segmentation:
    torch.manual_seed(0)
    state = SegmentationNetwork().state_dict()
    return Segmentation(weights.Weights(sha256="seeded 0", load=lambda: state))


def test_two_at_once_are_told_before_they_are_the_likeliest_class(seeded, monkeypatch):
    frames = [[0, 0.65, 0, 0, 0.2, 0.15, 0], [0, 0.75, 0, 0, 0.25, 0, 0], [0, 0, 0, 0.9, 0, 0, 0.1]]
    probability = np.maximum(np.array([frames], np.float32), 1e-6)
    monkeypatch.setattr(seeded, "_net", lambda _: (np.log(probability),))
    (found,) = seeded.find(np.zeros(3 * 270 + 720, np.float32))
    assert found.speaks.astype(int).tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_long_sound_is_cut_into_equal_pieces(seeded):
    found = seeded.find(np.random.default_rng(0).normal(0, 0.1, 25 * 16_000).astype(np.float32))
    assert [(each.start, each.stop) for each in found] == [
        (0, 133_333),
        (133_333, 266_666),
        (266_666, 400_000),
    ]
    assert all(each.speaks.shape[1] == 3 for each in found)
    assert seeded.find(np.zeros(900, np.float32)) == [] == seeded.find(np.zeros(0, np.float32))


def test_it_is_not_used_where_its_file_is_absent_or_another(tmp_path, monkeypatch):
    monkeypatch.delenv("MRAF_WEIGHTS", raising=False)
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path)
    assert at_hand("segmentation") is None
    (tmp_path / weights.PUBLISHED["segmentation"].filename).write_bytes(b"other")
    assert at_hand("segmentation") is None


@pytest.mark.weights
@pytest.mark.shared
def test_two_real_people_at_once_are_told_from_one(real_videos):
    from mraf.extractors.media.read import read_video

    found = at_hand("segmentation")
    if found is None:
        pytest.skip("no weights of the segmentation")
    ann, bob = (
        read_video(next(iter(sorted(real_videos.glob(f"{name}/**/*.mp4"))))).wave[:48_000]
        for name in ("spk02", "spk03")
    )
    segmentation = Segmentation(found)

    def at_once(wave):
        return sum(each.overlap for each in segmentation.find(wave))

    assert at_once(ann) == at_once(bob) == 0
    assert at_once(ann / ann.std() * 0.05 + bob / bob.std() * 0.05) > 0.5
