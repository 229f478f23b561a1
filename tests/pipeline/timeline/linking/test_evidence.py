import numpy as np
import pytest

from mraf.pipeline.timeline.linking.evidence import (
    Turns,
    sight_of,
    speaking_odds,
    tracks_during,
)
from mraf.pipeline.timeline.turns.voices import Voices, VoiceTurn
from tests.helpers.scenes import Said, Scene, Shot, dialogue


def turns(*each):
    """Turns from start, stop and voice."""
    return Turns.of(
        Voices(
            turns=tuple(VoiceTurn(start=a, stop=b, voice=v) for a, b, v in each),
            vectors=np.zeros((3, 4), np.float32),
            seconds=np.zeros(3, np.float32),
        )
    )


def test_turns_without_length_are_left_out_and_those_without_vector_have_none():
    found = turns((0, 2, 0), (3, 3, 1), (5, 4, 1))
    assert len(found) == 1 and found.length.tolist() == [2] and np.isnan(found.vectors).all()
    none = Turns.of(
        Voices(turns=(), vectors=np.zeros((0, 192), np.float32), seconds=np.zeros(0, np.float32))
    )
    assert len(none) == 0 and none.together(0).shape == (0, 0)


def test_voices_at_once():
    found = turns((0, 4, 0), (3, 6, 1), (3.5, 5, 0), (8, 9, 2), (8, 9, -1))
    assert found.together(3)[0].tolist() == pytest.approx([0, 2.5, 0])
    assert found.together(3)[1].tolist() == pytest.approx([2.5, 0, 0])


def sight(scene):
    seen = scene.seen()
    return sight_of(Turns.of(scene.voices()), seen, seen.group), seen


def dense(found, name, empty=0.0):
    """The numbers of each turn and face."""
    rows = np.full((found.turns, found.people), empty)
    rows[found.turn, found.face] = getattr(found, name)
    return rows


def test_each_turn_has_who_is_seen_and_whose_lips_speak():
    scene = Scene(
        said=dialogue("AB", 4),
        shots=[Shot(start=0, stop=8, seen="AB"), Shot(start=8, stop=16, seen="A")],
    )
    found, _ = sight(scene)
    assert dense(found, "visible").tolist() == [[1, 1], [1, 1], [1, 0], [1, 0]]
    score = dense(found, "score", np.nan)
    assert score[0, 0] > 1 and score[0, 1] < -1 and np.isnan(score[2, 1])
    assert dense(found, "looked")[0].tolist() == [90, 90] and found.seen.tolist() == pytest.approx(
        [16, 8]
    )


def test_lips_are_looked_at_where_nobody_else_speaks():
    said = [Said(start=0, stop=4, who="A"), Said(start=2, stop=6, who="B")]
    scene = Scene(said=said, shots=[Shot(start=0, stop=6, seen="AB")])
    found, _ = sight(scene)
    assert dense(found, "looked").tolist() == [[50, 50], [50, 50]]
    within = Scene(
        said=[Said(start=0, stop=6, who="A"), Said(start=2, stop=4, who="B")], shots=scene.shots
    )
    assert dense(sight(within)[0], "looked")[1].tolist() == [50, 50]  # B never speaks alone


def test_the_tracks_of_a_turn_are_those_that_it_meets():
    shots = [Shot(start=4 * i, stop=4 * i + 4, seen="A") for i in range(5)]
    seen = Scene(said=dialogue("A", 1), shots=shots).seen()
    start, stop = np.array([(0, 1), (3, 14), (5, 6), (30, 31)], float).T
    found = tracks_during(start, stop, seen.tracks)
    assert found == [[0], [0, 1, 2, 3], [1], []]


def test_of_two_mouths_that_move_the_one_that_moves_more_in_step_speaks():
    scores = np.array([[2.5, 0.5], [2.5, np.nan], [-2, -2], [np.nan, np.nan]]).T
    odds = speaking_odds(scores).T
    assert odds[0, 0] > 2 and odds[0, 1] < -2
    assert odds[1].tolist() == [3, 0] and odds[2].max() == -3 and odds[3].tolist() == [0, 0]


def test_a_face_that_comes_at_the_end_of_a_turn_says_nothing_of_what_was_before():
    said = [Said(start=0, stop=8.4, who="A", lips="B")]
    shots = [Shot(start=0, stop=8, seen="A"), Shot(start=8, stop=12, seen="BA")]
    found, _ = sight(Scene(said=said, shots=shots))
    odds = dense(found, "odds")
    assert odds[0, 0] > 2.5 and odds[0, 1] < odds[0, 0]


def test_without_faces_nobody_is_seen():
    found, _ = sight(Scene(said=dialogue("A", 3)))
    assert (found.turns, found.people, len(found.turn)) == (3, 0, 0)
