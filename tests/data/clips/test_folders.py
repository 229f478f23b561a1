"""Clips in folders and their labels."""

import os
from pathlib import Path

import pytest

from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import Search, clip_files, find_clips
from mraf.errors import UsageError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def labels(clip: Clip) -> tuple[str | None, ...]:
    return clip.speaker, clip.language, clip.recording


def test_the_full_layout_gives_the_same_labels_from_the_folder_of_one_person(tmp_path):
    root = touch(tmp_path / "videos", "ann/English/v1/1.mp4", "bob/Urdu/v2/1.mkv")
    for start in (root, root / "ann"):
        clip = find_clips([start])[0]
        assert labels(clip) == ("ann", "English", "v1"), start
        assert clip.id == "ann/English/v1/1.mp4"
    assert [clip.id for clip in find_clips([root])] == ["ann/English/v1/1.mp4", "bob/Urdu/v2/1.mkv"]


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


def test_the_same_clip_twice_is_one_clip_and_two_of_one_path_are_both_kept(tmp_path):
    touch(tmp_path, "x/ann/v/1.mp4", "y/ann/v/1.mp4")
    assert len(find_clips([tmp_path / "x", tmp_path / "x"])) == 1
    clips = find_clips([tmp_path / "x", tmp_path / "y"])
    assert [(c.id, c.speaker) for c in clips] == [
        ("x/ann/v/1.mp4", "ann"),
        ("y/ann/v/1.mp4", "ann"),
    ]


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


NFD, NFC = "Jose\u0301", "Jos\u00e9"


def test_names_in_two_unicode_forms_are_one_person_and_the_paths_stay(tmp_path):
    touch(tmp_path, f"{NFD}/1.mp4", f"{NFC}/2.mp4", "bob /3.mp4", "bob/4.mp4")
    clips = find_clips([tmp_path])
    assert [clip.speaker for clip in clips] == [NFC, NFC, "bob", "bob"] or {
        clip.speaker for clip in clips
    } == {NFC, "bob"}
    assert {clip.id for clip in clips} == {f"{NFC}/1.mp4", f"{NFC}/2.mp4", "bob/3.mp4", "bob/4.mp4"}
    assert all(clip.files[0].exists() for clip in clips)


def test_clips_of_one_name_in_two_unicode_forms_have_two_ids(tmp_path):
    touch(tmp_path, f"{NFD}/1.mp4", f"{NFC}/1.mp4", f" {NFC}/1.mp4")
    clips = find_clips([tmp_path])
    assert [clip.id for clip in clips] == [f"{NFC}/1.mp4", f"{NFC}/1.mp4 (2)", f"{NFC}/1.mp4 (3)"]
    assert {clip.speaker for clip in clips} == {NFC} and len({c.video for c in clips}) == 3


@pytest.mark.parametrize("folder", ["home/german/videos", "English/ann/2020/clips", "train/x"])
def test_nothing_above_the_named_folder_counts(tmp_path, folder):
    touch(tmp_path / folder, "p1/1.mp4", "p2/1.mp4")
    found = [labels(clip) for clip in find_clips([tmp_path / folder])]
    assert found == [("p1", None, None), ("p2", None, None)]


