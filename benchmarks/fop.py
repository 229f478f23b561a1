"""Accuracy of FOP, the challenge's baseline, for each seed beside the scalars of its fusion.

    mraf polysim import FOLDER -w WORKSPACE
    python benchmarks/fop.py WORKSPACE --seeds 5

The development protocol, mode `single`: P3 and P4 by cross-validation over the recordings of the
training language, P5 and P6 on all clips of the other one. The scalars are those of the fit on the
whole training language. They start at random and settle how much P4 and P6 lose without the face.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import machine

from mraf.fop.options import FOPOptions
from mraf.fop.training import train_fop
from mraf.inference.folds import recording_folds
from mraf.inference.prediction import predict
from mraf.pipeline.polysim.protocol import Material, material
from mraf.pipeline.workspace import Workspace
from mraf.types import Features

FOLDS = 5
OPTIONS = FOPOptions(device="cpu", threads=1)


def main() -> None:
    """Print one line for each seed, and the mean and standard deviation over seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--language", default="English")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    clips = material(Workspace(arguments.workspace), arguments.language)
    print(machine())
    print(f"{'seed':6}     P3     P4     P5     P6   mean    w_f    w_a", flush=True)
    rows = []
    for seed in range(1, arguments.seeds + 1):
        rows.append(of_seed(clips, seed))
        print_row(str(seed), rows[-1])
    print_row("mean", np.mean(rows, axis=0))
    if len(rows) > 1:
        print_row("std", np.std(rows, axis=0, ddof=1))


def of_seed(clips: Material, seed: int) -> list[float]:
    """Return P3 to P6, their mean, w_f and w_a."""
    options = replace(OPTIONS, seed=seed)
    train = clips.train
    fold = recording_folds(train.label, train.recording, FOLDS, seed)
    right = []
    for part in range(FOLDS):
        model = train_fop(train.take(fold != part), None, clips.classes, options).model
        right.append(named_right(model, train.take(fold == part)))
    whole = train_fop(train, None, clips.classes, options).model
    settings = [*np.concatenate(right, axis=1), *named_right(whole, clips.other)]
    accuracies = [float(np.mean(each)) for each in settings]
    return [*accuracies, float(np.mean(accuracies)), *whole.scalars.values()]


def named_right(model, clips: Features) -> np.ndarray:
    """Return [2, N] bool: is a clip named right by face and voice, and by the voice alone?"""
    complete = clips.take(clips.face_present & clips.voice_present)
    parts = (complete, complete.without_face())
    return np.array([predict(model, p).probability.argmax(axis=1) == p.label for p in parts])


def print_row(name: str, values) -> None:
    """Print one line of the table."""
    accuracies = "".join(f"{value:7.4f}" for value in values[:5])
    print(f"{name:6}{accuracies}{values[5]:7.3f}{values[6]:7.3f}", flush=True)


if __name__ == "__main__":
    main()
