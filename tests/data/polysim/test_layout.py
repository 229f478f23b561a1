import numpy as np
import pytest

from mraf.data.polysim.layout import ASKED, UnusableFilesError, read_layout, read_vectors
from mraf.errors import UsageError
from tests.helpers.polysim_files import LISTED, Layout


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "polysim").write()


def test_the_layout_is_read_in_order(layout):
    data = read_layout(layout.root)
    assert [(s.split, s.language, len(s.samples)) for s in data.splits] == [
        ("train", "English", 12),
        ("train", "Urdu", 12),
        ("test", "English", 4),
        ("test", "Urdu", 4),
    ]
    assert data.labels == {"id0001": 0, "id0002": 1, "id0003": 2} and len(data) == 32
    first, asked = data.splits[0].samples[0], data.splits[3].samples[1]
    assert first.clip == "polysim/v1/train/English/id0001/vid0/00000"
    assert first.voice == "feats/ecappafeats/v1/voices/id0001/English/vid0/00000.npy"
    assert (first.speaker, first.recording, first.key) == ("id0001", "vid0", None)
    assert asked.clip == "polysim/v1/test/Urdu/key1"
    assert asked.face == "feats/test/v1/faces/Urdu/00002.npy"
    assert (asked.speaker, asked.recording, asked.key) == (None, None, "key1")


def test_the_parent_of_a_folder_called_polysim_will_do(layout):
    assert read_layout(layout.root.parent) == read_layout(layout.root)


@pytest.mark.parametrize(
    "options", [{"backslash": True}, {"eol": "\n"}, {"bom": True}], ids=lambda o: next(iter(o))
)
def test_slashes_line_ends_and_a_byte_order_mark_change_nothing(layout, tmp_path, options):
    plain = read_layout(layout.root)
    other = read_layout(Layout(tmp_path / "other", **options).write().root)
    assert [s.samples for s in other.splits] == [s.samples for s in plain.splits]


def test_other_versions_and_languages_use_the_same_code(layout):
    Layout(layout.root, "v2", ("English", "Hindi"), speakers=4).write()
    data = read_layout(layout.root, "v2")
    assert {s.language for s in data.splits} == {"English", "Hindi"} and len(data.labels) == 4
    assert data.splits[1].samples[0].clip.startswith("polysim/v2/train/Hindi/")
    assert len(read_layout(layout.root).labels) == 3
    with pytest.raises(UsageError, match=r"no version 'v3' \(there are: v1, v2\)\.$"):
        read_layout(layout.root, "v3")


def test_english_need_not_be_there(tmp_path):
    data = read_layout(Layout(tmp_path, "v3", ("German",)).write().root, "v3")
    assert [s.language for s in data.splits] == ["German", "German"]


def test_further_columns_and_files_are_ignored(layout):
    rows = [(*row.values(), "x", "y") for row in layout.rows("train", "Urdu")]
    plain = read_layout(layout.root)
    layout.write_csv("train", "Urdu", (*LISTED, "audio_path", "wavlmsv_feats_path"), rows)
    (layout.root / "csv_files/comp/notes.csv").write_text("nothing")
    (layout.root / "csv_files/comp/._v1_test_Hindi.csv").write_text("nothing")
    assert read_layout(layout.root) == plain


def test_a_val_split_may_have_either_columns(layout):
    rows = [tuple(row.values()) for row in layout.rows("train", "English")[:3]]
    layout.write_csv("val", "English", LISTED, rows)
    asked = [(*row.values(), "1.0") for row in layout.rows("test", "Urdu")]
    layout.write_csv("val", "Urdu", ("key", "voices", "faces", "label"), asked)
    splits = {(s.split, s.language): s.samples for s in read_layout(layout.root).splits}
    assert splits["val", "English"][0].clip == "polysim/v1/val/English/id0001/vid0/00000"
    assert [each.speaker for each in splits["val", "Urdu"]] == ["id0002"] * 4
    layout.edit("val", "Urdu", 3, label="7")
    with pytest.raises(UsageError, match=r"v1_val_Urdu\.csv, line 3: no speaker .* label 7"):
        read_layout(layout.root)


def asked(layout, split, language):
    """Rows of a split with the columns `ASKED`."""
    return [
        (
            row["key"],
            f"{row['faces']}".replace(".jpg", ".npy"),
            row["voices"].replace(".wav", ".npy"),
        )
        for row in layout.rows(split, language)
    ]


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_may_have_keys_and_the_paths_of_training(layout, split):
    plain = read_layout(layout.root).splits[3].samples
    layout.write_csv(split, "Urdu", ASKED, asked(layout, "test", "Urdu"))
    splits = {(s.split, s.language): s.samples for s in read_layout(layout.root).splits}
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
    assert {(s.speaker, s.recording) for s in data.splits[1].samples} == {(None, None)}
    assert len(read_vectors(data)) == 32


