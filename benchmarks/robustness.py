"""Prototypes on bad inputs, with the languages exchanged, and with half of the speakers.

    python benchmarks/robustness.py -w WORKSPACE

WORKSPACE holds the features that `mraf polysim import` wrote. The rows are the default, the same with
the weighted mean of cosines in place of its rule of fusion, and plain cosines. By the development
protocol, clips with face and voice (P3, P5) are named as they are and with one of the two spoilt:

- wrong: every fifth one is another speaker's;
- mixed: each one is the sum of its own and another speaker's, as of two voices at once;
- blurred: noise as long as the vector's distance from the mean is added to each one.

The interval of P4 and P6 is a bootstrap over recordings (2,000 draws), and so is that of the difference
to plain cosines: clips of one recording are right or wrong together.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from common import machine

from mraf.fit import fit
from mraf.inference.folds import FOLDS, recording_folds
from mraf.inference.prediction import predict
from mraf.pipeline.polysim.protocol import Material, material
from mraf.pipeline.polysim.scores import WHOLE
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.options import PrototypeOptions
from mraf.types import Features

ROWS = {
    "prototypes": PrototypeOptions(),
    "weighted mean": PrototypeOptions(fusion="mean"),
    "cosine": PrototypeOptions.cosine(),
}
SPOILT = [f"{how} {what}" for how in ("wrong", "mixed", "blurred") for what in ("face", "voice")]
DRAWS = 2000


def main() -> None:
    """Print a table for each kind of material."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-w", "--workspace", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    workspace = Workspace.at(arguments.workspace)
    english, urdu = (material(workspace, language) for language in ("English", "Urdu"))
    seeds = range(1, arguments.seeds + 1)
    print(machine(), flush=True)
    show("trained on English", [(english, seed) for seed in seeds])
    show("trained on Urdu", [(urdu, seed) for seed in seeds])
    show("half of the speakers, trained on English", [(half(english, s), s) for s in seeds])


def half(clips: Material, seed: int) -> Material:
    """Return the clips of half of the speakers, drawn at random."""
    kept = np.random.default_rng(seed).permutation(clips.classes)[: clips.classes // 2]
    place = np.full(clips.classes, -1)
    place[kept] = np.arange(len(kept))

    def of(features: Features) -> Features:
        features = features.take(place[features.label] >= 0)
        return replace(features, label=place[features.label])

    return Material(train=of(clips.train), other=of(clips.other), classes=len(kept))


def show(title: str, materials: list[tuple[Material, int]]) -> None:
    """Print the figures of all rows on some material."""
    print(f"\n{title}\n{'':15}" + "".join(f"{name:>16}" for name in ("clean", *SPOILT)))
    alone: dict[str, dict[str, list[np.ndarray]]] = {}
    for name, options in ROWS.items():
        right: dict[tuple[str, str], list[np.ndarray]] = {}
        for clips, seed in materials:
            for setting, test, model in fits(clips, replace(options, seed=seed)):
                for condition, spoilt in conditions(test, seed):
                    answers = predict(model, spoilt).probability.argmax(axis=1) == test.label
                    right.setdefault((condition, setting), []).append(answers)
                voice = predict(model, test.without_face()).probability.argmax(axis=1)
                rows = np.stack([voice == test.label, test.recording])
                alone.setdefault(name, {}).setdefault(setting, []).append(rows)
        cells = [
            "/".join(f"{np.concatenate(right[condition, s]).mean():.4f}" for s in ("same", "other"))
            for condition in ("clean", *SPOILT)
        ]
        print(f"{name:15}" + "".join(f"{cell:>16}" for cell in cells), flush=True)
    for name in ROWS:
        print(f"{name:15}", *(voice_alone(alone, name, s) for s in ("same", "other")))


def fits(clips: Material, options: PrototypeOptions) -> Iterator[tuple[str, Features, object]]:
    """Yield setting, test clips and model of each part of the development protocol."""
    fold = recording_folds(clips.train.label, clips.train.recording, FOLDS, options.seed)
    for part in (WHOLE, *range(FOLDS)):
        train, test = clips.train, clips.other
        if part != WHOLE:
            train, test = train.take(fold != part), train.take(fold == part)
        test = test.take(test.face_present & test.voice_present)
        model = fit(train, clips.classes, options).model
        yield "other" if part == WHOLE else "same", test, model


def conditions(test: Features, seed: int) -> Iterator[tuple[str, Features]]:
    """Yield the clips as they are and spoilt, with the name of the condition."""
    yield "clean", test
    for condition in SPOILT:
        how, what = condition.split()
        random = np.random.default_rng([seed, SPOILT.index(condition)])
        x = getattr(test, what)
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        others = x[[random.choice(np.flatnonzero(test.label != label)) for label in test.label]]
        if how == "wrong":
            x = np.where(random.random(len(x))[:, None] < 0.2, others, x)
        elif how == "mixed":
            x = x + others
        else:
            noise = random.standard_normal(x.shape)
            noise /= np.linalg.norm(noise, axis=1, keepdims=True)
            x = x + noise * np.linalg.norm(x - x.mean(axis=0), axis=1, keepdims=True)
        yield condition, replace(test, **{what: x.astype(np.float32)})


def voice_alone(alone: dict[str, dict[str, list[np.ndarray]]], name: str, setting: str) -> str:
    """Return P4 or P6, with bootstrap intervals of 95 % over recordings."""
    right, recording = np.concatenate(alone[name][setting], axis=1)
    base, _ = np.concatenate(alone["cosine"][setting], axis=1)
    _, recording = np.unique(recording, return_inverse=True)
    sums = [np.bincount(recording, each) for each in (right, base, np.ones(len(right)))]
    random = np.random.default_rng(0)
    drawn = random.multinomial(len(sums[0]), np.full(len(sums[0]), 1 / len(sums[0])), DRAWS)
    mine, theirs, count = (drawn @ each for each in sums)
    low, high = np.percentile(mine / count, [2.5, 97.5])
    less, more = np.percentile((mine - theirs) / count, [2.5, 97.5])
    label = {"same": "P4", "other": "P6"}[setting]
    return (
        f"{label} {right.mean():.4f} ({low:.3f} to {high:.3f}), over cosine "
        f"{right.mean() - base.mean():+.4f} ({less:+.4f} to {more:+.4f})"
    )


if __name__ == "__main__":
    main()
