import pytest

from mraf.data.polysim.entries import ASKED
from mraf.data.polysim.layout import read_layout
from mraf.data.polysim.vectors import read_vectors
from mraf.errors import UsageError
from tests.helpers.polysim_files import LISTED, Layout


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "polysim").write()


def test_a_val_split_may_have_any_of_the_columns(layout):
    rows = [tuple(row.values()) for row in layout.rows("train", "English")[:3]]
    layout.write_csv("val", "English", LISTED, rows)
    asked = [(*row.values(), "1.0") for row in layout.rows("test", "Urdu")]
    layout.write_csv("val", "Urdu", ("key", "voices", "faces", "label"), asked)
    splits = {(s.split, s.language): s.entries for s in read_layout(layout.root).splits}
    assert splits["val", "English"][0].clip == "polysim/v1/val/English/id0001/vid0/00000"
    assert [each.speaker for each in splits["val", "Urdu"]] == ["id0002"] * 4
    layout.edit("val", "Urdu", 3, label="7")
    with pytest.raises(UsageError, match=r"v1_val_Urdu\.csv, line 3: no speaker .* label 7"):
        read_layout(layout.root)


def asked(layout, split, language):
    """Return the rows of a split with the columns `ASKED`."""
    return [
        (
            row["key"],
            f"{row['faces']}".replace(".jpg", ".npy"),
            row["voices"].replace(".wav", ".npy"),
        )
        for row in layout.rows(split, language)
    ]


def test_lines_name_the_media_of_their_vectors(layout):
    layout.add_media_paths()
    layout.edit("train", "Urdu", 2, audio_path=".\\v1\\voices/id0001\\Urdu/vid0/00000.wav")
    layout.edit("train", "Urdu", 3, audio_path="/etc/passwd", face_path="")  # no import needs them
    splits = {(s.split, s.language): s.entries for s in read_layout(layout.root).splits}
    first, second = splits["train", "Urdu"][:2]
    assert first.sound == "v1/voices/id0001/Urdu/vid0/00000.wav"
    assert first.picture == "v1/faces/id0001/Urdu/vid0/0000000.jpg"
    assert (second.sound, second.picture) == (None, None)
    asked = splits["test", "English"][0]
    assert asked.sound == "test/v1/voices/English/00001.wav"
    assert asked.picture == "test/v1/faces/English/00001.jpg"


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_may_have_keys_and_the_paths_of_training(layout, split):
    plain = read_layout(layout.root).splits[3].entries
    layout.write_csv(split, "Urdu", ASKED, asked(layout, "test", "Urdu"))
    splits = {(s.split, s.language): s.entries for s in read_layout(layout.root).splits}
    assert [(s.face, s.voice, s.key, s.speaker, s.recording) for s in splits[split, "Urdu"]] == [
        (s.face, s.voice, s.key, None, None) for s in plain
    ]
    assert splits[split, "Urdu"][0].clip == f"polysim/v1/{split}/Urdu/key0"
    layout.edit(split, "Urdu", 3, key="")
    with pytest.raises(UsageError, match=rf"v1_{split}_Urdu\.csv, line 3: nothing under key"):
        read_layout(layout.root)


def test_a_train_split_may_have_keys_and_no_names(layout):
    rows = [(f"k{i}", *list(r.values())[2:]) for i, r in enumerate(layout.rows("train", "Urdu"))]
    layout.write_csv("train", "Urdu", ASKED, rows)
    data = read_layout(layout.root)
    assert data.labels == {"id0001": 0, "id0002": 1, "id0003": 2}
    assert {(s.speaker, s.recording) for s in data.splits[1].entries} == {(None, None)}
    assert len(read_vectors(data)) == 32


