from collections import Counter

import numpy as np
import pytest
import torch

from mraf.network.batches import Batch, Sampler, balanced
from tests.mraf.conftest import made_features

CPU = torch.device("cpu")


def test_missing_vectors_become_zero_and_views_are_copied():
    features = made_features(missing=0.3)
    batch = Batch.of(features.take(slice(None, None, -1)), CPU)
    assert len(batch) == len(features)
    assert not batch.face[~batch.face_present].any() and not batch.voice[~batch.voice_present].any()
    present = features.face_present[::-1]
    np.testing.assert_array_equal(batch.face.numpy()[present], features.face[::-1][present])
    for index in (slice(2, 5), torch.tensor([2, 3, 4]), (torch.arange(len(batch)) - 3).abs() < 2):
        assert torch.equal(batch.take(index).voice, batch.voice[2:5])
        assert torch.equal(batch.take(index).label, batch.label[2:5])


def test_an_epoch_holds_every_clip_once_in_an_order_of_its_own():
    features = made_features()
    sampler = Sampler(features, batch_size=32, seed=1, device=CPU)
    first, second = sampler.batches(), sampler.batches()
    assert [len(index) for index in first] == [32, 32, 8]
    assert sorted(torch.cat(first).tolist()) == list(range(72))
    assert torch.cat(first).tolist() != torch.cat(second).tolist()


def unequal():
    """Speaker 0 with recordings of 4 and 1 clips, speaker 1 with one recording of 3."""
    features = made_features(speakers=2, recordings=2, clips=4)
    return features.take(np.array([0, 1, 2, 3, 4, 8, 9, 10]))


def test_balance_gives_speakers_and_their_recordings_the_same_weight():
    weight = balanced(unequal())
    assert weight / weight.sum() == pytest.approx([1 / 16] * 4 + [1 / 4] + [1 / 6] * 3)


def test_balanced_batches_draw_recordings_alike():
    features = unequal()
    sampler = Sampler(features, balance="recording", batch_size=3, seed=1, device=CPU)
    drawn = torch.cat([index for _ in range(500) for index in sampler.batches()])
    assert len(drawn) == 500 * len(features)
    shares = Counter(features.recording[drawn.numpy()].tolist())
    found = [shares[each] / len(drawn) for each in (0, 1, 2)]
    assert found == pytest.approx([1 / 4, 1 / 4, 1 / 2], abs=0.03)


def test_shares_of_what_is_hidden():
    features = made_features(speakers=10, clips=40, missing=0.2)
    sampler = Sampler(features, batch_size=32, seed=1, device=CPU)
    batch = Batch.of(features, CPU)
    face, voice = sampler.shown(batch, p_a=0.3, p_f=0.2)
    complete = batch.face_present & batch.voice_present
    assert torch.equal(face[~complete], batch.face_present[~complete])
    assert torch.equal(voice[~complete], batch.voice_present[~complete])
    assert (face | voice)[complete].all()
    assert abs(float((~face)[complete].float().mean()) - 0.3) < 0.06
    assert abs(float((~voice)[complete].float().mean()) - 0.2) < 0.06


def test_what_is_not_hidden_is_shown_as_it_is():
    features = made_features(missing=0.2)
    batch = Batch.of(features, CPU)
    for p_a in (0.2, 0.0):
        sampler = Sampler(features, batch_size=32, seed=1, device=CPU)
        face, voice = sampler.shown(batch, p_a=p_a, p_f=0.0)
        assert torch.equal(voice, batch.voice_present)
        assert bool((face != batch.face_present).any()) == (p_a > 0)
