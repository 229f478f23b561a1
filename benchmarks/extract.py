"""Comparison of mraf's extraction with the code of the READMEs of the libraries.

    python benchmarks/extract.py VIDEOS
    python benchmarks/extract.py --made 24                       # sample videos, 1280 x 720
    python benchmarks/extract.py VIDEOS --precision single bfloat16
    python benchmarks/extract.py VIDEOS --device cuda --at-once 1 4 16 64 --decoders 1 4 8 --copies 8

The baseline ("plain") runs in one process with torch's default threads. It decodes the whole clip and
runs 8 frames spread over it, at full size, one by one through MTCNN with its defaults, each crop through
InceptionResnetV1, and the resampled sound through ECAPA-TDNN. mraf is `mraf extract` with one worker
per core, or with some that share a GPU. All have the same random weights. They take turns, each in a
process of its own. The speed leaves out the loading, which has a column of its own.

After its turn, and not timed, each embeds the same clips with dlib and CAM++, whose weights are trained,
where they are installed. Their vectors show what a precision or a device does to telling people apart.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from common import attempt, head, machine, precisions, row, write_weights
from ours import ours
from plain import plain
from vectors import TITLES, cosines, equal_error_rate, neighbours, present

PLAIN = "plain"


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to embed the clips: the baseline, or mraf with some settings."""

    name: str  # also that of its file of vectors
    trained: bool = True  # embed the clips with the trained encoders too
    engine: dict[str, Any] | None = None  # arguments of `LocalEngine`; None is the baseline


