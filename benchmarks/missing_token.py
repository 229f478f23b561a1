"""Comparison of the learned missing token of the paper's network with one that is frozen at zero.

    python benchmarks/missing_token.py WORKSPACE --language English --seeds 5

Both are trained on the same features (`mraf extract` first) and measured on other clips, with and
without the face, in the language of training and in the others. Prints the mean over seeds of
accuracy and cross-entropy, and the difference.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import machine

from mraf.inference.prediction import predict
from mraf.network.model import MRAF
from mraf.network.options import TrainOptions
from mraf.network.training import train_network
from mraf.pipeline.fingerprints import dims_of, fingerprint_of
from mraf.pipeline.training.split import split, to_features
from mraf.pipeline.workspace import Workspace
from mraf.types import Features

# Both modalities are hidden, so that both tokens are trained; few clips need many epochs. With the
# paper's own residual no missing token reaches the fusion.
OPTIONS = TrainOptions(
    residual="tokens", p_av=0.7, p_a=0.2, p_f=0.1, epochs=80, steps=None, threads=1
)


def main() -> None:
    """Train both kinds for each seed and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--language", default="English")
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()
    found: dict[str, list[np.ndarray]] = {"learned": [], "zero": []}
    for seed in range(1, arguments.seeds + 1):
        train, heldout, other, classes = clips(arguments.workspace, arguments.language, seed)
        for token, rows in found.items():
            options = replace(OPTIONS, seed=seed, missing_token=token)
            model = train_network(train, heldout, classes, options).model
            rows.append(np.array([figures(model, part) for part in settings(heldout, other)]))
            print(f"seed {seed}, {token} token: done", flush=True)
    print_table({token: np.mean(rows, axis=0) for token, rows in found.items()})


def clips(workspace: Path, language: str, seed: int) -> tuple[Features, Features, Features, int]:
    """Return training clips, held-out clips, clips in other languages, and the number of speakers."""
    labels = Workspace.at(workspace).table.labels()
    parts = split(labels, [language], 0.25, seed)
    dims = dims_of(fingerprint_of(labels))
    other = np.array([name != language for name in labels.language])
    train, heldout, rest = (
        to_features(labels, parts.speakers, dims, index)
        for index in (parts.train, parts.heldout, other)
    )
    return train, heldout, rest.take(rest.label >= 0), len(parts.speakers)


def settings(heldout: Features, other: Features) -> list[Features]:
    """Return the clips of P3, P4, P5 and P6."""
    both = [part.take(part.face_present & part.voice_present) for part in (heldout, other)]
    voice = [part.take(part.voice_present).without_face() for part in (heldout, other)]
    return [both[0], voice[0], both[1], voice[1]]


def figures(model: MRAF, part: Features) -> tuple[float, float]:
    """Return accuracy and mean cross-entropy."""
    probability = predict(model, part).probability
    right = (probability.argmax(axis=1) == part.label).mean()
    return float(right), float(-np.log(probability[np.arange(len(part)), part.label]).mean())


def print_table(mean: dict[str, np.ndarray]) -> None:
    """Print one line for each setting."""
    print(f"{machine()}\n")
    print("setting  accuracy: learned   zero  difference   cross-entropy: learned   zero   ratio")
    for row, name in enumerate(("P3", "P4", "P5", "P6")):
        (a, x), (b, y) = mean["learned"][row], mean["zero"][row]
        print(
            f"{name}                {a:.4f} {b:.4f}     {a - b:+.4f}                  {x:.4f} {y:.4f}   {x / y:.2f}"
        )


if __name__ == "__main__":
    main()
