import tarfile
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from mraf.data.polysim.importing import ENCODERS, import_polysim
from mraf.data.polysim.index import read_index, statistics
from mraf.data.table.features import FeatureTable
from mraf.errors import MissingError, MrafError, UsageError
from mraf.fingerprint import Fingerprint
from tests.conftest import SHARED
from tests.data.table.test_features import fill, row
from tests.helpers.polysim_files import LISTED, Layout


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "polysim").write()


@pytest.fixture
def table(tmp_path):
    return FeatureTable(tmp_path / "features")


def test_rows_have_the_labels_of_the_csv_files(layout, table):
    np.save(layout.feature("train", "Urdu", 2, "face"), np.zeros(512, np.float32))
    np.save(layout.feature("test", "Urdu", 2, "voice"), np.zeros((1, 192), np.float32))
    report = import_polysim(layout.root, table)
    assert (report.samples, report.embedded, report.unchanged, report.dropped) == (32, 32, 0, 0)
    rows = {each.clip: each for each in table.rows()}
    first = rows["polysim/v1/train/English/id0001/vid0/00000"]
    assert (first.speaker, first.language, first.recording) == ("id0001", "English", "vid0")
    assert np.array_equal(first.face, np.load(layout.feature("train", "English", 2, "face")))
    assert np.array_equal(first.voice, np.load(layout.feature("train", "English", 2)))
    assert (layout.root / first.path).is_file() and len(first.source_hash) == 64
    made = Fingerprint.from_json(first.extractor)
    assert str(made) == "polysim=v1 face=facenet@281cebca8662 voice=ecapa@0575cb64845e"
    assert (made.frames, made.seconds, made.rules) == (None, None, None)
    assert rows["polysim/v1/train/Urdu/id0001/vid0/00000"].face_reason == "no_face"
    asked = rows["polysim/v1/test/Urdu/key0"]
    assert (asked.speaker, asked.recording, asked.voice_reason) == (None, None, "no_audio")
    assert rows["polysim/v1/test/English/key0"].voice is not None
    assert len({each.source_hash for each in rows.values()}) == 32


def test_a_second_import_writes_only_changed_rows(layout, table):
    import_polysim(layout.root, table)
    before = sorted(path.name for path in table.folder.iterdir())
    again = import_polysim(layout.root, table)
    assert (again.embedded, again.unchanged) == (0, 32)
    assert sorted(path.name for path in table.folder.iterdir()) == before
    path = layout.feature("train", "English", 3)
    np.save(path, np.load(path) + 1)
    again = import_polysim(layout.root, table)
    assert (again.embedded, again.unchanged, len(table)) == (1, 31, 32)
    rows = {each.clip: each for each in table.rows()}
    changed = rows["polysim/v1/train/English/id0001/vid0/00001"]
    assert np.array_equal(changed.voice, np.load(path))


def test_an_import_renews_the_rows_of_earlier_versions(layout, table, monkeypatch):
    earlier = replace(ENCODERS, face_weights="polysim", voice_weights="polysim")
    with monkeypatch.context() as patch:
        patch.setattr("mraf.data.polysim.importing.ENCODERS", earlier)
        import_polysim(layout.root, table)
    assert {each.extractor for each in table.rows()} == {replace(earlier, polysim="v1").to_json()}
    again = import_polysim(layout.root, table)
    assert (again.embedded, again.unchanged, len(table)) == (32, 0, 32)
    assert {each.extractor for each in table.rows()} == {replace(ENCODERS, polysim="v1").to_json()}


def test_rows_that_the_csv_files_no_longer_list_are_dropped(layout, table):
    Layout(layout.root, "v2", ("English", "Hindi")).write()
    for version in ("v1", "v2"):
        import_polysim(layout.root, table, version)
    rows = [tuple(each.values()) for each in layout.rows("train", "Urdu")]
    layout.write_csv("train", "Urdu", LISTED, rows[1:])
    report = import_polysim(layout.root, table)
    assert (report.dropped, report.unchanged, len(table)) == (1, 31, 63)
    assert "polysim/v1/train/Urdu/id0001/vid0/00000" not in table.arrays().clip


def test_an_unusable_vector_or_line_leaves_the_table_as_it_was(layout, table):
    path = layout.feature("test", "Urdu", 5)
    path.rename(path.with_suffix(".away"))
    with pytest.raises(UsageError, match="Nothing was imported"):
        import_polysim(layout.root, table)
    path.with_suffix(".away").rename(path)
    layout.edit("test", "Urdu", 5, key="key0")
    with pytest.raises(UsageError, match="line 5"):
        import_polysim(layout.root, table)
    assert not table.folder.exists()


