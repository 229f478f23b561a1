import numpy as np
import pytest

from mraf.extractors.face.follow import average
from tests.helpers.painted_faces import ANN, AXES, BEN, EVE, embed


def test_average_has_unit_length_and_weighs_frames_alike():
    mean = average(np.array([[3.0, 0.0], [0.0, 100.0]]))
    assert np.allclose(mean, np.sqrt([0.5, 0.5])) and mean.dtype == np.float32


def test_the_larger_of_two_people_is_followed_whatever_their_order():
    small, large = (ANN, 10, 10, 40), (BEN, 150, 50, 60)
    result = embed([small, large], [large, small], [small, large])
    assert np.allclose(result.vector, AXES[BEN])
    assert (result.frames, result.size, result.people) == (3, 60, 2)


def test_somebody_who_walks_through_near_the_camera_is_not_chosen():
    ann = (ANN, 10, 10, 40)
    passing = [[], [(BEN, 80, 20, 120)], [(BEN, 200, 20, 120)], [], [], []]
    result = embed(*([ann, *others] for others in passing))
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (6, 2)


def test_a_picture_on_the_wall_is_not_chosen_though_it_is_always_seen():
    poster = (EVE, 350, 10, 30)
    frames = [[poster, (ANN, 100, 50, 80)] for _ in range(6)]
    result = embed(*frames, [poster], [poster])
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (6, 2)


def test_a_cut_to_somebody_in_the_same_place_is_noticed():
    ann, ben = (ANN, 100, 50, 80), (BEN, 105, 52, 80)
    result = embed([ann], [ann], [ann], [ben], [ben], [ann], [ann], [ann])
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (6, 2)
    assert result.steadiness == pytest.approx(1)


def test_somebody_is_known_again_in_another_place_after_a_cut():
    left, right = (ANN, 10, 50, 80), (ANN, 250, 80, 60)
    ben = (BEN, 150, 60, 90)
    result = embed([left], [left], [ben], [ben], [right], [right])
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (4, 2)


def test_somebody_who_moves_across_stays_one_person():
    result = embed(*([(ANN, 10 + 80 * t, 50, 60)] for t in range(4)))
    assert (result.frames, result.people) == (4, 1)


def test_two_who_change_places_stay_two():
    first = [(ANN, 10, 50, 80), (BEN, 250, 50, 60)]
    after = [(ANN, 250, 50, 80), (BEN, 10, 50, 60)]
    result = embed(first, first, after, after)
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (4, 2)


def test_person_is_followed_over_a_frame_without_them():
    ann = (ANN, 10, 10, 40)
    assert embed([ann], [], [ann, (BEN, 150, 10, 30)], [ann]).frames == 3
