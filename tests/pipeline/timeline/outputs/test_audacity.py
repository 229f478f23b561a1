from mraf.pipeline.timeline.outputs.audacity import audacity
from tests.helpers.timelines import URDU, named, talk


def test_a_line_a_turn():
    assert audacity(talk()).splitlines()[1] == f"3.000000\t5.500000\t{URDU}"


def test_tabs_and_lines_in_names():
    rows = [line.split("\t") for line in audacity(named("a\tb", "c\nd", "e\r\nf")).splitlines()]
    assert [row[2] for row in rows] == ["a b", "c d", "e f"]
    assert all(len(row) == 3 for row in rows)


def test_no_turns():
    assert audacity(named()) == ""
