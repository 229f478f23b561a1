import numpy as np
import pytest

from mraf.extractors.turns.frames import FRAME, Frames, mean_of


def window(*speakers: tuple[int, int, int]) -> np.ndarray:
    """`[100, 3]`: from which frame to which each local speaker speaks, and its place."""
    made = np.zeros((100, 3), np.uint8)
    for first, last, local in speakers:
        made[first:last, local] = 255
    return made


def test_windows_are_averaged_where_they_overlap():
    starts = np.array([0.0, 50 * FRAME])
    found = mean_of(starts, np.array([window((40, 100, 0)), window()]), 0.0, 150 * FRAME)
    assert found.speech[[0, 45, 60, 120]].tolist() == [0, 1, 0.5, 0]
    assert found.speaks[45] and found.speaks[60] and not found.two.any()
    assert len(found.speech) == 150


def test_two_at_once_and_changes_are_told():
    found = mean_of(
        np.zeros(1), window((10, 60, 0), (50, 90, 1))[None], start=0.0, stop=100 * FRAME
    )
    assert np.flatnonzero(found.two).tolist() == list(range(50, 60))
    near = np.flatnonzero(found.change > 0.4)
    assert 60 in near and near.min() > 50 and near.max() < 70


def test_the_same_speaker_after_a_pause_is_no_change():
    found = mean_of(np.zeros(1), window((10, 40, 2), (60, 90, 2))[None], 0.0, 100 * FRAME)
    assert not found.change.any()


def test_a_part_in_the_middle_of_a_file_has_its_own_grid():
    found = mean_of(np.array([62.5]), window((0, 10, 0))[None], 60.0, 65.0)
    first = int(np.flatnonzero(found.speaks)[0])
    assert found.at(first) == pytest.approx(62.5 + 360 / 16_000, abs=FRAME)
    assert found.frame(found.at(first)) == first


def test_no_sound_makes_no_frames():
    found = mean_of(np.zeros(0), np.zeros((0, 589, 3), np.uint8), 0.0, 0.0)
    assert isinstance(found, Frames) and not len(found.speaks) and not len(found.change)
