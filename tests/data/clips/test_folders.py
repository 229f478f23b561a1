"""Clips in folders and their labels."""

import os
from pathlib import Path

import pytest

from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import clip_files, describe_path, find_clips
from mraf.errors import UsageError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def labels(clip: Clip) -> tuple[str | None, ...]:
    return clip.speaker, clip.language, clip.recording


def test_the_full_layout_gives_the_same_labels_from_any_of_its_folders(tmp_path):
    root = touch(tmp_path / "videos", "ann/English/v1/1.mp4", "bob/Urdu/v2/1.mkv")
    for start in (root, root / "ann", root / "ann" / "English", root / "ann" / "English" / "v1"):
        clip = find_clips([start])[0]
        assert labels(clip) == ("ann", "English", "v1"), start
        assert clip.id == "ann/English/v1/1.mp4"
    assert [clip.id for clip in find_clips([root])] == ["ann/English/v1/1.mp4", "bob/Urdu/v2/1.mkv"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("1.mp4", (None, None, None)),
        ("ann/1.mp4", ("ann", None, None)),
        ("ann/v1/1.mp4", ("ann", None, "v1")),
        ("ann/Urdu/1.mp4", ("ann", "Urdu", None)),
        ("ann/Klingon/v1/1.mp4", ("ann", "Klingon", "v1")),
        ("2019/ann/Klingon/v1/1.mp4", ("ann", "Klingon", "v1")),
        ("2019/ann/english/day 1/v1/1.mp4", ("ann", "English", "day 1/v1")),
    ],
)
def test_fewer_or_more_folders(path, expected):
    assert describe_path(Path("/a/b") / path, Path("/a/b")) == expected


def test_a_language_far_above_the_root_is_ignored():
    root = Path("/srv/German/archive/set")
    assert describe_path(root / "ann" / "1.mp4", root) == ("ann", None, None)


def test_endings_count_in_any_case_and_hidden_files_do_not(tmp_path):
    touch(
        tmp_path, "a/1.MP4", "a/.hidden.mp4", ".trash/2.mp4", "a/notes.txt", "a/3.wav", "a/4.webm"
    )
    clips = find_clips([tmp_path])
    assert [clip.id for clip in clips] == ["a/1.MP4", "a/3.wav", "a/4.webm"]
    assert clips[1].video is None and clips[1].audio is not None


def test_a_file_given_as_the_path_counts_with_any_ending(tmp_path):
    path = touch(tmp_path, "ann/talk.bin") / "ann/talk.bin"
    assert find_clips([path])[0].files == (path,)


def test_names_with_spaces_quotes_and_urdu_letters(tmp_path):
    name = "آمنہ 'بی'/Urdu/v \"1\"/a b.mp4"
    clip = find_clips([touch(tmp_path, name)])[0]
    assert clip.id == name and clip.speaker == "آمنہ 'بی'"


def test_the_same_clip_twice_is_one_clip_but_two_of_one_id_are_refused(tmp_path):
    touch(tmp_path, "x/ann/v/1.mp4", "y/ann/v/1.mp4")
    assert len(find_clips([tmp_path / "x", tmp_path / "x"])) == 1
    with pytest.raises(UsageError, match="two clips have the id 'ann/v/1.mp4'"):
        find_clips([tmp_path / "x", tmp_path / "y"])


def test_two_paths_to_the_same_clip_are_one_clip(tmp_path, monkeypatch):
    touch(tmp_path, "x/ann/v/1.mp4")
    (tmp_path / "x" / "ann" / "v" / "broken.mp4").symlink_to("nowhere")
    (tmp_path / "link").symlink_to(tmp_path / "x")
    monkeypatch.chdir(tmp_path / "x")
    clips = find_clips([tmp_path / "x", tmp_path / "link", Path("..", "x")])
    assert [clip.id for clip in clips] == ["ann/v/1.mp4", "ann/v/broken.mp4"]
    assert clips[0].video == tmp_path / "x/ann/v/1.mp4"


def test_missing_and_empty_folders_are_named(tmp_path):
    touch(tmp_path, "videos/readme.txt")
    with pytest.raises(UsageError, match=r"video: no such file or folder. Did you mean .*videos"):
        find_clips([tmp_path / "video"])
    with pytest.raises(UsageError, match="no video or sound file"):
        clip_files(tmp_path / "videos")


def test_names_that_are_not_utf_8_are_escaped_in_ids_and_not_in_paths(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/ren\xe9/Urdu/caf\xe9/a\xff\\.mp4"))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a video")
    (clip,) = find_clips([tmp_path])
    assert labels(clip) == (r"ren\xe9", "Urdu", r"caf\xe9")
    assert clip.id == r"ren\xe9/Urdu/caf\xe9/a\xff\\.mp4"
    assert clip.files == (path,) and clip.content_hash()


def test_ids_stay_unique_where_a_name_looks_escaped(tmp_path):
    for name in (b"\xe9", rb"\xe9", rb"\\xe9", "é".encode()):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name + b".mp4")).touch()
    ids = {clip.id for clip in find_clips([tmp_path])}
    assert ids == {r"\xe9.mp4", r"\\xe9.mp4", r"\\\\xe9.mp4", "é.mp4"}
