"""Measure how long a timeline of a long file takes, and the memory of all processes.

    python benchmarks/timeline_speed.py COMPOSED [--minutes 10 60] [--sound]

COMPOSED is a video of `compose.py`; it is repeated to files of so many minutes without encoding it anew. Each is read
by `mraf.timeline` in a process of its own, in a new workspace and without a model; `--sound` reads its sound alone.
Real-time factors are seconds of work for a second of the file: of all, of the pass over the file (decoding, faces,
lips, voices), and of what follows (turns, people, outputs). Processor time is that of all processes; memory is the
most that this process and the decoder ever held, added. The last line is the longest file's time for a second of it
over the shortest file's: 1 where time grows as the file does.
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

from common import head, machine, row

ROOT = Path(__file__).parents[1]


def one(path: Path, sound: bool) -> dict[str, Any]:
    """Make the timeline of a file; return seconds and MiB."""
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
            workspace=f"{folder}/workspace",
            out=f"{folder}/out",
            formats="json",
            video_track=0 if sound else None,
            offline=True,
            on_progress=told,
        )
    took = time.monotonic() - began
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    if found.error or not found.duration:
        raise SystemExit(found.error)
    return {
        "seconds": found.duration,
        "took": took,
        "after": took - (steps["reading to"] - began),
        "processor": sum(each.ru_utime + each.ru_stime for each in (own, children)),
        "memory": (own.ru_maxrss + children.ru_maxrss) / 1024,
        "turns": len(found.turns),
        "people": len(found.people),
    }


def apart(path: Path, sound: bool) -> dict[str, Any]:
    """Return what `one` returns, from a new process."""
    options = ["--sound"] if sound else []
    command = [sys.executable, __file__, str(path), "--one", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def repeated(source: Path, target: Path, minutes: float) -> Path:
    """Write a video of at least so many minutes that shows another again and again."""
    import av
    from timelines.film import repeat

    with av.open(str(source)) as container:
        seconds = math.ceil(
            container.duration / 1e6 + 0.1
        )  # room for what coders of sound put before it
    repeat(source, target, max(1, round(60 * minutes / seconds)), seconds)
    return target


def main() -> None:
    """Measure files of several lengths."""
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    found.add_argument("composed", type=Path)
    found.add_argument("--minutes", type=float, nargs="+", default=[10.0, 60.0])
    found.add_argument("--sound", action="store_true", help="leave out the picture")
    found.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = found.parse_args()
    if options.one:
        print(json.dumps(one(options.composed, options.sound)))
        return
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}\n")
    titles = ("minutes", "took (s)", "all", "pass", "after", "processor", "memory (MiB)", "turns")
    print(head(*titles))
    factors = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in options.minutes:
            path = repeated(options.composed, Path(folder) / f"{minutes:g}.mp4", minutes)
            times = apart(path, options.sound)
            seconds = times["seconds"]
            factors.append(times["took"] / seconds)
            shares = (times["took"], times["took"] - times["after"], times["after"])
            cells = [f"{share / seconds:.3f}" for share in (*shares, times["processor"])]
            memory = f"{times['memory']:.0f}"
            print(
                row(f"{seconds / 60:.1f}", f"{times['took']:.0f}", *cells, memory, times["turns"]),
                flush=True,
            )
    print(f"\nlongest over shortest: {factors[-1] / factors[0]:.2f}")


if __name__ == "__main__":
    main()
