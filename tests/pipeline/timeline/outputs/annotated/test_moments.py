import pytest

from mraf.pipeline.timeline.outputs.annotated.moments import Moments
from mraf.pipeline.timeline.timeline import Person, Timeline, Track, Turn
from tests.helpers.timelines import ANN, STRANGER, URDU, talk


@pytest.mark.parametrize(
    ("time", "names"),
    [(0.4, []), (0.5, [ANN]), (3.2, [ANN, URDU]), (3.5, [URDU]), (5.5, []), (99.0, [])],
)
def test_who_speaks(time, names):
    assert [turn.speaker for turn in Moments(talk()).turns(time)] == names


def test_the_one_who_speaks_comes_last_and_is_marked():
    faces = Moments(talk()).faces(6.1)
    assert [(face.name, face.speaks) for face in faces] == [(None, False), (STRANGER, True)]


def test_a_voice_from_outside_marks_no_face():
    timeline = talk(turns=(Turn(start=0.0, end=3.0, speaker=ANN, track=None),))
    assert [face.speaks for face in Moments(timeline).faces(0.1)] == [False]


def test_who_speaks_while_somebody_else_is_on_display_is_absent():
    """A long turn has one track, and its speaker may be gone for the rest of it."""
    turn = Turn(start=0.0, end=8.0, speaker=ANN, track=0)
    moments = Moments(talk(turns=(turn,)))
    assert not moments.is_absent(turn, 0.2, {ANN})
    assert not moments.is_absent(turn, 2.0, set())  # lost for a moment: its track goes on to 4.0
    assert moments.is_absent(turn, 6.1, {STRANGER}) and not moments.is_absent(turn, 6.1, {ANN})
    assert moments.is_absent(Turn(start=0.0, end=8.0, speaker=ANN), 2.0, set())


def test_a_box_moves_between_two_looks():
    (face,) = Moments(talk()).faces(0.3)
    assert face.box == pytest.approx((0.15, 0.2, 0.35, 0.5))


def test_a_face_that_was_lost_goes_after_a_moment():
    moments = Moments(talk())
    assert len(moments.faces(0.6)) == 1  # 0.2 s after the look at 0.4
    assert not moments.faces(0.7) and not moments.faces(3.5)
    assert len(moments.faces(3.99)) == 0 and len(moments.faces(4.0)) == 1


def test_a_face_is_there_just_before_the_first_look():
    moments = Moments(talk())
    assert len(moments.faces(5.95)) == 2 and not moments.faces(5.85)


def test_hours_and_tracks_without_looks():
    timeline = Timeline(
        path="",
        duration=None,
        people=(Person(name="A", unknown=False),),
        turns=(Turn(start=0.0, end=360_000.0, speaker="A"),),
        tracks=(Track(speaker="A", times=(), boxes=()),),
    )
    moments = Moments(timeline)
    assert len(moments.turns(359_999.0)) == 1
    assert moments.faces(0.0) == []
