import numpy as np
import torch

from mraf.prototypes.recordings import Recordings, hubness, whitening

#  speaker 0: recordings a (3 clips) and b (1 clip); speaker 1: recording c (2 clips)
LABEL = torch.tensor([0, 0, 0, 0, 1, 1])
RECORDING = torch.tensor([7, 7, 7, 2, 5, 5])
X = torch.tensor([[1.0, 0], [2, 0], [3, 0], [6, 4], [0, 1], [0, 3]])


def made() -> Recordings:
    return Recordings.of(LABEL, RECORDING, 3)


def test_counts():
    found = made()
    assert found.count.tolist() == [2, 1, 0]
    assert found.known.tolist() == [True, True, False]
    assert found.several.tolist() == [True] * 4 + [False] * 2
    assert sorted(found.size.tolist()) == [1, 2, 3]


def test_a_recording_of_two_speakers_counts_as_two():
    found = Recordings.of(torch.tensor([0, 0, 1]), torch.tensor([4, 4, 4]), 2)
    assert found.count.tolist() == [1, 1] and sorted(found.size.tolist()) == [1, 2]


def test_a_prototype_is_the_mean_of_the_recordings_means():
    # With equal clips it would be [12, 4] / 4: the long recording must not count more.
    np.testing.assert_allclose(made().prototypes(X), [[4, 2], [0, 2], [0, 0]])


def test_without_own_leaves_the_clips_recording_out():
    np.testing.assert_allclose(
        made().without_own(X), [[6, 4], [6, 4], [6, 4], [2, 0], [0, 2], [0, 2]]
    )


def test_weights_give_speakers_and_their_recordings_the_same_share():
    weight = made().weight
    np.testing.assert_allclose(weight, [1 / 6, 1 / 6, 1 / 6, 1 / 2, 1 / 2, 1 / 2])


def test_differences_are_an_unbiased_covariance():
    off = made().differences(X)
    assert off.shape == (2, 2)  # none of the speaker with one recording
    # two recordings at +-d have the unbiased covariance 2 d d^T
    np.testing.assert_allclose(off.T @ off / 2, [[8, 8], [8, 8]], rtol=1e-5)


def test_within_is_the_mean_of_both_covariances():
    random = np.random.default_rng(0)
    label, recording = torch.arange(4000) % 20, torch.arange(4000) % 100
    shift = torch.tensor(random.normal(size=(100, 2)) * [2.0, 0.5], dtype=torch.float32)
    x = shift[recording] + torch.tensor(random.normal(size=(4000, 2)), dtype=torch.float32) * 0.1
    found = Recordings.of(label, recording, 20).within(x)
    assert 2.5 < found[0, 0] < 5 and 0.15 < found[1, 1] < 0.35


def test_one_recording_a_speaker_still_gives_a_covariance():
    found = Recordings.of(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 1]), 2)
    assert found.within(X[:4]).trace() > 0 and len(found.differences(X[:4])) == 0


def test_whitening_makes_a_sphere():
    covariance = torch.tensor([[4.0, 1], [1, 2]])
    W = whitening(covariance, 0.0)
    result = W @ covariance @ W
    np.testing.assert_allclose(result, torch.eye(2) * result[0, 0], atol=1e-5)


def test_full_shrinkage_is_the_identity():
    np.testing.assert_allclose(
        whitening(torch.tensor([[4.0, 1], [1, 2]]), 1.0), torch.eye(2), atol=1e-6
    )


def test_nothing_to_whiten_is_the_identity():
    np.testing.assert_allclose(whitening(torch.zeros(3, 3), 0.5), torch.eye(3))


def test_a_prototype_near_impostors_is_a_hub():
    recordings = Recordings.of(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 1]), 3)
    cosine = torch.tensor([[0.9, 0.6, 0.0], [0.9, 0.8, 0.0], [0.1, 0.9, 0.0]])
    found = hubness(cosine, recordings)
    np.testing.assert_allclose(found, [0.1, 0.5**0.5, 0.0], atol=1e-6)
