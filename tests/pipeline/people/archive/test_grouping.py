import pytest

from mraf import Workspace
from mraf.errors import MissingError, MrafError, UsageError
from mraf.pipeline.people.archive.grouping import Grouping, Kept


@pytest.fixture
def grouping(tmp_path) -> Grouping:
    groups = {"g1": Kept(clips={"a b.mp4": "1", "ß.mp4": "2"}), "g2": Kept(clips={"c": ""})}
    return Grouping(file=tmp_path / "w" / "clusters.json", groups=groups)


def test_groups_are_written_and_read(grouping):
    grouping.named("g2", "Ann Lee").write()
    found = Grouping.at(Workspace(grouping.file.parent))
    assert found.groups == {
        "g1": Kept(clips={"a b.mp4": "1", "ß.mp4": "2"}),
        "g2": Kept(clips={"c": ""}, name="Ann Lee"),
    }
    assert [*found.group("g1").clips] == ["a b.mp4", "ß.mp4"]


def test_a_group_that_is_not_there(grouping):
    with pytest.raises(UsageError, match="no group 'g3' .there are: g1, g2"):
        grouping.group("g3")
    with pytest.raises(UsageError, match="found none: it looks at clips without a name"):
        Grouping(file=grouping.file, groups={}).group("g1")


def test_no_groups_yet(tmp_path):
    with pytest.raises(MissingError, match="Run `mraf cluster` first"):
        Grouping.at(Workspace(tmp_path))


@pytest.mark.parametrize(
    "text", ["", "[]", '{"groups": [1]}', '{"groups": {"g1": {}}}', "[" * 9999]
)
def test_a_damaged_file(tmp_path, text):
    (tmp_path / "clusters.json").write_text(text)
    with pytest.raises(MrafError, match="Run `mraf cluster` again"):
        Grouping.at(Workspace(tmp_path))


def test_a_file_that_cannot_be_written(grouping):
    grouping.file.mkdir(parents=True)
    with pytest.raises(UsageError, match="cannot be written"):
        grouping.write()
