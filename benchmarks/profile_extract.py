"""Time of each stage of an extraction on one core, beside the time of the networks' arithmetic.

    python benchmarks/profile_extract.py VIDEOS --clips 13

The peak is the speed of a large matrix product in single precision on one core. torch counts the
arithmetic on the networks themselves (MTCNN's by the crops that went through its stages).
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from common import networks, pair_of, write_weights
from identify import STAGES, measured


def main() -> None:
    """Time the stages over the clips and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--clips", type=int, default=13)
    arguments = parser.parse_args()
    found = sorted(arguments.videos.rglob("*.mp4"))
    clips = found[:: max(1, len(found) // arguments.clips)][: arguments.clips]
    from mraf.extractors.extractor import ClipExtractor

    with tempfile.TemporaryDirectory() as folder:
        write_weights(Path(folder))
        extractor = ClipExtractor(pair_of(Path(folder)))
    count = Counter(extractor)
    for clip in clips:  # once before: OpenVINO prepares for each new size
        extractor(clip)
    stages = measured(extractor)
    count.clear()
    started = time.monotonic()
    for clip in clips:
        extractor(clip)
    seconds = (time.monotonic() - started) / len(clips)
    peak, work = peak_flops(), count.flops()
    print(f"{len(clips)} clips, one core, {peak / 1e9:.0f} GFLOP/s at best\n")
    print(f"{'stage':<16}{'ms a clip':>10}{'GFLOP':>8}{'ms at peak':>12}")
    ideal = 0.0
    for stage in STAGES:
        spent = stages[stage] / len(clips)
        flops = work.get(stage, 0.0) / len(clips)
        ideal += flops / peak
        arithmetic = f"{flops / 1e9:>8.1f}{1e3 * flops / peak:>12.0f}" if flops else ""
        print(f"{stage:<16}{1e3 * spent:>10.0f}{arithmetic}")
    rest = seconds - sum(stages.values()) / len(clips)
    print(f"{'the rest':<16}{1e3 * rest:>10.0f}")
    print(f"{'in all':<16}{1e3 * seconds:>10.0f}{'':>8}{1e3 * ideal:>12.0f}")
    print(f"\nshare of the peak: {ideal / seconds:.2f}")


class Counter:
    """Counter of floating-point operations, from the inputs of the networks of an extractor."""

    def __init__(self, extractor: Any) -> None:
        self._inputs: list[tuple[str, str, tuple[int, ...]]] = []
        cascade = extractor._faces._cascade
        for stage, holder, name, network in (
            ("find faces", cascade, "_proposal", "PNet"),
            ("find faces", cascade, "_refinement", "RNet"),
            ("find faces", cascade, "_output", "ONet"),
            ("embed faces", extractor._face, "_net", "facenet"),
            ("embed speech", extractor._voice, "_net", "ecapa"),
        ):
            setattr(holder, name, self._watched(getattr(holder, name), stage, network))

    def clear(self) -> None:
        """Reset the count to zero."""
        self._inputs.clear()

    def flops(self) -> dict[str, float]:
        """Return floating-point operations by stage."""
        total: dict[str, float] = {}
        known: dict[tuple[str, tuple[int, ...]], float] = {}
        for stage, network, shape in self._inputs:
            if (network, shape) not in known:
                known[network, shape] = flops_of(network, shape)
            total[stage] = total.get(stage, 0.0) + known[network, shape]
        return total

    def _watched(self, network: Any, stage: str, name: str) -> Any:
        def call(*arrays: np.ndarray) -> Any:
            self._inputs.append((stage, name, arrays[0].shape))
            return network(*arrays)

        return call


def flops_of(network: str, shape: tuple[int, ...]) -> float:
    """Return the operations of one call, two for each multiplication with addition."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        if network == "ecapa":
            networks()[1](torch.zeros(shape[0], shape[1] // 160 + 1, 80))
        elif network == "facenet":
            networks()[0](torch.zeros(shape[0], 3, *shape[1:3]))
        else:
            from facenet_pytorch.models import mtcnn

            getattr(mtcnn, network)()(torch.zeros(shape[0], 3, *shape[1:3]))
    return float(counter.get_total_flops())


def peak_flops() -> float:
    """Return the highest speed among six products of matrices of 2,048 rows and columns."""
    import torch

    torch.set_num_threads(1)
    a = torch.randn(2048, 2048)
    best = float("inf")
    for _ in range(6):
        started = time.perf_counter()
        torch.mm(a, a)
        best = min(best, time.perf_counter() - started)
    return 2 * 2048**3 / best


if __name__ == "__main__":
    main()
