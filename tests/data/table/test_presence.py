"""Files that are there, gone, or out of reach."""

import shutil
import threading
import time
from pathlib import Path

import pytest

from mraf.data.table import presence
from mraf.data.table.presence import State, searched_folder, states_of


@pytest.fixture
def videos(tmp_path):
    """Three people with two recordings of two clips each, in a folder `videos`."""
    folder = tmp_path / "videos"
    for name in ("ann", "bob", "cid"):
        for number in range(4):
            file = folder / name / f"v{number // 2}" / f"{number}.mp4"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    return folder


def asked(*folders: Path, gone: tuple[Path, ...] = ()) -> dict[str, str]:
    """The state of each clip below some folders, by its id; `gone` is deleted after they were listed."""
    clips = {str(f.relative_to(folder)): f for folder in folders for f in folder.rglob("*.mp4")}
    for path in gone:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    states = states_of(list(clips), [str(path) for path in clips.values()])
    return {clip: state.name for clip, state in zip(clips, states, strict=True)}


def those(found: dict[str, str], state: str) -> set[str]:
    return {clip for clip, each in found.items() if each == state}


def test_a_file_that_was_deleted_is_gone(videos):
    found = asked(videos, gone=(videos / "ann" / "v0" / "0.mp4",))
    assert those(found, "gone") == {"ann/v0/0.mp4"} and len(those(found, "there")) == 11


@pytest.mark.parametrize("what", ["ann", "ann/v0"])
def test_a_folder_that_was_deleted_is_gone(videos, what):
    found = asked(videos, gone=(videos / what,))
    assert those(found, "gone") == {clip for clip in found if clip.startswith(f"{what}/")}


def test_a_folder_that_was_emptied_is_gone(videos):
    clips = asked(videos)
    for file in videos.glob("ann/v*"):
        shutil.rmtree(file)
    states = states_of(list(clips), [str(videos / clip) for clip in clips])
    assert states.count(State.gone) == 4 and State.away not in states


def test_of_a_whole_tree_that_is_not_there_nothing_is_concluded(videos, tmp_path):
    assert set(asked(videos, gone=(videos,)).values()) == {"away"}
    (tmp_path / "videos").mkdir()  # as a drive that is not mounted leaves it
    assert set(states_of(["a/1.mp4"], [str(videos / "a" / "1.mp4")])) == {State.away}
    (tmp_path / "videos" / "README").touch()  # the clips were deleted on purpose
    assert set(states_of(["a/1.mp4"], [str(videos / "a" / "1.mp4")])) == {State.away}


def test_a_drive_that_is_not_mounted_beside_one_that_is(videos, tmp_path):
    drive = shutil.copytree(videos, tmp_path / "drive" / "films")
    clips = [str(f.relative_to(drive)) for f in drive.rglob("*.mp4")]
    paths = [str(drive / clip) for clip in clips]
    shutil.rmtree(drive)  # an empty folder `drive` stays
    here = [str(f) for f in videos.rglob("*.mp4")]
    states = states_of([*clips, *clips], [*paths, *here])
    assert states[:12] == [State.away] * 12 and states[12:] == [State.there] * 12


def test_clips_without_folders_of_their_own(videos, tmp_path):
    """The id does not say where the search began: the folder above the clip's own is asked."""
    paths = [str(videos / name / "v0" / "0.mp4") for name in ("ann", "bob")]
    paths += [str(videos / "ann" / "v1" / "2.mp4")]
    shutil.rmtree(videos / "ann" / "v1")
    assert states_of(["a", "b", "c"], paths)[2] == State.gone
    empty = tmp_path / "videos" / "drive"
    empty.mkdir()
    (videos / "x.mp4").touch()
    flat = [str(empty / "1.mp4"), str(videos / "x.mp4")]
    assert states_of(["1.mp4", "x.mp4"], flat) == [State.away, State.there]


def test_a_link_that_leads_nowhere_says_nothing(videos, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "drive" / "videos")
    (videos / "ann" / "linked.mp4").symlink_to(tmp_path / "drive" / "1.mp4")
    clips = {"ann/1.mp4": tmp_path / "link" / "ann" / "1.mp4"}
    clips |= {"ann/linked.mp4": videos / "ann" / "linked.mp4"}
    clips |= {"bob/v0/0.mp4": videos / "bob" / "v0" / "0.mp4"}
    states = states_of(list(clips), [str(path) for path in clips.values()])
    assert states == [State.silent, State.silent, State.there]


def test_a_folder_that_may_not_be_listed_says_nothing(videos, monkeypatch):
    scandir = presence.os.scandir

    def refusing(folder):
        if str(folder).endswith("v0"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    clips = list(asked(videos))
    monkeypatch.setattr(presence.os, "scandir", refusing)
    states = states_of(clips, [str(videos / clip) for clip in clips])
    assert states.count(State.silent) == 6 and states.count(State.there) == 6


def test_a_drive_that_hangs_stops_no_other(videos, tmp_path, monkeypatch):
    scandir, answer = presence.os.scandir, threading.Event()

    def hanging(folder):
        if "drive" in Path(folder).parts:
            answer.wait()
        return scandir(folder)

    drive = shutil.copytree(videos, tmp_path / "drive" / "films")
    paths = [str(f) for f in (*drive.rglob("*.mp4"), *videos.rglob("*.mp4"))]
    monkeypatch.setattr(presence.os, "scandir", hanging)
    monkeypatch.setattr(presence, "_DRIVES", 256)
    # The two lie in one folder of the tests, which the first parts of a path do not tell apart.
    monkeypatch.setattr(presence, "_THREADS", 64)
    started = time.monotonic()
    states = states_of(paths, paths, patience=0.3)
    answer.set()
    assert states == [State.silent] * 12 + [State.there] * 12
    assert time.monotonic() - started < 60


def test_paths_that_are_not_absolute_are_not_looked_for():
    assert states_of(["a", "b"], ["wav/1.wav", ""]) == [State.there] * 2


@pytest.mark.parametrize(
    ("clip", "path", "folder"),
    [
        ("ann/English/v1/1.mp4", "/d/videos/ann/english/v1/1.mp4", "/d/videos"),
        ("ann/1.mp4#2-3", "/d/videos/ann/1.mp4", "/d/videos"),
        ("José/1.mp4", "/d/videos/Jose\u0301/1.mp4", "/d/videos"),
        ("1.mp4", "/d/videos/1.mp4", "/d"),
        ("my name", "/d/videos/ann/1.mp4", "/d/videos"),
        ("ann/1.mp4", "/data/ann/1.mp4", "/data"),
        ("ann/1.mp4", "/media/disk/ann/1.mp4", "/media/disk"),
        ("1.mp4", "/mnt/disk/1.mp4", "/mnt/disk"),
        ("1.mp4", "/media/me/disk/1.mp4", "/media/me/disk"),
        ("Volumes/disk/ann/1.mp4", "/Volumes/disk/ann/1.mp4", "/Volumes/disk"),
        ("a/b/c/d/1.mp4", "/d/1.mp4", "/d"),
    ],
)
def test_the_folder_that_was_searched(clip, path, folder):
    assert searched_folder(clip, path)[0] == folder


def test_a_name_of_another_case_or_form_is_there_where_the_system_finds_it(videos, monkeypatch):
    stat = presence.os.stat
    monkeypatch.setattr(presence.os, "stat", lambda path: stat(str(path).replace("0.MP4", "0.mp4")))
    path = str(videos / "ann" / "v0" / "0.MP4")
    assert states_of(["ann/v0/0.MP4"], [path]) == [State.there]
