"""Time, memory and agreement of each network on a device, alone and in batches.

    python benchmarks/gpu_networks.py --device cuda

Weights are random, except CAM++'s, which are real where MRAF_WEIGHTS or the cache has them. The
cosines are to the same torch modules on the CPU in single precision; the lowest of the batch. A length
that is new in each call shows what a device spends on preparing for it: no two clips speak equally long.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from common import campplus, head, machine, pair_of, row, write_weights

RATE = 16_000
SECONDS = 4.0


def main() -> None:
    """Time the networks and print a line for each and each size of batch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32, 128], metavar="N")
    parser.add_argument("--calls", type=int, default=10)
    arguments = parser.parse_args()
    from mraf.extractors.encoders import build
    from mraf.extractors.face.detect import FaceFinder

    with tempfile.TemporaryDirectory() as folder:
        write_weights(Path(folder))
        pair = pair_of(Path(folder))
        here, there = (
            [build(spec, device) for spec in (pair.face, pair.voice, campplus()) if spec]
            for device in ("cpu:0", arguments.device)
        )
    meter = Meter(arguments.device, arguments.calls)
    print(f"{machine(arguments.device)}; {arguments.calls} calls\n")
    print(head("network", "batch", "ms a call", "ms each", "peak MiB", "lowest cosine to the CPU"))
    finder = FaceFinder(arguments.device)
    for count in dict.fromkeys(-(-batch // 8) for batch in arguments.batches):
        clips = [noise(8, 360, 640) for _ in range(count)]
        meter.line("find faces, 360p", 8 * len(clips), lambda clips=clips: finder.find(clips))
    for one, other in zip(here, there, strict=True):
        make, title = (crops, "faces") if one.name == "facenet" else (waves, f"{SECONDS:.0f} s")
        for count in arguments.batches:
            given = make(count)
            few = tuple(each[: min(count, 4)] for each in given)
            lowest = cosine(one.embed(*few), other.embed(*few))
            meter.line(f"{one.name}, {title}", count, lambda: other.embed(*given), lowest)  # noqa: B023
        if make is waves:
            lengths = iter(range(int(SECONDS * RATE), 10**9, 160))
            fresh = lambda: other.embed(waves(1, next(lengths))[0])  # noqa: B023, E731
            meter.line(f"{one.name}, another length each time", 1, fresh)


class Meter:
    """Measures calls, and prints lines of the table."""

    def __init__(self, device: str, calls: int) -> None:
        import torch

        self._cuda = torch.cuda if torch.device(device).type == "cuda" else None
        self._calls = calls

    def line(
        self, title: str, count: int, call: Callable[[], Any], cosine: float | None = None
    ) -> None:
        """Call once, then several times; print the median. The results lie on the CPU: all is done."""
        call()
        if self._cuda:
            self._cuda.reset_peak_memory_stats()
        times = []
        for _ in range(self._calls):
            started = time.perf_counter()
            call()
            times.append(1e3 * (time.perf_counter() - started))
        median = statistics.median(times)
        peak = f"{self._cuda.max_memory_allocated() / 2**20:.0f}" if self._cuda else ""
        agreement = "" if cosine is None else f"{cosine:.5f}"
        print(
            row(title, count, f"{median:.1f}", f"{median / count:.2f}", peak, agreement), flush=True
        )


def noise(count: int, height: int, width: int) -> np.ndarray:
    """Return random pictures `[count, height, width, 3]`."""
    return np.random.default_rng(0).integers(0, 256, (count, height, width, 3), np.uint8)


def crops(count: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return pictures of the size of a crop, and boxes around the whole of each."""
    return list(noise(count, 160, 160)), np.tile([0.0, 0.0, 160.0, 160.0], (count, 1))


def waves(count: int, samples: int = int(SECONDS * RATE)) -> tuple[list[np.ndarray]]:
    """Return random sound."""
    made = 0.1 * np.random.default_rng(0).normal(size=(count, samples)).astype(np.float32)
    return (list(made),)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the lowest cosine of the rows of two arrays."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(axis=1) / lengths).min())


if __name__ == "__main__":
    main()
