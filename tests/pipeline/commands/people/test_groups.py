import json

import pytest

from mraf.pipeline.commands.people.groups import show_groups
from mraf.pipeline.people.archive.cluster import ClusterReport, Group
from tests.helpers.unnamed import unnamed


@pytest.fixture
def workspace(tmp_path):
    return unnamed(tmp_path / "w", named=("s0", "s1"), faceless=(13,), voiceless=(13,))


def test_groups_are_shown_and_named(mraf, workspace):
    code, out, _ = mraf("cluster", "-w", workspace)
    assert code == 0 and "2 groups with 11 of 12 clips" in out
    assert "1 clip without a face or a voice to compare" in out and "g2" in out
    code, out, _ = mraf("name", "g1", "Ann Lee", "-w", workspace)
    assert code == 0 and out.startswith("6 clips of g1 are now of Ann Lee\n")
    assert "model enrolled knows Ann Lee by 3 recordings: face in 6, voice in 6 of 6 clips" in out
    code, _, err = mraf("name", "g2", "Ann Lee", "-w", workspace)
    assert code == 2 and "The group 'g1' is Ann Lee already" in err
    code, out, _ = mraf("name", "g2", "bob", "-w", workspace, "--json")
    found = json.loads(out)
    assert (found["group"], found["name"], found["clips"]) == ("g2", "bob", 5)
    assert found["enrolment"]["name"] == "bob" and found["merged"] == []
    code, out, _ = mraf("name", "g9", "x", "-w", workspace, "--json")
    assert code == 2 and "no group 'g9'" in json.loads(out)["error"]


def test_json_holds_the_groups(mraf, workspace):
    code, out, _ = mraf("cluster", "--all", "-w", workspace, "--json")
    found = json.loads(out)
    assert code == 0 and found["clips"] == 24 and len(found["groups"]) == 4
    first = found["groups"][0]
    assert (first["id"], first["clips"], len(first["members"])) == ("g1", 6, 6)
    assert found["nothing"] == ["13"] and found["singles"] == []


def test_nothing_to_group(mraf, workspace, tmp_path):
    named = unnamed(tmp_path / "v", named=("s0", "s1", "s2", "s3"))
    code, out, _ = mraf("cluster", "-w", named)
    assert code == 0 and out.startswith("Nothing to group: every clip has a speaker's name; --all")
    code, _, err = mraf("cluster", "-w", tmp_path / "none")
    assert code == 3 and "no features here yet" in err


def test_what_a_table_of_groups_says(printed):
    group = Group(
        id="g1", clips=3, seconds=None, faces=3, voices=0, representative="a\nb.mp4", sure=0.98,
        perhaps="Ann [bold]", speakers={}, members=("x", "y", "z"),
    )  # fmt: skip
    report = ClusterReport(groups=(group,), clips=5, singles=("v",), nothing=("w",), notes=("n",))
    out = printed(show_groups, report)
    assert "1 group with 3 of 5 clips" in out and "perhaps Ann [bold]" in out and "a\\nb.mp4" in out
    assert "1 clip is like no other" in out and "note n" in out
    none = ClusterReport(groups=(), clips=2, singles=("v", "w"), nothing=(), notes=())
    out = printed(show_groups, none)
    assert out == "No group: no two of 2 clips are of one person\n2 clips are like no other\n"
