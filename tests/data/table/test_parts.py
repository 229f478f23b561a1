"""Parts of the feature table whose files are damaged, or of another kind."""

import errno
import os
import pickle
import resource
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mraf.data.table.features import FeatureTable
from mraf.data.table.parts import Part, next_part, parts_in, write_part
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


def with_one_bit_changed(table, places):
    """Yield the place of each change, and the table's rows or the message that refuses the part."""
    (part,) = parts_in(table.folder)
    whole = part.read_bytes()
    bits = np.random.default_rng(1).integers(8, size=len(whole))
    for at in places(whole):
        bad = bytearray(whole)
        bad[at] ^= 1 << bits[at]
        part.write_bytes(bad)
        try:
            yield at, table.read().to_pylist()
        except MrafError as error:
            yield at, str(error)


def footer_start(content):
    """The last 8 bytes of a Parquet file are the length of the footer and PAR1."""
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


def test_no_byte_of_a_page_can_change_unnoticed(table):
    before = table.read().to_pylist()
    found = with_one_bit_changed(table, lambda content: range(4, footer_start(content), 3))
    noticed = [message for _, message in found if message != before]
    assert len(noticed) > 300 and all("part-000001.parquet: " in each for each in noticed)


def test_a_damaged_footer_raises_no_other_error(table):
    """The footer has no checksum: damage that still parses can pass, and never ends in a crash."""
    found = with_one_bit_changed(
        table, lambda content: range(footer_start(content), len(content), 11)
    )
    assert sum("part-000001.parquet: " in str(each) for _, each in found) > 50


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_a_part_that_is_cut_off(table, share):
    (part,) = parts_in(table.folder)
    whole = part.read_bytes()
    part.write_bytes(whole[: int(share * len(whole))])
    refused(table)


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
def test_an_error_of_the_machine_does_not_tell_to_remove_the_file(table, monkeypatch, error, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(pq, "ParquetFile", fail)
    with pytest.raises(
        MrafError, match=rf"part-000001\.parquet: .* now \({said}\).*keep the file"
    ) as caught:
        table.read()
    assert "Remove" not in str(caught.value)


def test_too_many_open_files_are_no_damage(table):
    """With the real error of the system, through pyarrow."""
    code = f"""
import os, resource
from contextlib import suppress
from pathlib import Path
from mraf.data.table.features import FeatureTable
from mraf.data.table.parts import Part
from mraf.data.table.row import COLUMNS
from mraf.errors import MrafError
table = FeatureTable(Path({str(table.folder)!r}))
parts = table._parts()
resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
taken = []
with suppress(OSError):
    while True:
        taken.append(os.dup(1))
try:
    Part(parts[0], COLUMNS)
except MrafError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "cannot be read now (Too many open files)" in done.stdout, done.stderr


@pytest.mark.parametrize("error", [OSError("Corrupt snappy"), OSError(errno.EINVAL, "seek")])
def test_errors_of_pyarrow_for_damage_count_as_damage(table, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(pq, "ParquetFile", fail)
    refused(table)


def test_a_part_that_is_a_folder_or_a_pipe(table):
    (table.folder / "part-000002.parquet").mkdir()
    refused(table, "not a file")
    (table.folder / "part-000002.parquet").rmdir()
    os.mkfifo(table.folder / "part-000002.parquet")
    refused(table, "not a file")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop_columns(["clip"]), "absent: clip"),
        (lambda t: t.drop_columns(["voice", "note"]), "absent: note, voice"),
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


def test_a_part_of_an_earlier_version_lacks_columns_that_were_added_since(table):
    """It is read with nulls there, alone and beside parts of today, and merged into one of today."""
    new = ["start", "end", "seconds", "seconds_read"]
    whole = table.read()
    (part,) = parts_in(table.folder)
    pq.write_table(whole.drop_columns(new), part)
    assert table.read().equals(whole) and table.read(new).num_rows == len(whole)
    fill(table, row("z", start=1.0, end=2.5))
    assert table.read(["start"])["start"].to_pylist() == [None] * 6 + [1.0]
    assert [(each.clip, each.end) for each in table.rows()][-1] == ("z", 2.5)
    table._merge()
    assert len(table.read(new)) == 7 and len(parts_in(table.folder)) == 1


def test_a_part_of_a_later_version_is_not_to_be_removed(table):
    whole = table.read()
    pq.write_table(whole.append_column("age", pa.nulls(len(whole))), parts_in(table.folder)[0])
    with pytest.raises(MrafError, match=r"later version .*unknown columns: age") as error:
        table.read()
    assert "Remove" not in str(error.value)


def retyped(table, kind, size=4):
    values = pa.array([list(range(size))] * len(table), kind)
    return table.set_column(table.schema.get_field_index("face"), "face", values)


def test_a_merge_while_the_table_is_read_is_reported_as_a_merge(table):
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


def test_numbers_of_parts_go_beyond_six_digits(tmp_path):
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
    write_part(path, table.schema, [table.slice(0, 7), table.slice(7)])
    monkeypatch.setattr("mraf.data.table.parts.ROWS_A_GROUP", 3)
    part = Part(path, {"clip": pa.string()})
    assert part.groups == [7, 3]
    pieces = [(start, rows["clip"].to_pylist()) for start, rows in part.batches(["clip"], [0, 1])]
    assert [start for start, _ in pieces] == [0, 3, 6, 7]
    assert [clip for _, rows in pieces for clip in rows] == table["clip"].to_pylist()


def test_a_part_that_cannot_be_completed_leaves_earlier_rows(table):
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


def test_an_interrupt_while_a_part_is_written_loses_only_that_part(table, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fill(table, row("late"))
    monkeypatch.undo()
    assert len(table) == 6 and not list(table.folder.glob("*.tmp"))


def test_a_merge_without_room_is_left_for_later(table, monkeypatch):
    monkeypatch.setattr("mraf.data.table.features.MERGE_AT", 1)

    def no_room(*_):
        raise UsageError("no room")

    monkeypatch.setattr(FeatureTable, "_merge", no_room)
    fill(table, row("late"))
    assert len(table) == 7
