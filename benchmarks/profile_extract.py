"""Time of each stage of an extraction on one core, beside the time of the networks' arithmetic.

    python benchmarks/profile_extract.py VIDEOS --clips 13
    python benchmarks/profile_extract.py VIDEOS --precision single bfloat16
    python benchmarks/profile_extract.py VIDEOS --device cuda

The precisions take turns clip by clip. The peak is the speed of a large matrix product in the same
precision on one core. torch counts the arithmetic on the networks themselves (MTCNN's by the crops that
went through its stages). CAM++ embeds the same speech, where its weights are here; its line is not part
of the total. On a device the networks run as torch modules, one clip at a time, and there is no peak.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from common import campplus, head, machine, pair_of, precisions, row, write_weights
from identify import STAGES, measured, timed

BESIDE = "embed speech, CAM++"


def main() -> None:
    """Time the stages over the clips and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("--clips", type=int, default=13)
    parser.add_argument("--precision", nargs="+", choices=["single", "bfloat16"])
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    found = sorted(arguments.videos.rglob("*.mp4"))
    clips = found[:: max(1, len(found) // arguments.clips)][: arguments.clips]
    chosen = precisions(arguments.precision) if arguments.device == "cpu" else ["single"]
    beside = campplus()
    with tempfile.TemporaryDirectory() as folder:
        write_weights(Path(folder))
        pair = pair_of(Path(folder))
        profiles = {each: Profile(pair, beside, arguments.device, each) for each in chosen}
        count = Counter(profiles[chosen[0]], Modules(pair, beside))
    for profile in profiles.values():
        for clip in clips:  # once before: networks prepare for each new size
            profile.warm(clip)
    count.clear()
    for clip in clips:
        for profile in profiles.values():
            profile(clip)
    print(f"{machine(arguments.device)}; {len(clips)} clips, one core; ms a clip\n")
    report(profiles, count.flops(), len(clips), on_cpu=arguments.device == "cpu")


class Profile:
    """An extractor in one precision, and the seconds that its stages took."""

    def __init__(self, pair: Any, beside: Any | None, device: str, precision: str) -> None:
        from mraf.extractors.encoders import build
        from mraf.extractors.extractor import ClipExtractor

        self.extractor = ClipExtractor(pair, device=device, precision=precision)
        self.beside = build(beside, device, 1, precision) if beside else None
        self.stages = measured(self.extractor)
        self.seconds = 0.0
        self._embed = self.extractor._voice.embed
        self.extractor._voice.embed = self._keep
        self._waves: list[np.ndarray] = []

    def __call__(self, clip: Path) -> None:
        """Embed a clip and add to the times; then embed its speech with CAM++."""
        self._waves.clear()
        started = time.monotonic()
        self.extractor(clip)
        self.seconds += time.monotonic() - started
        if self.beside and self._waves:
            timed(self.beside.embed, BESIDE, self.stages)(self._waves)

    def warm(self, clip: Path) -> None:
        """Do the same and forget the times."""
        self(clip)
        self.stages.clear()
        self.seconds = 0.0

    def _keep(self, waves: list[np.ndarray]) -> np.ndarray:
        self._waves.extend(waves)
        return self._embed(waves)


def report(
    profiles: dict[str, Profile], work: dict[str, float], clips: int, *, on_cpu: bool
) -> None:
    """Print the stages of each precision side by side, and the share of the peak in all."""
    peaks = {name: peak_flops(name) if on_cpu else float("inf") for name in profiles}
    columns = [
        title
        for name, peak in peaks.items()
        for title in ((name, f"at peak ({peak / 1e9:.0f} GFLOP/s)") if on_cpu else (name,))
    ]
    print(head("stage", "GFLOP", *columns))

    def line(title: str, flops: float, seconds: dict[str, float]) -> None:
        cells: list[str] = []
        for name, peak in peaks.items():
            ideal = f"{1e3 * flops / peak:.1f}" if flops else ""
            cells += [f"{1e3 * seconds[name]:.1f}", *([ideal] if on_cpu else [])]
        print(row(title, f"{flops / 1e9:.1f}" if flops else "", *cells))

    flops = {stage: work.get(stage, 0.0) / clips for stage in (*STAGES, BESIDE)}
    spent = {name: {s: t / clips for s, t in p.stages.items()} for name, p in profiles.items()}
    total = {name: profile.seconds / clips for name, profile in profiles.items()}
    for stage in STAGES:
        line(stage, flops[stage], {name: spent[name].get(stage, 0.0) for name in profiles})
    known = {name: sum(spent[name].get(stage, 0.0) for stage in STAGES) for name in profiles}
    line("the rest", 0.0, {name: total[name] - known[name] for name in profiles})
    line("total", sum(flops[stage] for stage in STAGES), total)
    if any(BESIDE in each for each in spent.values()):
        line(
            f"({BESIDE})", flops[BESIDE], {name: spent[name].get(BESIDE, 0.0) for name in profiles}
        )


NETWORKS = (
    ("find faces", "cascade", "_proposal"),
    ("find faces", "cascade", "_refinement"),
    ("find faces", "cascade", "_output"),
    ("embed faces", "face", "_net"),
    ("embed speech", "voice", "_features"),
    ("embed speech", "voice", "_net"),
    (BESIDE, "beside", "_features"),
    (BESIDE, "beside", "_net"),
)
"""The stage of each network, the part of an extractor that holds it, and its name there."""


class Modules:
    """The same networks as torch modules, by part and name."""

    def __init__(self, pair: Any, beside: Any | None) -> None:
        from mraf.extractors.encoders import build
        from mraf.extractors.face.mtcnn import Cascade

        self._parts = {
            "cascade": Cascade("cpu:0"),
            "face": build(pair.face, "cpu:0"),
            "voice": build(pair.voice, "cpu:0"),
            "beside": build(beside, "cpu:0") if beside else None,
        }

    def flops(self, part: str, name: str, shape: tuple[int, ...], kind: str) -> float:
        """Return the operations of one call, two for each multiplication with addition."""
        import torch
        from torch.utils.flop_counter import FlopCounterMode

        network = getattr(self._parts[part], name)
        with FlopCounterMode(display=False) as counter:
            network(torch.zeros(shape, dtype=getattr(torch, kind)).numpy())
        return float(counter.get_total_flops())


class Counter:
    """Counter of floating-point operations, from the inputs of the networks of a profile."""

    def __init__(self, profile: Profile, modules: Modules) -> None:
        self._modules = modules
        self._inputs: list[tuple[str, str, str, tuple[int, ...], str]] = []
        holders = {
            "cascade": profile.extractor._faces._cascade,
            "face": profile.extractor._face,
            "voice": profile.extractor._voice,
            "beside": profile.beside,
        }
        for stage, part, name in NETWORKS:
            network = getattr(holders[part], name, None)
            if network is not None:
                setattr(holders[part], name, self._watched(network, stage, part, name))

    def clear(self) -> None:
        """Reset the count to zero."""
        self._inputs.clear()

    def flops(self) -> dict[str, float]:
        """Return floating-point operations by stage."""
        total: dict[str, float] = {}
        known: dict[tuple[Any, ...], float] = {}
        for stage, *call in self._inputs:
            key = tuple(call)
            if key not in known:
                known[key] = self._modules.flops(*call)
            total[stage] = total.get(stage, 0.0) + known[key]
        return total

    def _watched(self, network: Any, stage: str, part: str, name: str) -> Any:
        def call(*arrays: np.ndarray) -> Any:
            self._inputs.append((stage, part, name, arrays[0].shape, str(arrays[0].dtype)))
            return network(*arrays)

        return call


def peak_flops(precision: str) -> float:
    """Return the highest speed among six products of matrices of 2,048 rows and columns."""
    import torch

    torch.set_num_threads(1)
    a = torch.randn(2048, 2048).to(torch.bfloat16 if precision == "bfloat16" else torch.float32)
    best = float("inf")
    for _ in range(6):
        started = time.perf_counter()
        torch.mm(a, a)
        best = min(best, time.perf_counter() - started)
    return 2 * 2048**3 / best


if __name__ == "__main__":
    main()
