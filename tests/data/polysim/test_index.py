import json

import numpy as np
import pytest

from mraf.data.polysim.importing import import_polysim
from mraf.data.polysim.index import read_index, split_of, statistics
from mraf.data.table.features import FeatureTable
from mraf.errors import MissingError, MrafError, UsageError
from tests.helpers.polysim_files import LISTED, Layout


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "polysim").write()


@pytest.fixture
def table(tmp_path):
    return FeatureTable(tmp_path / "features")


def test_the_index_is_read_back(layout, table):
    report = import_polysim(layout.root, table)
    index = read_index(table.folder)
    assert index == report.index == read_index(table.folder, "v1")
    assert index.languages == ("English", "Urdu") and index.train_language == "English"
    assert index.labels == {"id0001": 0, "id0002": 1, "id0003": 2}
    asked = index.split("Urdu", "test")
    assert asked.keys == ("key0", "key1", "key2", "key3")
    assert index.split("English", "train").keys is None
    with pytest.raises(
        UsageError, match=r"Hindi test of v1 has not been imported \(there are: Eng.*test\)\. Add"
    ):
        index.split("Hindi", "test")


def test_positions_follow_the_csv_file_not_the_table(layout, table):
    rows = [tuple(each.values()) for each in layout.rows("test", "Urdu")]
    layout.write_csv("test", "Urdu", ("key", "voices", "faces"), rows[::-1])
    import_polysim(layout.root, table)
    asked = read_index(table.folder).split("Urdu", "test")
    arrays = table.arrays()
    assert [arrays.clip[i] for i in asked.positions(arrays)] == list(asked.clips)
    assert asked.keys == ("key3", "key2", "key1", "key0")
    table.drop(asked.clips[:2])
    with pytest.raises(
        MissingError, match=r"test/Urdu/key3: not in the .* like 2 of the 4 clips of Urdu test"
    ):
        asked.positions(table.arrays())


def test_reading_an_index_needs_an_import_and_a_choice_among_several(layout, table):
    with pytest.raises(MissingError, match="run `mraf polysim import ROOT`"):
        read_index(table.folder)
    import_polysim(layout.root, table)
    with pytest.raises(
        MissingError, match=r"'v2' .*\(there are: v1\)\. First .*ROOT --version v2`"
    ):
        read_index(table.folder, "v2")
    Layout(layout.root, "v2", ("English", "Hindi")).write()
    import_polysim(layout.root, table, "v2")
    with pytest.raises(UsageError, match="v1 and v2 have been imported; choose one with --version"):
        read_index(table.folder)
    assert read_index(table.folder, "v2").languages == ("English", "Hindi")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:100],
        lambda text: "[]",
        lambda text: text.replace('"format": 1', '"format": 2'),
        lambda text: text.replace('"id0002": 1', '"id0002": 7'),
        lambda text: text.replace('"key0", ', ""),
        lambda text: text.replace('"key0"', "5"),
        lambda text: text.replace('"samples"', '"simples"'),
        lambda text: "\udcff",
        lambda text: "[" * 200_000,
    ],
)
def test_a_damaged_index_is_refused_with_its_name(layout, table, change):
    import_polysim(layout.root, table)
    (path,) = table.folder.glob("*.json")
    text = path.read_text("utf-8")
    assert json.loads(text)["format"] == 1
    path.write_text(change(text), "utf-8", "surrogateescape")
    with pytest.raises(MrafError, match=r"v1\.json: .*run `mraf polysim import ROOT --version v1`"):
        read_index(table.folder)
    import_polysim(layout.root, table)
    assert len(read_index(table.folder).splits) == 4


def test_statistics_count_the_imported_samples(layout, table):
    np.save(layout.feature("train", "Urdu", 2, "face"), np.zeros(512, np.float32))
    rows = [tuple(each.values()) for each in layout.rows("train", "Urdu")]
    layout.write_csv("train", "Urdu", LISTED, rows[:6])
    import_polysim(layout.root, table)
    counts = [tuple(vars(each).values()) for each in statistics(read_index(table.folder))]
    assert counts == [
        ("English", "train", 6, 12, 3, 0, 0),
        ("English", "test", None, 4, None, 0, 0),
        ("Urdu", "train", 3, 6, 2, 1, 0),
        ("Urdu", "test", None, 4, None, 0, 0),
    ]


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_split_of_a_clip(split):
    assert split_of(f"polysim/v1/{split}/Urdu/id0001/vid0/00000") == split
    assert split_of(f"polysim/v2/{split}/Hindi/a key\n") == split
    for other in (f"{split}/a.mp4", f"polysim/v1/{split}", f"polysim/v1/{split}x/Urdu/1", "a", ""):
        assert split_of(other) is None
    assert split_of(f"videos/polysim/v1/{split}/Urdu/1") is None


def test_every_imported_clip_names_its_split(layout, table):
    index = import_polysim(layout.root, table).index
    for each in index.splits:
        assert {split_of(clip) for clip in each.clips} == {each.count.split}
