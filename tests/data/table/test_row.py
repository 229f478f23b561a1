"""Rows of the feature table."""

import numpy as np
import pytest

from mraf.data.table.features import FeatureTable
from mraf.data.table.row import COLUMN_NAMES, FeatureRow, rows_of, to_arrow
from mraf.errors import UsageError
from tests.data.table.test_features import fill, row


@pytest.fixture
def table(tmp_path):
    return FeatureTable(tmp_path / "features")


@pytest.mark.parametrize(
    "bad",
    [
        {"face": None, "face_reason": None},
        {"face": np.ones(2, np.float32), "face_reason": "no_face"},
        {"face": np.ones(2), "face_reason": None},
        {"face": np.zeros(2, np.float32), "face_reason": None},
        {"face": np.array([1, np.nan], np.float32), "face_reason": None},
    ],
)
def test_invalid_rows_are_refused(bad):
    with pytest.raises(ValueError, match="a: face"):
        FeatureRow("a", "p", "h", "x", voice_reason="no_audio", **bad)


def test_every_field_is_a_column_and_is_read_back(table):
    numbers = {"face_frames": 3, "faces_seen": 2, "face_size": 80.0, "voice_snr": 12.5}
    texts = {"speaker": "ann", "language": "Urdu", "recording": "v1", "note": "no sound"}
    turn = {"turn_of": "d", "turns": 9, "person": 1, "start": 1.5, "end": 3.0}
    original = row("a", **numbers, **texts, **turn, replaces="b")
    (read,) = rows_of(fill(table, original).snapshot())
    for name in COLUMN_NAMES:
        assert np.array_equal(getattr(read, name), getattr(original, name)), name


def test_a_turn_knows_the_id_of_its_file(table):
    turn = row("v#x/a.mp4#1.5-3", turn_of="d", start=1.5, end=3.0)
    assert turn.file_id == "v#x/a.mp4"
    assert row("a.mp4#1.5-3", start=1.5, end=3.0).file_id == "a.mp4#1.5-3"  # a part of a manifest
    assert row("a.mp4", turn_of="d").file_id == "a.mp4"


def test_a_row_may_replace_several(table):
    fill(table, row("a"), row("b"), row("c"))
    fill(table, row("d", replaces="a\0c"), row("e"))
    assert [each.clip for each in table.rows()] == ["b", "d", "e"]
    fill(table, row("a"))
    assert [each.clip for each in table.rows()] == ["a", "b", "d", "e"]


def test_vectors_of_rows_in_one_part_have_one_length():
    assert to_arrow([row("a"), row("b", face=None)]).schema.field("face").type.list_size == 4
    with pytest.raises(UsageError, match=r"voice vectors of different dimensions .*\[3, 5\]"):
        to_arrow([row("a"), row("b", voice=5)])
