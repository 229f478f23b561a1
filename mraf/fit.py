"""Training of every model type: from the features of known speakers to a calibrated model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mraf.device import choose_device
from mraf.episodic.fit import fit_episodic
from mraf.episodic.options import EpisodicOptions
from mraf.fop.options import FOPOptions
from mraf.fop.training import train_fop
from mraf.inference.calibration import calibration_error, temperature
from mraf.inference.folds import FOLDS, recording_folds
from mraf.inference.out_of_fold import HeldOutLogits, OutOfFold
from mraf.inference.prediction import Model, predict, score
from mraf.model_types import with_epochs
from mraf.network.batches import Batch
from mraf.network.loop import (
    EpochReport,
    TrainedNetwork,
    known_clips,
    surroundings,
    usable,
)
from mraf.network.options import TrainOptions
from mraf.network.training import train_network
from mraf.prototypes.fit import fit_prototypes, fit_uncalibrated
from mraf.prototypes.options import PrototypeOptions
from mraf.recognition.fit import FALSE_NAMES, HiddenTrials, check_false_names, recognise_with
from mraf.recognition.priors import prior_of
from mraf.types import Features

Options = TrainOptions | FOPOptions | EpisodicOptions | PrototypeOptions


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained model, in eval mode, and the figures measured in training."""

    model: Model
    best_epoch: int | None  # that was best on the clips out of fold; None where none was chosen
    history: list[EpochReport]  # one an epoch, or one a fold of the cross-validation
    out_of_fold: OutOfFold | None  # None where no clip could be held out
    # Accuracies and loss on the development clips, see `mraf.inference.prediction.score`; and the
    # expected calibration error there `before` and `after` the temperatures. Empty without such clips.
    dev: dict[str, float] = field(default_factory=dict)
    calibration: dict[str, float] = field(default_factory=dict)
    # How known people and strangers fare, see `mraf.recognition.rates.report`; empty where the model does
    # not know strangers.
    recognition: dict[str, Any] = field(default_factory=dict)


