import os
import signal
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mraf.data.table.features import MERGE_AT, FeatureRow, FeatureTable
from mraf.data.table.parts import parts_in
from mraf.errors import MissingError, MrafError, UsageError


def row(
    clip: str, face: int | None = 4, voice: int | None = 3, value: float = 1.0, **more
) -> FeatureRow:
    def vector(dim: int | None) -> np.ndarray | None:
        return None if dim is None else np.full(dim, value, np.float32)

    reasons = {
        "face_reason": None if face else "no_face",
        "voice_reason": None if voice else "no_audio",
    }
    fields = {"path": f"/v/{clip}", "source_hash": "h", "extractor": "x"} | reasons | more
    return FeatureRow(clip, face=vector(face), voice=vector(voice), **fields)


def fill(table: FeatureTable, *rows: FeatureRow) -> FeatureTable:
    with table.writer() as writer:
        for each in rows:
            writer.add(each)
    return table


@pytest.fixture
def table(tmp_path):
    return FeatureTable(tmp_path / "features")


def test_written_rows_are_read_back(table):
    original = row(
        "b", speaker="آمنہ", language="Urdu", recording="v1", face_frames=7, voice_seconds=2.5
    )
    fill(table, original, row("a", face=None))
    assert len(table) == 2
    read = {each.clip: each for each in table.rows()}
    assert list(read) == ["a", "b"]
    assert (read["b"].speaker, read["b"].face_frames, read["b"].voice_seconds) == ("آمنہ", 7, 2.5)
    assert np.array_equal(read["b"].face, original.face) and read["b"].face.dtype == np.float32
    assert read["a"].face is None and read["a"].face_reason == "no_face"


def test_arrays_mark_missing_vectors(table):
    fill(table, row("a", face=None, language="Urdu"), row("b", voice=None, language="English"))
    arrays = table.arrays()
    assert arrays.face.shape == (2, 4) and arrays.voice.shape == (2, 3)
    assert arrays.face_present.tolist() == [False, True]
    assert arrays.voice_present.tolist() == [True, False]


def test_parts_with_and_without_faces_are_joined(table):
    fill(table, row("a", face=None))
    fill(table, row("b"))
    fill(table, row("c", voice=None))
    assert table.arrays().face_present.tolist() == [False, True, True]


def test_a_later_row_overrides_an_earlier_one(table):
    fill(table, row("a", value=1), row("b"))
    fill(table, row("a", value=2))
    assert [float(each.face[0]) for each in table.rows()] == [2, 1]


def test_a_moved_clip_replaces_its_old_row_until_that_clip_comes_back(table):
    fill(table, row("old"), row("other"))
    fill(table, row("new", replaces="old"))
    assert [each.clip for each in table.rows()] == ["new", "other"]
    fill(table, row("old"))
    assert [each.clip for each in table.rows()] == ["new", "old", "other"]
    table._merge()
    assert [each.clip for each in table.rows()] == ["new", "old", "other"]


def test_many_parts_are_merged_into_one_with_the_same_rows(table):
    for index in range(MERGE_AT + 1):
        fill(table, row(f"{index % 20:02}", value=index + 1))
    assert len(list(table.folder.glob("part-*"))) == 1
    assert {each.clip: each.face[0] for each in table.rows()}["12"] == 33
    fill(table, row("zz"))
    assert len(table) == 21


def test_a_merge_killed_before_it_removed_the_old_parts_changes_nothing(table, monkeypatch):
    for index in range(3):
        fill(table, row("a", value=index + 1), row(f"b{index}"))
    before = table.read().to_pylist()
    monkeypatch.setattr("pathlib.Path.unlink", lambda *args, **kwargs: None)
    table._merge()
    assert len(list(table.folder.glob("part-*"))) == 4
    assert table.read().to_pylist() == before


def test_rows_are_on_the_disk_when_the_block_ends_by_an_error(table):
    with pytest.raises(RuntimeError), table.writer() as writer:
        writer.add(row("a"))
        raise RuntimeError
    assert len(table) == 1


