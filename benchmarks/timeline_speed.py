"""Measure how long a timeline of a long file takes, and the memory of all its processes together.

    python benchmarks/timeline_speed.py VIDEOS [--minutes 10 60] [--made 10] [--sound] [--keep FOLDER]

VIDEOS holds clips `<speaker>/<language>/<recording>/<clip>.mp4`, as for `compose.py`. Videos of all these people are
composed anew, `--made` minutes of them, each with other people in another order; longer files string them together
in orders of their own, without encoding them anew. Some of the people are enrolled first, and `mraf.timeline` reads
each file in a process of its own with that model and writes all its usual outputs, the page among them; `--sound` reads
its sound alone. `--keep` is a folder for the composed videos, which are used again.

Real-time factors are seconds of work for a second of the file: of all, of the pass over the file (decoding, faces,
lips, voices), and of what follows (turns, people, names, outputs). Processor time is that of all processes. Memory is
the largest sum over all processes at one moment, looked at every two seconds, where what they share counts once
(PSS). The last line is the longest file's time for a second of it over the shortest file's: 1 where time grows as the
file does.
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import head, machine, processes, row

ROOT = Path(__file__).parents[1]
SEGMENT = ["--seconds", "100", "--known", "5", "--strangers", "3", "--enrol", "1"]
"""Options of the videos that are strung together."""


def one(path: Path, workspace: Path) -> dict[str, Any]:
    """Make the timeline of a file; return seconds."""
    import mraf

    steps: dict[str, float] = {}
    began = time.monotonic()

    def told(progress: Any) -> None:
        now = time.monotonic()
        steps.setdefault(f"{progress.step} from", now)
        steps[f"{progress.step} to"] = now

    with tempfile.TemporaryDirectory() as folder:
        (found,) = mraf.timeline(
            path,
            workspace=workspace,
            out=folder,
            offline=True,
            on_progress=told,
        )
    took = time.monotonic() - began
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    if found.error or not found.duration:
        raise SystemExit(found.error)
    return {
        "seconds": found.duration,
        "took": took,
        "after": took - (steps["reading to"] - began),
        "processor": sum(each.ru_utime + each.ru_stime for each in used),
        "turns": len(found.turns),
        "people": len(found.people),
        "named": sum(not each.unknown for each in found.people),
    }


def apart(path: Path, workspace: Path) -> dict[str, Any]:
    """Return what `one` returns, from a new process, and the peak of memory in MiB."""
    command = [sys.executable, __file__, str(path), "--one", str(workspace)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    peak = 0
    with tempfile.TemporaryFile() as answer:
        with subprocess.Popen(command, env=environment, stdout=answer) as running:
            while running.poll() is None:
                peak = max(peak, memory(running.pid))
                time.sleep(2.0)  # to look takes 50 ms of a core
        if running.returncode:
            raise SystemExit(f"{path} could not be read")
        answer.seek(0)
        found: dict[str, Any] = json.loads(answer.read().splitlines()[-1])
    return {**found, "memory": peak / 1024}


def memory(pid: int) -> int:
    """Return the memory in KiB of a process and all that it began, what they share counted once."""
    parents = {each: int(fields[1]) for each, fields in processes()}
    family = {pid}
    while more := {each for each, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(map(_own, family))


def _own(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def segments(videos: Path, folder: Path, minutes: float) -> list[tuple[Path, float]]:
    """Compose at least so many minutes of videos; return them with the seconds that each takes."""
    import av
    from compose import compose, parser

    found: list[tuple[Path, float]] = []
    while sum(seconds for _, seconds in found) < 60 * minutes:
        name = f"segment-{len(found)}"
        path = folder / f"{name}.mp4"
        options = [str(videos), str(folder), "--name", name, "--seed", str(len(found)), *SEGMENT]
        if not path.with_suffix(".json").is_file():
            compose(videos, folder, parser().parse_args(options))
        with av.open(str(path)) as container:
            # Room for what coders of sound put before it.
            seconds = math.ceil((container.duration or 0) / 1e6 + 0.1)
        found.append((path, float(seconds)))
    return found


def strung(some: list[tuple[Path, float]], target: Path, minutes: float, *, sound: bool) -> Path:
    """Write a video of at least so many minutes that shows others in ever new orders."""
    import numpy as np
    from timelines.film import string

    rng = np.random.default_rng(0)
    shown: list[tuple[Path, float]] = []
    left = 60 * minutes
    order: list[int] = []
    while left > 0:
        order = order or rng.permutation(len(some)).tolist()
        shown.append(some[order.pop()])
        left -= shown[-1][1]
    string(shown, target, picture=not sound)
    return target


def enrolled(first: Path, workspace: Path) -> None:
    """Enrol the known people of a composed video."""
    from timelines.truth import read_truth

    import mraf

    for name, clips in read_truth(first.with_suffix(".json")).enrol.items():
        mraf.enrol(name, clips, workspace=workspace, yes=True)


def main() -> None:
    """Measure files of several lengths."""
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found.add_argument("videos", type=Path)
    found.add_argument("--minutes", type=float, nargs="+", default=[10.0, 60.0])
    found.add_argument("--made", type=float, default=10.0, help="minutes to compose")
    found.add_argument("--sound", action="store_true", help="leave out the picture")
    found.add_argument("--keep", type=Path, help="folder for the composed videos")
    found.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = found.parse_args()
    if options.one:
        print(json.dumps(one(options.videos, options.one)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        measured(options, Path(temporary))


def measured(options: argparse.Namespace, temporary: Path) -> None:
    """Compose files, enrol people and print a row for each file."""
    folder = options.keep or temporary / "segments"
    some = segments(options.videos, folder, min(options.made, max(options.minutes)))
    enrolled(some[0][0], temporary / "model")
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}; {len(some)} composed videos\n")
    titles = ("minutes", "took (s)", "all", "pass", "after", "processor", "memory (MiB)")
    print(head(*titles, "turns", "people, named"))
    factors = []
    for minutes in options.minutes:
        path = strung(some, temporary / f"{minutes:g}.mp4", minutes, sound=options.sound)
        times = apart(path, temporary / "model")
        seconds = times["seconds"]
        factors.append(times["took"] / seconds)
        shares = (times["took"], times["took"] - times["after"], times["after"])
        cells = [f"{share / seconds:.3f}" for share in (*shares, times["processor"])]
        people = f"{times['people']}, {times['named']}"
        cells = [f"{times['took']:.0f}", *cells, f"{times['memory']:.0f}", times["turns"], people]
        print(row(f"{seconds / 60:.1f}", *cells), flush=True)
        path.unlink()
    print(f"\nlongest over shortest: {factors[-1] / factors[0]:.2f}")


if __name__ == "__main__":
    main()
