"""The figures of the timeline benchmark, on made timelines."""

import math

import pytest

from benchmarks.timelines.scores import Answer, Scores, overlap
from benchmarks.timelines.truth import Face, Said, Truth

LEFT, RIGHT = (0.1, 0.2, 0.3, 0.6), (0.6, 0.2, 0.8, 0.6)


def said(*turns: tuple[float, float, str]) -> tuple[Said, ...]:
    return tuple(Said(start=start, stop=stop, speaker=name) for start, stop, name in turns)


TRUTH = Truth(
    duration=40,
    said=said((0, 10, "ann"), (10, 20, "bob"), (20, 30, "carl")),
    enrol={"ann": (), "bob": ()},
    strangers=("carl",),
)
KNOWN = frozenset({"ann", "bob"})


def scored(*turns: tuple[float, float, str]) -> dict[str, float]:
    scores = Scores()
    scores.add(TRUTH, Answer(said=said(*turns), known=KNOWN))
    return scores.row()


def test_all_right() -> None:
    row = scored((0, 10, "ann"), (10, 20, "bob"), (20, 30, "unknown 1"))
    assert row["der"] == row["der_collar"] == row["der_alone"] == row["ier"] == 0
    assert row["enrolled_right"] == row["speakers_right"] == 1
    assert row["strangers_named"] == row["enrolled_wrong"] == 0
    assert math.isnan(row["face_right"])


def test_two_names_exchanged_are_an_error_of_names_alone() -> None:
    row = scored((0, 10, "bob"), (10, 20, "ann"), (20, 30, "unknown 1"))
    assert row["der"] == 0
    assert row["ier"] == pytest.approx(2 / 3)
    assert row["enrolled_right"] == 0 and row["enrolled_wrong"] == pytest.approx(1)


def test_a_stranger_with_a_name_and_a_known_person_without() -> None:
    row = scored((0, 10, "ann"), (10, 20, "unknown 1"), (20, 30, "bob"))
    assert row["der"] == 0
    assert row["ier"] == pytest.approx(2 / 3)
    assert row["strangers_named"] == pytest.approx(1)
    assert row["enrolled_right"] == pytest.approx(0.5) and row["enrolled_wrong"] == 0


def test_a_missed_and_an_invented_stretch() -> None:
    row = scored((0, 10, "ann"), (10, 17, "bob"), (20, 30, "unknown 1"), (35, 38, "bob"))
    assert row["der"] == row["ier"] == pytest.approx(6 / 30)
    assert row["enrolled_right"] == pytest.approx(17 / 20)


def test_the_collar_forgives_a_quarter_of_a_second_on_each_side() -> None:
    row = scored((0, 10.2, "ann"), (10.2, 20, "bob"), (20, 30, "unknown 1"))
    assert row["der"] == pytest.approx(0.2 / 30)
    assert row["der_collar"] == pytest.approx(0)
    row = scored((0, 10.5, "ann"), (10.5, 20, "bob"), (20, 30, "unknown 1"))
    assert row["der_collar"] == pytest.approx(0.25 / (30 - 4 * 0.25 - 2 * 0.25))


def test_two_at_once_count_with_overlap_only() -> None:
    scores = Scores()
    truth = Truth(duration=10, said=said((0, 10, "ann"), (4, 8, "bob")), enrol={})
    scores.add(truth, Answer(said=said((0, 10, "x")), known=frozenset()))
    row = scores.row()
    assert row["der"] == pytest.approx(4 / 14)
    assert row["der_alone"] == pytest.approx(0)
    assert row["speakers_right"] == 0


def test_faces_on_pictures_in_which_one_person_speaks() -> None:
    times = tuple(k / 5 for k in range(50))
    truth = Truth(
        duration=30,
        said=(
            Said(start=0, stop=10, speaker="ann", face=0),
            Said(start=20, stop=30, speaker="ann"),
        ),
        faces=(
            Face(speaker="ann", times=times, boxes=(LEFT,) * 50),
            Face(speaker="bob", times=times[25:], boxes=(RIGHT,) * 25),
        ),
        enrol={"ann": ()},
    )

    def face_at(heard: float, shown: float) -> tuple[float, ...] | None:
        return LEFT if shown < 7.5 else RIGHT if shown < 25 else None

    scores = Scores()
    answer = Answer(said=truth.said, known=frozenset({"ann"}), face_at=face_at)
    scores.add(truth, answer)
    row = scores.row()
    assert row["face_right"] == pytest.approx(0.75, abs=0.01)
    assert row["face_right_beside"] == pytest.approx(0.5, abs=0.03)
    assert row["face_none"] == pytest.approx(0.5, abs=0.01)


def test_out_of_step_faces_are_looked_for_when_they_are_shown() -> None:
    times = tuple(k / 5 for k in range(25))
    truth = Truth(
        duration=10,
        said=(Said(start=0.2, stop=5.2, speaker="ann", face=0),),
        faces=(Face(speaker="ann", times=times, boxes=(LEFT,) * 25),),
        enrol={},
        step=0.2,
    )
    scores = Scores()
    answer = Answer(
        said=truth.said,
        known=frozenset(),
        face_at=lambda heard, shown: LEFT if 0.2 <= heard < 5.2 and shown < 5 else None,
    )
    scores.add(truth, answer)
    assert scores.row()["face_right"] == 1


def test_files_add_up() -> None:
    scores = Scores()
    right = Answer(said=said((0, 10, "ann"), (10, 20, "bob"), (20, 30, "x")), known=KNOWN)
    scores.add(TRUTH, right)
    scores.add(TRUTH, Answer(said=(), known=KNOWN))
    row = scores.row()
    assert row["der"] == pytest.approx(0.5)
    assert row["enrolled_right"] == pytest.approx(0.5)
    assert row["speakers_right"] == 0.5


def test_overlap_of_boxes() -> None:
    assert overlap(LEFT, LEFT) == pytest.approx(1)
    assert overlap(LEFT, RIGHT) == 0
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
