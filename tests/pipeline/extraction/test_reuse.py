"""Runs that are ended at any moment, and what the next run makes of it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mraf import Workspace
from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import find_clips
from mraf.data.table.features import FeatureTable, rows_of
from mraf.data.table.parts import parts_in
from mraf.errors import UsageError
from mraf.pipeline.extraction import known, reuse
from mraf.pipeline.extraction.extract import extract_clips
from tests.pipeline.extraction import quick_extract
from tests.pipeline.extraction.test_processes import is_running, wait_until

SCRIPT = Path(quick_extract.__file__)
ROOT = SCRIPT.parents[3]


@pytest.fixture
def videos(tmp_path):
    """Twelve files that only the quick encoders take for videos."""
    folder = tmp_path / "videos"
    for speaker in ("ann", "bob"):
        (folder / speaker).mkdir(parents=True)
        for number in range(6):
            (folder / speaker / f"{number}.mp4").write_text(f"{speaker} {number}")
    return folder


@pytest.fixture
def quick(monkeypatch):
    """`extract` in this process with the quick encoders."""
    monkeypatch.setattr("mraf.pipeline.extraction.rows.setup_worker", quick_extract.setup)
    return lambda videos, workspace: extract_clips(
        videos if isinstance(videos, list) else find_clips([videos]),
        workspace=workspace,
        encoders=quick_extract.ENCODERS,
        worker_count=0,
    )


def start(videos, workspace, hold=None):
    """Start `mraf extract`; it does not end as long as the file `hold` is there."""
    command = [sys.executable, SCRIPT, "extract", videos, "-w", workspace, "--workers", "2"]
    command += [*quick_extract.CHOSEN, "--json"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    if hold:
        hold.touch()
        environment["QUICK_HOLD"] = str(hold)
    return subprocess.Popen(
        [str(each) for each in command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(videos, workspace):
    run = start(videos, workspace)
    out, err = run.communicate(timeout=600)
    assert run.returncode in (0, 1), err
    return json.loads(out)


def processes_of(leader):
    """The living processes of a session: a command, its workers, and theirs."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            session = (folder / "stat").read_text().rpartition(")")[2].split()[3]
        except OSError:
            continue
        if int(session) == leader and is_running(int(folder.name)):
            found.append(int(folder.name))
    return found


def rows(workspace):
    return Workspace.at(workspace).table.read().to_pylist()


def wait_for_rows(workspace, run):
    parts = workspace / "features"
    wait_until(lambda: list(parts.glob("part-*.parquet")) or run.poll() is not None)


@pytest.mark.parametrize("who", ["command", "worker", "all"])
def test_a_killed_run_goes_on_and_ends_as_one_left_alone(videos, tmp_path, who):
    workspace, hold = tmp_path / "w", tmp_path / "hold"
    run = start(videos, workspace, hold)
    wait_for_rows(workspace, run)
    time.sleep(random.uniform(0, 0.3))
    workers = [pid for pid in processes_of(run.pid) if is_worker(pid)]
    if who == "worker":
        os.kill(random.choice(workers), signal.SIGKILL)
    else:
        os.kill(run.pid, signal.SIGKILL) if who == "command" else os.killpg(run.pid, signal.SIGKILL)
    hold.unlink()
    run.communicate(timeout=600)
    wait_until(lambda: not processes_of(run.pid))
    assert (run.returncode == 0) == (who == "worker")
    kept = len(rows(workspace))
    report = finish(videos, workspace)
    assert (report["reused"], report["embedded"]) == (kept, 12 - kept) and not report["failed"]
    assert kept
    # Each clip was embedded once: the parts, whose later rows hide earlier ones, hold no other row.
    stored = [pq.read_table(part, columns=["clip"]) for part in parts_in(workspace / "features")]
    clips = sorted(clip for table in stored for clip in table["clip"].to_pylist())
    assert clips == [clip.id for clip in find_clips([videos])]
    found = list(Workspace(workspace).table.rows())
    assert [row.clip for row in found] == [clip.id for clip in find_clips([videos])]
    for row in found:
        face, voice = quick_extract.vectors_of(Path(row.path).read_bytes())
        assert np.array_equal(row.face, face) and np.array_equal(row.voice, voice)


def is_worker(pid):
    try:
        return "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("signals", [["SIGINT"], ["SIGTERM"], ["SIGINT", "SIGINT"]])
