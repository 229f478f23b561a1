import numpy as np

from mraf.inference.folds import recording_folds

LABEL = np.repeat([0, 1, 2, 3], [12, 9, 4, 20])
RECORDING = np.concatenate(
    [
        np.repeat([0, 1, 2], 4),
        np.repeat([3, 4], [6, 3]),
        np.full(4, 5),
        np.repeat(np.arange(6, 16), 2),
    ]
)


def test_recordings_are_never_torn():
    fold = recording_folds(LABEL, RECORDING, 5, 0)
    for recording in np.unique(RECORDING):
        assert len(np.unique(fold[recording == RECORDING])) == 1


def test_a_speakers_only_recording_always_trains():
    fold = recording_folds(LABEL, RECORDING, 5, 0)
    assert (fold[LABEL == 2] == -1).all() and (fold[LABEL != 2] >= 0).all()


def test_a_speakers_recordings_are_spread_as_far_as_they_go():
    for seed in range(5):
        fold = recording_folds(LABEL, RECORDING, 5, seed)
        of_last = [len(np.unique(RECORDING[(LABEL == 3) & (fold == k)])) for k in range(5)]
        assert of_last == [2] * 5
        assert len(np.unique(fold[LABEL == 0])) == 3


def test_the_seed_decides():
    first, again, other = (recording_folds(LABEL, RECORDING, 5, seed) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_nothing_to_deal():
    assert recording_folds(np.zeros(0, np.int64), np.zeros(0, np.int64), 5, 0).shape == (0,)
