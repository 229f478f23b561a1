import numpy as np
import pytest

from mraf.inference.mixture import at_once, share_out

ANN, BOB = np.array([0.99, 0.005, 0.003, 0.002]), np.array([0.0, 1.0, 0.0, 0.0])


def test_each_voice_has_its_share_of_the_time():
    assert share_out([ANN, BOB], [3, 1]) == pytest.approx(0.75 * ANN + 0.25 * BOB)


def test_a_second_voice_like_the_same_person_is_nobody_s():
    answer = share_out([0.9 * ANN + 0.025, ANN, BOB], [2, 1, 1])
    assert answer == pytest.approx(0.5 * np.full(4, 0.25) + 0.25 * ANN + 0.25 * BOB)
    assert share_out([BOB, BOB], [2, 2]).max() == pytest.approx(0.625)


def test_two_at_once_leave_half_of_that_time_to_others():
    assert at_once(BOB, 0.2) == pytest.approx(BOB)
    assert at_once(BOB, 1.0) == pytest.approx([0.125, 0.625, 0.125, 0.125])
    assert at_once(BOB, 1.5).sum() == pytest.approx(1)
