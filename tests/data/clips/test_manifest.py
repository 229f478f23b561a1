import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import clip_files, describe_path, find_clips
from mraf.data.clips.manifest import read_manifest
from mraf.errors import UsageError


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def labels(clip: Clip) -> tuple[str | None, ...]:
    return clip.speaker, clip.language, clip.recording


def test_full_layout_is_read_from_wherever_one_points(tmp_path):
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


def test_a_language_far_above_the_root_says_nothing():
    root = Path("/srv/German/archive/set")
    assert describe_path(root / "ann" / "1.mp4", root) == ("ann", None, None)


def test_endings_hidden_files_and_sound(tmp_path):
    touch(
        tmp_path, "a/1.MP4", "a/.hidden.mp4", ".trash/2.mp4", "a/notes.txt", "a/3.wav", "a/4.webm"
    )
    clips = find_clips([tmp_path])
    assert [clip.id for clip in clips] == ["a/1.MP4", "a/3.wav", "a/4.webm"]
    assert clips[1].video is None and clips[1].audio is not None


def test_a_file_named_itself_counts_whatever_its_ending(tmp_path):
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


def test_the_same_clip_by_two_ways_is_one_clip(tmp_path, monkeypatch):
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


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_manifest_of_videos(tmp_path):
    text = 'video,speaker,language,recording,extra\n"a b.mp4",Ann,English,v1,x\nsub/c.mp4,,,,\n'
    first, second = read_manifest(write(tmp_path / "m.csv", text))
    assert first.id == "a b.mp4" and labels(first) == ("Ann", "English", "v1")
    assert first.video == tmp_path.resolve() / "a b.mp4"
    assert labels(second) == (None, None, None)


@pytest.mark.parametrize("slash", ["/", "\\"])
def test_manifest_of_polysim_pairs(tmp_path, slash):
    text = (
        "key,identity,language,audio_path,face_path\n"
        f"7,id1,English,wav{slash}1.wav,img{slash}1.jpg\n7,id1,Urdu,wav{slash}2.wav,\n"
    )
    one, two = read_manifest(write(tmp_path / "m.csv", text))
    assert (one.id, two.id) == ("English/7", "Urdu/7")
    assert (
        one.audio == tmp_path.resolve() / "wav/1.wav"
        and one.image == tmp_path.resolve() / "img/1.jpg"
    )
    assert two.image is None and one.speaker == "id1"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_manifest_in_the_encodings_that_spreadsheets_write(tmp_path, encoding):
    text = "video,speaker\na.mp4,آمنہ\n"
    assert read_manifest(write(tmp_path / "m.csv", text, encoding))[0].speaker == "آمنہ"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column named 'video'"),
        ("name,where\na,b\n", r"found: name, where"),
        ("video\n", "no row"),
        ("video,speaker\n,Ann\n", "line 2: the row names no video"),
        ("video\n../a.mp4\n", "line 2: .* leaves the root"),
        ("video\n/etc/passwd\n", "line 2: .* leaves the root"),
        ("video\n..\\a.mp4\n", "leaves the root"),
        ("video\na.mp4\na.mp4\n", "line 3: the id 'a.mp4' stands in an earlier line"),
        ("clip,video\nx,a.mp4\nx,b.mp4\n", "line 3: two clips have the id 'x'"),
        ("video,audio\na.mp4,b.wav\n", "line 2: .*one or the other"),
        ("video\na\0.mp4\n", "NUL"),
    ],
)
def test_bad_manifests_name_file_and_line(tmp_path, text, message):
    with pytest.raises(UsageError, match=message) as error:
        read_manifest(write(tmp_path / "m.csv", text))
    assert "m.csv" in str(error.value)


def test_manifest_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(UsageError, match="no such manifest"):
        read_manifest(tmp_path / "m.csv")
    with pytest.raises(UsageError, match="Save the manifest as UTF-8"):
        read_manifest(write(tmp_path / "m.csv", "video\nblåbær.mp4\n", "latin-1"))
    with pytest.raises(UsageError, match="root folder of the manifest does not exist"):
        read_manifest(write(tmp_path / "m.csv", "video\na.mp4\n"), tmp_path / "nowhere")


def test_a_link_out_of_the_root_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    touch(tmp_path, "out/secret.mp4")
    (tmp_path / "in" / "link.mp4").symlink_to(tmp_path / "out" / "secret.mp4")
    with pytest.raises(UsageError, match="leaves the root"):
        read_manifest(write(tmp_path / "in" / "m.csv", "video\nlink.mp4\n"))


@given(st.text())
def test_any_text_is_a_manifest_or_a_named_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert read_manifest(path)
    except UsageError as error:
        assert "fuzz.csv" in str(error)


def test_manifest_with_absolute_paths_inside_the_root(tmp_path):
    path = touch(tmp_path, "ann/a.mp4") / "ann" / "a.mp4"
    clip = read_manifest(write(tmp_path / "m.csv", f"video\n{path}\n"))[0]
    assert clip.video == path and clip.id == "ann/a.mp4"


