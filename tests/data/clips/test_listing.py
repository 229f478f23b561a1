"""Files below a folder: clips, other files, links and pipes, and unreadable folders."""

import errno
import os
from collections import Counter
from pathlib import Path

import pytest

from mraf.data.clips.folders import Search, clip_files, find_clips
from mraf.data.clips.listing import LeftOut, each_clip
from mraf.data.clips.manifest import read_manifest
from mraf.errors import UsageError
from mraf.pipeline.extraction.hashing import digest_of
from tests.data.clips.test_folders import touch


@pytest.fixture
def close(monkeypatch):
    """Return a function that makes a folder unreadable, for root too."""
    closed, scandir = set(), os.scandir

    def guarded(path):
        if str(path) in closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    return lambda folder: closed.add(str(folder))


def strange(folder: Path) -> list[Path]:
    """Fill a folder with links, pipes and devices that have the ending of a video."""
    folder.mkdir(parents=True)
    for name, target in (
        ("broken", "nowhere"),
        ("device", "/dev/zero"),
        ("loop", "loop.mp4"),
        ("link to a pipe", "pipe.mp4"),
    ):
        (folder / f"{name}.mp4").symlink_to(target)
    os.mkfifo(folder / "pipe.mp4")
    return sorted(folder.iterdir())


def test_links_pipes_and_devices_are_clips_that_cannot_be_read(tmp_path):
    files = strange(tmp_path / "ann")
    clips = find_clips([tmp_path])
    assert [clip.video for clip in clips] == files
    errors = [digest_of(clip).error for clip in clips]
    assert [error.rpartition("(")[2] for error in errors] == [
        "No such file or directory)",
        "not a regular file)",
        "not a regular file)",
        "Too many levels of symbolic links)",
        "not a regular file)",
    ]


def test_a_folder_with_the_ending_of_a_video_is_a_folder(tmp_path):
    touch(tmp_path, "ann/x.mp4/1.mp4", "other/2.mp4")
    (tmp_path / "ann" / "link.mp4").symlink_to(tmp_path / "other")
    found = [str(clip.video.relative_to(tmp_path)) for clip in find_clips([tmp_path / "ann"])]
    assert found == ["ann/link.mp4/2.mp4", "ann/x.mp4/1.mp4"]


def test_linked_folders_are_followed_once_after_the_others(tmp_path):
    touch(tmp_path, "videos/bob/1.mp4", "elsewhere/carl/2.mp4")
    videos = tmp_path / "videos"
    for name, target in (
        ("again", "bob"),  # before "bob" by name
        ("carl", tmp_path / "elsewhere" / "carl"),
        ("carl too", tmp_path / "elsewhere" / "carl"),
        ("loop", "."),
        ("up", tmp_path),
        ("bob/root", "/"),
    ):
        (videos / name).symlink_to(target)
    search = Search([videos])
    assert [clip.id for clip in search] == ["bob/1.mp4", "carl/2.mp4"]
    assert search.set_aside == {
        "links to a folder above the one named": 3,
        "links to folders that are searched anyway": 2,
    }


def test_links_to_the_folder_of_another_name_are_named(tmp_path):
    store = touch(tmp_path, "store/a/1.mp4") / "store/a"
    (tmp_path / "lnk").mkdir()
    for name in ("ann", "bob"):
        (tmp_path / "lnk" / name).symlink_to(store)
    for named in ([tmp_path / "lnk"], [tmp_path / "lnk" / "ann", tmp_path / "lnk" / "bob"]):
        search = Search(named)
        assert [clip.speaker for clip in search] == ["ann"]
        assert search.set_aside == {"links to folders that are searched anyway": 1}
        said = [each for each in search.understood().warnings if "lnk/bob leads to" in each]
        assert len(said) == 1 and f"lnk/bob leads to {store}" in said[0]


def test_broken_links_are_no_files(tmp_path):
    touch(tmp_path, "ann/1.mp4")
    (tmp_path / "bob").symlink_to("nowhere")
    search = Search([tmp_path])
    assert len(list(search)) == 1 and search.other_files == {}
    assert search.set_aside == {"broken links": 1}


