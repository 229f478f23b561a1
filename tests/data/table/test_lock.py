"""The lock of a folder: one writer at a time, until the writer ends."""

import errno
import os
import signal
import subprocess
import sys

import pytest
from filelock import FileLock, Timeout

from mraf.data.table.lock import locked, remove_locked
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


REMOVER = """
import sys
from pathlib import Path
from mraf.data.table.lock import locked, remove_locked
folder = Path(sys.argv[1])
with locked(folder):
    (folder / "some").mkdir()
    (folder / "some" / "file").touch()
    print("held", flush=True)
    sys.stdin.read()
    remove_locked(folder)
    assert not folder.exists()
    print("removed", flush=True)
    sys.stdin.close()
"""


def test_who_waits_for_a_folder_that_is_removed_makes_it_anew(tmp_path):
    folder = tmp_path / "parts"
    other = subprocess.Popen(
        [sys.executable, "-c", REMOVER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert other.stdout.readline() == "held\n"

    def let_it_go(_):  # the folder is gone before this process looks for its lock again
        other.stdin.close()
        assert other.stdout.readline() == "removed\n"

    with locked(folder, patience=600.0, on_wait=let_it_go):
        assert [each.name for each in folder.iterdir()] == [".lock"]
        assert (folder / ".lock").read_text() == str(os.getpid())
    assert other.wait() == 0
    other.stdout.close()


def test_a_folder_that_another_has_locked_meanwhile_stays(tmp_path, monkeypatch):
    """Between the end of the old lock and that of its folder another process takes the new lock."""
    folder = tmp_path / "parts"
    remove = os.rmdir
    others = []

    def late(path, **options):
        if not others:
            others.append(locked(folder))
            others[0].__enter__()
            (folder / "part").touch()
        remove(path, **options)

    with locked(folder):
        (folder / "old").touch()
        monkeypatch.setattr(os, "rmdir", late)
        remove_locked(folder)
    assert sorted(each.name for each in folder.iterdir()) == [".lock", "part"]
    with pytest.raises(UsageError, match="holds this lock"), locked(folder):
        pytest.fail("two writers")
    others[0].__exit__(None, None, None)


def test_a_folder_that_goes_while_its_lock_is_waited_for(tmp_path, monkeypatch):
    folder, acquire, calls = tmp_path / "parts", FileLock.acquire, []

    def goes(lock, **options):
        calls.append(options)
        if len(calls) == 1:
            raise Timeout(lock.lock_file)
        if len(calls) == 2:
            folder.rmdir()  # while it looks at the lock again and again
            raise FileNotFoundError(lock.lock_file)
        return acquire(lock, **options)

    monkeypatch.setattr(FileLock, "acquire", goes)
    with locked(folder, patience=600.0):
        assert (folder / ".lock").exists() and len(calls) == 3
