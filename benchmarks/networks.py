"""The development protocol for networks at full size, with the matrix products in bfloat16.

    python benchmarks/networks.py -w WORKSPACE --preset paper --seeds 3

A fit of `mraf polysim dev --model-type mraf --preset paper` takes 18 minutes on one core. Where the
processor multiplies bfloat16 (AVX512-BF16, AMX), products of float32 matrices take half the time when
their factors are rounded to it; sums stay in float32. Every fit becomes a line of a file, so that a
stopped run goes on where it stopped. The other language comes first in each seed, then the folds.
Prints the figures so far after each fit.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from common import machine

from mraf.fit import fit
from mraf.inference.folds import FOLDS, recording_folds
from mraf.model_types import MODEL_TYPES, changed, options_of
from mraf.pipeline.polysim.protocol import material
from mraf.pipeline.polysim.scores import WHOLE, measure
from mraf.pipeline.workspace import Workspace


def main() -> None:
    """Fit part after part, and print the figures so far."""
    arguments = parse()
    torch.set_num_threads(1)
    if not arguments.exact:
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"
    workspace = Workspace.at(arguments.workspace)
    clips = material(workspace, arguments.language)
    changes = dict(pair.split("=", 1) for pair in arguments.change)
    options = changed(
        options_of("mraf", arguments.preset), {k: json.loads(v) for k, v in changes.items()}
    )
    name = "-".join([arguments.preset, *arguments.change, *(["exact"] if arguments.exact else [])])
    file = workspace.reports / f"networks-{name}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    print(machine(), flush=True)
    done = {(line["seed"], str(line["part"])): line for line in map(json.loads, lines)}
    for seed in range(1, arguments.seeds + 1):
        for part in [WHOLE, *range(FOLDS)][: None if seed <= arguments.full else 1]:
            if (seed, str(part)) not in done:
                line = {"seed": seed, "part": part, **measured(clips, options, seed, part)}
                done[seed, str(part)] = line
                with file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(line) + "\n")
                print(name, f"seed {seed}, part {part}, {line['seconds']:.0f} s;", flush=True)
                show(list(done.values()))


def measured(clips, options, seed, part) -> dict:
    """Return the settings and the seconds of one fit."""
    started = time.monotonic()
    train, test, settings = clips.train, clips.other, ("P5", "P6")
    if part != WHOLE:
        fold = recording_folds(train.label, train.recording, FOLDS, seed)
        train, test, settings = train.take(fold != part), train.take(fold == part), ("P3", "P4")
    nothing = np.full(len(train), -1)
    chosen = replace(options, seed=seed, device="cpu", threads=1)
    model = fit(train, clips.classes, chosen, fold=nothing).model
    figures = measure(model, test, settings, modes=("single",), seed=seed)
    return {"settings": figures["single"], "seconds": time.monotonic() - started}


def show(lines: list[dict]) -> None:
    """Print the accuracy in each setting, over the clips of all parts of a seed, by seed."""
    for setting in ("P3", "P4", "P5", "P6"):
        by_seed = []
        for seed in sorted({line["seed"] for line in lines}):
            parts = [
                line["settings"][setting]
                for line in lines
                if line["seed"] == seed and setting in line["settings"]
            ]
            if parts:
                by_seed.append(sum(p["right"] for p in parts) / sum(p["n"] for p in parts))
        if by_seed:
            figures = " ".join(f"{value:.4f}" for value in by_seed)
            print(f"  {setting} mean {np.mean(by_seed):.4f}, by seed {figures}", flush=True)


def parse() -> argparse.Namespace:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-w", "--workspace", type=Path)
    parser.add_argument("--preset", choices=[*MODEL_TYPES["mraf"].presets], default="paper")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--full", type=int, default=3, help="seeds whose folds are trained, too")
    parser.add_argument("--language", default="English")
    parser.add_argument("--change", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--exact", action="store_true", help="multiply in float32")
    return parser.parse_args()


if __name__ == "__main__":
    main()