def test_a_killed_writer_loses_only_unwritten_rows(table):
    code = f"""
import sys
from pathlib import Path
from mraf.data.table.features import FeatureTable
from tests.data.table.test_features import row
with FeatureTable(Path({str(table.folder)!r})).writer() as writer:
    writer.add(row("kept")); writer.flush(); writer.add(row("lost"))
    print("ready", flush=True); sys.stdin.read()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"ready\n"
    with pytest.raises(UsageError, match="another `mraf extract`"), table.writer():
        pass
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert [each.clip for each in fill(table, row("next")).rows()] == ["kept", "next"]


def test_other_tools_read_the_parts(table):
    fill(table, row("a"), row("b", face=None))
    frame = pq.read_table(table.folder)
    assert frame.num_rows == 2
    assert frame["face"].to_pylist() == [[1.0] * 4, None]


def test_no_table(tmp_path):
    table = FeatureTable(tmp_path / "nowhere")
    assert table.is_empty and len(table) == 0
    with pytest.raises(MissingError, match="Run `mraf extract VIDEOS` first"):
        table.arrays()


@pytest.mark.parametrize("damage", ["truncate", "flip", "text"])
def test_a_damaged_part_is_refused_with_its_name(table, damage):
    fill(table, *(row(str(i), value=i + 1) for i in range(50)))
    part = next(table.folder.glob("part-*"))
    raw = bytearray(part.read_bytes())
    if damage == "flip":
        raw[len(raw) // 3] ^= 0xFF
    part.write_bytes({"truncate": raw[:200], "flip": raw, "text": b"no parquet"}[damage])
    with pytest.raises(MrafError, match=r"part-000001\.parquet: .*run `mraf extract` again"):
        table.read()


def test_vectors_of_two_lengths_are_refused(table):
    with pytest.raises(UsageError, match=r"\[4, 5\]"):
        fill(table, row("a", face=4), row("b", face=5))
    fill(table, row("a", face=4))
    with pytest.raises(MrafError, match="different dimensions"):
        fill(table, row("b", face=5)).read()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        fill(FeatureTable(tmp_path / "file"), row("a"))


def test_summary_counts(table):
    fill(
        table,
        row("a", speaker="A", language="Urdu"),
        row("b", face=None, speaker="A", error="broken"),
    )
    summary = table.summary()
    assert (summary["clips"], summary["speakers"], summary["failed"]) == (2, 1, 1)
    assert summary["languages"] == {"Urdu": 1} and summary["face_missing"] == {"no_face": 1}


def test_export(table, tmp_path):
    fill(table, row("a", speaker="=cmd|' /C calc'!A0"), row("b", face=None))
    assert table.export(tmp_path / "t.parquet") == 2
    assert pq.read_table(tmp_path / "t.parquet").num_rows == 2
    table.export(tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text("utf-8").splitlines()
    assert len(lines) == 3 and "'=cmd" in lines[1] and "1 1 1 1" in lines[1]
    with pytest.raises(UsageError, match=r"\.csv or \.parquet"):
        table.export(tmp_path / "t.xls")
    with pytest.raises(UsageError, match="cannot be written"):
        table.export(tmp_path / "no" / "t.csv")
    with pytest.raises(UsageError, match="is there already"):
        table.export(tmp_path / "t.csv")


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(names, st.tuples(names, st.booleans(), st.booleans()), max_size=8))
def test_any_names_are_read_back(tmp_path_factory, clips):
    table = FeatureTable(tmp_path_factory.mktemp("any") / "features")
    rows = [row(c, 4 if f else None, 3 if v else None, speaker=s) for c, (s, f, v) in clips.items()]
    fill(table, *rows)
    if clips:
        read = {r.clip: (r.speaker, r.face is not None, r.voice is not None) for r in table.rows()}
        assert read == clips


def test_a_removed_speaker_is_in_no_part(table):
    fill(table, row("a", speaker="Ann"), row("b", speaker="Bob"), row("c"))
    fill(table, row("a", speaker="Ann", value=2))
    with pytest.raises(UsageError, match="no clip of 'An' .*Did you mean 'Ann'"):
        table.remove("An")
    assert table.remove("Ann") == 1
    assert [each.clip for each in table.rows()] == ["b", "c"]
    everything = [pq.read_table(part)["clip"].to_pylist() for part in table.folder.glob("part-*")]
    assert everything == [["b", "c"]]


@pytest.mark.parametrize("forget", [lambda t: t.remove("Ann"), lambda t: t.drop(["a"])])
def test_removing_from_a_missing_table_makes_no_folder(tmp_path, forget):
    with pytest.raises(MissingError, match="no features here yet"):
        forget(FeatureTable(tmp_path / "w" / "features"))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_reported_and_earlier_rows_stay(table, monkeypatch):
    fill(table, row("a"))

    def no_room(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(UsageError, match="No space left on device"):
        fill(table, row("b"))
    monkeypatch.undo()
    assert [each.clip for each in table.rows()] == ["a"] and not list(table.folder.glob("*.tmp"))


def test_rows_that_belong_together_are_in_one_part(table):
    with table.writer(rows_a_part=3) as writer:
        writer.add(row("a"))
        writer.add_together([row(clip) for clip in "bcdef"])
        assert [len(pq.read_table(part)) for part in parts_in(table.folder)] == [6]