def test_the_folder_of_one_person_may_be_named_alone_or_with_others(tmp_path):
    touch(tmp_path, "videos/ann/1.mp4", "videos/bob/1.mp4", "videos/bob/garden/2.mp4")
    (clip,) = Search([tmp_path / "videos/ann"])
    assert (clip.id, clip.speaker) == ("ann/1.mp4", "ann")
    search = Search([tmp_path / "videos/ann", tmp_path / "videos/bob"])
    assert [(clip.id, *labels(clip)) for clip in search] == [
        ("ann/1.mp4", "ann", None, None),
        ("bob/1.mp4", "bob", None, None),
        ("bob/garden/2.mp4", "bob", None, "garden"),
    ]
    (said, *_) = search.understood().warnings
    assert "The speaker is the name of the folder that you named" in said and "ann, bob" in said


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ("ann/kitchen/take1/1.mp4 bob/garden/take1/1.mp4", [("ann", None, "kitchen/take1"), ("bob", None, "garden/take1")]),
        ("ann/x/y/1.mp4 bob/x/y/1.mp4", [("ann", None, "x/y"), ("bob", None, "x/y")]),
        ("xan/oslo/take1/1.mp4 yol/oslo/take1/1.mp4", [("xan", None, "oslo/take1"), ("yol", None, "oslo/take1")]),
        ("ann/talk/English/1.mp4 bob/show2/Urdu/1.mp4", [("ann", "English", "talk"), ("bob", "Urdu", "show2")]),
        ("German/talk/1.mp4 ann/talk/1.mp4", [("German", None, "talk"), ("ann", None, "talk")]),
        ("Val/talk/1.mp4 ann/talk/1.mp4", [("Val", None, "talk"), ("ann", None, "talk")]),
        ("ann/2020/oslo/1.mp4 bob/2020/oslo/1.mp4", [("ann", None, "2020/oslo"), ("bob", None, "2020/oslo")]),
    ],
)  # fmt: skip
def test_folders_of_people_are_read_as_the_one_that_holds_them(tmp_path, files, expected):
    touch(tmp_path, *(f"v2/{file}" for file in files.split()))
    named = sorted((tmp_path / "v2").iterdir())
    whole = find_clips([tmp_path / "v2"])
    assert [labels(clip) for clip in whole] == expected
    search = Search(named)
    assert sorted(search, key=lambda clip: clip.id) == whole
    assert any("the folder that you named" in each for each in search.understood().warnings)
    pattern = search.understood().layouts[0]
    assert [labels(clip) for clip in find_clips(named, layout=pattern)] == expected


def test_a_layout_without_labels_leaves_clips_unnamed(tmp_path):
    """The clips of an archive's folder are not all of one person called as the folder is."""
    touch(tmp_path, "mix/a1.mp4", "mix/a2.mp4")
    search = Search([tmp_path / "mix"], layout="{clip}")
    assert [labels(clip) for clip in search] == [(None, None, None)] * 2
    (said,) = search.understood().warnings
    assert (
        said
        == "No speaker is named. The layout has none; `mraf cluster` groups such clips by person."
    )
    guessed = Search([tmp_path / "mix"])
    assert {clip.speaker for clip in guessed} == {"mix"}
    assert any('Say --layout "{clip}"' in each for each in guessed.understood().warnings)


def test_people_in_folders_that_lie_apart_are_read_likewise(tmp_path):
    touch(tmp_path, "d1/ann/oslo/t/1.mp4", "d2/bob/oslo/t/1.mp4", "d3/ann/oslo/t/1.mp4")
    named = [tmp_path / "d1/ann", tmp_path / "d2/bob", tmp_path / "d3/ann"]
    assert [(clip.id, clip.speaker) for clip in find_clips(named)] == [
        ("ann/oslo/t/1.mp4", "ann"),
        ("ann/oslo/t/1.mp4 (2)", "ann"),
        ("bob/oslo/t/1.mp4", "bob"),
    ]


def test_every_folder_of_people_is_in_the_sample(tmp_path, monkeypatch):
    monkeypatch.setattr("mraf.data.clips.folders.SAMPLE", 3)
    monkeypatch.setattr("mraf.data.clips.folders._SAMPLE_OF_ONE", 3)
    touch(tmp_path, *(f"Danish/talk/{n}.mp4" for n in range(5)), "zoe/talk/1.mp4")
    clips = find_clips([tmp_path / "Danish", tmp_path / "zoe"])
    assert len(clips) == 6


def test_corpora_stay_apart(tmp_path):
    touch(tmp_path, "corpus1/ann/talk/1.mp4", "corpus2/ann/talk/1.mp4", "corpus2/bob/talk/1.mp4")
    clips = find_clips([tmp_path / "corpus1", tmp_path / "corpus2"])
    assert [(clip.id, *labels(clip)) for clip in clips] == [
        ("corpus1/ann/talk/1.mp4", "ann", None, "talk"),
        ("corpus2/ann/talk/1.mp4", "ann", None, "talk"),
        ("corpus2/bob/talk/1.mp4", "bob", None, "talk"),
    ]


