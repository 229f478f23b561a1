"""Comparison of the engine on Ray with the local engine, both on this machine.

    python benchmarks/scale.py VIDEOS --rounds 2              # real work, FaceNet and ECAPA-TDNN, untrained
    python benchmarks/scale.py VIDEOS --no-work --copies 200  # the cost of the engines themselves

Both extract the same clips in turns, each in a fresh process and into a new workspace, with one worker per
core. The time to the first row is printed separately; the speed leaves out the first quarter of the rows.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import common
import numpy as np
from ours import convert

ENGINES = ("local", "ray")


def main() -> None:
    """Run both engines in turns and print speed, start, memory and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--copies", type=int, default=2, help="how often each clip is extracted")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--no-work", action="store_true", help="vectors out of nothing, at once")
    parser.add_argument("--run", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        clips = [Path(line) for line in sys.stdin.read().splitlines()]
        print(json.dumps(measure(arguments.run, clips, arguments.weights)))
        return
    clips = sorted(arguments.videos.rglob("*.mp4")) * arguments.copies
    with tempfile.TemporaryDirectory() as folder:
        command = [__file__, "--run"]
        ending: list[str] = [str(arguments.videos)]
        if not arguments.no_work:
            common.write_weights(Path(folder))
            pair = common.pair_of(Path(folder))
            convert([pair.face, pair.voice])
            ending += ["--weights", folder]
        found: dict[str, list[dict[str, float]]] = {name: [] for name in ENGINES}
        for number in range(arguments.rounds):
            for name in ENGINES if number % 2 == 0 else ENGINES[::-1]:
                found[name].append(common.run([*command, name, *ending], clips))
                print(f"round {number + 1}, {name}: {found[name][-1]}", flush=True)
    report(found, len(clips))


def measure(engine: str, clips: list[Path], weights: Path | None) -> dict[str, float]:
    """Extract the clips once and return the measurements.

    "seconds" is the total time, "first" the time to the first row in seconds, "speed" the clips per
    second after the first quarter, "memory" the peak in MB, and "command" the processor time of this
    process in ms per clip.
    """
    from mraf.data.clips.clip import Clip
    from mraf.extractors.encoders import EncoderPair, EncoderSpec
    from mraf.extractors.weights import PUBLISHED
    from mraf.pipeline.extraction import rows
    from mraf.pipeline.extraction.extract import extract_clips
    from mraf.pipeline.extraction.ray.engine import RayEngine

    voice = EncoderSpec(name="campplus", sha256=PUBLISHED["campplus"].sha256)
    pair = EncoderPair(face=EncoderSpec(name="dlib"), voice=voice)
    if weights:
        pair = common.pair_of(weights)
    else:
        from scale import nothing  # by a name that other processes know

        rows.setup_worker = nothing
    ends: list[float] = []
    entries = [Clip(f"{i:06}", clip) for i, clip in enumerate(clips)]
    with tempfile.TemporaryDirectory() as space, Memory() as memory:
        started, worked = time.monotonic(), time.process_time()
        made = RayEngine("local") if engine == "ray" else None
        extract_clips(
            entries,
            workspace=space,
            encoders=pair,
            engine=made,
            on_progress=lambda each: ends.append(time.monotonic()) if each.done else None,
        )
        seconds, worked = time.monotonic() - started, time.process_time() - worked
    quarter = len(ends) // 4
    speed = (len(ends) - quarter) / (ends[-1] - ends[quarter - 1])
    return {
        "seconds": round(seconds, 2),
        "first": round(ends[0] - started, 2),
        "speed": round(speed, 3),
        "memory": round(memory.most),
        "command": round(1e3 * worked / len(clips), 3),  # ms of a core, of this process alone
    }


def nothing(*_: Any) -> Any:
    """Return a worker that opens no clip and returns one random vector for all."""
    from mraf.data.table.features import FeatureRow

    vector = np.random.default_rng(0).standard_normal(512 + 192, np.float32)

    def work(jobs: list[Any]) -> list[Any]:
        return [
            FeatureRow(
                clip=clip.id,
                path=str(clip.video),
                source_hash="",
                extractor="",
                face=vector[:512],
                voice=vector[512:],
            )
            for clip, _ in jobs
        ]

    return work


class Memory:
    """Peak memory use of the machine within a `with` block, in MB."""

    def __init__(self) -> None:
        self._end = threading.Event()
        self._free, self._least = available(), available()
        self._thread = threading.Thread(target=self._watch)

    @property
    def most(self) -> float:
        """The peak until now, in MB."""
        return (self._free - self._least) / 1e6

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.2):
            self._least = min(self._least, available())


def available() -> int:
    """Return the bytes of memory that are available now."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))


def report(found: dict[str, list[dict[str, float]]], count: int) -> None:
    """Print medians over the rounds, and the ratios of the two engines."""
    print(f"\n{common.machine()}; {count} clips, median of {len(found['ray'])}\n")
    print(
        f"{'':<8}{'clips/s':>9}{'first row':>12}{'in all':>10}{'memory':>12}{'command, a clip':>18}"
    )
    medians = {
        name: {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        for name, rounds in found.items()
    }
    for name, each in medians.items():
        print(
            f"{name:<8}{each['speed']:>9.2f}{each['first']:>10.1f} s{each['seconds']:>8.1f} s"
            f"{each['memory']:>9.0f} MB{each['command']:>15.2f} ms"
        )
    local, ray = (medians[name] for name in ENGINES)
    print(f"\nratio of speed, Ray to local: {ray['speed'] / local['speed']:.3f}")
    print(f"the same, start and end included: {local['seconds'] / ray['seconds']:.3f}")


if __name__ == "__main__":
    main()
