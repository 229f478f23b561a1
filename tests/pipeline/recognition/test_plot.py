"""The files of the curve."""

import csv
import logging

import pytest

from mraf.errors import UsageError
from mraf.pipeline.recognition.plot import csv_of, picture, write_curves
from mraf.pipeline.recognition.rates import OpenSet
from mraf.recognition.curve import KnownRates, StrangerRates

CURVE = {
    "false_alarm": [0.0, 0.01, 0.1, 1.0],
    "identified": [0.5, 0.8, 0.9, 0.95],
    "threshold": [0.9, 0.8, 0.5, None],
}
BOTH = OpenSet(
    threshold=0.8,
    known=KnownRates(right=0.8, wrong=0.0, unknown=0.2, clips=10, speakers=2),
    strangers=StrangerRates(named=0.0, clips=10, speakers=2),
    curve=CURVE,
)
NONE = OpenSet(threshold=0.8, known=BOTH.known, strangers=None, curve=None)
STORED = {"false_alarm": [0.0, 1.0], "identified": [0.5, 0.9]}


def test_a_line_for_each_point(tmp_path):
    found = {"model": {"face_voice": BOTH, "voice": NONE}}
    files = write_curves(tmp_path / "reports" / "m", "title", found)
    assert [file.name for file in files] == ["m.csv", "m.svg"]
    with files[0].open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["false_alarm"] for row in rows] == ["0", "0.01", "0.1", "1"]
    assert rows[3]["threshold"] == ""
    assert rows[1] == {
        "answered_by": "model",
        "modalities": "face_voice",
        "false_alarm": "0.01",
        "identified": "0.8",
        "threshold": "0.8",
    }


def test_a_curve_without_thresholds_has_its_points():
    stored = OpenSet(threshold=None, known=None, strangers=None, curve=STORED)
    text = csv_of({"cross_validation": {"voice": stored}})
    assert text.splitlines()[1:] == ["cross_validation,voice,0,0.5", "cross_validation,voice,1,0.9"]
    assert "<svg" in picture("t", {"cross_validation": {"voice": stored}})


def test_the_picture_names_its_axes_lines_and_panels():
    text = picture(
        "A title",
        {"model": {"face_voice": BOTH, "voice": BOTH}, "cross_validation": {"face": BOTH}},
    )
    for words in ("A title", "face + voice", "voice", "named right", "strangers' clips named"):
        assert words in text
    assert "new clips, named by the model" in text and "left out in turn" in text
    assert text == picture(
        "A title",
        {"model": {"face_voice": BOTH, "voice": BOTH}, "cross_validation": {"face": BOTH}},
    )


def test_without_a_curve_nothing_is_written(tmp_path):
    assert write_curves(tmp_path / "m", "t", {"model": {"voice": NONE}}) == ()
    assert write_curves(tmp_path / "m", "t", {}) == ()
    assert not list(tmp_path.iterdir())
    with pytest.raises(UsageError, match="no curve"):
        picture("t", {"model": {"voice": NONE}})


def test_a_folder_that_cannot_be_written_is_told(tmp_path, caplog):
    (tmp_path / "reports").write_text("a file")
    with caplog.at_level(logging.WARNING, logger="mraf"):
        assert write_curves(tmp_path / "reports" / "m", "t", {"model": {"voice": BOTH}}) == ()
    assert "the curve cannot be written" in caplog.text
