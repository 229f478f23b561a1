import pytest

from mraf.data.polysim.layout import read_layout
from mraf.errors import UsageError
from tests.helpers.polysim_files import LISTED, Layout


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "polysim").write()


def test_the_layout_is_read_in_order(layout):
    data = read_layout(layout.root)
    assert [(s.split, s.language, len(s.entries)) for s in data.splits] == [
        ("train", "English", 12),
        ("train", "Urdu", 12),
        ("test", "English", 4),
        ("test", "Urdu", 4),
    ]
    assert data.labels == {"id0001": 0, "id0002": 1, "id0003": 2} and len(data) == 32
    first, asked = data.splits[0].entries[0], data.splits[3].entries[1]
    assert first.clip == "polysim/v1/train/English/id0001/vid0/00000"
    assert first.voice == "feats/ecappafeats/v1/voices/id0001/English/vid0/00000.npy"
    assert (first.speaker, first.recording, first.key) == ("id0001", "vid0", None)
    assert asked.clip == "polysim/v1/test/Urdu/key1"
    assert asked.face == "feats/test/v1/faces/Urdu/00002.npy"
    assert (asked.speaker, asked.recording, asked.key) == (None, None, "key1")


def test_the_parent_of_a_folder_called_polysim_is_accepted(layout):
    assert read_layout(layout.root.parent) == read_layout(layout.root)


@pytest.mark.parametrize(
    "options", [{"backslash": True}, {"eol": "\n"}, {"bom": True}], ids=lambda o: next(iter(o))
)
def test_slashes_line_ends_and_a_byte_order_mark_change_nothing(layout, tmp_path, options):
    plain = read_layout(layout.root)
    other = read_layout(Layout(tmp_path / "other", **options).write().root)
    assert [s.entries for s in other.splits] == [s.entries for s in plain.splits]


def test_other_versions_and_languages_use_the_same_code(layout):
    Layout(layout.root, "v2", ("English", "Hindi"), speakers=4).write()
    data = read_layout(layout.root, "v2")
    assert {s.language for s in data.splits} == {"English", "Hindi"} and len(data.labels) == 4
    assert data.splits[1].entries[0].clip.startswith("polysim/v2/train/Hindi/")
    assert len(read_layout(layout.root).labels) == 3
    with pytest.raises(UsageError, match=r"no version 'v3' \(there are: v1, v2\)\.$"):
        read_layout(layout.root, "v3")


def test_a_version_without_english(tmp_path):
    data = read_layout(Layout(tmp_path, "v3", ("German",)).write().root, "v3")
    assert [s.language for s in data.splits] == ["German", "German"]


def test_further_columns_and_files_are_ignored(layout):
    rows = [(*row.values(), "x", "y") for row in layout.rows("train", "Urdu")]
    plain = read_layout(layout.root)
    layout.write_csv("train", "Urdu", (*LISTED, "wav2vec2_feats_path", "wavlmsv_feats_path"), rows)
    (layout.root / "csv_files/comp/notes.csv").write_text("nothing")
    (layout.root / "csv_files/comp/._v1_test_Hindi.csv").write_text("nothing")
    assert read_layout(layout.root) == plain


def test_no_layout(tmp_path):
    with pytest.raises(UsageError, match="no such folder"):
        read_layout(tmp_path / "nowhere")
    (tmp_path / "videos").mkdir()
    with pytest.raises(UsageError, match=r"no folder csv_files/comp \(found: videos\)"):
        read_layout(tmp_path)
