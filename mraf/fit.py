"""Training of every architecture: from the features of known speakers to a calibrated model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mraf.fop.options import FOPOptions
from mraf.fop.training import train_fop
from mraf.inference.calibration import calibration_error, temperature
from mraf.inference.prediction import MODALITIES, Model, fusion_logits, predict, score
from mraf.network.batches import Batch
from mraf.network.loop import (
    EpochReport,
    choose_device,
    known_clips,
    surroundings,
    usable,
)
from mraf.network.options import TrainOptions
from mraf.network.training import train_network
from mraf.prototypes.fit import fit_prototypes
from mraf.prototypes.options import PrototypicalOptions
from mraf.types import Features


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model, in eval mode, and the figures measured in training."""

    model: Model
    best_epoch: int | None  # whose weights were kept; None where there are no epochs
    history: list[EpochReport]  # one an epoch, or one a fold of the cross-validation
    dev: dict[str, float]  # see `mraf.inference.prediction.score`; empty without development clips
    # Expected calibration error on the development clips, `before` and `after` the temperatures.
    calibration: dict[str, float] = field(default_factory=dict)
    cross_validation: dict[str, float] = field(default_factory=dict)  # accuracies, of prototypes


def fit(
    train: Features,
    dev: Features | None,
    classes: int,
    options: TrainOptions | FOPOptions | PrototypicalOptions | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> Trained:
    """Train a model to name the `classes` speakers of `train`.

    The class of the options decides which: `PrototypicalOptions` a model with prototypes, whose
    development clips choose nothing and only measure; `TrainOptions` MRAF and `FOPOptions` FOP, whose
    development clips choose the best epoch and fit the temperatures, so that the network's figures on
    them are a little too good. The same seed gives the same model; the caller's random state does
    not change.

    Args:
        train: clips [N]; those without face and voice are dropped.
        dev: clips of recordings that are not in `train`, or None.
        classes: C; labels run from 0 to C - 1.
        options: the training options; `PrototypicalOptions()` if None.
        on_epoch: called after each epoch, or each fold of the cross-validation.

    Raises:
        UsageError: there are fewer than two speakers, a label is out of range, no clip has a face
            or a voice, or the development clips have other dimensions.
    """
    options = options or PrototypicalOptions()
    if isinstance(options, PrototypicalOptions):
        return _fit_prototypes(train, dev, classes, options, on_epoch)
    if isinstance(options, FOPOptions):
        result = train_fop(train, dev, classes, options, on_epoch=on_epoch)
    else:
        result = train_network(train, dev, classes, options, on_epoch=on_epoch)
    known = known_clips(dev, result.model.config) if dev is not None else None
    before = _calibration_error(result.model, known)
    _calibrate(result.model, known)
    return Trained(
        model=result.model,
        best_epoch=result.best_epoch,
        history=result.history,
        dev=result.dev,
        calibration=_calibration(before=before, after=_calibration_error(result.model, known)),
    )


def _fit_prototypes(
    train: Features,
    dev: Features | None,
    classes: int,
    options: PrototypicalOptions,
    on_epoch: Callable[[EpochReport], None] | None,
) -> Trained:
    train = usable(train, classes)
    device = choose_device(options.device)
    history: list[EpochReport] = []

    def report(fold: int, folds: int, accuracies: dict[str, float]) -> None:
        seconds = time.perf_counter() - started
        history.append(
            EpochReport(
                epoch=fold, epochs=folds, loss={}, dev=accuracies, best=False, seconds=seconds
            )
        )
        if on_epoch is not None:
            on_epoch(history[-1])

    started = time.perf_counter()
    with surroundings(options.seed, options.threads, device):
        model, cross_validation = fit_prototypes(train, classes, options, device, report)
        known = known_clips(dev, model.config) if dev is not None else None
        measured = {} if known is None else score(model, Batch.of(known, device))
        after = _calibration_error(model, known)
        fitted = model.temperature.value.clone()
        model.temperature.value.fill_(model.temperature.initial)
        before = _calibration_error(model, known)
        model.temperature.value.copy_(fitted)
    return Trained(
        model=model,
        best_epoch=None,
        history=history,
        dev=measured,
        calibration=_calibration(before=before, after=after),
        cross_validation=cross_validation,
    )


def _calibrate(model: Model, dev: Features | None) -> None:
    """Fit the model's temperatures to the development clips."""
    if dev is None:
        return
    samples = Batch.of(dev, next(model.buffers()).device)
    for index, name in enumerate(MODALITIES):
        logits, label = fusion_logits(model, samples, name)
        model.temperature.value[index] = temperature(logits, label)


def _calibration_error(model: Model, dev: Features | None) -> float | None:
    """Return the calibration error over the clips as they are and the same clips without faces."""
    if dev is None:
        return None
    posteriors = [predict(model, clips).probability for clips in (dev, dev.without_face())]
    return calibration_error(np.concatenate(posteriors), np.concatenate([dev.label, dev.label]))


def _calibration(*, before: float | None, after: float | None) -> dict[str, float]:
    return {} if before is None or after is None else {"before": before, "after": after}