def main() -> None:
    """Run all ways in turns and print speed, memory and agreement."""
    arguments = parse()
    if arguments.run:
        clips = [Path(line) for line in sys.stdin.read().splitlines()]
        print(json.dumps(one(Way(**json.loads(arguments.run)), clips, arguments)))
        return
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        clips = chosen(arguments, Path(folder))
        write_weights(Path(folder))
        ways = ways_of(arguments)
        rounds: dict[str, list[dict[str, Any]]] = {way.name: [] for way in ways}
        failed: dict[str, str] = {}
        for number in range(arguments.rounds):
            for way in ways if number % 2 == 0 else reversed(ways):
                if way.name not in failed and time.monotonic() - began < arguments.seconds:
                    turn(way, clips, folder, rounds[way.name], failed)
        print(f"\n{machine(arguments.device)}; {len(clips)} clips, {arguments.rounds} rounds\n")
        print_speed({name: each for name, each in rounds.items() if each}, failed)
        originals = clips[: len(clips) // arguments.copies]
        print_agreement(originals, [n for n, each in rounds.items() if each], Path(folder))
        if failed:
            sys.exit("\n".join(f"{name}: {why}" for name, why in failed.items()))


def parse() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="?")
    parser.add_argument("--made", type=int, default=0, help="make this many sample videos at 720p")
    parser.add_argument("--clips", type=int, default=52, help="at most this many of VIDEOS")
    parser.add_argument("--copies", type=int, default=1, help="of each clip, for fast devices")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no turn after so many")
    parser.add_argument("--precision", nargs="+", choices=["single", "bfloat16"])
    parser.add_argument("--device", default="cpu", help='"cuda", or "cpu:0" for torch on the CPU')
    parser.add_argument("--at-once", type=int, nargs="+", default=[16], metavar="CLIPS")
    parser.add_argument("--decoders", type=int, nargs="+", default=[4], metavar="N")
    parser.add_argument("--workers", type=int, nargs="+", default=[2], metavar="N")
    parser.add_argument("--no-plain", action="store_true", help="leave the baseline out")
    parser.add_argument("--no-cpu", action="store_true", help="beside a device, leave the CPU out")
    parser.add_argument("--run", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def ways_of(arguments: argparse.Namespace) -> list[Way]:
    """Return the ways to compare, the slowest first."""
    from mraf.pipeline.extraction.processes import available_cores

    ways = [] if arguments.no_plain else [Way(name=PLAIN)]
    on_cpu = precisions(arguments.precision)
    if arguments.device != "cpu":
        on_cpu = [] if arguments.no_cpu else on_cpu[-1:]
    for precision in on_cpu:
        engine = {"device": "cpu", "workers": available_cores(), "precision": precision}
        ways.append(Way(name=precision, engine=engine))
    if arguments.device != "cpu":
        grid = product(arguments.workers, arguments.decoders, arguments.at_once)
        for workers, decoders, at_once in grid:
            name = f"{arguments.device}, {workers} x {decoders} decoders, {at_once} at once"
            engine = {"device": arguments.device, "workers": workers}
            engine |= {"decoders": decoders, "at_once": at_once}
            first = not any(each.engine and "at_once" in each.engine for each in ways)
            ways.append(Way(name=name, engine=engine, trained=first))
    return ways


def chosen(arguments: argparse.Namespace, folder: Path) -> list[Path]:
    """Return some of the given clips, spread over all, or sample videos made now; and their copies."""
    if arguments.made:
        from mraf.data.sample.make import SampleOptions, make_sample

        speakers = -(-arguments.made // 6)
        options = SampleOptions(speakers=speakers, recordings=(1, 1), width=1280, height=720)
        make_sample(folder / "videos", options)
        arguments.videos, arguments.clips = folder / "videos", arguments.made
    found = sorted(arguments.videos.rglob("*.mp4"))
    if not found:
        sys.exit(f"{arguments.videos}: it holds no MP4 files")
    count = min(arguments.clips, len(found))
    some = [found[i * len(found) // count] for i in range(count)]
    return some + [
        copied(clip, clip.relative_to(arguments.videos), folder / f"copies{number}")
        for number in range(1, arguments.copies)
        for clip in some
    ]


def copied(clip: Path, relative: Path, folder: Path) -> Path:
    """Return a copy with other content, which shows and sounds the same: mraf knows clips by content."""
    made = folder / relative
    made.parent.mkdir(parents=True, exist_ok=True)
    name = folder.name.encode()
    box = (8 + len(name)).to_bytes(4, "big") + b"free" + name  # MP4's box for what nobody reads
    made.write_bytes(clip.read_bytes() + box)
    return made


def one(way: Way, clips: list[Path], arguments: argparse.Namespace) -> dict[str, Any]:
    """Embed the clips in one way, in this process; return its figures and keep its vectors."""
    if way.engine is None:
        return plain(clips, arguments.folder)
    return ours(clips, arguments.folder, way.name, way.engine, trained=way.trained)


def turn(
    way: Way,
    clips: list[Path],
    folder: str,
    found: list[dict[str, Any]],
    failed: dict[str, str],
) -> None:
    """Run one way in a fresh process and add its figures, or why there are none."""
    command = [__file__, "--run", json.dumps(vars(way)), "--folder", folder]
    result = attempt(command, clips)
    if isinstance(result, str):
        failed[way.name] = (result.strip().splitlines() or ["no message"])[-1]
        print(f"{way.name}: failed\n{result}", file=sys.stderr, flush=True)
        return
    found.append(result)
    print(f"{way.name}: {result['speed']:.2f} clips/s", file=sys.stderr, flush=True)


def print_speed(rounds: dict[str, list[dict[str, Any]]], failed: dict[str, str]) -> None:
    """Print the speed of each way, its ratio to the baseline, and its memory."""
    print(head("", "clips/s", "ratio to plain", "until the first clip", "peak memory of a process"))
    speeds = {n: statistics.median(r["speed"] for r in each) for n, each in rounds.items()}
    for name, each in rounds.items():
        ratio = f"{speeds[name] / speeds[PLAIN]:.2f}" if PLAIN in speeds else ""
        first = statistics.median(r["loading"] for r in each)
        peaks = [max(p) for p in zip(*(r["peaks"] for r in each), strict=True)]
        memory = ", ".join(f"{mb:.0f} MB" for mb in peaks)
        print(row(name, f"{speeds[name]:.2f}", ratio, f"{first:.1f} s", memory))
    for name in failed:
        print(row(name, "failed", "", "", ""))


def print_agreement(clips: list[Path], names: list[str], folder: Path) -> None:
    """Print how far the vectors of the first clips agree, and how well each way tells people apart."""
    files = {
        name: {
            column: each[: len(clips)] for column, each in np.load(folder / f"{name}.npz").items()
        }
        for name in names
    }
    speakers = np.array([speaker_of(clip) for clip in clips])
    references = [name for name in (PLAIN, "single") if name in files]
    references = references or names[:1]
    columns = [f"cosine to {name}: median, 5 %" for name in references]
    print()
    print(head("vectors", "of", "clips", *columns, "equal error rate", "nearest neighbour"))
    for column, title in TITLES.items():
        for name, file in files.items():
            if not (here := present(file[column])).any():
                print(row(title, name, 0, *[""] * len(columns), "", "(not embedded)"))
                continue
            agreement = [quantiles(file[column], files[each][column]) for each in references]
            told = ["", ""]
            if "trained" in column:
                told = [
                    f"{equal_error_rate(file[column][here], speakers[here]):.2%}",
                    f"{neighbours(file[column][here], speakers[here]):.3f}",
                ]
            print(row(title, name, here.sum(), *agreement, *told))


def quantiles(a: np.ndarray, b: np.ndarray) -> str:
    """Return the median and the fifth percentile of the cosines between `[N, D]` and `[N, D]`."""
    found = cosines(a, b)
    return f"{np.median(found):.4f}, {np.quantile(found, 0.05):.4f}" if len(found) else ""


def speaker_of(clip: Path) -> str:
    """Return the speaker in whose folder a clip lies."""
    from mraf.data.clips.labels.inference import infer

    folders = clip.parts[-4:-1]
    return infer({folders: 1})[0].labels(folders).speaker or clip.parts[-2]


if __name__ == "__main__":
    main()