def test_a_linked_folder_may_be_named(tmp_path):
    touch(tmp_path, "real/ann/1.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert [clip.id for clip in find_clips([tmp_path / "link"])] == ["ann/1.mp4"]


def test_other_files_are_counted_once_by_ending(tmp_path):
    touch(tmp_path, "ann/1.mp4", "ann/a.jpg", "ann/b.JPG", "bob/README", ".git/c.jpg", "bob/.d.jpg")
    search = Search([tmp_path, tmp_path / "ann", tmp_path])
    assert len(list(search)) == 1 and search.other_files == {".jpg": 2, "": 1}
    search = Search([tmp_path / "ann" / "1.mp4"])
    assert len(list(search)) == 1 and search.other_files == {}


def test_an_unreadable_folder_is_reported_and_the_others_are_read(tmp_path, close):
    touch(tmp_path, "ann/1.mp4", "bob/2.mp4", "bob/deep/3.mp4")
    close(tmp_path / "bob")
    search = Search([tmp_path])
    assert [clip.id for clip in search] == ["ann/1.mp4"]
    assert search.unreadable_folders == {str(tmp_path / "bob"): "Permission denied"}
    assert clip_files(tmp_path)[1] == search.unreadable_folders


def test_the_message_without_clips_names_unreadable_folders(tmp_path, close):
    touch(tmp_path, "bob/2.mp4")
    close(tmp_path / "bob")
    with pytest.raises(
        UsageError, match=r"no video .*; .*bob cannot be listed \(Permission denied"
    ):
        find_clips([tmp_path])


def test_the_files_of_a_folder_come_before_those_of_its_folders_by_name(tmp_path):
    touch(tmp_path, "b/2.mp4", "b/1.mp4", "a.wav", "b/0.txt", "a/2.MKV")
    left_out = LeftOut()
    files = [str(file.relative_to(tmp_path)) for file in each_clip(tmp_path, left_out)]
    assert files == ["a.wav", "a/2.MKV", "b/1.mp4", "b/2.mp4"]
    assert left_out.others[str(tmp_path / "b")] == Counter([".txt"])


def test_clips_come_before_the_rest_of_their_folder_is_read(tmp_path, monkeypatch):
    """In a folder of a million files, and in a tree of as many folders."""
    touch(tmp_path, *(f"{number}.mp4" for number in range(5)), "b/6.mp4", "c/7.mp4")
    monkeypatch.setattr("mraf.data.clips.listing.SORTED_AT_ONCE", 2)
    monkeypatch.setattr("mraf.data.clips.folders.SAMPLE", 2)
    monkeypatch.setattr("mraf.data.clips.folders._SAMPLE_OF_ONE", 2)
    monkeypatch.setattr("mraf.data.clips.trees._LOOKED_INTO", 0)
    scandir, read = os.scandir, []

    class Noting:
        """Notes each name as it is read."""

        def __init__(self, path):
            self.entries = scandir(path)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.entries.close()

        def __iter__(self):
            return self

        def __next__(self):
            entry = next(self.entries)
            read.append(entry.name)
            return entry

    monkeypatch.setattr(os, "scandir", Noting)
    search = iter(Search([tmp_path]))
    next(search)
    assert len(read) <= 4
    assert len(list(search)) == 6 and len(read) == 9


def test_every_path_is_looked_into_before_the_first_clip(tmp_path):
    touch(tmp_path, "a/1.mp4", "b/1.txt")
    for last, said in (("b", "no video or sound file"), ("c", "no such file or folder")):
        with pytest.raises(UsageError, match=said):
            next(iter(Search([tmp_path / "a", tmp_path / last])))


READERS = [
    lambda path: find_clips([path]),
    clip_files,
    read_manifest,
    lambda path: read_manifest(Path(__file__), path),
]


@pytest.mark.parametrize("read", READERS)
def test_a_path_that_the_system_refuses_is_named(tmp_path, read):
    with pytest.raises(UsageError, match=r"/x+: cannot be looked at \(File name too long\)"):
        read(tmp_path / ("x" * 300))
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UsageError, match=r"loop: cannot be looked at \(Too many levels"):
        read(tmp_path / "loop")


@pytest.mark.parametrize("read", READERS)
def test_a_path_below_an_unreadable_folder_is_named(tmp_path, monkeypatch, read):
    stat = Path.stat

    def refuse(path, **options):
        if path.parent.name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(UsageError, match=r"a\.mp4: cannot be looked at \(Permission denied\)"):
        read(tmp_path / "closed" / "a.mp4")


def test_a_folder_that_can_only_be_listed_has_clips_that_cannot_be_read(tmp_path, monkeypatch):
    """As with the permissions r--: names can be listed and files not opened."""
    touch(tmp_path, "half/1.mp4", "half/2.mp4")
    stat = Path.stat

    def refuse(path, **options):
        if path.parent.name == "half":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)
    clips = find_clips([tmp_path])
    assert [clip.id for clip in clips] == ["half/1.mp4", "half/2.mp4"]
    assert digest_of(clips[0]).error == "1.mp4 cannot be read (Permission denied)"


def test_the_message_without_clips_is_short_and_says_what_is_there(tmp_path):
    touch(tmp_path, "pictures/1.jpg", "pictures/2.jpg")
    with pytest.raises(
        UsageError, match=r"no video .*Found other files only: \.jpg 2\."
    ) as refused:
        find_clips([tmp_path / "pictures"])
    assert len(str(refused.value).replace(str(tmp_path), "")) < 250
