"""What is left out by name and by content, and what people exclude."""

import pytest

from mraf.data.clips.folders import Search, find_clips
from mraf.errors import UsageError
from tests.data.clips.test_folders import touch


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir", "@Recycle", "#recycle", "$RECYCLE.BIN", "lost+found", "System Volume Information",
        ".Trash-1000", "__MACOSX", "Thumbs", ".thumbnails", "@tmp", "~snapshot", ".Spotlight-V100", ".Trashes",
    ],
)  # fmt: skip
def test_folders_of_waste_are_left_out_and_counted(tmp_path, name):
    touch(tmp_path, "ann/1.mp4", f"ann/{name}/1.mp4", f"{name}/deep/2.mp4")
    search = Search([tmp_path])
    assert [clip.id for clip in search] == ["ann/1.mp4"]
    assert sum(search.set_aside.values()) == 2 and search.understood().speakers == ("ann",)


def test_side_files_and_hidden_clips_are_counted(tmp_path):
    touch(
        tmp_path,
        "ann/1.mp4",
        "ann/._1.mp4",
        "ann/.2.mp4",
        "ann/.notes",
        "ann/1.LRV",
        "ann/2.mp4.part",
    )
    search = Search([tmp_path])
    assert len(list(search)) == 1 and search.other_files == {".lrv": 1, ".part": 1}
    assert search.set_aside == {"._* (side files of macOS)": 1, "hidden files": 1}


def test_files_that_only_share_the_ending_of_a_video_are_left_out(tmp_path):
    for name, content in {
        "code.ts": b"export const a = 1\n", "go.mod": b"module x\n", "wide.ts": "é".encode("utf-16"),
        "song.mod": b"title\0\1\2".ljust(1080, b"\0") + b"M.K." + bytes(900), "cache.dat": b"\1\2\3",
        "tv.ts": (b"G" + bytes(187)) * 3, "camera.mod": b"\0\0\1\xba" + bytes(99), "camera.tod": b"G" + bytes(187),
        "cd.dat": b"RIFF\0\0\0\0CDXAfmt ", "empty.ts": b"", "text.mp4": b"no video",
    }.items():  # fmt: skip
        (touch(tmp_path, "ann/1.mp4") / "ann" / name).write_bytes(content)
    search = Search([tmp_path])
    assert [clip.files[0].name for clip in search] == [
        "1.mp4", "camera.mod", "camera.tod", "cd.dat", "empty.ts", "text.mp4", "tv.ts",
    ]  # fmt: skip
    assert search.set_aside == {
        "text files called *.ts": 2,
        "text files called *.mod": 1,
        "music modules (*.mod)": 1,
        "files called *.dat that are no video": 1,
    }


@pytest.mark.parametrize("pattern", ["bob", "b?b", "bob/", "./bob", "**/bob", "videos/bob", "b*"])
def test_what_is_excluded_is_left_out_with_all_in_it(tmp_path, monkeypatch, pattern):
    touch(tmp_path, "videos/ann/1.mp4", "videos/bob/v/2.mp4")
    monkeypatch.chdir(tmp_path)
    search = Search([tmp_path / "videos"], exclude=[pattern])
    assert [clip.id for clip in search] == ["ann/1.mp4"]
    assert search.set_aside == {"excluded by --exclude": 1}


@pytest.mark.parametrize("pattern", ["**/raw/**", "raw/*", "raw/**", "**/raw", "ann/**/raw", "raw"])
def test_patterns_that_people_know_from_git_work(tmp_path, pattern):
    touch(tmp_path, "videos/ann/1.mp4", "videos/ann/raw/2.mp4", "videos/ann/raw/deep/3.mp4")
    assert [c.id for c in find_clips([tmp_path / "videos"], exclude=[pattern])] == ["ann/1.mp4"]


def test_files_are_excluded_by_ending_and_a_pattern_without_use_is_told(tmp_path):
    touch(tmp_path, "ann/1.mp4", "ann/1.wav", "bob/2.mp4")
    search = Search([tmp_path], exclude=["*.wav", "*.avi"])
    assert [clip.id for clip in search] == ["ann/1.mp4", "bob/2.mp4"]
    assert search.understood().warnings == ("--exclude '*.avi' fits no file or folder.",)
    with pytest.raises(UsageError, match="the pattern is empty"):
        Search([tmp_path], exclude=["/"])
    with pytest.raises(
        UsageError, match="no video .*Left out: excluded by --exclude 2. Check --exclude.$"
    ):
        find_clips([tmp_path], exclude=["ann", "bob"])


@pytest.mark.parametrize(
    "ending", "3gpp 3gp2 mod tod mpeg4 mp4v insv 360 m2p mpv tp qt mk3d vro".split()
)
def test_endings_of_cameras_are_videos(tmp_path, ending):
    touch(tmp_path, f"ann/2.{ending}.part")
    (tmp_path / "ann" / f"1.{ending}").write_bytes(b"\0\0\1\xba" + bytes(99))
    (clip,) = find_clips([tmp_path])
    assert clip.video is not None


@pytest.mark.parametrize("ending", "awb mpga m4r sph tak dsf gsm nist ra ec3 adts shn".split())
def test_endings_of_sound_are_sound(tmp_path, ending):
    (clip,) = find_clips([touch(tmp_path, f"ann/1.{ending}")])
    assert clip.audio is not None
