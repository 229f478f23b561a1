"""The table of the timeline benchmark."""

from benchmarks.timelines.scores import Answer
from benchmarks.timelines.table import COMPOSED, TITLES, Result, bars, met
from benchmarks.timelines.truth import Said, Truth

TRUTH = Truth(
    duration=40,
    said=(
        Said(start=0, stop=20, speaker="ann"),
        Said(start=20, stop=40, speaker="carl"),
    ),
    enrol={"ann": ()},
    strangers=("carl",),
)


def result(change: float, second: str = "unknown 1") -> Result:
    said = (
        Said(start=0, stop=change, speaker="ann"),
        Said(start=change, stop=40, speaker=second),
    )
    found = Result()
    found.add(TRUTH, Answer(said=said, known=frozenset({"ann"})), 20.0)
    return found


def cells(row: list[str]) -> dict[str, str]:
    return dict(zip([*TITLES, "speed"], row, strict=True))


def test_bars_that_are_met_and_those_that_are_not() -> None:
    near = cells(met(result(20.2), COMPOSED))
    assert near["der"] == near["ier_collar"] == near["enrolled_right"] == "met"
    wrong = cells(met(result(20.2, second="ann"), COMPOSED))
    assert wrong["der"] == wrong["strangers_named"] == "**not met**"
    assert wrong["enrolled_right"] == "met" and wrong["face_none"] == ""


def test_what_was_not_measured_meets_no_bar() -> None:
    assert cells(met(result(20.2), COMPOSED))["face_right"] == "not measured"


def test_a_figure_that_is_rounded_to_its_bar_does_not_meet_it() -> None:
    row = result(22.01)  # 5.03 %, which the table shows as 5.0
    assert cells(row.cells())["der"] == "5.0" and cells(met(row, COMPOSED))["der"] == "**not met**"


def test_collars_count_for_names_too() -> None:
    row = cells(result(20.2).cells())
    assert row["ier"] == "0.5" and row["ier_collar"] == "0.0"
    assert row["speakers_right"] == "2 for 2" and row["speed"] == "2.00"


def test_every_row_has_a_cell_for_every_column() -> None:
    assert len(bars(COMPOSED)) == len(met(result(20.0), COMPOSED)) == len(TITLES) + 1
