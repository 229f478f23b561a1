import numpy as np
import pytest

from mraf.extractors import weights
from mraf.extractors.speaking.lr_asd import LipReader, Scorer
from mraf.extractors.speaking.mfcc import mfcc
from mraf.extractors.weights import at_hand
from tests.helpers import seeded

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def reader() -> LipReader:
    return LipReader(seeded.LR_ASD)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer(seeded.LR_ASD)


@pytest.mark.shared
@pytest.mark.weights
def test_the_scores_are_those_of_the_authors(golden):
    found = at_hand("lr_asd")
    if found is None:
        pytest.skip("no weights of LR-ASD")
    known = np.load(golden / "lr_asd.npz")
    lips = LipReader(found).read(known["frames"])
    net = Scorer(found)._net
    scores = net(lips[None], known["mfcc"][None])[0][0]
    assert np.abs(scores - known["logits"][:, 1]).max() < 1e-4


def test_lips_depend_on_nine_ticks_on_either_side(reader):
    faces = RANDOM.integers(0, 255, (40, 112, 112), np.uint8)
    whole = reader.read(faces)
    assert whole.shape == (40, 128) and whole.dtype == np.float32
    assert np.allclose(reader.read(faces[5:33])[9:-9], whole[14:24], atol=1e-4)
    assert not np.allclose(reader.read(faces[6:33])[8], whole[14], atol=1e-4)
    assert reader.read(faces[:0]).shape == (0, 128)
    assert reader.read(faces[:1]).shape == (1, 128)


def test_a_score_a_tick_where_the_lips_were_looked_at(scorer):
    lips = RANDOM.random((400, 128), np.float32)
    lips[:20] = lips[200:203] = np.nan
    scores = scorer.score(lips.astype(np.float16), RANDOM.random((1600, 13), np.float32))
    assert scores.shape == (400,) and scores.dtype == np.float32
    assert np.array_equal(np.isnan(scores), np.isnan(lips[:, 0]))


@pytest.mark.parametrize("length", [0, 1, 3, 49, 50, 51, 99, 151])
def test_any_length_is_scored(scorer, length):
    lips = RANDOM.random((length, 128), np.float32)
    scores = scorer.score(lips, RANDOM.random((4 * length, 13), np.float32))
    assert scores.shape == (length,) and np.isfinite(scores).all()


def test_sound_that_is_missing_is_silence(scorer):
    lips = RANDOM.random((60, 128), np.float32)
    wave = RANDOM.normal(0, 0.1, 16_000).astype(np.float32)
    wave[-1] = 0  # no step at its end
    longer = np.concatenate([wave, np.zeros(24_000, np.float32)])
    found, expected = scorer.score(lips, mfcc(wave)), scorer.score(lips, mfcc(longer))
    assert np.allclose(found, expected, atol=1e-4)
    assert np.isfinite(scorer.score(lips, mfcc(wave[:0]))).all()


@pytest.mark.parametrize("late", [0.12, -0.2])
def test_sound_that_comes_late_is_put_in_step(scorer, late):
    lips = RANDOM.random((80, 128), np.float32)
    sound = RANDOM.random((320, 13), np.float32)
    frames = round(late * 100)
    silent = np.repeat(mfcc(np.zeros(400, np.float32))[:1], 40, axis=0)
    padded = np.concatenate([silent, sound, silent])[40 + frames :][:320]
    assert np.allclose(scorer.score(lips, sound, late), scorer.score(lips, padded), atol=1e-5)
    assert not np.allclose(scorer.score(lips, sound, late), scorer.score(lips, sound), atol=1e-5)


def test_weights_of_another_network_are_refused():
    with pytest.raises(weights.MisfitError):
        Scorer(weights.Weights(sha256="another", load=dict))


def test_it_is_not_used_where_its_file_is_absent_or_another(tmp_path, monkeypatch):
    monkeypatch.delenv("MRAF_WEIGHTS", raising=False)
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path)
    assert at_hand("lr_asd") is None
    (tmp_path / weights.PUBLISHED["lr_asd"].filename).write_bytes(b"other")
    assert at_hand("lr_asd") is None