def test_an_interrupted_run_says_how_to_go_on_and_leaves_nobody_behind(videos, tmp_path, signals):
    workspace, hold = tmp_path / "w", tmp_path / "hold"
    run = start(videos, workspace, hold)
    wait_for_rows(workspace, run)
    for name in signals:
        os.killpg(run.pid, signal.Signals[name]) if name == "SIGINT" else run.terminate()
        time.sleep(0.05)
    out, err = run.communicate(timeout=600)
    # A second Ctrl-C may find the command on its way out.
    assert run.returncode == 130 or (len(signals) == 2 and run.returncode == -signal.SIGINT), err
    if len(signals) == 1:
        assert "the same command goes on from there" in json.loads(out)["error"]
        assert "Traceback" not in err
    wait_until(lambda: not processes_of(run.pid))
    kept = len(rows(workspace))
    assert 0 < kept <= 12
    hold.unlink()
    assert finish(videos, workspace)["reused"] == kept


def test_a_file_that_kills_its_worker_is_left_out_until_it_changes(videos, tmp_path):
    deadly = videos / "ann" / "3.mp4"
    deadly.write_text("deadly")
    report = finish(videos, tmp_path / "w")
    assert [failure["clip"] for failure in report["failed"]] == ["ann/3.mp4"]
    assert report["failed"][0]["error"] == "the worker process crashed (SIGSEGV)"
    report = finish(videos, tmp_path / "w")
    assert (report["reused"], report["embedded"]) == (12, 0) and len(report["failed"]) == 1
    deadly.write_text("mended")
    report = finish(videos, tmp_path / "w")
    assert (report["reused"], report["embedded"], report["failed"]) == (11, 1, [])


def test_two_runs_in_one_workspace(videos, tmp_path, quick):
    hold = tmp_path / "hold"
    run = start(videos, tmp_path / "w", hold)
    lock = tmp_path / "w" / "features" / ".lock"
    wait_until(lambda: lock.exists() and lock.read_text())
    with pytest.raises(UsageError, match=rf"\.lock: another `mraf extract` \(process {run.pid}\)"):
        quick(videos, tmp_path / "w")
    hold.unlink()
    run.communicate(timeout=600)
    assert run.returncode == 0
    assert quick(videos, tmp_path / "w").reused == 12


def test_a_workspace_that_cannot_be_written_to(videos, tmp_path, quick, monkeypatch):
    def read_only(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "mkdir", read_only)
    with pytest.raises(UsageError, match=r"cannot be written to \(Read-only file system\)"):
        quick(videos, tmp_path / "w")


def test_nothing_new_reads_no_vectors_and_starts_no_encoder(videos, tmp_path, quick, monkeypatch):
    quick(videos, tmp_path / "w")
    monkeypatch.setattr(
        "mraf.data.table.snapshot.Snapshot.matrix", lambda *_: pytest.fail("read vectors")
    )
    monkeypatch.setattr(
        "mraf.pipeline.extraction.reuse.rows_of", lambda *_: pytest.fail("read rows")
    )
    monkeypatch.setattr(
        "mraf.pipeline.extraction.rows.setup_worker", lambda *_: pytest.fail("encoders")
    )
    assert quick(videos, tmp_path / "w").reused == 12


def test_moved_clips_are_read_in_pieces(videos, tmp_path, quick, monkeypatch):
    quick(videos, tmp_path / "w")
    before = {row["clip"]: row["face"] for row in rows(tmp_path / "w")}
    read = []

    def noting(snapshot):
        read.append(len(snapshot))
        return rows_of(snapshot)

    monkeypatch.setattr("mraf.pipeline.extraction.run.RELABELLED_AT_ONCE", 4)
    monkeypatch.setattr("mraf.pipeline.extraction.reuse.rows_of", noting)
    (videos / "ann").rename(videos / "anna")
    report = quick(videos, tmp_path / "w")
    assert (report.reused, len(report.renamed), read) == (12, 6, [4, 2])
    after = {row["clip"]: row["face"] for row in rows(tmp_path / "w")}
    assert after == {clip.replace("ann/", "anna/"): face for clip, face in before.items()}