def fit(
    train: Features,
    classes: int,
    options: Options | None = None,
    *,
    fold: NDArray[np.int64] | None = None,
    dev: Features | None = None,
    false_names: float = FALSE_NAMES,
    encoders: tuple[str | None, str | None] = (None, None),
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> Trained:
    """Train a model to name the `classes` speakers of `train`, on all its clips.

    Clips are held out within the run: they calibrate the model, and choose the number of epochs of a
    network. Then the model is fitted to all clips. Models with prototypes are fitted once more for each
    fold; a network of linear heads once, to all folds but the first, which takes twice the time. The same seed gives
    the same model; the caller's random state does not change.

    Args:
        train: clips [N]; those without face and voice are dropped.
        classes: C; labels run from 0 to C - 1.
        options: the training options; `PrototypeOptions()` if None.
        fold: [N], the fold in which a clip is held out, and -1 for none. Recordings are dealt into
            folds if it is None (`mraf.inference.folds.recording_folds`).
        dev: clips of recordings that are not in `train`. They choose nothing and only measure.
        false_names: share of strangers' clips that may be named, above 0 and below 1.
        encoders: the names of the face and the voice encoder, such as ("dlib", "campplus"), where known:
            what is known of them stands in where few speakers train.
        on_epoch: called after each epoch, or each fold of the cross-validation.

    Raises:
        UsageError: there are fewer than two speakers, a label or `false_names` is out of range, no clip has
            a face or a voice, or the development clips have other dimensions.
    """
    options = options or PrototypeOptions()
    check_false_names(false_names)
    kept = np.flatnonzero(train.face_present | train.voice_present)
    clips = usable(train, classes)
    if fold is None:
        fold = recording_folds(train.label, train.recording, FOLDS, options.seed)
    device = torch.device(choose_device(options.device))
    with surroundings(options.seed, options.threads, device):
        if isinstance(options, PrototypeOptions | EpisodicOptions):
            trained = _fit_by_folds(
                clips, classes, options, fold[kept], false_names, encoders, on_epoch
            )
        else:
            trained = _fit_network(clips, classes, options, fold[kept], false_names, on_epoch)
        known = known_clips(dev, trained.model.config) if dev is not None else None
        if known is not None:
            trained = replace(
                trained,
                dev=score(trained.model, Batch.of(known, device)),
                calibration=_calibration(trained.model, known),
            )
    answers = trained.out_of_fold
    if answers is not None:
        trained = replace(trained, out_of_fold=replace(answers, index=kept[answers.index]))
    return trained


def _fit_by_folds(
    train: Features,
    classes: int,
    options: PrototypeOptions | EpisodicOptions,
    fold: NDArray[np.int64],
    false_names: float,
    encoders: tuple[str | None, str | None],
    on_epoch: Callable[[EpochReport], None] | None,
) -> Trained:
    history: list[EpochReport] = []
    started = time.perf_counter()

    def report(count: int, fits: int, accuracies: dict[str, float]) -> None:
        seconds = time.perf_counter() - started
        history.append(
            EpochReport(
                epoch=count, epochs=fits, loss={}, dev=accuracies, best=False, seconds=seconds
            )
        )
        if on_epoch is not None:
            on_epoch(history[-1])

    device = torch.device(choose_device(options.device))
    model: Model
    answers: OutOfFold | None
    if isinstance(options, EpisodicOptions):
        trials = HiddenTrials(train, classes, options.seed)
        model, answers = fit_episodic(
            train,
            classes,
            options,
            fold=fold,
            device=device,
            on_fold=report,
            on_model=trials.add,
        )
        recognition = trials.fit(model, false_names)
    else:
        model, answers = fit_prototypes(
            train, classes, options, fold=fold, device=device, on_fold=report
        )
        recognition = recognise_with(
            model,
            train,
            classes,
            fold=fold,
            seed=options.seed,
            fit=partial(fit_uncalibrated, classes=classes, options=options),
            prior=prior_of(encoders, centred=options.centre),
            false_names=false_names,
        )
    return Trained(
        model=model,
        best_epoch=None,
        history=history,
        out_of_fold=answers,
        recognition=recognition,
    )


def _fit_network(
    train: Features,
    classes: int,
    options: TrainOptions | FOPOptions,
    fold: NDArray[np.int64],
    false_names: float,
    on_epoch: Callable[[EpochReport], None] | None,
) -> Trained:
    """Fit a network without the first fold, which chooses the epoch and calibrates; then to all clips."""
    held_out = np.flatnonzero(fold == 0)
    if not len(held_out):
        result = _trained(train, None, classes, options, on_epoch)
        return Trained(
            model=result.model, best_epoch=None, history=result.history, out_of_fold=None
        )
    watched = train.take(held_out)
    chosen = _trained(train.take(fold != 0), watched, classes, options, on_epoch)
    samples = Batch.of(watched, next(chosen.model.buffers()).device)
    logits = HeldOutLogits.of(chosen.model, samples, held_out)
    fitted = torch.tensor([temperature(*logits.of_modalities(column)) for column in range(3)])
    result = _trained(train, None, classes, _until(options, chosen), on_epoch)
    result.model.temperature.value.copy_(fitted)
    trials = HiddenTrials(train, classes, options.seed)
    trials.add(chosen.model, held_out)
    return Trained(
        model=result.model,
        best_epoch=chosen.best_epoch,
        history=chosen.history,
        out_of_fold=logits.answers(fitted),
        recognition=trials.fit(result.model, false_names),
    )


def _trained(
    train: Features,
    dev: Features | None,
    classes: int,
    options: TrainOptions | FOPOptions,
    on_epoch: Callable[[EpochReport], None] | None,
) -> TrainedNetwork:
    if isinstance(options, FOPOptions):
        return train_fop(train, dev, classes, options, on_epoch=on_epoch)
    return train_network(train, dev, classes, options, on_epoch=on_epoch)


def _until(options: TrainOptions | FOPOptions, chosen: TrainedNetwork) -> TrainOptions | FOPOptions:
    """Return options that end where the chosen epoch ended, in the unit of their own length.

    Passes over all clips take more steps than passes over some: a length in steps stays in steps.
    """
    if isinstance(options, TrainOptions) and options.steps:
        return replace(options, steps=chosen.steps)
    return with_epochs(options, chosen.best_epoch)


def _calibration(model: Model, clips: Features) -> dict[str, float]:
    """Return the calibration error before and after the temperatures."""
    after = _calibration_error(model, clips)
    with model.temperature.as_in_training():
        return {"before": _calibration_error(model, clips), "after": after}


def _calibration_error(model: Model, clips: Features) -> float:
    """Return the calibration error over the clips as they are and the same clips without faces."""
    posteriors = [predict(model, each).probability for each in (clips, clips.without_face())]
    return calibration_error(np.concatenate(posteriors), np.concatenate([clips.label] * 2))
