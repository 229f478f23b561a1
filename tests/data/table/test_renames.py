import pytest

from mraf.data.clips.clip import Clip
from mraf.data.table.renames import Renames, checked, plain
from mraf.errors import MrafError, UsageError


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "empty"), ("  ", "empty"), ("\u200b", "empty"), ("a\nb", "control character"),
        ("a\x00", "control character"), ("\ud800", "empty|UTF-8"), ("a\u2028b", "line break"),
        ("x" * 201, "201 letters"), ("Unknown", "not known"), (" unknown ", "not known"),
    ],
)  # fmt: skip
def test_names_that_cannot_be_a_speakers(name, why):
    with pytest.raises(UsageError, match=why):
        checked(name)


def test_names_are_compared_in_one_form():
    assert checked(" Jose\u0301 ") == plain("José") == "José"
    assert checked("آمنہ") == "آمنہ" and checked("O'Neil-Smith 2") == "O'Neil-Smith 2"


def test_names_are_kept_and_followed(tmp_path):
    file = tmp_path / "w" / "renames.json"
    Renames.at(file).adding("ann", "anna").write()
    Renames.at(file).adding("anna", "Anna K").write()
    names = Renames.at(file)
    assert names.names == {"ann": "Anna K", "anna": "Anna K"}
    assert [names.of(name) for name in (" ann", "Anna K", "bob", None)] == [
        "Anna K", "Anna K", "bob", None,
    ]  # fmt: skip


def test_the_way_back_forgets_the_name(tmp_path):
    there = Renames.at(tmp_path / "renames.json").adding("ann", "anna")
    assert there.adding("anna", "ann").names == {}
    merged = there.adding("bob", "anna")
    assert merged.names == {"ann": "anna", "bob": "anna"}
    assert merged.adding("anna", "bob").names == {"ann": "bob"}


def test_clips_get_the_names_and_those_used_are_told(tmp_path):
    clips = [
        Clip("1", tmp_path, speaker="ann"),
        Clip("2", tmp_path, speaker="bob"),
        Clip("3", tmp_path),
    ]
    told: dict[str, str] = {}
    names = Renames.at(tmp_path / "renames.json").adding("ann", "anna").adding("cid", "x")
    assert [each.speaker for each in names.applied(clips, told)] == ["anna", "bob", None]
    assert told == {"ann": "anna"}


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', "\xff"])
def test_a_damaged_file_is_named(tmp_path, text):
    file = tmp_path / "renames.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(MrafError, match=r"renames\.json: .*cannot be read"):
        Renames.at(file)


def test_a_workspace_that_is_no_folder_has_no_names(tmp_path):
    (tmp_path / "w").touch()
    assert Renames.at(tmp_path / "w" / "renames.json").names == {}
