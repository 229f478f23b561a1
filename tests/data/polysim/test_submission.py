import json
import zipfile

import numpy as np
import pytest

from mraf.data.polysim.importing import import_polysim
from mraf.data.polysim.submission import check_submission, write_submission
from mraf.data.table.features import FeatureTable
from mraf.errors import MissingError, UsageError
from tests.helpers.polysim_files import LISTED, Layout


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "polysim").write()


@pytest.fixture
def index(layout, tmp_path):
    return import_polysim(layout.root, FeatureTable(tmp_path / "features")).index


def predictions(other="Urdu"):
    return {
        "English": (np.array([0, 1, 2, 0]), np.array([2, 2, 2, 2])),
        other: (np.array([1, 1, 1, 0]), np.array([0, 1, 0, 1])),
    }


def test_the_files_have_the_format_of_the_challenge(index, tmp_path):
    made = write_submission(tmp_path / "a" / "out", index, "test", predictions())
    assert [path.name for path in made.files] == [
        "submission_v1_test_English_English.csv",
        "submission_v1_test_English_Urdu.csv",
    ]
    assert made.files[0].read_bytes() == b"key,p3,p4\nkey0,0,2\nkey1,1,2\nkey2,2,2\nkey3,0,2\n"
    assert made.files[1].read_bytes() == b"key,p5,p6\nkey0,1,0\nkey1,1,1\nkey2,1,0\nkey3,0,1\n"
    with zipfile.ZipFile(made.zip) as archive:
        assert archive.namelist() == [path.name for path in made.files]
        assert archive.read(made.files[1].name) == made.files[1].read_bytes()
    names = {path.name for path in (tmp_path / "a" / "out").iterdir()}
    assert names == {*(path.name for path in made.files), "submission_v1_test.zip"}
    assert made.samples == {"English": 4, "Urdu": 4}
    check_submission(tmp_path / "a" / "out", index, "test")
    check_submission(made.zip, index, "test")


def test_the_same_predictions_make_the_same_bytes(index, tmp_path):
    first = write_submission(tmp_path / "a", index, "test", predictions()).zip.read_bytes()
    for _ in range(2):
        again = write_submission(tmp_path / "b", index, "test", predictions()).zip
        assert again.read_bytes() == first


def test_other_versions_and_splits(layout, tmp_path):
    v2 = Layout(layout.root, "v2", ("English", "Hindi")).write()
    for language in v2.languages:
        rows = [tuple(row.values()) for row in v2.rows("test", language)]
        v2.write_csv("val", language, ("key", "voices", "faces"), rows)
    index = import_polysim(v2.root, FeatureTable(tmp_path / "features"), "v2").index
    made = write_submission(tmp_path / "out", index, "val", predictions("Hindi"))
    assert made.files[1].name == "submission_v2_val_English_Hindi.csv"
    assert made.zip.name == "submission_v2_val.zip"


@pytest.mark.parametrize("label", [3, -1])
def test_labels_out_of_range_write_nothing(index, tmp_path, label):
    wrong = predictions() | {"Urdu": (np.array([0, 1, label, 0]), np.zeros(4, int))}
    with pytest.raises(UsageError, match=f"line 4: the p5 '{label}' is no label from 0 to 2"):
        write_submission(tmp_path / "out", index, "test", wrong)
    assert list((tmp_path / "out").iterdir()) == []


def test_splits_that_cannot_be_submitted(layout, tmp_path):
    table = FeatureTable(tmp_path / "features")
    for language in layout.languages:
        rows = [tuple(row.values()) for row in layout.rows("train", language)]
        layout.write_csv("val", language, LISTED, rows)
    index = import_polysim(layout.root, table).index
    with pytest.raises(UsageError, match="English val of v1 has no keys .* no column 'key'"):
        write_submission(tmp_path / "out", index, "val", predictions())
    layout.csv("test", "Urdu").unlink()
    index = import_polysim(layout.root, table).index
    with pytest.raises(UsageError, match="one other language, .* imported are: none"):
        write_submission(tmp_path / "out", index, "test", predictions())
    layout.csv("test", "English").unlink()
    with pytest.raises(UsageError, match="English test of v1 has not been imported"):
        write_submission(tmp_path / "out", import_polysim(layout.root, table).index, "test", {})


def test_another_split_is_refused_first(index, tmp_path):
    message = r"'tset' is no split to submit \(there are: val, test\)\. Did you mean 'test'\?"
    with pytest.raises(UsageError, match=message):
        write_submission(tmp_path / "out", index, "tset", predictions())
    with pytest.raises(UsageError, match="'train' is no split to submit"):
        write_submission(tmp_path / "out", index, "train", predictions())
    with pytest.raises(UsageError, match="'tset' is no split"):
        check_submission(tmp_path, index, "tset")
    assert not (tmp_path / "out").exists()


def test_a_submission_has_a_description_next_to_it(index, tmp_path):
    said = {"mode": "single", "model": "m-آ", "temperature": 0.5}
    made = write_submission(tmp_path / "out", index, "test", predictions(), said)
    path = tmp_path / "out" / "submission.json"
    assert json.loads(path.read_text("utf-8")) == {"submission_v1_test.zip": said}
    with zipfile.ZipFile(made.zip) as archive:
        assert len(archive.namelist()) == 2
    check_submission(tmp_path / "out", index, "test")
    write_submission(tmp_path / "out", index, "test", predictions(), said | {"model": "n"})
    assert json.loads(path.read_text("utf-8"))["submission_v1_test.zip"]["model"] == "n"


