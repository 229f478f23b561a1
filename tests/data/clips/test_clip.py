"""Clips: their checks and the hash of their content."""

import os
from pathlib import Path

import pytest

from mraf.data.clips.clip import Clip
from mraf.errors import UsageError


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "names no video, sound file or picture"),
        ({"video": Path("a"), "audio": Path("b")}, "give one or the other"),
        ({"video": Path("a"), "image": Path("b")}, "give one or the other"),
    ],
)
def test_a_clip_is_a_video_or_a_sound_file_and_a_picture(values, message):
    with pytest.raises(UsageError, match=f"'c' .*{message}"):
        Clip("c", **values)


def test_a_clip_needs_an_id():
    with pytest.raises(UsageError, match="needs an id"):
        Clip("", Path("a"))


@pytest.mark.parametrize("field", ["id", "speaker", "language", "recording"])
def test_text_that_is_not_utf_8_is_refused(field):
    values = {"id": "c", "video": Path("a"), field: "ann\udcff"}
    with pytest.raises(UsageError, match=r"'ann\\udcff': this name is not UTF-8 text"):
        Clip(**values)
    Clip(**values | {field: "آن é"})


def test_files_come_in_a_fixed_order():
    video, sound, picture = Path("v"), Path("s"), Path("p")
    assert Clip("c", video).files == (video,)
    assert Clip("c", image=picture, audio=sound).files == (sound, picture)
    assert Clip("c", image=picture).files == (picture,)


def test_content_hash_follows_content_and_role_not_names(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"one")
    (tmp_path / "b.mp4").write_bytes(b"one")
    a, b = (Clip(n, tmp_path / f"{n}.mp4") for n in "ab")
    assert a.content_hash() == b.content_hash()
    assert a.content_hash() != Clip("a", audio=tmp_path / "a.mp4").content_hash()
    (tmp_path / "b.mp4").write_bytes(b"two")
    assert a.content_hash() != b.content_hash()


def test_content_hash_of_a_pair_follows_both_files(tmp_path):
    sound, picture = tmp_path / "a.wav", tmp_path / "a.png"
    sound.write_bytes(b"one")
    picture.write_bytes(b"two")
    clip, before = Clip("a", audio=sound, image=picture), set()
    for path in (None, sound, picture):
        if path is not None:
            path.write_bytes(b"three")
        before.add(clip.content_hash())
    assert len(before) == 3
    picture.unlink()
    with pytest.raises(FileNotFoundError):
        clip.content_hash()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_hashing_a_pipe_or_a_folder_fails_at_once(tmp_path, make):
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(OSError, match="not a regular file"):
        Clip("clip", path).content_hash()


def test_pieces_of_a_huge_file_are_hashed(tmp_path, monkeypatch):
    monkeypatch.setattr("mraf.data.clips.clip.PIECES", 16)
    path, size, digests = tmp_path / "huge.mp4", 200 << 30, []
    with path.open("wb") as file:
        file.truncate(size)  # takes no room, and would take minutes to read
    for place in (None, 0, size - 1, size):
        if place is not None:
            with path.open("r+b") as file:
                file.seek(place)
                file.write(b"x")
        digests.append(Clip("a", path).content_hash())
    assert len(set(digests)) == 4


def test_every_byte_of_a_small_file_counts_and_pieces_of_a_large_one(tmp_path, monkeypatch):
    monkeypatch.setattr("mraf.data.clips.clip.HASHED_WHOLE", 100)
    monkeypatch.setattr("mraf.data.clips.clip.PIECES", 3)
    monkeypatch.setattr("mraf.data.clips.clip.PIECE_SIZE", 10)
    path = tmp_path / "a.mp4"

    def digest(content: bytearray) -> str:
        path.write_bytes(content)
        return Clip("a", path).content_hash()

    def seen(size: int) -> set[int]:
        """The places at which a change is noticed."""
        plain, places = digest(bytearray(size)), set()
        for place in range(size):
            content = bytearray(size)
            content[place] = 1
            if digest(content) != plain:
                places.add(place)
        return places

    assert seen(100) == set(range(100))
    assert seen(110) == {*range(10), *range(50, 60), *range(100, 110)}


@pytest.mark.parametrize("whole", [100, 1 << 30])
def test_a_file_that_has_grown_has_the_digest_of_its_beginning(tmp_path, monkeypatch, whole):
    monkeypatch.setattr("mraf.data.clips.clip.HASHED_WHOLE", whole)
    monkeypatch.setattr("mraf.data.clips.clip.PIECE_SIZE", 16)
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(range(250)))
    clip = Clip("clip", path)
    before = clip.content_hash()
    with path.open("ab") as file:
        file.write(b"more")
    assert clip.content_hash() != before
    assert clip.content_hash(beginning=250) == before
    path.write_bytes(bytes(reversed(range(250))) + b"more")
    assert clip.content_hash(beginning=250) != before
