"""What a part of the feature table does when its file is not what it should be."""

import errno
import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mraf.data.table.features import FeatureTable, _columns
from mraf.data.table.parts import SEAL, Part, next_part, parts_in, write_part
from mraf.errors import MrafError, UsageError
from tests.data.table.test_features import fill, row


@pytest.fixture
def table(tmp_path):
    generator = np.random.default_rng(0)
    rows = [row(f"c{i}", speaker=f"s{i % 3}", language="Urdu") for i in range(6)]
    for each in rows:
        each.face[:] = generator.standard_normal(4)
    return fill(FeatureTable(tmp_path / "features"), *rows)


def refused(table, said=""):
    with pytest.raises(MrafError, match=rf"part-\d+\.parquet: .*{said}") as caught:
        table.read()
    assert "run `mraf extract` again" in str(caught.value)


def test_no_byte_can_change_without_being_noticed(table):
    before = table.read().to_pylist()
    (part,) = parts_in(table.folder)
    whole = part.read_bytes()
    bits = np.random.default_rng(1).integers(8, size=len(whole))
    unnoticed = []
    for at in range(0, len(whole), 3):
        bad = bytearray(whole)
        bad[at] ^= 1 << bits[at]
        part.write_bytes(bad)
        try:
            found = table.read().to_pylist()
        except MrafError as error:
            assert part.name in str(error)
        else:
            if found != before:
                unnoticed.append(at)
    assert not unnoticed


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_a_part_that_is_cut_off(table, share):
    (part,) = parts_in(table.folder)
    whole = part.read_bytes()
    part.write_bytes(whole[: int(share * len(whole))])
    refused(table)


def test_a_part_under_the_name_of_another(table):
    fill(table, row("c1"))
    first, second = parts_in(table.folder)
    first.rename(table.folder / "aside")
    second.rename(first)
    (table.folder / "aside").rename(second)
    refused(table, "written as part 000002 and has been renamed")


