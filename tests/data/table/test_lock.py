"""The lock of a folder: one writer at a time, until the writer ends."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from mraf.data.table.lock import locked
from mraf.errors import UsageError

HOLDER = """
import sys
from pathlib import Path
from mraf.data.table.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock of `tmp_path / "features"`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "features")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_folder_is_made_and_the_lock_names_its_holder(tmp_path):
    folder = tmp_path / "w" / "features"
    with locked(folder):
        assert (folder / ".lock").read_text() == str(os.getpid())


def test_a_second_writer_is_refused_and_learns_who_holds_the_lock(tmp_path, holder):
    with (
        pytest.raises(UsageError, match=rf"\.lock: another .*\(process {holder.pid}\)"),
        locked(tmp_path / "features"),
    ):
        pytest.fail("two writers")


def test_the_lock_ends_with_a_holder_that_is_killed(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with locked(tmp_path / "features"):
        assert (tmp_path / "features" / ".lock").read_text() == str(os.getpid())


def test_the_lock_ends_with_the_block_however_it_ends(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path):
        raise ZeroDivisionError
    with (
        locked(tmp_path),
        pytest.raises(UsageError, match=f"process {os.getpid()}"),
        locked(tmp_path),
    ):
        pytest.fail("two writers")
    with locked(tmp_path):
        pass


def test_a_lock_without_a_process_id(tmp_path, holder):
    (tmp_path / "features" / ".lock").write_text("?")
    with (
        pytest.raises(UsageError, match="another `mraf extract` holds this lock"),
        locked(tmp_path / "features"),
    ):
        pytest.fail("two writers")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "w").write_text("a file in its place")
    with (
        pytest.raises(UsageError, match=r"features: cannot be written to \(Not a directory\)"),
        locked(tmp_path / "w" / "features"),
    ):
        pytest.fail("no folder")


def test_a_folder_that_may_only_be_read(tmp_path, monkeypatch):
    folder, system_open = tmp_path / "features", os.open

    def read_only(path, *arguments, **options):
        if str(path).endswith(".lock"):
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        return system_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", read_only)
    with (
        pytest.raises(
            UsageError, match=r"features: cannot be written to \(Read-only file system\)"
        ),
        locked(folder),
    ):
        pytest.fail("no lock")


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", no_locks)
    with (
        pytest.raises(UsageError, match=r"\.lock: this file system gives no locks"),
        locked(tmp_path / "features"),
    ):
        pytest.fail("no lock")


def test_a_full_disk_does_not_take_the_lock_away(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with locked(tmp_path):
        assert (tmp_path / ".lock").read_text() == ""
        with pytest.raises(UsageError, match="holds this lock"), locked(tmp_path):
            pytest.fail("two writers")


def test_a_writer_with_patience_waits_for_the_other(tmp_path, holder):
    with (
        pytest.raises(UsageError, match="another `mraf enrol`"),
        locked(tmp_path / "features", patience=0.05, holder="`mraf enrol`"),
    ):
        pytest.fail("two writers")
    holder.stdin.close()  # its end releases the lock
    with locked(tmp_path / "features", patience=60):
        assert (tmp_path / "features" / ".lock").read_text() == str(os.getpid())