def test_two_splits_of_one_mode_share_a_folder(layout, index, tmp_path):
    for language in layout.languages:
        rows = [tuple(row.values()) for row in layout.rows("test", language)]
        layout.write_csv("val", language, ("key", "voices", "faces"), rows)
    index = import_polysim(layout.root, FeatureTable(tmp_path / "features")).index
    for split in ("test", "val"):
        said = {"mode": "cross", "model": split}
        write_submission(tmp_path / "out", index, split, predictions(), said)
    told = json.loads((tmp_path / "out" / "submission.json").read_text("utf-8"))
    assert {name: each["model"] for name, each in told.items()} == {
        "submission_v1_test.zip": "test",
        "submission_v1_val.zip": "val",
    }


@pytest.mark.parametrize("other", [{"mode": "setting"}, {"model": "a"}, None])
def test_modes_never_share_a_folder(index, tmp_path, other):
    out = tmp_path / "out"
    write_submission(out, index, "test", predictions(), {"mode": "single", "model": "a"})
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    changed = {name: pair[::-1] for name, pair in predictions().items()}
    with pytest.raises(UsageError, match="in the mode 'single'.*choose another folder"):
        write_submission(out, index, "test", changed, other)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("text", ["{", "[]", '{"mode": "single"}', "\udcff"])
def test_a_description_that_cannot_be_read_is_not_overwritten(index, tmp_path, text):
    path = tmp_path / "submission.json"
    path.write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(UsageError, match=r"submission\.json: .*[Cc]hoose another folder"):
        write_submission(tmp_path, index, "test", predictions(), {"mode": "single"})
    assert not list(tmp_path.glob("submission_*"))


def test_an_output_folder_that_is_a_file(index, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="out: the submission cannot be written"):
        write_submission(tmp_path / "out", index, "test", predictions())


def test_a_failed_check_leaves_nothing(index, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "mraf.data.polysim.submission._write_zip", lambda path, texts: path.write_text("x")
    )
    with pytest.raises(UsageError, match="cannot be read"):
        write_submission(tmp_path / "out", index, "test", predictions())
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("key,p5,p6", "key,p3,p4", "line 1: found key,p3,p4, expected the header key,p5,p6"),
        ("key1,1,1\n", "", "line 3: found key2,1,0, expected the key 'key1'"),
        ("key1,1,1\n", "key1,1,1\nkey1,1,1\n", "line 4: found key1,1,1, expected the key 'key2'"),
        ("key3,0,1\n", "", "line 5: 3 samples, expected 4"),
        ("key3,0,1\n", "key3,0,1\nkey9,0,1\n", "line 6: 5 samples, expected 4"),
        ("key0,1,0\nkey1,1,1\n", "key1,1,1\nkey0,1,0\n", "line 2: found key1,1,1"),
        ("key2,1,0", "key2,1,3", "line 4: the p6 '3' is no label from 0 to 2"),
        ("key2,1,0", "key2,-1,0", "line 4: the p5 '-1'"),
        ("key2,1,0", "key2,1.0,0", "line 4: the p5 '1.0'"),
        ("key2,1,0", "key2,1", "line 4: found key2,1, expected the key 'key2' and two"),
    ],
)
def test_the_error_names_a_wrong_line_of_a_folder_and_of_a_zip(index, tmp_path, old, new, message):
    made = write_submission(tmp_path / "out", index, "test", predictions())
    texts = {path.name: path.read_text() for path in made.files}
    name = made.files[1].name
    texts[name] = texts[name].replace(old, new)
    assert texts[name] != made.files[1].read_text()
    made.files[1].write_text(texts[name])
    with zipfile.ZipFile(made.zip, "w") as archive:
        for each, text in texts.items():
            archive.writestr(each, text)
    for path in (tmp_path / "out", made.zip):
        with pytest.raises(UsageError, match=f"English_Urdu.csv, {message}"):
            check_submission(path, index, "test")


def test_a_zip_holds_exactly_two_files(index, tmp_path):
    made = write_submission(tmp_path / "out", index, "test", predictions())
    with zipfile.ZipFile(made.zip, "a") as archive:
        archive.writestr("notes.txt", "")
    with pytest.raises(
        UsageError, match=r"found notes\.txt, .*expected exactly submission_v1_test"
    ):
        check_submission(made.zip, index, "test")
    with zipfile.ZipFile(made.zip, "w") as archive:
        for path in made.files:
            archive.write(path, f"out/{path.name}")
    with pytest.raises(UsageError, match="in no folder"):
        check_submission(made.zip, index, "test")
    made.zip.write_bytes(b"PK no zip")
    with pytest.raises(UsageError, match="cannot be read"):
        check_submission(made.zip, index, "test")
    check_submission(tmp_path / "out", index, "test")
    made.files[0].unlink()
    with pytest.raises(UsageError, match=r"found submission_v1_test_English_Urdu\.csv; expected"):
        check_submission(tmp_path / "out", index, "test")
    with pytest.raises(MissingError, match="no submission here"):
        check_submission(tmp_path / "nowhere", index, "test")
