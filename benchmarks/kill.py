"""Extractions that are killed at random moments, run again, and compared with an undisturbed run.

    python benchmarks/kill.py --rounds 20

Each round starts `mraf extract --face dlib --voice campplus` on clips of invented people, in a new workspace,
and ends it after a random time: SIGKILL to the command, to one worker or to all processes, Ctrl-C, or
SIGTERM to the command. Then the same command runs again, and the table is compared with that of an
undisturbed run, vectors included. Each round prints one line:

    rows      rows on the disk after the first run
    re-used   rows that the second run re-used
    embedded  clips that the second run embedded
    lost      clips that are missing in the table
    extra     clips that the undisturbed run does not have
    again     clips that were embedded again although their row was on the disk
    differ    rows that differ from those of the undisturbed run
    left      processes that still run 5 s after the end of the command

The last line sums the faults; the exit code is 1 if there are any.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from common import command_line, machine, processes

from mraf.data.table.features import MERGE_AT, FeatureTable
from mraf.data.table.parts import parts_in

WAYS = ("command", "worker", "all", "Ctrl-C", "SIGTERM")
HEADER = f"{'round':>5} {'ended':<8} {'after':>6} {'code':>5} {'rows':>5} {'re-used':>8} {'embedded':>9} "
HEADER += f"{'lost':>5} {'extra':>6} {'again':>6} {'differ':>7} {'left':>5}"


def main() -> None:
    """Make the clips, extract them once undisturbed, and run the rounds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clips", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    # A script in the background is started with SIGINT ignored, and would hand that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        manifest = make_clips(Path(folder), arguments.clips)
        command = [sys.executable, "-m", "mraf", "extract", "--manifest", str(manifest), "--json"]
        command += ["--face", "dlib", "--voice", "campplus", "--workers", str(arguments.workers)]
        started = time.monotonic()
        wanted = rows_of(Path(folder), finish([*command, "-w", f"{folder}/alone"]), "alone")
        seconds = time.monotonic() - started
        print(f"{machine()}\n")
        print(f"undisturbed: {len(wanted)} clips in {seconds:.0f} s\n\n{HEADER}", flush=True)
        wrong: Counter[str] = Counter()
        for number in range(1, arguments.rounds + 1):
            way = WAYS[(number - 1) % len(WAYS)]
            again = [*command, "-w", f"{folder}/{number}"]
            after = chance.uniform(0, seconds)
            code, left = disturb(again, way, after, chance)
            table = FeatureTable(Path(folder) / str(number) / "features")
            before = len(table)
            report = finish(again)
            faults = compare(wanted, rows_of(Path(folder), report, str(number)))
            # What the command says, and what lies on the disk.
            faults["again"] = max(abs(before - report["reused"]), surplus(table.folder))
            wrong.update(faults | {"left": left})
            print(
                f"{number:>5} {way:<8} {after:>4.1f} s {code:>5} {before:>5} {report['reused']:>8} "
                f"{report['embedded']:>9} {faults['lost']:>5} {faults['extra']:>6} {faults['again']:>6} "
                f"{faults['differ']:>7} {left:>5}",
                flush=True,
            )
    print(", ".join(f"{name}: {count}" for name, count in wrong.items()))
    raise SystemExit(int(any(wrong.values())))


def make_clips(folder: Path, count: int) -> Path:
    """Make clips with `mraf sample`; return a manifest of `count` of them."""
    sample = [sys.executable, "-m", "mraf", "sample", str(folder / "videos"), "--speakers", "4"]
    subprocess.run([*sample, "--json"], check=True, stdout=subprocess.DEVNULL)
    videos = sorted((folder / "videos").rglob("*.mp4"))[:count]
    manifest = folder / "clips.csv"
    manifest.write_text("video\n" + "".join(f"{v.relative_to(folder)}\n" for v in videos), "utf-8")
    return manifest


def finish(command: list[str]) -> dict[str, Any]:
    """Run the command to the end; return its JSON report."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def rows_of(folder: Path, report: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the rows of the table after a run in which no clip failed."""
    assert not report["failed"], report["failed"]
    rows: list[dict[str, Any]] = FeatureTable(folder / name / "features").read().to_pylist()
    return rows


def compare(wanted: list[dict[str, Any]], found: list[dict[str, Any]]) -> dict[str, int]:
    """Count the clips that are lost, extra, or different in any column."""
    by_id = {row["clip"]: row for row in found}
    return {
        "lost": sum(row["clip"] not in by_id for row in wanted),
        "extra": len(by_id.keys() - {row["clip"] for row in wanted}),
        "differ": sum(by_id.get(row["clip"], row) != row for row in wanted),
    }


def surplus(folder: Path) -> int:
    """Count the rows in the parts of a table beyond one per clip; the table itself hides them.

    No clip changes here, and so few parts are not merged, so each such row is work done twice.
    """
    parts = parts_in(folder)
    assert len(parts) <= MERGE_AT
    clips = [clip for part in parts for clip in _clips_in(part)]
    return len(clips) - len(set(clips))


def _clips_in(part: Path) -> list[str]:
    ids: list[str] = pq.read_table(part, columns=["clip"])["clip"].to_pylist()
    return ids


def disturb(command: list[str], way: str, after: float, chance: random.Random) -> tuple[int, int]:
    """Run a command and end it after `after` seconds.

    Returns its exit code and the number of processes that still run 5 s later.
    """
    run = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(after)
    workers = [pid for pid in session(run.pid) if "spawn_main" in command_line(pid)]
    if run.poll() is None:
        if way == "worker" and workers:
            os.kill(chance.choice(workers), signal.SIGKILL)
        elif way == "command":
            run.kill()
        elif way == "all":
            os.killpg(run.pid, signal.SIGKILL)
        elif way == "Ctrl-C":  # a terminal sends it to all
            os.killpg(run.pid, signal.SIGINT)
        elif way == "SIGTERM":
            run.terminate()
    code = run.wait()
    end = time.monotonic() + 5
    while (left := len(session(run.pid))) and time.monotonic() < end:
        time.sleep(0.1)
    return code, left


def session(leader: int) -> list[int]:
    """Return the ids of the processes in the session of a command, itself included."""
    return [pid for pid, stat in processes() if int(stat[3]) == leader and stat[0] != "Z"]


if __name__ == "__main__":
    main()
