from dataclasses import replace

import numpy as np
import pytest

from mraf.pipeline.timeline.linking.boundaries import refined
from mraf.pipeline.timeline.linking.evidence import Turns
from tests.helpers.scenes import Said, Scene, Shot

SAID = [Said(start=0, stop=4, who="A"), Said(start=4, stop=8, who="B")]


def moments(heard, *, seen="AB", cut=None, face=(0, 1), said=SAID):
    """Ends and starts of two turns that are heard to meet at another moment than they do."""
    shots = [Shot(start=0, stop=8, seen=seen)]
    if cut:
        shots = [Shot(start=0, stop=cut, seen="A"), Shot(start=cut, stop=8, seen="B")]
    scene = Scene(said=said, shots=shots)
    turns = Turns.of(scene.voices())
    turns = replace(turns, stop=np.array([heard, 8.0]), start=np.array([0.0, heard]))
    made = scene.seen()
    found = refined(turns, made, made.group, np.array(face))
    return [float(found.stop[0]), float(found.start[1])]


@pytest.mark.parametrize("heard", [3.4, 4.0, 4.7])
def test_lips_say_when_one_gives_way_to_the_other(heard):
    assert moments(heard) == pytest.approx([4, 4], abs=0.1)
    assert moments(heard, cut=4.0) == pytest.approx([4, 4], abs=0.1)


def test_one_who_is_seen_is_enough():
    assert moments(4.7, seen="A", face=(0, -1)) == pytest.approx([4, 4], abs=0.1)


def test_without_faces_the_moment_stays():
    assert moments(4.7, face=(-1, -1)) == [4.7, 4.7]
    assert moments(4.7, seen="") == [4.7, 4.7]


def test_lips_move_it_by_a_second_at_most():
    assert 4.4 < moments(5.5)[0] < 5.6


def test_lips_move_nothing_away_from_a_cut():
    """Two side by side, of whom one moves the lips without a sound: these moved it by a second."""
    silent = [Said(start=0, stop=3, who="A"), Said(start=3, stop=8, who="B")]
    shots = [Shot(start=0, stop=4, seen="AB"), Shot(start=4, stop=8, seen="AB")]
    made = Scene(said=silent, shots=shots).seen()
    turns = Turns.of(Scene(said=SAID, shots=shots).voices())
    for stop, start in ((4.0, 4.0), (4.05, 4.05), (3.8, 4.1), (4.2, 3.95)):
        heard = replace(turns, stop=np.array([stop, 8.0]), start=np.array([0.0, start]))
        found = refined(heard, made, made.group, np.array((0, 1)))
        assert found.stop[0] == stop and found.start[1] == start
    far = replace(turns, stop=np.array([3.6, 8.0]), start=np.array([0.0, 3.6]))
    assert refined(far, made, made.group, np.array((0, 1))).start[1] == pytest.approx(3, abs=0.1)


def test_a_third_mouth_that_moves_says_nothing():
    said = [replace(each, lips="C") for each in SAID]
    assert moments(4.0, seen="ABC", said=said) == pytest.approx([4, 4], abs=0.1)


def test_a_short_turn_does_not_vanish():
    short = [Said(start=0, stop=4, who="A"), Said(start=4, stop=5.1, who="B")]
    scene = Scene(said=short, shots=[Shot(start=0, stop=8, seen="AB")])
    made = scene.seen()
    turns = Turns.of(scene.voices())
    turns = replace(turns, stop=np.array([4.6, 5.1]), start=np.array([0, 4.6]))
    found = refined(turns, made, made.group, np.array([0, 1]))
    assert (found.stop - found.start > 0.25).all()
