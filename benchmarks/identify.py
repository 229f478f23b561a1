"""Time of each stage of `mraf identify` for one clip, cold and warm, compared with a baseline.

    python benchmarks/identify.py VIDEOS
    python benchmarks/identify.py VIDEOS --device cuda

The model is trained here on a few of the clips, with random weights, which are looked up and checked
by SHA-256 as published ones are. Cold is a fresh process, from its start to the answer; warm is one
more clip in the same process. The baseline ("the plain way" in the output) is that of
`benchmarks/extract.py`, which only embeds.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import machine, pair_of, run, write_weights

STAGES = ("decode", "find faces", "embed faces", "find speech", "embed speech")


def main() -> None:
    """Time mraf and the baseline in turns and print the time of each stage of mraf."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child(arguments.videos, arguments.device)))
        return
    clips = sorted(arguments.videos.rglob("*.mp4"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_weights(folder)
        train(arguments.videos, folder)
        ours, plain = [], []
        for _ in range(arguments.rounds):
            command = [__file__, str(folder), "--child", "--device", arguments.device]
            ours.append(run(command, clips[:2]))
            script, way = Path(__file__).with_name("extract.py"), json.dumps({"name": "plain"})
            plain.append(run([str(script), "--run", way, "--folder", name], clips[:1]))
        report(ours, plain, arguments.device)


def train(videos: Path, folder: Path) -> None:
    """Train a model of the speakers in a folder, on three clips of each."""
    from mraf.data.clips.folders import find_clips
    from mraf.pipeline.extraction.extract import extract_clips
    from mraf.pipeline.training.train import train as fit

    count: dict[str | None, int] = defaultdict(int)
    chosen = []
    for clip in find_clips([videos]):
        count[clip.speaker] += 1
        if count[clip.speaker] <= 3:
            chosen.append(clip)
    extract_clips(chosen, workspace=folder / "workspace", encoders=pair_of(folder))
    fit(folder / "workspace")


def child(folder: Path, device: str) -> dict[str, Any]:
    """Identify the clips on stdin in this fresh process, and return how long each stage took."""
    clips = [Path(line) for line in sys.stdin.read().splitlines()]
    started = float(os.environ["STARTED"])  # the clock is the machine's
    from mraf import cli  # noqa: F401
    from mraf.pipeline.identification import Identifier

    imported = time.monotonic()
    publish(folder)
    identifier = Identifier(folder / "workspace", weights_dir=folder, offline=True, device=device)
    loaded = time.monotonic()
    times = {"start and imports": imported - started, "load": loaded - imported}
    stages = measured(identifier._extractor)
    walls, shares = [], []
    for clip in clips:
        stages.clear()
        before = time.monotonic()
        identifier(clip)
        walls.append(time.monotonic() - before)
        shares.append(dict(stages))
    return {
        "times": times,
        "cold": time.monotonic() - started - walls[1],
        "clips": walls,
        "stages": shares,
    }


def publish(folder: Path) -> None:
    """Use the weights in a folder in place of the published ones in this process."""
    from mraf.extractors.encoders import TABLES

    pair = pair_of(folder)  # with their digests
    for table, spec in zip(TABLES.values(), (pair.face, pair.voice), strict=True):
        row = table[spec.name]
        assert row.published is not None and spec.weights is not None
        file = replace(row.published, filename=spec.weights.name, sha256=spec.sha256)
        table[spec.name] = replace(row, published=file)


def measured(extractor: Any) -> dict[str, float]:
    """Return the seconds spent in each stage of an extractor, updated from now on."""
    spent: dict[str, float] = defaultdict(float)
    parts = (
        (extractor._decoders[0], "read"),
        (extractor._faces, "find"),
        (extractor._face, "embed"),
        (extractor._speech[0], "find"),
        (extractor._voice, "embed"),
    )
    for stage, (holder, name) in zip(STAGES, parts, strict=True):
        setattr(holder, name, timed(getattr(holder, name), stage, spent))
    return spent


def timed(function: Any, stage: str, spent: dict[str, float]) -> Any:
    """Return the function with its time added to a stage."""

    def call(*arguments: Any, **options: Any) -> Any:
        before = time.monotonic()
        try:
            return function(*arguments, **options)
        finally:
            spent[stage] += time.monotonic() - before

    return call


def report(ours: list[dict[str, Any]], plain: list[dict[str, Any]], device: str) -> None:
    """Print medians over the rounds."""

    def median(*path: Any) -> float:
        values = []
        for each in ours:
            for key in path:
                each = each[key]
            values.append(each)
        return statistics.median(values)

    print(f"{machine(device)}; median of {len(ours)}; seconds\n")
    for name in ours[0]["times"]:
        print(f"  {name:<24}{median('times', name):>6.2f}")
    print(f"  {'first clip':<24}{median('clips', 0):>6.2f}")
    print(f"  {'cold, in all':<24}{median('cold'):>6.2f}")
    print(f"  {'one more clip (warm)':<24}{median('clips', 1):>6.2f}")
    for stage in STAGES:
        print(f"    {stage:<22}{median('stages', 1, stage):>6.2f}")
    theirs = statistics.median(each["loading"] + 1 / each["speed"] for each in plain)
    print(f"\n  {'the plain way':<24}{theirs:>6.2f}  (without the start of Python)")
    print(f"\nratio of the time cold: {theirs / median('cold'):.2f}")


if __name__ == "__main__":
    main()
