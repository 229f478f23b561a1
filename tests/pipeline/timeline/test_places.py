"""Files that get a timeline, and the folders of their outputs."""

import json
import os
from pathlib import Path

import pytest

from mraf.errors import UsageError
from mraf.pipeline.timeline.outputs.stored import save
from mraf.pipeline.timeline.places import folder_of, places_of, settled, source_of
from mraf.pipeline.timeline.timeline import Timeline


def made(root: Path, *names: str) -> list[Path]:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return [root / name for name in names]


def outputs(folder: Path, of: Path, content: str = "") -> Path:
    """A folder as a run leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {"version": 1, "path": os.path.relpath(of, folder), "content": content}
    (folder / "timeline.json").write_text(json.dumps(stored), "utf-8")
    return folder


def folders(paths, out="out") -> list[str]:
    return [str(place.folder.relative_to(out)) for place in places_of(paths, out)[0]]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_file_has_a_folder_of_its_name(tmp_path):
    made(tmp_path, "talk one.mp4", "بات.wav", "no.ending")
    assert folders(["talk one.mp4", "بات.wav", "no.ending"]) == ["talk one", "بات", "no"]
    (place,) = places_of("talk one.mp4".split("|"))[0]
    assert str(place.path) == "talk one.mp4" and place.folder == Path("timelines/talk one")


def test_a_name_of_dots_makes_no_way_out_of_the_folder(tmp_path):
    made(tmp_path / "s", "..mp4", "...mp4", "a.mp4")
    assert folders(["s/..mp4", "s/...mp4", "s/a.mp4"]) == ["_..mp4", "_...mp4", "a"]


def test_episodes_keep_their_folders(tmp_path):
    made(tmp_path, "show/s1/ep1.mp4", "show/s2/ep1.mp4", "show/s2/readme.txt")
    assert folders(["show"]) == ["s1/ep1", "s2/ep1"]
    assert folders(["show/s1", "show/s2"]) == ["s1/ep1", "s2/ep1"]
    assert folders(["show", "show/s1/ep1.mp4"]) == ["s1/ep1", "s2/ep1"]  # each file once


def test_names_that_collide_are_told_apart(tmp_path):
    made(tmp_path, "a/x.mp4", "a/x.wav", "b/X.mp4", "b/c/x.mp4", "q/b/x.mp4", "r/b/x.mp4")
    assert folders(["a"]) == ["x.mp4", "x.wav"]
    found = folders(["a", "b/X.mp4"])
    assert len(set(map(str.casefold, found))) == 3
    assert folders(["q/b/x.mp4", "r/b/x.mp4"]) == ["b/x.mp4", "b/x.mp4 (2)"]


def test_the_folder_of_another_file_stays_untouched(tmp_path):
    first, second = made(tmp_path, "a/x.mp4", "b/x.mp4")
    outputs(tmp_path / "out/x", first)
    assert folders(["a/x.mp4"]) == ["x"]
    assert folders(["b/x.mp4"]) == ["x (2)"]
    first.unlink()  # or it is on a drive that is not at hand
    assert folders(["b/x.mp4"]) == ["x (2)"]
    (tmp_path / "out/y").write_text("a file")
    made(tmp_path, "y.mp4")
    assert folders(["y.mp4"]) == ["y (2)"]
    assert second.exists()


def test_outputs_are_no_episodes(tmp_path):
    (video,) = made(tmp_path, "ep1.mp4")
    outputs(tmp_path / "timelines/ep1", video)
    made(tmp_path, "timelines/ep1/ep1.mp4", "timelines/new/half.mp4")
    made(tmp_path, "elsewhere/ep1/timeline.mp4", "elsewhere/ep1/timeline.old.mp4")
    outputs(tmp_path / "elsewhere/ep1", video)
    assert [place.path for place in places_of(["."])[0]] == [video]


def test_videos_that_lie_with_outputs_are_episodes(tmp_path):
    """They were left out in silence from the second run on, and new ones beside them."""
    made(tmp_path, "talk/talk.mp4", "b.mp4", "b/c.mp4", "b/timeline.mp4", "timeline.mp4")
    for number in range(2):
        places = places_of(["."], ".")[0]
        found = sorted(str(place.path.relative_to(tmp_path)) for place in places)
        expected = ["b.mp4", "b/c.mp4", "b/timeline.mp4", "talk/talk.mp4", "timeline.mp4"]
        assert found == [name for name in expected if not (number and name == "b/timeline.mp4")]
        outputs(tmp_path / "talk", tmp_path / "talk/talk.mp4")
        outputs(tmp_path / "b", tmp_path / "b.mp4")


def test_what_is_not_there_is_refused_before_work(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.mp4: no such file"):
        places_of(["gone.mp4"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty: no videos or sound files"):
        places_of(["empty"])


def test_a_timeline_is_found_by_video_folder_or_file(tmp_path):
    (video,) = made(tmp_path, "ep1.mp4")
    folder = outputs(tmp_path / "timelines/season 1/ep1", video)
    shown = folder / "timeline.json"
    assert folder_of("ep1.mp4").absolute() == folder
    assert folder_of(folder) == folder_of(shown) == folder
    with pytest.raises(UsageError, match="Run `mraf timeline` on it first"):
        folder_of("ep2.mp4")
    with pytest.raises(UsageError, match=r"no timeline\.json in this folder"):
        folder_of("timelines")
    shown.write_text("{")
    with pytest.raises(UsageError, match="no timeline of this file"):
        folder_of("ep1.mp4")


def test_a_file_keeps_its_folder_whatever_else_is_listed(tmp_path):
    """Else corrections by hand stay behind in the old one."""
    (video,) = made(tmp_path, "s/ep1.mp4")
    assert folders(["s/ep1.mp4"]) == ["ep1"]
    outputs(tmp_path / "out/ep1", video)
    made(tmp_path, "s/ep1.wav", "other/ep1.mp4")
    assert folders(["s/ep1.mp4", "s/ep1.wav"]) == ["ep1", "ep1.wav"]
    assert folders(["."]) == ["other/ep1", "ep1", "s/ep1.wav"]
    assert folders(["other/ep1.mp4", "s/ep1.mp4"]) == ["other/ep1", "ep1"]
    (tmp_path / "out/ep1").rename(tmp_path / "out/by hand")
    outputs(tmp_path / "out/by hand", video)
    assert folders(["s"]) == ["by hand", "ep1.wav"]


def test_of_two_folders_of_a_file_it_is_the_one_with_corrections(tmp_path):
    (video,) = made(tmp_path, "s/ep1.mp4")
    outputs(tmp_path / "out/ep1", video)
    second = outputs(tmp_path / "out/s/ep1", video)
    assert folders(["s"]) == ["ep1"] and folder_of("s/ep1.mp4", "out") == Path("out/ep1")
    (second / "corrections.json").write_text("{}")
    assert folders(["s"]) == ["s/ep1"] and folder_of("s/ep1.mp4", "out") == Path("out/s/ep1")


def test_of_a_timeline_only_the_head_is_read_to_find_its_video(tmp_path):
    name = 'a "b" \\ بات.mp4'
    (video,) = made(tmp_path, name)
    (tmp_path / "out/one").mkdir(parents=True)
    save(Timeline(path=str(video), duration=1.0), tmp_path / "out/one/timeline.json")
    with (tmp_path / "out/one/timeline.json").open("ab") as file:
        file.write(b"megabytes that are not even JSON")
    assert source_of(tmp_path / "out/one") == video
    assert folder_of(name, "out") == Path("out/one")


def test_a_timeline_that_another_program_has_written_has_its_video(tmp_path):
    (video,) = made(tmp_path, "ep1.mp4")
    folder = outputs(tmp_path / "out/one", video)
    stored = {"notes": ["x" * 100_000], "path": "../../ep1.mp4"}
    (folder / "timeline.json").write_text(json.dumps(stored), "utf-8")
    assert source_of(folder) == video


def test_a_file_that_was_moved_or_renamed_has_its_folder_by_what_it_holds(tmp_path):
    old, new = made(tmp_path, "a/talk.mp4", "b/interview.mp4")
    copy, other = made(tmp_path, "b/copy.mp4", "b/talk.mp4")
    outputs(tmp_path / "out/talk", old, "ab12")
    places = {place.path: place for place in places_of(["b"], "out")[0]}
    assert settled(places[new], "ab12") == places[new]  # the file of that folder is still there
    old.unlink()
    places = {place.path: place for place in places_of(["b"], "out")[0]}
    assert settled(places[other], "cd34").folder == Path("out/talk (2)")
    found = settled(places[new], "ab12")
    assert found.folder == Path("out/talk")
    (remark,) = found.remarks
    assert str(old) in remark and "out/talk" in remark
    outputs(tmp_path / "out/talk", new, "ab12")
    assert settled(places[copy], "ab12").folder == Path("out/copy")
    assert folders(["b/interview.mp4"]) == ["talk"]


def test_of_two_folders_of_a_file_that_is_gone_it_is_the_one_with_corrections(tmp_path):
    gone = tmp_path / "gone.mp4"
    outputs(tmp_path / "out/a", gone, "ab12")
    second = outputs(tmp_path / "out/b", gone, "ab12")
    (second / "corrections.json").write_text("{}")
    made(tmp_path, "new.mp4")
    ((place,), _) = places_of(["new.mp4"], "out")
    assert settled(place, "ab12").folder == Path("out/b")


def test_a_file_in_a_closed_folder_is_not_taken_for_gone(tmp_path, monkeypatch):
    outputs(tmp_path / "out/a", tmp_path / "closed/old.mp4", "ab12")
    made(tmp_path, "new.mp4")
    exists = Path.exists

    def closed(self, **more):
        if "closed" in self.parts:
            raise PermissionError(13, "Permission denied")
        return exists(self, **more)

    monkeypatch.setattr(Path, "exists", closed)
    ((place,), _) = places_of(["new.mp4"], "out")
    assert settled(place, "ab12").folder == Path("out/new")
