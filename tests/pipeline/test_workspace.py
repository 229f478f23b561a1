"""Workspaces: where they lie, and the models in them."""

import os
from pathlib import Path

import pytest

from mraf.errors import MissingError, UsageError
from mraf.pipeline.workspace import Workspace, write_text


def test_the_folder_is_the_one_named_else_that_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("MRAF_WORKSPACE", raising=False)
    assert Workspace.at().root.name == "mraf-workspace"
    monkeypatch.setenv("MRAF_WORKSPACE", str(tmp_path / "there"))
    assert Workspace.at().root == tmp_path / "there"
    place = Workspace.at(str(tmp_path / "here"))
    assert place.root == tmp_path / "here" and Workspace.at(place) is place
    assert not place.root.exists()


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "..", "a" * 65, "é"])
def test_names_that_are_no_folder_of_a_model_are_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot name a model"):
        Workspace(tmp_path).new_model(name)


def test_a_model_is_found_by_name_by_path_and_as_the_last(tmp_path):
    place = Workspace(tmp_path)
    with pytest.raises(MissingError, match="no model here yet"):
        place.model()
    for time, name in enumerate(("two", "one")):
        write_text(place.new_model(name) / "config.json", "{}")
        os.utime(place.models / name / "config.json", (time, time))
    assert place.model("one") == place.models / "one"
    assert place.model(str(place.models / "two")) == place.models / "two"
    assert place.model() == place.models / "one"
    with pytest.raises(MissingError, match="Did you mean 'two'"):
        place.model("twoo")


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    file = tmp_path / "reports" / "a.json"
    write_text(file, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(file, "new \ud800")
    assert file.read_text() == "old"


def test_a_path_in_text():
    assert Workspace("w") == Workspace(Path("w")) and Workspace("w").models == Path("w", "models")
