"""Clips listed in a CSV manifest."""

from pathlib import Path
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mraf.data.clips.folders import find_clips
from mraf.data.clips.manifest import read_manifest
from mraf.errors import UsageError
from tests.data.clips.test_folders import labels, touch


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
        ("video,start\na.mp4,soon\n", "line 2: the start 'soon' is no time"),
        ("video,start\na.mp4,1\nb.mp4,-3\n", "line 3: the start '-3' is no time"),
        ("video,end\na.mp4,1:75\n", "line 2: the end '1:75' is no time"),
        ("video,end\na.mp4,nan\n", "line 2: the end 'nan' is no time"),
        ("video,start,end\na.mp4,0:30,12\n", "line 2: .*goes from 30 s to 12 s"),
        ("video,start,end\na.mp4,5,5\n", "line 2: .*goes from 5 s to 5 s"),
        ("video,end\na.mp4,0\n", "line 2: .*goes from 0 s to 0 s"),
        ("video,start\na.mp4,2\na.mp4,0:02\n", "line 3: the id 'a.mp4#2-' stands in an earlier"),
    ],
)
def test_bad_manifests_name_file_and_line(tmp_path, text, message):
    with pytest.raises(UsageError, match=message) as error:
        read_manifest(write(tmp_path / "m.csv", text))
    assert "m.csv" in str(error.value)


def test_a_manifest_that_does_not_exist_or_is_no_text(tmp_path):
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
def test_any_text_gives_clips_or_an_error_that_names_the_file(tmp_path_factory, text):
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


def test_languages_are_recognised_in_any_case(tmp_path):
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
def test_paths_that_leave_the_root_are_refused(tmp_path, path):
    root = touch(tmp_path, "root/in/a.mp4", "out/a.mp4") / "root"
    (root / "link").symlink_to(tmp_path / "out")
    inside = path == "in/.."
    manifest = write(root / "m.csv", f"video\n{path}\n")
    if inside:  # the root itself, which is no video but does not leave
        assert read_manifest(manifest)[0].files
        return
    with pytest.raises(UsageError, match="leaves the root"):
        read_manifest(manifest)


def test_a_root_behind_a_link(tmp_path):
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
def test_unquoted_separators_and_open_quotes_are_refused(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read_manifest(write(tmp_path / "m.csv", text))


def test_empty_cells_at_the_end_and_empty_lines_are_ignored(tmp_path):
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


def test_languages_are_matched_as_those_of_folders(tmp_path):
    text = "video,language\na.mp4,en\nb.mp4,English (US)\nc.mp4,deutsch\nd.mp4,Klingon\n"
    languages = [clip.language for clip in read_manifest(write(tmp_path / "m.csv", text))]
    assert languages == ["English", "English", "German", "Klingon"]


CELL = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)


@given(st.dictionaries(CELL, st.tuples(CELL, CELL), min_size=1), st.sampled_from(",;\t"))
def test_any_labels_are_read_back_in_nfc(tmp_path_factory, clips, separator):
    import csv

    path = tmp_path_factory.getbasetemp() / "labels.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(["clip", "video", "speaker", "recording"])
        for clip, (speaker, recording) in clips.items():
            writer.writerow([clip, "a.mp4", speaker, recording])
    found = {clip.id: (clip.speaker, clip.recording) for clip in read_manifest(path)}
    assert found == {
        clip: tuple(normalize("NFC", label) for label in labels) for clip, labels in clips.items()
    }


def test_parts_of_one_file_are_clips_of_their_own(tmp_path):
    text = "video,start,end,speaker\na.mp4,12.5,30,Ann\na.mp4,0:30,1:02:03.25,Bob\na.mp4,,,Both\na.mp4,0,9,\n"
    clips = read_manifest(write(tmp_path / "m.csv", text))
    assert [(each.id, each.start, each.end, each.speaker) for each in clips] == [
        ("a.mp4#12.5-30", 12.5, 30.0, "Ann"),
        ("a.mp4#30-3723.25", 30.0, 3723.25, "Bob"),
        ("a.mp4", None, None, "Both"),
        ("a.mp4#0-9", None, 9.0, None),
    ]
    assert [each.recording for each in clips] == ["a.mp4", "a.mp4", None, "a.mp4"]
    text = "clip,file,From,to,session\nx,a.mp4,2,,v1\n"
    clip = read_manifest(write(tmp_path / "n.csv", text))[0]
    assert (clip.id, clip.start, clip.end, clip.recording) == ("x", 2.0, None, "v1")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("video,speker", ["this column is not used: 'speker' (did you mean 'speaker'?)"]),
        (
            "video,Langauge,weather",
            ["'Langauge' (did you mean 'language'?), 'weather'. Those that are: clip"],
        ),
        (",video,speaker,start,end", None),
        ("Unnamed: 0,video,lang,video_id", None),
    ],
)
def test_columns_that_are_not_understood_are_named(tmp_path, header, said):
    notes = []
    cells = ",".join({"video": "a.mp4"}.get(name, "") for name in header.split(","))
    path = write(tmp_path / "m.csv", f"{header}\n{cells}\n")
    assert len(read_manifest(path, on_note=notes.append)) == 1
    assert len(notes) == (said is not None) and all(each in notes[0] for each in said or ())


@pytest.mark.parametrize(
    "header", ["video,speaker,speaker", "video,name,identity", "video,path", "Video,Speaker,NAME"]
)
def test_two_columns_of_one_field_are_refused(tmp_path, header):
    path = write(tmp_path / "m.csv", f"{header}\na.mp4,b,c\n")
    one, two = header.lower().split(",")[-2:]
    with pytest.raises(UsageError, match=rf"the columns '{one}' and '{two}' both name the"):
        read_manifest(path)


@pytest.mark.parametrize("column", ["start_ms", "Start (s)", "duration"])
def test_columns_of_other_times_are_named(tmp_path, column):
    notes: list[str] = []
    path = write(tmp_path / "m.csv", f"video,{column}\na.mp4,1\n")
    read_manifest(path, on_note=notes.append)
    assert len(notes) == 1 and f"'{column}'" in notes[0]