@pytest.mark.parametrize(
    ("weights", "reason"),
    [("28", "cannot be compared with them"), (None, "may have been extracted in another way")],
)
def test_a_table_with_vectors_of_another_origin_is_refused(layout, table, weights, reason):
    made = replace(ENCODERS, face_weights=weights or ENCODERS.face_weights, frames=8)
    fill(table, row("a", face=512, voice=192, extractor=made.to_json()))
    before = sorted(path.name for path in table.folder.iterdir())
    with pytest.raises(
        UsageError, match=rf"made with face=facenet@28.* {reason}.* another workspace \(-w\)"
    ):
        import_polysim(layout.root, table)
    assert sorted(path.name for path in table.folder.iterdir()) == before


def test_pyarrow_reads_the_folder_with_the_index_in_it(layout, table):
    import_polysim(layout.root, table)
    assert pq.read_table(table.folder).num_rows == 32


def test_a_folder_that_cannot_be_written(layout, table):
    table.folder.write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        import_polysim(layout.root, table)


def test_an_import_killed_before_the_index_is_completed_by_the_next(layout, table, monkeypatch):
    def killed(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("mraf.data.polysim.importing.write_index", killed)
    with pytest.raises(KeyboardInterrupt):
        import_polysim(layout.root, table)
    monkeypatch.undo()
    with pytest.raises(MissingError):
        read_index(table.folder)
    assert import_polysim(layout.root, table).unchanged == 32
    assert len(read_index(table.folder).splits) == 4


@pytest.mark.parametrize("damage", ["truncate", "vectors"])
def test_a_damaged_part_is_imported_again_once_it_is_deleted(layout, table, damage):
    import_polysim(layout.root, table)
    path = layout.feature("train", "English", 3)
    np.save(path, np.load(path) + 1)
    import_polysim(layout.root, table)  # two parts: 32 rows, and the changed one
    before = table.read().to_pylist()
    first = table.folder / "part-000001.parquet"
    raw = bytearray(first.read_bytes())
    column = pq.ParquetFile(first).metadata.row_group(0)
    (start,) = [
        column.column(i).data_page_offset
        for i in range(column.num_columns)
        if column.column(i).path_in_schema.startswith("voice.")
    ]
    raw[start : start + 60] = bytes(60)
    first.write_bytes(raw if damage == "vectors" else raw[: len(raw) // 2])
    message = (
        r"part-000001\.parquet: .*Remove the file and run `mraf polysim import ROOT --version v1`"
    )
    for read in (table.read, lambda: import_polysim(layout.root, table)):
        with pytest.raises(MrafError, match=message):
            read()
    first.unlink()
    report = import_polysim(layout.root, table)
    assert (report.embedded, report.unchanged) == (31, 1)
    assert table.read().to_pylist() == before


def test_a_deleted_table_is_reported_and_imported_again(layout, table):
    import_polysim(layout.root, table)
    before = table.read().to_pylist()
    for part in table.folder.glob("part-*"):
        part.unlink()
    with pytest.raises(MissingError, match=r"v1\.json: .*is gone.*run `mraf polysim import ROOT -"):
        statistics(read_index(table.folder))
    with pytest.raises(
        MissingError, match=r"no features here any more\. Run `mraf polysim import R"
    ):
        table.arrays()
    assert import_polysim(layout.root, table).embedded == 32
    assert table.read().to_pylist() == before and len(statistics(read_index(table.folder))) == 4


@pytest.mark.shared
def test_the_real_challenge_has_the_counts_of_the_paper(tmp_path, table):
    archive = SHARED / "data" / "polysim-v1-features.tar.xz"
    if not archive.is_file():
        pytest.skip(f"no features at {archive} (set MRAF_SHARED to the folder that holds data)")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    import_polysim(tmp_path, table)
    index = read_index(table.folder)
    counts = {(c.language, c.split): (c.videos, c.samples) for c in statistics(index)}
    assert counts == {
        ("English", "train"): (262, 4039),
        ("English", "test"): (None, 1521),
        ("Urdu", "train"): (415, 9304),
        ("Urdu", "test"): (None, 1623),
    }
    assert len(index.labels) == 70
    english, urdu = (set(index.split(name, "test").keys) for name in ("English", "Urdu"))
    assert english < urdu
    arrays = table.arrays()
    assert arrays.face_present.all() and arrays.voice_present.all() and len(arrays) == 16487
