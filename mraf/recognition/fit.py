"""Fitting the decision to clips of enrolled people and of strangers, by leaving speakers out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor

from mraf.inference.folds import FOLDS
from mraf.inference.prediction import MODALITIES, Model, evaluating
from mraf.network.batches import Batch
from mraf.recognition.priors import prior
from mraf.recognition.recogniser import Recogniser
from mraf.recognition.signals import signals
from mraf.types import Features

FALSE_NAMES = 0.01
"""The share of strangers' clips that may be named."""


@dataclass(frozen=True, kw_only=True)
class Trials:
    """M comparisons of clips with a gallery that lacks their recording, or their speaker."""

    signals: Tensor  # [M, S]
    column: Tensor  # [M], of `MODALITIES`
    known: Tensor  # [M] bool, the person is in the gallery
    right: Tensor  # [M] bool, and is the one named
    speaker: Tensor  # [M]


def leave_out(
    train: Features, classes: int, fold: NDArray[np.int64], seed: int
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield masks [N] of the clips that train, that are known people's and that are strangers'.

    Speakers are dealt into groups; each group is left out in turn, with one fold of the recordings of
    the others.
    """
    people = np.random.default_rng(seed).permutation(np.unique(train.label))
    groups = min(FOLDS, len(people))
    group = np.full(classes, -1)
    group[people] = np.arange(len(people)) % groups
    for k in range(groups):
        stranger = group[train.label] == k
        held = ~stranger & (fold == k)
        yield ~stranger & (fold != k), held, stranger


def trials_of(model: Model, clips: Features, recordings: Tensor) -> Trials | None:
    """Return the trials of clips [N] by a model, with all that they have and with each modality alone."""
    samples = Batch.of(clips, "cpu")
    parts = []
    with evaluating(model):
        for face, voice in MODALITIES.values():
            suits = (samples.face_present | (not face)) & (samples.voice_present | (not voice))
            some = samples.take(suits)
            if not len(some):
                continue
            shown = torch.ones_like(some.face_present)
            output = model(some.face, some.voice, shown & face, shown & voice)
            found, named, column = signals(output, recordings)
            known = (recordings > 0)[some.label]
            parts.append((found, column, known, known & (named == some.label), some.label))
    if not parts:
        return None
    each = [torch.cat(column) for column in zip(*parts, strict=True)]
    return Trials(signals=each[0], column=each[1], known=each[2], right=each[3], speaker=each[4])


def fit_recogniser(
    recogniser: Recogniser, trials: list[Trials], false_names: float = FALSE_NAMES
) -> None:
    """Fit the decision to trials; a prior stands in where they are few."""
    weight, bias, threshold = prior()
    joined = Trials(
        **{
            name: torch.cat([getattr(each, name) for each in trials])
            for name in Trials.__dataclass_fields__
        }
    )
    for column in range(len(MODALITIES)):
        here = joined.column == column
        x, y = joined.signals[here].double().numpy(), joined.known[here].double().numpy()
        if not len(y) or y.min() == y.max():
            continue
        w = np.where(y > 0, 0.5 / y.sum(), 0.5 / (1 - y).sum()) * len(y)
        start = np.append(weight[column].numpy(), bias[column].item())

        def loss(v: NDArray[np.float64], x: object = x, y: object = y, w: object = w,
                 start: NDArray[np.float64] = start) -> float:  # fmt: skip
            z = x @ v[:-1] + v[-1]  # type: ignore[operator]
            return float((w * (np.logaddexp(0, z) - y * z)).sum() + 0.5 * ((v - start) ** 2).sum())

        v = minimize(loss, start, method="L-BFGS-B").x
        weight[column], bias[column] = torch.from_numpy(v[:-1]), float(v[-1])
        p = 1 / (1 + np.exp(-(x @ v[:-1] + v[-1])))
        threshold[column] = float(np.quantile(p[y == 0], 1 - false_names, method="higher"))
    recogniser.weight.copy_(weight)
    recogniser.bias.copy_(bias)
    recogniser.threshold.copy_(threshold)
    recogniser.fitted.fill_(True)


def recognise_with(
    model: Model,
    train: Features,
    classes: int,
    *,
    fold: NDArray[np.int64],
    seed: int,
    fit: Callable[[Features], Model],
    false_names: float = FALSE_NAMES,
) -> None:
    """Fit the recogniser of a model, with a model of the rest for each group that is left out."""
    recordings = recordings_of(train, classes)
    trials = []
    for rest, held, stranger in leave_out(train, classes, fold, seed):
        part = fit(train.take(rest))
        part.temperature.value.copy_(model.temperature.value)
        enrolled = recordings_of(train.take(rest), classes)
        for mask in (held, stranger):
            found = trials_of(part, train.take(mask), enrolled)
            if found is not None:
                trials.append(found)
    model.recogniser.recordings.copy_(recordings)
    fit_recogniser(model.recogniser, trials, false_names)


def recordings_of(train: Features, classes: int) -> Tensor:
    """Return the number of recordings [C] of each speaker."""
    pairs = np.unique(np.stack([train.label, train.recording]), axis=1)
    return torch.from_numpy(np.bincount(pairs[0], minlength=classes)).float()
