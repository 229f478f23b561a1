from mraf.pipeline.timeline.outputs.cues import clock, cues_in_a_row, cues_of_turns
from mraf.pipeline.timeline.timeline import Person, Timeline, Turn
from tests.helpers.timelines import ANN, STRANGER, URDU, talk


def of(*turns: tuple[float, float, str]) -> Timeline:
    names = dict.fromkeys(name for *_, name in turns)
    return Timeline(
        path="",
        duration=None,
        people=tuple(Person(name=name, unknown=False) for name in names),
        turns=tuple(Turn(start=start, end=end, speaker=name) for start, end, name in turns),
    )


def test_cues_of_turns_may_overlap():
    found = [(cue.start, cue.end, cue.names) for cue in cues_of_turns(talk())]
    assert found == [
        (500, 3500, (ANN,)),
        (3000, 5500, (URDU,)),
        (6000, 7500, (STRANGER,)),
    ]


def test_cues_in_a_row_do_not():
    found = [(cue.start, cue.end, cue.names) for cue in cues_in_a_row(talk())]
    assert found == [
        (500, 3000, (ANN,)),
        (3000, 3500, (ANN, URDU)),
        (3500, 5500, (URDU,)),
        (6000, 7500, (STRANGER,)),
    ]


def test_a_long_turn_comes_in_pieces_without_gaps():
    for cues in (cues_of_turns(of((0, 100, "A"))), cues_in_a_row(of((0, 100, "A")))):
        assert [(cue.start, cue.end) for cue in cues] == [
            (0, 25_000),
            (25_000, 50_000),
            (50_000, 75_000),
            (75_000, 100_000),
        ]


def test_a_turn_without_length_is_left_out():
    timeline = of((1, 1, "A"), (1, 2, "B"), (3, 3.0001, "A"))
    assert [cue.names for cue in cues_of_turns(timeline)] == [("B",)]
    assert [cue.names for cue in cues_in_a_row(timeline)] == [("B",)]


def test_turns_of_one_person_that_overlap_or_touch():
    found = cues_in_a_row(of((0, 2, "A"), (1, 3, "A"), (3, 4, "A")))
    assert [(cue.start, cue.end, cue.names) for cue in found] == [
        (0, 1000, ("A",)),
        (1000, 2000, ("A",)),
        (2000, 3000, ("A",)),
        (3000, 4000, ("A",)),
    ]


def test_clock():
    assert clock(0, ".") == "00:00:00.000"
    assert clock(3_723_004, ",") == "01:02:03,004"
    assert clock(100 * 3_600_000, ".") == "100:00:00.000"
