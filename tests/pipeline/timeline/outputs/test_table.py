import csv
import io

import pytest

from mraf.pipeline.timeline.outputs.table import COLUMNS, table
from tests.helpers.timelines import STRANGER, URDU, named, talk


def rows(text: str) -> list[dict[str, str]]:
    """What programs read that are told of the mark of UTF-8."""
    plain = text.encode().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(plain, newline="")))


def test_spreadsheets_see_that_names_are_in_utf_8():
    text = table(talk())
    assert text.encode().startswith(b"\xef\xbb\xbfstart,end") and text.count("\ufeff") == 1


def test_a_row_a_turn():
    found = rows(table(talk()))
    assert list(found[0]) == list(COLUMNS)
    assert found[1] == {
        "start": "3.000",
        "end": "5.500",
        "seconds": "2.500",
        "speaker": URDU,
        "unknown": "no",
        "probability": "0.8125",
        "named_by": "voice",
        "overlap": "0.500",
        "seen_speaking": "no",
    }
    assert found[2]["speaker"] == STRANGER and found[2]["unknown"] == "yes"
    assert found[2]["probability"] == "" and found[2]["seen_speaking"] == "yes"


@pytest.mark.parametrize("name", ['a, "b"', "two\nlines", "O'Neil", "ü,;\t|"])
def test_names_come_back(name):
    assert rows(table(named(name)))[0]["speaker"] == name


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "--", "\n=1", "\uff1d1"])
def test_no_name_is_a_formula(name):
    assert rows(table(named(name)))[0]["speaker"] == f"'{name}"


def test_no_turns():
    assert rows(table(named())) == []
    assert table(named()).startswith("\ufeffstart,end")
