"""Training any architecture: from features of known speakers to a calibrated model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from mraf.calibration import calibration_error, temperature
from mraf.network.batches import Batch
from mraf.network.loop import (
    EpochReport,
    choose_device,
    surroundings,
    train_network,
    usable,
)
from mraf.network.options import TrainOptions
from mraf.prediction import SETTINGS, Network, answers, check_dims, predict, score
from mraf.prototypes.fit import enrol
from mraf.prototypes.options import PrototypicalOptions
from mraf.types import Features

Options = TrainOptions | PrototypicalOptions


@dataclass(frozen=True)
class Trained:
    """A trained model, in eval mode, and what was measured on the way."""

    model: Network
    best_epoch: int | None  # whose weights were kept; None where there are no epochs
    history: list[EpochReport]
    dev: dict[str, float]  # see `mraf.prediction.score`; empty without development clips
    # Expected calibration error on the development clips, `before` and `after` the temperatures.
    calibration: dict[str, float] = field(default_factory=dict)
    cross_validation: dict[str, float] = field(default_factory=dict)  # accuracies, where it was run


def fit(
    train: Features,
    dev: Features | None,
    classes: int,
    options: Options | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> Trained:
    """Train a model to name the `classes` speakers of `train`.

    With prototype heads (`PrototypicalOptions`) nothing is chosen by the development clips: they
    only measure. A network (`TrainOptions`) keeps its best epoch by them, and its temperatures are
    fitted to them, so that its figures on them are a little too good. The same seed gives the same
    model; the caller's random state is left alone.

    Args:
        train: clips [N]; those without face and voice are dropped.
        dev: clips of recordings that `train` does not hold, or None.
        classes: C; labels run from 0 to C - 1.
        options: how to train; `PrototypicalOptions()` if None.
        on_epoch: called after each epoch, or each fold of the cross-validation.

    Raises:
        UsageError: fewer than two speakers, a label out of range, nothing to learn from, or
            development clips of other dimensions.

    """
    options = options or PrototypicalOptions()
    if isinstance(options, PrototypicalOptions):
        return _with_prototypes(train, dev, classes, options, on_epoch)
    result = train_network(train, dev, classes, options, on_epoch=on_epoch)
    watched = _known(dev, result.model) if dev is not None else None
    before = _errors(result.model, watched)
    _calibrate(result.model, watched)
    measured = _calibration(before, _errors(result.model, watched))
    return Trained(result.model, result.best_epoch, result.history, result.dev, measured)


def _with_prototypes(
    train: Features,
    dev: Features | None,
    classes: int,
    options: PrototypicalOptions,
    on_epoch: Callable[[EpochReport], None] | None,
) -> Trained:
    train = usable(train, classes)
    device = choose_device(options.device)
    history: list[EpochReport] = []

    def report(fold: int, folds: int, found: dict[str, float]) -> None:
        seconds = time.perf_counter() - started
        history.append(
            EpochReport(epoch=fold, epochs=folds, loss={}, dev=found, best=False, seconds=seconds)
        )
        if on_epoch is not None:
            on_epoch(history[-1])

    started = time.perf_counter()
    with surroundings(options, device):
        model, crossed = enrol(train, classes, options, device, report)
        watched = _known(dev, model) if dev is not None else None
        measured = {} if watched is None else score(model, Batch.of(watched, device))
        after = _errors(model, watched)
        fitted = model.temperature.value.clone()
        model.temperature.value.fill_(model.temperature.initial)
        before = _errors(model, watched)
        model.temperature.value.copy_(fitted)
    return Trained(model, None, history, measured, _calibration(before, after), crossed)


def _known(dev: Features, model: Network) -> Features | None:
    """The development clips whose speaker is known and of which something is present."""
    check_dims(model.config, dev)
    known = (dev.label >= 0) & (dev.label < model.config.classes)
    dev = dev.take(known & (dev.face_present | dev.voice_present))
    return dev if len(dev) else None


def _calibrate(model: Network, dev: Features | None) -> None:
    if dev is None:
        return
    samples = Batch.of(dev, next(model.buffers()).device)
    for index, name in enumerate(SETTINGS):
        logits, label = answers(model, samples, name)
        model.temperature.value[index] = temperature(logits, label)


def _errors(model: Network, dev: Features | None) -> float | None:
    """The calibration error over the clips as they are and over the same without faces."""
    if dev is None:
        return None
    both = [(predict(model, clips), clips.label) for clips in (dev, dev.without_face())]
    probability = torch.cat([torch.from_numpy(p.probability) for p, _ in both]).numpy()
    return calibration_error(probability, torch.cat([torch.from_numpy(y) for _, y in both]).numpy())


def _calibration(before: float | None, after: float | None) -> dict[str, float]:
    return {} if before is None or after is None else {"before": before, "after": after}
