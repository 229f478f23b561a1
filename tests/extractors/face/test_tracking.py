import numpy as np
import pytest

from mraf.extractors.face.tracking import BRIDGED, Track, Tracker


def at(*places: tuple[float, float], side: float = 50) -> np.ndarray:
    return np.array([(x, y, x + side, y + side) for x, y in places], np.float32).reshape(-1, 4)


def look(tracker: Tracker, tick: int, *places: tuple[float, float], sure: float = 0.99):
    boxes = at(*places)
    return tracker.add(tick, boxes, np.full(len(boxes), sure, np.float32))


@pytest.fixture
def tracker() -> Tracker:
    return Tracker(step=5, first=100)


def test_a_face_that_moves_is_one_track(tracker):
    tracks = {look(tracker, tick, (3 * k, 10))[0] for k, tick in enumerate(range(100, 200, 5))}
    (track,) = tracks
    assert track.ticks == list(range(100, 200, 5)) and len(track.boxes) == 20
    assert track.boxes[-1].tolist() == [57, 10, 107, 60]


def test_two_faces_at_once_are_two_tracks_even_in_nearly_the_same_place(tracker):
    one, two = look(tracker, 100, (0, 0), (20, 0))
    assert one is not two
    assert look(tracker, 105, (21, 0), (1, 0)) == [two, one]
    three = look(tracker, 110, (0, 0), (20, 0), (10, 0))
    assert len(set(three)) == 3 and {one, two} < set(three)


def test_a_face_elsewhere_is_another_track(tracker):
    (one,) = look(tracker, 100, (0, 0))
    (two,) = look(tracker, 105, (200, 0))
    assert one is not two and len(tracker.open) == 2


def test_a_face_that_is_lost_for_a_second_is_the_same(tracker):
    (one,) = look(tracker, 100, (0, 0))
    assert look(tracker, 105) == [] == tracker.lost(100 + BRIDGED)
    assert look(tracker, 100 + BRIDGED, (5, 5)) == [one]
    assert tracker.lost(101 + 2 * BRIDGED) == [one] and not tracker.open
    assert look(tracker, 160, (5, 5)) != [one]


def test_a_cut_ends_all_tracks(tracker):
    (one,) = look(tracker, 100, (0, 0))
    assert tracker.cut(103) == [one]
    (two,) = look(tracker, 105, (0, 0))
    assert one is not two
    assert (one.shot_start, one.shot_stop) == (100, 103) and two.shot_start == 103
    assert tracker.cut(110) == [two] and two.shot_stop == 110


def test_a_face_that_comes_or_goes_within_a_shot_does_not_reach_its_ends(tracker):
    (track,) = look(tracker, 110, (0, 0))
    look(tracker, 115), look(tracker, 120)
    assert tracker.cut(122) == [track]
    assert track.shot_start is None and track.shot_stop is None


def test_one_unsure_look_is_not_believed(tracker):
    (unsure,) = look(tracker, 100, (0, 0), sure=0.93)
    (sure,) = look(tracker, 100, (200, 0), sure=0.99)
    assert not unsure.believed and sure.believed
    look(tracker, 105, (0, 0), sure=0.93)
    assert unsure.believed


def test_a_box_without_an_area_is_a_track_of_its_own(tracker):
    flat = np.array([[10, 10, 10, 10]], np.float32)
    tracks = [tracker.add(tick, flat, np.ones(1, np.float32))[0] for tick in (100, 105)]
    assert all(isinstance(track, Track) for track in tracks) and tracks[0] is not tracks[1]
