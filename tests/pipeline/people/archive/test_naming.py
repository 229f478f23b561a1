from dataclasses import replace

import pytest

from mraf import Workspace
from mraf.checkpoint import describe
from mraf.errors import MissingError, UsageError
from mraf.pipeline.people.archive.cluster import cluster
from mraf.pipeline.people.archive.grouping import Grouping
from mraf.pipeline.people.archive.naming import name
from mraf.pipeline.training.train import train
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.unnamed import unnamed

QUICK = PrototypeOptions(steps=5, batch_size=16)


@pytest.fixture
def workspace(tmp_path):
    """Two people with names and two without, whose groups are "g1" and "g2"."""
    folder = unnamed(tmp_path, named=("s0", "s1"))
    assert len(cluster(folder).groups) == 2
    return folder


def speakers(workspace) -> dict[str, int]:
    names = [
        name or "" for name in Workspace(workspace).table.read(["speaker"])["speaker"].to_pylist()
    ]
    return {name: names.count(name) for name in sorted(set(names))}


def rewrite(folder, change):
    table = Workspace(folder).table
    with table.writer() as writer:
        for row in list(table.rows()):
            if (new := change(row)) is not row:
                writer.add(new)


def test_a_group_gets_a_name_and_its_person_is_enrolled(workspace):
    train(workspace, options=QUICK, name="two")
    report = name("g1", " Ann Lee ", workspace=workspace, yes=True)  # by two, a model tells little
    assert (report.group, report.name, report.clips, report.merged) == ("g1", "Ann Lee", 6, ())
    assert report.refused == {} and report.enrolment["model"] == "two"
    assert speakers(workspace) == {"": 6, "Ann Lee": 6, "s0": 6, "s1": 6}
    rows = [row for row in Workspace(workspace).table.rows() if row.speaker == "Ann Lee"]
    assert {row.enrolled for row in rows} == {True}
    assert describe(workspace / "models" / "two").labels == ("s0", "s1", "Ann Lee")
    assert Grouping.at(Workspace(workspace)).group("g1").name == "Ann Lee"
    assert len(cluster(workspace).groups) == 1  # it is named, and grouped no more


def test_a_workspace_without_a_model_begins_with_one(workspace):
    assert name("g1", "ann", workspace=workspace).enrolment["begun"]
    assert name("2", "bob", workspace=workspace, yes=True).enrolment["new"]
    assert speakers(workspace) == {"ann": 6, "bob": 6, "s0": 6, "s1": 6}


def test_one_name_one_group(workspace):
    name("g1", "ann", workspace=workspace)
    with pytest.raises(UsageError, match="group 'g1' is ann already, and 'g2' may be.* --yes"):
        name("g2", "ann", workspace=workspace)
    asked = []
    with pytest.raises(UsageError, match="Nothing was named"):
        name("g2", "ann", workspace=workspace, on_question=asked.append)
    assert asked[0].endswith("Are both ann?") and speakers(workspace)["ann"] == 6
    report = name("g2", "ann", workspace=workspace, yes=True)
    assert report.merged == ("g1",) and speakers(workspace)["ann"] == 12


def test_a_group_has_one_name(workspace):
    name("g1", "ann", workspace=workspace)
    for other in ("ann", "bob"):
        with pytest.raises(UsageError, match="'g1' is ann already. `mraf rename OLD NEW`"):
            name("g1", other, workspace=workspace, yes=True)


def test_the_name_of_somebody_else_is_asked_about(workspace):
    with pytest.raises(UsageError, match="--yes"):
        name("g1", "s0", workspace=workspace)
    assert speakers(workspace) == {"": 12, "s0": 6, "s1": 6}


@pytest.mark.parametrize(
    ("group", "speaker", "said"),
    [
        ("g3", "ann", "no group 'g3' .there are: g1, g2"),
        ("g1", "", "it is empty"),
        ("g1", "unknown", "a speaker is not known"),
    ],
)
def test_what_cannot_be_named(workspace, group, speaker, said):
    with pytest.raises(UsageError, match=said):
        name(group, speaker, workspace=workspace)


def test_before_anything_was_grouped(tmp_path):
    with pytest.raises(MissingError, match="Run `mraf cluster` first"):
        name("g1", "ann", workspace=unnamed(tmp_path))


def test_a_table_that_has_changed(workspace):
    first = next(iter(Grouping.at(Workspace(workspace)).group("g1").clips))
    rewrite(workspace, lambda row: replace(row, source_hash="new") if row.clip == first else row)
    said = f"1 of the 6 clips of 'g1' are not in it as they were .the first: {first}"
    with pytest.raises(UsageError, match=said):
        name("g1", "ann", workspace=workspace)
    assert speakers(workspace)[""] == 12


def test_files_that_have_moved(workspace):
    def moved(row):
        return replace(row, clip=f"moved/{row.clip}", path=f"moved/{row.path}", replaces=row.clip)

    rewrite(workspace, moved)
    assert name("g1", "ann", workspace=workspace).clips == 6


def test_clips_that_got_other_names_meanwhile(workspace):
    clips = [*Grouping.at(Workspace(workspace)).group("g1").clips]
    rewrite(workspace, lambda row: replace(row, speaker="ann") if row.clip in clips[:2] else row)
    assert name("g1", "ann", workspace=workspace, yes=True).clips == 4
    clips = [*Grouping.at(Workspace(workspace)).group("g2").clips]
    rewrite(workspace, lambda row: replace(row, speaker="bob") if row.clip in clips[:2] else row)
    with pytest.raises(UsageError, match="2 of its 6 clips are of others .*, of bob"):
        name("g2", "cem", workspace=workspace, yes=True)
    rewrite(workspace, lambda row: replace(row, speaker="bob") if row.clip in clips else row)
    with pytest.raises(UsageError, match="all 6 clips of 'g2' are bob's already"):
        name("g2", "bob", workspace=workspace)


def test_groups_that_are_made_anew_meanwhile_get_no_name_of_the_old(workspace, monkeypatch):
    from mraf.pipeline.people.archive import naming

    enrol_rows = naming.enrol_rows

    def slow(*arguments, **options):
        found = enrol_rows(*arguments, **options)
        cluster(workspace)  # the other group is the first now
        return found

    monkeypatch.setattr(naming, "enrol_rows", slow)
    name("g1", "ann", workspace=workspace)
    groups = Grouping.at(Workspace(workspace)).groups
    assert [each.name for each in groups.values()] == [None]