def test_names_may_be_empty_outside_of_training(layout):
    rows = [list(row.values()) for row in layout.rows("train", "English")]
    layout.write_csv("val", "English", LISTED, [["", "", *row[2:]] for row in rows[:3]] + rows[3:6])
    layout.edit("val", "English", 6, label="")
    layout.edit("val", "English", 7, identity="")
    entries = next(s for s in read_layout(layout.root).splits if s.split == "val").entries
    assert [(s.speaker, s.recording) for s in entries] == [
        *[(None, None)] * 3,
        ("id0001", "vid1"),
        ("id0002", "vid0"),
        ("id0002", "vid0"),
    ]
    assert entries[0].clip == (
        "polysim/v1/val/English/ecappafeats/v1/voices/id0001/English/vid0/00000"
    )
    layout.edit("val", "English", 6, identity="nobody")
    with pytest.raises(UsageError, match=r"val_English\.csv, line 6: no training CSV .* 'nobody'"):
        read_layout(layout.root)
    layout.edit("val", "English", 6, identity="", facenet_feats_path="")
    with pytest.raises(UsageError, match="line 6: nothing under facenet_feats_path"):
        read_layout(layout.root)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"label": "1.0"}, r"line 4: id0001 has the label 1 here and 0 in .*Eng.*line 2"),
        ({"identity": "id0009"}, r"line 4: the label 0 is id0009's here and id0001's in .*line 2"),
        ({"label": "-1"}, r"line 4: the label '-1' is not a whole number"),
        ({"label": "0.5"}, r"line 4: the label '0\.5' is not a whole number"),
        ({"label": "nan"}, r"line 4: the label 'nan'"),
        ({"label": "3", "identity": "x"}, None),
        ({"label": "4", "identity": "x"}, r"line 4: the label 4 of x is out of range: 4 .* 0 to 3"),
        ({"label": ""}, r"line 4: nothing under label"),
        ({"ecappa_feats_path": "../../x/1.npy"}, r"line 4: the path '\.\./\.\./x/1\.npy' does not"),
        ({"ecappa_feats_path": "..\\..\\x\\1.npy"}, r"line 4: the path .* does not stay inside"),
        ({"facenet_feats_path": "/etc/passwd"}, r"line 4: the path '/etc/passwd' does not stay"),
        ({"facenet_feats_path": "C:\\x\\1.npy"}, r"line 4: the path .* does not stay inside"),
        ({"ecappa_feats_path": "1.npy"}, r"line 4: no video's folder"),
    ],
)
def test_lines_that_cannot_be_used_are_named(layout, cells, message):
    layout.edit("train", "English", 4, **cells)
    if message is None:  # the twin: a fourth speaker with the fourth label
        assert read_layout(layout.root).labels["x"] == 3
        return
    with pytest.raises(UsageError, match=r"v1_train_English\.csv, " + message):
        read_layout(layout.root)


def test_a_speaker_has_the_same_label_in_all_languages(layout):
    layout.edit("train", "Urdu", 2, label="2.0")
    with pytest.raises(UsageError, match=r"Urdu\.csv, line 2: id0001 .* 2 here and 0 in .*English"):
        read_layout(layout.root)


def test_a_sample_is_listed_once(layout):
    layout.edit("test", "Urdu", 4, key="key0")
    with pytest.raises(UsageError, match=r"Urdu\.csv, line 4: 'key0' stands in .*line 2 too"):
        read_layout(layout.root)
    layout.edit("test", "Urdu", 4, key="key2")
    again = layout.rows("train", "English")[0]["ecappa_feats_path"]
    layout.edit("train", "English", 3, ecappa_feats_path=again.replace("/", "\\"))
    with pytest.raises(UsageError, match=r"English\.csv, line 3: .*line 2 too"):
        read_layout(layout.root)


def test_other_columns_are_refused_by_name(layout):
    rows = [list(row.values())[:3] for row in layout.rows("train", "English")]
    path = layout.write_csv("train", "English", LISTED[:3], rows)
    with pytest.raises(
        UsageError, match="found the columns identity, .*ecappa_feats_path, or key, v.*, or key, f"
    ):
        read_layout(layout.root)
    for content, message in (
        (b"", r"found the columns \(none\)"),
        (",".join(LISTED).encode(), "no sample below it"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
    ):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=rf"v1_train_English\.csv: .*{message}"):
            read_layout(layout.root)