def test_manifest_with_the_unnamed_index_that_pandas_writes(tmp_path):
    clip = read_manifest(write(tmp_path / "m.csv", ",video,speaker\n0,a.mp4,Ann\n"))[0]
    assert clip.id == "a.mp4" and labels(clip) == ("Ann", None, None)


def test_manifest_with_a_huge_cell(tmp_path):
    with pytest.raises(UsageError, match="m.csv, line 1: not a CSV file"):
        read_manifest(write(tmp_path / "m.csv", "x" * 200_000 + ",video\n1,a.mp4\n"))


def test_languages_are_known_in_any_case(tmp_path):
    touch(tmp_path, "ann/english/v1/1.mp4")
    assert find_clips([tmp_path])[0].language == "English"
    clip = read_manifest(write(tmp_path / "m.csv", "video,language\na.mp4,URDU\n"))[0]
    assert clip.language == "Urdu"


@pytest.mark.parametrize(
    "path", ["C:\\videos\\a.mp4", "d:/a.mp4", "\\\\server\\share\\a.mp4", "//server/a.mp4"]
)
def test_paths_of_other_machines_are_refused(tmp_path, path):
    with pytest.raises(UsageError, match="line 2: .*(another machine|leaves the root)"):
        read_manifest(write(tmp_path / "m.csv", f"video\n{path}\n"))


@pytest.mark.parametrize("path", ["..", "a/../../b.mp4", "in/..", "link/a.mp4", "link/../a.mp4"])
def test_ways_out_of_the_root_are_refused(tmp_path, path):
    root = touch(tmp_path, "root/in/a.mp4", "out/a.mp4") / "root"
    (root / "link").symlink_to(tmp_path / "out")
    inside = path == "in/.."
    manifest = write(root / "m.csv", f"video\n{path}\n")
    if inside:  # the root itself, which is no video but does not leave
        assert read_manifest(manifest)[0].files
        return
    with pytest.raises(UsageError, match="leaves the root"):
        read_manifest(manifest)


def test_a_root_that_was_reached_through_a_link(tmp_path):
    touch(tmp_path, "real/ann/a.mp4")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    manifest = write(tmp_path / "m.csv", f"video\n{tmp_path}/link/ann/a.mp4\n")
    (clip,) = read_manifest(manifest, tmp_path / "link")
    assert clip.id == "ann/a.mp4"
    assert clip.video is not None and clip.video.samefile(tmp_path / "real/ann/a.mp4")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_of_other_spreadsheets(tmp_path, separator):
    text = 'video,speaker\n"a, b.mp4",Ann\n'.replace(",speaker", f"{separator}speaker")
    text = text.replace('",Ann', f'"{separator}Ann')
    (clip,) = read_manifest(write(tmp_path / "m.csv", text, "utf-8-sig"))
    assert (clip.id, clip.speaker) == ("a, b.mp4", "Ann")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("video,speaker\na, b.mp4,Ann\n", "line 2: 3 cells, but the first line names 2 columns"),
        ('video,speaker\n"a\nb.mp4",Ann\n', r"line 3: the video 'a\\nb.mp4' holds a line break"),
        ("video,speaker\na.mp4,A\x07nn\n", "line 2: the speaker .* control character"),
        ('video,speaker\na.mp4,"Ann\nb.mp4,Bob\n', "Perhaps a quote is not closed"),
        ("clip,video\nx\u2028y,a.mp4\n", "line 2: the clip .* line break"),
    ],
)
def test_cells_that_were_taken_apart_wrongly(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read_manifest(write(tmp_path / "m.csv", text))


def test_empty_cells_at_the_end_and_empty_lines_do_no_harm(tmp_path):
    (clip,) = read_manifest(write(tmp_path / "m.csv", "clip,video,speaker\n\n,a.mp4,Ann,,\n\n"))
    assert (clip.id, clip.speaker) == ("a.mp4", "Ann")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("video\na\0.mp4\n".encode("utf-16"), "holds a line break, NUL"),
        ("video\na.mp4\n".encode("utf-16-le"), "NUL bytes.*Save it as UTF-8"),
        ("video\na.mp4\n".encode("utf-16")[:-1], "not utf-16 text .*Save the manifest as UTF-8"),
        (b"video,speaker\na.mp4,Ann\n" + b"b.mp4,\xe9\n", "Save the manifest as UTF-8"),
        (b"\x80\x04\x95\x0b", "not utf-8"),
    ],
)
def test_other_encodings_are_named(tmp_path, content, message):
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        read_manifest(tmp_path / "m.csv")


def test_names_that_are_not_utf_8_are_escaped_and_the_file_is_found(tmp_path):
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


CELL = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@given(st.dictionaries(CELL, st.tuples(CELL, CELL), min_size=1), st.sampled_from(",;\t"))
def test_any_labels_come_back(tmp_path_factory, clips, separator):
    import csv

    path = tmp_path_factory.getbasetemp() / "labels.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(["clip", "video", "speaker", "recording"])
        for clip, (speaker, recording) in clips.items():
            writer.writerow([clip, "a.mp4", speaker, recording])
    found = {clip.id: (clip.speaker, clip.recording) for clip in read_manifest(path)}
    assert found == clips
