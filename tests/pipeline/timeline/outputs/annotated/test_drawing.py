import numpy as np
import pytest

from mraf.pipeline.timeline.outputs.annotated.drawing import Drawing
from mraf.pipeline.timeline.timeline import Person, Timeline, Track, Turn
from tests.helpers.timelines import ANN, talk

GREY = 128
BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xE6, 0x9F, 0x00)


def drawn(time: float, timeline: Timeline | None = None, height=360, width=640) -> np.ndarray:
    picture = np.full((height, width, 3), GREY, np.uint8)
    Drawing(timeline or talk()).draw(picture, time)
    return picture


def count(picture: np.ndarray, colour) -> int:
    return int((picture == np.array(colour, np.uint8)).all(axis=-1).sum())


def test_nothing_to_say_changes_nothing():
    assert (drawn(5.8) == GREY).all()


def test_the_box_lies_around_the_face():
    picture = drawn(0.1)  # before she speaks: x 64 to 192, y 72 to 180
    assert (picture[72:180, 63] == BLUE).all() and (picture[72:180, 192] == BLUE).all()
    assert (picture[71, 64:192] == BLUE).all() and (picture[180, 64:192] == BLUE).all()
    assert (picture[73:179, 65:191] == GREY).all()


def test_the_box_of_the_one_who_speaks_is_thicker():
    silent, speaking = drawn(0.1), drawn(0.5)
    assert count(speaking[100:150], BLUE) == 2 * count(silent[100:150], BLUE)


def test_a_stranger_has_dashes():
    column = drawn(6.1)[90:270, 319]
    there = (column == np.array((0x00, 0x9E, 0x73))).all(axis=1)
    assert there.any() and not there.all()


def test_the_lower_line_has_all_who_speak():
    one, two = drawn(1.0)[-30:], drawn(3.2)[-30:]
    assert count(one, BLUE) > 0 and count(one, ORANGE) == 0
    assert count(two, BLUE) > 0 and count(two, ORANGE) > 0
    assert (one[-1] < GREY).all()  # dark behind the text


def test_a_speaker_who_is_on_display_is_not_called_absent():
    """Of a turn without a track it is not told who is seen speaking; the person may be there all the same."""
    turns = (Turn(start=0.0, end=8.0, speaker=ANN),)
    there, gone = (drawn(time, talk(turns=turns))[-20:] for time in (0.1, 2.0))
    assert (there[:, 150:] != gone[:, 150:]).any() and np.ptp(there[:, 150:, 0].astype(int)) == 0


@pytest.mark.parametrize(
    "box",
    [
        (0.0, 0.0, 1.0, 1.0),
        (-0.5, -0.5, 0.1, 0.1),
        (0.9, 0.9, 1.5, 1.5),
        (0.5, 0.5, 0.5, 0.5),
        (0.6, 0.6, 0.4, 0.4),
        (2.0, 2.0, 3.0, 3.0),
        (-2.0, -2.0, -1.0, -1.0),
    ],
)
@pytest.mark.parametrize("size", [(360, 640), (16, 16), (2, 300), (1, 1)])
def test_boxes_beyond_the_picture_and_tiny_pictures(box, size):
    timeline = Timeline(
        path="",
        duration=None,
        people=(Person(name=ANN, unknown=False), Person(name="unknown 1", unknown=True)),
        turns=(
            Turn(start=0, end=1, speaker=ANN, track=0),
            Turn(start=0, end=1, speaker="unknown 1"),
        ),
        tracks=(
            Track(speaker=ANN, times=(0.0,), boxes=(box,)),
            Track(speaker="unknown 1", times=(0.0,), boxes=(box,)),
        ),
    )
    assert drawn(0.0, timeline, *size).shape == (*size, 3)


def test_twenty_people_at_once_fit():
    names = [f"A person with a rather long name {number}" for number in range(20)]
    timeline = Timeline(
        path="",
        duration=None,
        people=tuple(Person(name=name, unknown=False) for name in names),
        turns=tuple(Turn(start=0, end=1, speaker=name) for name in names),
    )
    picture = drawn(0.5, timeline)
    assert (picture[:300] == GREY).all() and not (picture[-10:] == GREY).all()


@pytest.mark.parametrize(
    "name",
    [
        "two\nlines",
        "a\tb",
        "<b>Bob</b>",
        "\"q\" 'n'",
        "\u202eback",
        "e\u0301",
        " ",
        "عائشہ خان",
        "x" * 200,
    ],
)
def test_odd_names_are_drawn_in_one_line(name):
    ann = Person(name=name, unknown=False)
    turns = (Turn(start=0.0, end=1.0, speaker=name, track=0),)
    track = Track(speaker=name, times=(0.0,), boxes=((0.3, 0.3, 0.6, 0.7),))
    timeline = Timeline(path="", duration=1.0, people=(ann,), turns=turns, tracks=(track,))
    picture = drawn(0.0, timeline)
    assert (picture[-40:-24, 100:] == GREY).all() and (picture[-5:] != GREY).any()
    assert count(picture[80:108], BLUE) > 200  # behind the name above the face