def test_a_seal_that_was_taken_off(table):
    (part,) = parts_in(table.folder)
    whole = part.read_bytes()
    at = whole.index(SEAL)
    part.write_bytes(whole[: at - 4] + whole[at + len(SEAL) :])
    refused(table, "checksum is gone")


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"clip,face\na,1\n", pickle.dumps({"a": 1}), b"PAR1" * 99]
)
def test_a_file_that_is_no_parquet(table, content):
    (table.folder / "part-000002.parquet").write_bytes(content)
    refused(table)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (PermissionError(errno.EACCES, "no"), "Permission denied"),
        (OSError(errno.EMFILE, "no"), "Too many open files"),
        (OSError(errno.EIO, "no"), "Input/output error"),
        (MemoryError(), "there is too little memory"),
        (pa.ArrowMemoryError("malloc of size 64 failed"), "there is too little memory"),
    ],
)
@pytest.mark.parametrize("reader", ["ParquetFile", "open"])
def test_what_is_the_fault_of_the_machine_removes_no_features(
    table, monkeypatch, reader, error, said
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(*((Path, "open") if reader == "open" else (pq, "ParquetFile")), fail)
    with pytest.raises(
        MrafError, match=rf"part-000001\.parquet: .* now \({said}\).*keep the file"
    ) as caught:
        table.read()
    assert "Remove" not in str(caught.value)


def test_too_many_open_files_are_no_damage(table):
    """As the system says it, through pyarrow too."""
    code = f"""
import os, resource
from contextlib import suppress
from pathlib import Path
import mraf.data.table.features as features, mraf.data.table.snapshot as snapshot, mraf.data.table.parts as parts_module
from mraf.errors import MrafError
table = features.FeatureTable(Path({str(table.folder)!r}))
parts = table._parts()
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
taken = []
with suppress(OSError):
    while True:
        taken.append(os.dup(1))
try:
    parts_module.Part(parts[0], features._columns())
except MrafError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "cannot be read now (Too many open files)" in done.stdout, done.stderr


@pytest.mark.parametrize("error", [OSError("Corrupt snappy"), OSError(errno.EINVAL, "seek")])
def test_what_pyarrow_says_of_damage_is_damage(table, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(pq, "ParquetFile", fail)
    refused(table)


def test_what_is_no_file(table):
    (table.folder / "part-000002.parquet").mkdir()
    refused(table, "not a file")
    (table.folder / "part-000002.parquet").rmdir()
    os.mkfifo(table.folder / "part-000002.parquet")
    refused(table, "not a file")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop_columns(["clip"]), "absent: clip"),
        (lambda t: t.drop_columns(["voice"]), "absent: voice"),
        (lambda t: t.append_column("age", pa.nulls(len(t))), "unknown columns: age"),
        (lambda t: t.set_column(0, "clip", pa.array(range(6))), "column 'clip' is int64"),
        (lambda t: retyped(t, pa.list_(pa.float32())), "column 'face' is list<"),
        (lambda t: retyped(t, pa.list_(pa.float64(), 4)), "column 'face' is fixed_size_list<"),
        (lambda t: retyped(t, pa.list_(pa.float32(), 2), 2), "2 numbers, those of other parts 4"),
    ],
)
def test_a_part_of_another_kind(table, change, said):
    other = change(table.read())
    pq.write_table(other, table.folder / "part-000002.parquet")
    with pytest.raises(MrafError, match=rf"part-000002\.parquet: .*{said}"):
        table.read()


def retyped(table, kind, size=4):
    values = pa.array([list(range(size))] * len(table), kind)
    return table.set_column(table.schema.get_field_index("face"), "face", values)


def test_parts_of_older_versions_are_read_as_they_are(table):
    before = table.read()
    (part,) = parts_in(table.folder)
    pq.write_table(before.drop_columns(["face_size", "replaces", "face_frames", "note"]), part)
    rows = list(table.rows())
    assert [each.clip for each in rows] == before["clip"].to_pylist()
    assert rows[0].face_size is None and rows[0].face_frames == 0
    fill(table, row("z", face_frames=3))
    assert [each.face_frames for each in table.rows()] == [0] * 6 + [3]
    table._merge()
    assert [each.face_frames for each in table.rows()] == [0] * 6 + [3]


def test_a_merge_while_a_table_is_read_is_no_damage(table):
    fill(table, row("z"))
    snapshot = table.snapshot()
    table._merge()
    with pytest.raises(MrafError, match="merged the parts of this table meanwhile"):
        snapshot.table(["speaker"])


def test_damage_in_vectors_shows_when_they_are_read_and_not_before(table):
    (part,) = parts_in(table.folder)
    chunk = pq.ParquetFile(part).metadata.row_group(0).column(7)
    assert chunk.path_in_schema.startswith("face.")
    bad = bytearray(part.read_bytes())
    bad[chunk.data_page_offset + chunk.total_compressed_size - 1] ^= 1
    part.write_bytes(bad)
    assert table.summary()["clips"] == 6
    for read in (table.arrays, lambda: table.export(table.folder / "all.csv"), table._merge):
        with pytest.raises(MrafError, match=part.name):
            read()
    assert [path.name for path in table.folder.iterdir() if path.name != ".lock"] == [part.name]


def test_other_tools_find_nothing_odd_in_a_sealed_part(table):
    (part,) = parts_in(table.folder)
    assert SEAL in part.read_bytes()
    assert pq.read_table(part).num_rows == 6


def test_names_go_on_after_a_million_parts(tmp_path):
    for name in ("part-999999.parquet", "part-1000000.parquet", "part-1.parquet", "other"):
        (tmp_path / name).touch()
    assert [path.name for path in parts_in(tmp_path)] == [
        "part-999999.parquet",
        "part-1000000.parquet",
    ]
    assert next_part(tmp_path).name == "part-1000001.parquet"


def test_row_groups_are_read_in_pieces(tmp_path, monkeypatch):
    table = pa.table({"clip": [str(i) for i in range(10)]})
    path = tmp_path / "part-000001.parquet"
    columns = type(_columns())({"clip": pa.string()}, frozenset())
    write_part(path, table.schema, [table.slice(0, 7), table.slice(7)])
    monkeypatch.setattr("mraf.data.table.parts.ROWS_A_GROUP", 3)
    part = Part(path, columns)
    assert part.groups == [7, 3]
    pieces = [(start, rows["clip"].to_pylist()) for start, rows in part.batches(["clip"], [0, 1])]
    assert [start for start, _ in pieces] == [0, 3, 6, 7]
    assert [clip for _, rows in pieces for clip in rows] == table["clip"].to_pylist()


def test_a_file_that_may_not_grow_leaves_what_was_there(table):
    """As on a full disk: the system refuses to write on in the middle of a part."""
    code = f"""
import resource, signal
from pathlib import Path
from mraf.data.table.features import FeatureTable
from mraf.errors import UsageError
from tests.data.table.test_features import row
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    with FeatureTable(Path({str(table.folder)!r})).writer() as writer:
        writer.add(row("late"))
except UsageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written (File too large). Free some room" in done.stdout
    assert len(table) == 6 and not list(table.folder.glob("*.tmp"))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 2000


def test_an_interrupt_while_a_part_is_written_loses_that_part_only(table, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fill(table, row("late"))
    monkeypatch.undo()
    assert len(table) == 6 and not list(table.folder.glob("*.tmp"))


def test_a_merge_for_which_there_is_no_room_is_left_for_later(table, monkeypatch):
    monkeypatch.setattr("mraf.data.table.features.MERGE_AT", 1)

    def no_room(*_):
        raise UsageError("no room")

    monkeypatch.setattr(FeatureTable, "_merge", no_room)
    fill(table, row("late"))
    assert len(table) == 7