def test_names_that_two_clips_exchange(videos, tmp_path, quick):
    quick(videos, tmp_path / "w")
    before = {row["clip"]: row["face"] for row in rows(tmp_path / "w")}
    ann, bob = videos / "ann" / "0.mp4", videos / "bob" / "0.mp4"
    for old, new in ((ann, videos / "x"), (bob, ann), (videos / "x", bob)):
        shutil.move(old, new)
    assert quick(videos, tmp_path / "w").reused == 12
    after = {row["clip"]: row["face"] for row in rows(tmp_path / "w")}
    swapped = {"ann/0.mp4": before["bob/0.mp4"], "bob/0.mp4": before["ann/0.mp4"]}
    assert after == before | swapped


def test_an_id_that_passed_to_another_clip_is_not_lost(videos, tmp_path, quick):
    """A clip gets a new name, and its old name goes to a new clip in the same run."""
    old, moved, new = (videos / name for name in ("old.mp4", "moved.mp4", "new.mp4"))
    old.write_text("first")
    quick([Clip("a", old)], tmp_path / "w")
    old.rename(moved)
    new.write_text("second")
    report = quick([Clip("a", new), Clip("b", moved)], tmp_path / "w")
    assert (report.reused, report.embedded) == (1, 1)
    assert [row["clip"] for row in rows(tmp_path / "w")] == ["a", "b"]
    assert len(FeatureTable(tmp_path / "w" / "features")) == 2


def test_a_folder_whose_name_is_not_utf_8_above_the_clips(videos, tmp_path, quick):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    shutil.copytree(videos, folder)
    report = quick(folder, tmp_path / "w")
    assert report.embedded == report.clips and not report.failed
    assert all("caf\\xe9" in row.path for row in FeatureTable(tmp_path / "w" / "features").rows())
    assert quick(folder, tmp_path / "w").reused == report.clips


def test_a_copy_below_a_folder_whose_name_is_not_utf_8_is_another_clip(videos, tmp_path, quick):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    shutil.copytree(videos, folder)
    quick([Clip("first", folder / "ann" / "0.mp4")], tmp_path / "w")
    report = quick([Clip("copy", videos / "ann" / "0.mp4")], tmp_path / "w")
    assert (report.reused, report.renamed) == (1, ())
    assert [row["clip"] for row in rows(tmp_path / "w")] == ["copy", "first"]


@pytest.mark.parametrize("folder", [b"plain", b"caf\xe9"])
@pytest.mark.parametrize(
    "name", [rb"a.mp4", rb"\xe9.mp4", rb"\\xe9\.mp4", b"\xe9\\.mp4", "é.mp4".encode()]
)
def test_a_path_of_any_bytes_is_found_again(tmp_path, folder, name):
    path = Path(os.fsdecode(b"/".join([os.fsencode(tmp_path), folder, name])))
    path.parent.mkdir()
    path.touch()
    text = known.path_of(Clip("a", path))
    text.encode("utf-8")
    assert reuse._is_there(text)
    path.unlink()
    assert not reuse._is_there(text)


def test_a_namesake_that_cannot_be_read_is_a_failed_row(videos, tmp_path, quick, monkeypatch):
    quick(videos, tmp_path / "w")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(videos, elsewhere)

    def unreadable(clip):
        raise OSError(5, "Input/output error", str(clip.files[0]))

    monkeypatch.setattr("mraf.data.clips.clip.Clip.content_hash", unreadable)
    report = quick(elsewhere, tmp_path / "w")
    assert len(report.failed) == report.clips


def test_an_edited_clip_that_is_reached_by_another_way_is_no_namesake(
    videos, tmp_path, quick, monkeypatch
):
    quick(videos, tmp_path / "w")
    (tmp_path / "link").symlink_to(videos)
    monkeypatch.chdir(videos)
    for number, way in enumerate([tmp_path / "link", Path("..", "videos"), videos]):
        (videos / "ann" / "0.mp4").write_text(f"edited {number}")
        report = quick(way, tmp_path / "w")
        assert (report.reused, report.embedded) == (11, 1)


def test_a_drive_that_hangs_is_taken_to_hold_the_file(videos, tmp_path, quick, monkeypatch):
    """A clip has moved from there: its old row stays, and the run goes on."""
    quick(videos, tmp_path / "w")
    (videos / "ann").rename(videos / "anna")
    answer = threading.Event()
    monkeypatch.setattr(reuse, "LOOK_SECONDS", 0)
    monkeypatch.setattr(reuse, "_is_there", lambda path: answer.wait() and False)
    report = quick(videos, tmp_path / "w")
    answer.set()
    assert (report.reused, report.embedded, report.renamed) == (12, 0, ())
    assert len(rows(tmp_path / "w")) == 18
