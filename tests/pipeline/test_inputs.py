from pathlib import Path

import pytest

from mraf.errors import UsageError
from mraf.pipeline.inputs import IMAGE_SUFFIXES, clip_of, files_to_identify


def test_pictures_and_clips_of_a_folder_are_found(tmp_path):
    names = ("b/2.heic", "1.JPG", "3.avif", "b/4.mp4", "5.wav")
    for name in (*names, "notes.txt", ".hidden.jpg", "b/._2.heic", "c/6.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files, unreadable = files_to_identify(tmp_path)
    assert [file.relative_to(tmp_path) for file in files] == sorted(map(Path, names))
    assert unreadable == {}


def test_a_file_is_returned_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photo.heic").touch()
    assert files_to_identify(Path("photo.heic")) == ([Path("photo.heic")], {})


def test_a_folder_of_neither_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match="no video or sound file"):
        files_to_identify(tmp_path)


def test_pictures_are_known_by_their_endings():
    assert {".heic", ".heif", ".avif", ".jpg"} <= IMAGE_SUFFIXES
    photo = Path("a.HEIC")
    assert clip_of(photo).image == photo
    assert clip_of(Path("a.wav")).audio and clip_of(Path("a.mp4")).video