def test_names_may_be_empty_outside_of_training(layout):
    rows = [list(row.values()) for row in layout.rows("train", "English")]
    layout.write_csv("val", "English", LISTED, [["", "", *row[2:]] for row in rows[:3]] + rows[3:6])
    layout.edit("val", "English", 6, label="")
    layout.edit("val", "English", 7, identity="")
    samples = next(s for s in read_layout(layout.root).splits if s.split == "val").samples
    assert [(s.speaker, s.recording) for s in samples] == [
        *[(None, None)] * 3,
        ("id0001", "vid1"),
        ("id0002", "vid0"),
        ("id0002", "vid0"),
    ]
    assert samples[0].clip == (
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


def test_speakers_have_one_label_over_languages(layout):
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


def test_no_layout(tmp_path):
    with pytest.raises(UsageError, match="no such folder"):
        read_layout(tmp_path / "nowhere")
    (tmp_path / "videos").mkdir()
    with pytest.raises(UsageError, match=r"no folder csv_files/comp \(found: videos\)"):
        read_layout(tmp_path)


def test_vectors_are_read_as_float32_and_zeros_are_missing(layout):
    face, voice = (layout.feature("train", "English", 2, which) for which in ("face", "voice"))
    value = np.load(face)
    np.save(face, value.astype(np.float64).reshape(1, 512, 1))
    np.save(voice, np.zeros(192, np.float32))
    told = []
    found = read_vectors(read_layout(layout.root), lambda *each: told.append(each))
    assert found[0][1].dtype == np.float32 and np.array_equal(found[0][1], value)
    assert found[0][2] is None
    assert all(f.shape == (512,) and v.shape == (192,) for _, f, v in found[1:])
    assert told[0] == (1, 32) and told[-1] == (32, 32) and len(told) == 32


def damage(path, how):
    vector = np.load(path)
    if how == "absent":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("no array")
    elif how == "pickle":
        np.save(path, np.array([{"a": 1}] * 192, object), allow_pickle=True)
    elif how == "short":
        np.save(path, vector[:-1])
    elif how == "folded":
        np.save(path, vector.reshape(2, 96))
    elif how == "header":  # an opening bracket that is never closed
        path.write_bytes(path.read_bytes().replace(b"}", b"{", 1))
    elif how == "dtype":
        path.write_bytes(path.read_bytes().replace(b"<f4", b"<(4", 1))
    elif how == "endless":
        path.write_bytes(path.read_bytes().replace(b"192,), }" + b" " * 9, b"999999999999,), }", 1))
    elif how == "integers":
        np.save(path, vector.astype(np.int32))
    elif how == "nan":
        np.save(path, np.where(np.arange(192) == 3, np.nan, vector))
    elif how == "huge":
        np.save(path, vector.astype(np.float64) * 1e300)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("absent", "No such file"),
        ("truncated", "EOF|expected 768 bytes"),
        ("empty", "EOF"),
        ("text", "magic string"),
        ("pickle", "allow_pickle"),
        ("short", r"float32 of shape \[191\], expected 192 floating-point numbers"),
        ("folded", r"float32 of shape \[2, 96\], expected 192 floating-point numbers"),
        ("header", r"damaged, or not an \.npy file"),
        ("dtype", r"damaged, or not an \.npy file"),
        ("endless", r"damaged, or not an \.npy file"),
        ("integers", "int32 of shape"),
        ("nan", "NaN or infinity"),
        ("huge", "NaN or infinity"),
    ],
)
def test_files_that_cannot_be_used_are_named(layout, how, message):
    damage(layout.feature("test", "Urdu", 3), how)
    expected = (
        rf"(?s)1 feature file cannot.*feats/test/v1/voices/Urdu/00002\.npy: .*({message}).*unpack"
    )
    with pytest.raises(UsageError, match=expected):
        read_vectors(read_layout(layout.root))


def test_no_byte_of_a_header_can_end_in_a_traceback(layout):
    path, data = layout.feature("test", "Urdu", 3), read_layout(layout.root)
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    for place in range(72):
        raw = bytearray(whole)
        raw[place] = generator.choice(list(b"{}()'\"#\n\0\xff,:09"))
        path.write_bytes(raw)
        try:
            read_vectors(data)
        except UsageError as error:
            assert "00002.npy" in str(error)


def test_all_unusable_files_are_counted_and_ten_are_named(layout):
    gone = sorted((layout.root / "feats/ecappafeats").rglob("*.npy"))[:13]
    for path in gone:
        path.unlink()
    with pytest.raises(UnusableFilesError, match="13 feature files") as caught:
        read_vectors(read_layout(layout.root))
    assert {each.split(": ")[0] for each in caught.value.problems} == {
        path.relative_to(layout.root).as_posix() for path in gone
    }
    assert len(caught.value.problems) == 13
    assert str(caught.value).count("No such file") == 10 and "and 3 more" in str(caught.value)
