"""Measure the constants of `mraf.recognition.priors`: cosines by encoder, and the decision in small galleries.

    python benchmarks/priors.py POLYSIM_WORKSPACE            # FaceNet and ECAPA: the training clips of v1
    python benchmarks/priors.py WORKSPACE --cosines-only     # other encoders, whatever people there are

Draws galleries of 2 to 8 people from the workspace's labelled clips, trains a default model on each (a
recording of each person is held out where there are two) and takes the other people as strangers. Prints
the mean cosines to prototypes of the same and of different people, and, of all trials together, the
logistic function in units of the gap between them, and what strangers reach.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mraf.inference.prediction import MODALITIES
from mraf.pipeline.fingerprints import dims_of, fingerprint_of
from mraf.pipeline.training.split import split, to_features
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.fit import fit_uncalibrated
from mraf.prototypes.options import PrototypeOptions
from mraf.recognition import fit as fitting
from mraf.recognition import priors
from mraf.recognition.trials import Trials, safe_quantile, trials_of
from mraf.types import Features

STRANGERS = 20


def features_of(path: Path, language: str | None) -> Features:
    """Return the labelled clips of a workspace."""
    labels = Workspace.at(path).table.labels()
    parts = split(labels, [language] if language else None, 0.0, 1)
    return to_features(labels, parts.speakers, dims_of(fingerprint_of(labels)), parts.train)


def draws(clips: Features, number: int, seed: int, options: PrototypeOptions):
    """Yield models of small galleries, with clips of their people and of strangers."""
    random = np.random.default_rng(seed)
    people = np.unique(clips.label)
    for index in range(number):
        size = int(random.integers(2, 1 + min(8, len(people) - 2)))
        drawn = random.permutation(people)
        gallery, others = drawn[:size], drawn[size : size + STRANGERS]
        of_gallery = np.isin(clips.label, gallery)
        held = np.zeros(len(clips), np.bool_)
        for person in gallery:
            recordings = np.unique(clips.recording[clips.label == person])
            if len(recordings) > 1:
                held |= (clips.label == person) & (clips.recording == random.choice(recordings))
        place = np.full(len(clips.label) + 1, size, np.int64)
        place[np.sort(gallery)] = np.arange(size)
        # Strangers keep labels of their own, behind those of the gallery.
        behind = np.where(of_gallery, place[clips.label], size + clips.label)
        numbered = replace(clips, label=behind)
        model = fit_uncalibrated(numbered.take(of_gallery & ~held), size, options)
        yield index, model, numbered.take(held), numbered.take(np.isin(clips.label, others))


def trials_in(model, known: Features, strangers: Features, index: int) -> list[Trials]:
    """Return the trials of one gallery."""
    enrolled = np.zeros(int(strangers.label.max(initial=0)) + 1, np.bool_)
    enrolled[: model.config.classes] = True
    found = []
    for clips in (known, strangers):
        group = np.full(len(clips), index)
        part = trials_of(model, clips, group=group, enrolled=enrolled) if len(clips) else None
        found += [part] if part is not None else []
    return found


@torch.no_grad()
def cosines(model, known: Features, strangers: Features, found: dict[str, list[float]]) -> None:
    """Add the cosines to prototypes of the same person, and of strangers to anybody."""
    for name in ("face", "voice"):
        part = getattr(model, name)
        for kind, clips in (("same", known), ("different", strangers)):
            x = torch.from_numpy(getattr(clips, name)[getattr(clips, f"{name}_present")])
            label = clips.label[getattr(clips, f"{name}_present")]
            for space, scores in (
                ("centred", part.compare(part.embed(x))),
                ("plain", part.plain(x)),
            ):
                if kind == "same":
                    scores = scores[torch.arange(len(x)), torch.from_numpy(label)]
                good = scores[scores > -1e3]
                found.setdefault(f"{name} {space} {kind}", []).extend(good.flatten().tolist())


def main() -> None:
    """Print the constants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--language")
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--cosines-only", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    clips = features_of(given.workspace, given.language)
    found: dict[str, list[float]] = {}
    parts: list[Trials] = []
    for index, model, known, strangers in draws(clips, given.draws, 0, PrototypeOptions()):
        cosines(model, known, strangers, found)
        parts += trials_in(model, known, strangers, index)
    print(f"{len(clips)} clips of {len(np.unique(clips.label))} people, {given.draws} galleries")
    mean = {}
    for name, values in sorted(found.items()):
        mean[name] = float(np.mean(values))
        print(f"{name}: mean {mean[name]:.3f}, deviation {np.std(values):.3f}")
    trials = Trials.joined(parts)
    if given.cosines_only or trials is None:
        return
    decide(trials, mean)


def decide(trials: Trials, mean: dict[str, float]) -> None:
    """Print the logistic function in units of the gaps, and what strangers reach."""
    level = torch.tensor(
        [
            mean[f"{name} centred different"]
            + priors.LEVEL * (mean[f"{name} centred same"] - mean[f"{name} centred different"])
            for name in ("face", "voice")
        ]
    )
    columns = ["face centred"] * 2 + ["voice centred"] * 2 + ["voice plain"]
    gap = np.array([mean[f"{c} same"] - mean[f"{c} different"] for c in columns])
    zero = np.array([mean[f"{c} different"] for c in columns]) * [1, 0, 1, 0, 1]
    for column, name in enumerate(MODALITIES):
        here = trials.take(trials.column == column)
        x = (fitting._signals(here, level) - zero) / gap
        start = fitting.Decision(
            weight=np.array(priors.WEIGHT[column]), bias=priors.BIAS[column], threshold=0.0
        )
        decision = fitting._logistic(x, here, start, scaled=True)
        logit, strangers = decision.logit(x), ~here.known
        reached = [
            safe_quantile(logit[strangers], here.speaker[strangers], share)
            for share in (0.1, 0.03, 0.01, 0.003)
        ]
        print(
            name,
            "weight", decision.weight.round(2).tolist(),
            "bias", round(decision.bias, 2),
            "10, 3, 1, 0.3 % of strangers reach", np.round(reached, 2).tolist(),
            f"known people right above 1 %: {(here.right & (logit > reached[2])).sum() / here.known.sum():.3f}",
        )  # fmt: skip


if __name__ == "__main__":
    main()