def test_splits_and_languages_side_by_side_are_one_tree(tmp_path):
    touch(tmp_path, "train/ann/1.mp4", "test/ann/1.mp4", "English/ann/1.mp4", "Urdu/ann/1.mp4")
    clips = find_clips([tmp_path / "train", tmp_path / "test"])
    assert [(clip.id, clip.speaker) for clip in clips] == [
        ("test/ann/1.mp4", "ann"),
        ("train/ann/1.mp4", "ann"),
    ]
    clips = find_clips([tmp_path / "English", tmp_path / "Urdu"])
    assert [labels(clip) for clip in clips] == [("ann", "English", None), ("ann", "Urdu", None)]
    assert find_clips([tmp_path / "Urdu"])[0].id == "Urdu/ann/1.mp4"


def test_files_that_are_named_are_a_tree(tmp_path, monkeypatch):
    """As a shell gives them for `videos/*/*.mp4`."""
    touch(tmp_path, "videos/ann/1.mp4", "videos/bob/1.mp4", "2.mp4")
    monkeypatch.chdir(tmp_path)
    files = [Path("videos/ann/1.mp4"), Path("videos/bob/1.mp4")]
    assert [(c.id, c.speaker) for c in find_clips(files)] == [
        ("ann/1.mp4", "ann"),
        ("bob/1.mp4", "bob"),
    ]
    assert [(c.id, c.speaker) for c in find_clips(files[:1])] == [("ann/1.mp4", "ann")]
    assert [(c.id, c.speaker) for c in find_clips([Path("2.mp4")])] == [("2.mp4", None)]


def test_a_path_inside_another_counts_once(tmp_path):
    touch(tmp_path, "ann/v/1.mp4", "bob/v/odd.bin", "bob/v/2.mp4")
    named = [tmp_path / "ann", tmp_path, tmp_path / "bob/v/2.mp4", tmp_path / "bob/v/odd.bin"]
    assert sorted(clip.files[0].name for clip in find_clips(named)) == ["1.mp4", "2.mp4", "odd.bin"]


def test_a_layout_that_is_said_outright(tmp_path):
    touch(
        tmp_path,
        "flat/ann_talk_1.mp4",
        "flat/bob_walk_2.wav",
        "flat/other.mp4",
        "flat/deep/x_y_3.mp4",
    )
    search = Search([tmp_path / "flat"], layout="{speaker}_{recording}_{clip}")
    assert [(clip.id, *labels(clip)) for clip in search] == [
        ("ann_talk_1.mp4", "ann", None, "talk"),
        ("bob_walk_2.wav", "bob", None, "walk"),
    ]
    found = search.understood()
    assert found.set_aside == {"clips that do not fit --layout": 2}
    assert "2 clips (other.mp4, deep/x_y_3.mp4)" in found.warnings[0]
    with pytest.raises(
        UsageError,
        match=r"no clip fits .* in 2 folders below .*; the first clip lies in 0: ann.*{recording}_{clip}",
    ):
        find_clips([tmp_path / "flat"], layout="{speaker}/{recording}/{clip}")
    with pytest.raises(UsageError, match="is no field"):
        Search([tmp_path / "flat"], layout="{who}/{clip}")


def test_a_layout_of_files_that_are_named_counts_from_the_file(tmp_path):
    file = touch(tmp_path, "2020/ann/talk/1.mp4") / "2020/ann/talk/1.mp4"
    (clip,) = find_clips([file], layout="{speaker}/{recording}/{clip}")
    assert (clip.id, *labels(clip)) == ("ann/talk/1.mp4", "ann", None, "talk")


def test_a_tree_larger_than_the_sample_is_judged_by_all_its_folders(tmp_path, monkeypatch):
    monkeypatch.setattr("mraf.data.clips.folders.SAMPLE", 3)
    monkeypatch.setattr("mraf.data.clips.folders._SAMPLE_OF_ONE", 3)
    touch(tmp_path, *(f"Danish/talk/{n}.mp4" for n in range(5)), "zoe/talk/1.mp4", "notes/talk.txt")
    clips = find_clips([tmp_path])
    assert len(clips) == 6 and {clip.speaker for clip in clips} == {"Danish", "zoe"}
