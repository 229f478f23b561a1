import json
import os
import time

import pytest

from mraf.extractors import stamps
from mraf.extractors.stamps import sha256_of, stamped_sha256_of

SECOND = 1_000_000_000


@pytest.fixture
def hashed(monkeypatch):
    """The files that are hashed, in order."""
    read = []

    def hash_it(path):
        read.append(path.name)
        return sha256_of(path)

    monkeypatch.setattr(stamps, "sha256_of", hash_it)
    return read


@pytest.fixture
def later(monkeypatch):
    """The clock of the stamps runs a minute ahead: files that a test writes have settled."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60 * SECOND)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "w.pt"
    path.write_bytes(b"weights")
    return path


def twice(file, book):
    return [stamped_sha256_of(file, book) for _ in range(2)]


def test_a_file_that_stays_is_hashed_once(file, tmp_path, hashed, later):
    assert twice(file, tmp_path / "cache" / "book.json") == [sha256_of(file)] * 2
    assert hashed == ["w.pt"]


def test_a_file_of_a_moment_ago_is_hashed_each_time(file, tmp_path, hashed):
    """Within one tick of the clock it may change again and look the same."""
    twice(file, tmp_path / "book.json")
    assert hashed == ["w.pt"] * 2 and not (tmp_path / "book.json").exists()


def test_a_file_from_the_future_is_hashed_each_time(file, tmp_path, hashed, later):
    os.utime(file, ns=(0, time.time_ns() + 3600 * SECOND))
    twice(file, tmp_path / "book.json")
    assert hashed == ["w.pt"] * 2


def edit(file):
    before = file.stat()
    file.write_bytes(b"WEIGHTS")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(file):
    before = file.stat()
    other = file.with_name("other")
    other.write_bytes(b"WEIGHTS")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)


@pytest.mark.parametrize("change", [edit, replace])
def test_another_content_of_equal_size_and_time_is_hashed_anew(
    file, tmp_path, hashed, later, change
):
    book = tmp_path / "book.json"
    first = stamped_sha256_of(file, book)
    change(file)
    assert stamped_sha256_of(file, book) == sha256_of(file) != first
    assert hashed == ["w.pt"] * 2


def test_a_file_that_changes_while_it_is_hashed_gets_no_stamp(file, tmp_path, later, monkeypatch):
    def hash_it(path):
        digest = sha256_of(path)
        path.write_bytes(b"longer weights")
        return digest

    monkeypatch.setattr(stamps, "sha256_of", hash_it)
    stamped_sha256_of(file, tmp_path / "book.json")
    assert not (tmp_path / "book.json").exists()


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000, "entry", "state", "digest"],
    ids=["empty", "cut", "list", "text", "bytes", "deep", "entry", "state", "digest"],
)
def test_damaged_stamps_are_ignored_and_replaced(file, tmp_path, hashed, later, damage):
    book, key = tmp_path / "book.json", str(file)
    bad = {
        "entry": {key: 3},
        "state": {key: {"state": None, "sha256": "x"}},
        "digest": {key: {"state": stamps._state(file), "sha256": 3}},
    }
    if isinstance(damage, str):
        damage = json.dumps(bad[damage]).encode()
    book.write_bytes(damage)
    assert twice(file, book) == [sha256_of(file)] * 2
    assert hashed == ["w.pt"]


def test_stamps_that_cannot_be_written_are_done_without(file, tmp_path, hashed, later):
    (tmp_path / "cache").write_text("a file in place of the folder")
    assert twice(file, tmp_path / "cache" / "book.json") == [sha256_of(file)] * 2
    assert hashed == ["w.pt"] * 2


def test_a_write_that_fails_leaves_the_stamps_as_they_were(file, tmp_path, later, monkeypatch):
    book = tmp_path / "book.json"
    stamped_sha256_of(file, book)
    before = book.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    file.write_bytes(b"others")
    assert stamped_sha256_of(file, book) == sha256_of(file)
    assert book.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["book.json", "w.pt"]


def test_the_book_does_not_grow_for_ever(tmp_path, later):

    book = tmp_path / "book.json"
    for number in range(70):
        path = tmp_path / f"{number}.pt"
        path.write_bytes(b"x")
        stamped_sha256_of(path, book)
    assert len(json.loads(book.read_text())) == 64 and str(path) in book.read_text()
