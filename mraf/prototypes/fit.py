"""Fitting a model with prototypes: statistics, a learned metric, prototypes and calibration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.folds import recording_folds
from mraf.inference.calibration import temperature
from mraf.inference.prediction import MODALITIES, score
from mraf.network.batches import Batch
from mraf.prototypes.head_training import train_head
from mraf.prototypes.held_out import HeldOutScores
from mraf.prototypes.metric import TrainingModality, learn_metric
from mraf.prototypes.model import ClassMeans, PrototypicalConfig, PrototypicalMRAF
from mraf.prototypes.options import PrototypicalOptions
from mraf.prototypes.recordings import hubness
from mraf.types import Features

DEFAULT_TEMPERATURE = 0.05
"""The temperature where there are no held-out clips to fit one to."""

LOWEST_TEMPERATURE = 0.02
"""The least temperature. If every held-out clip is named right, the best fit is near 0, and then even
an impostor's posterior would be near 1."""

FoldReport = Callable[[int, int, dict[str, float]], None]
"""A function of the number of a fold from 1, the number of all fits, and the fold's accuracies."""


def fit_prototypes(
    train: Features,
    classes: int,
    options: PrototypicalOptions,
    device: torch.device,
    on_fold: FoldReport | None = None,
) -> tuple[PrototypicalMRAF, dict[str, float]]:
    """Return a calibrated model of the speakers of `train` [N], and cross-validated accuracies.

    Models of some recordings score the others. The reliability head is trained on these scores, and
    the temperatures are fitted to them. The model itself is fitted to all recordings. A speaker's
    only recording trains in every fold and is tested in none. The accuracies are those of fixed
    reliabilities, because the head has trained on these clips.

    Args:
        train: clips [N] with labels 0 to C - 1.
        classes: C.
        options: the training options.
        device: where the model goes.
        on_fold: called after each fold.
    """
    heldout = cross_validate(train, classes, options, on_fold)
    model = fit_uncalibrated(train, classes, options)
    accuracies = calibrate(model, heldout)
    if model.head is not None and options.head_steps and len(heldout):
        train_head(model, heldout, options)
        calibrate(model, heldout)
    return model.to(device), accuracies


def fit_uncalibrated(
    train: Features, classes: int, options: PrototypicalOptions
) -> PrototypicalMRAF:
    """Return a model of `train` [N] on the CPU, with initial temperatures and an untrained head."""
    samples = Batch.of(train, "cpu")
    recording = torch.from_numpy(train.recording)
    face, voice = (
        TrainingModality.of(
            x,
            present=present,
            label=samples.label,
            recording=recording,
            classes=classes,
            shrinkage=shrinkage,
            centre=options.centre,
        )
        for x, present, shrinkage in (
            (samples.face, samples.face_present, options.face_shrinkage),
            (samples.voice, samples.voice_present, options.voice_shrinkage),
        )
    )
    metric = learn_metric(face, voice, label=samples.label, recording=recording, options=options)
    # The head starts from random numbers, which may not change what is drawn elsewhere.
    with torch.random.fork_rng(devices=[]):
        model = PrototypicalMRAF(_config(train, classes, options))
    for part, modality, x, projection in (
        (model.face, face, samples.face, face.whitening),
        (model.voice, voice, samples.voice, voice.whitening @ metric),
    ):
        if modality.present.any():
            _fill(part, modality, x=x, projection=projection, share=options.hubness_offset)
    return model.eval()


def cross_validate(
    train: Features, classes: int, options: PrototypicalOptions, on_fold: FoldReport | None = None
) -> HeldOutScores:
    """Return the scores of the held-out clips of all folds."""
    fold = recording_folds(train.label, train.recording, options.folds, options.seed)
    numbers = [int(k) for k in np.unique(fold) if k >= 0]
    parts = []
    for count, k in enumerate(numbers, 1):
        model = fit_uncalibrated(train.take(fold != k), classes, options)
        samples = Batch.of(train.take(fold == k), "cpu")
        parts.append(HeldOutScores.of(model, samples))
        if on_fold is not None:
            # The fit on all recordings follows the folds.
            on_fold(count, len(numbers) + 1, score(model, samples))
    return HeldOutScores.joined(parts, classes)


@torch.no_grad()
def calibrate(model: PrototypicalMRAF, heldout: HeldOutScores) -> dict[str, float]:
    """Fit the temperatures to scores of held-out clips; return the accuracies by modalities."""
    accuracies: dict[str, float] = {}
    for index, name in enumerate(MODALITIES):
        rows = heldout.with_modalities(name)
        if len(rows):
            logits = rows.fused(model)
            accuracies[name] = float((logits.argmax(dim=-1) == rows.label).double().mean())
            fitted = temperature(logits, rows.label)
            model.temperature.value[index] = max(LOWEST_TEMPERATURE, fitted)
        else:
            model.temperature.value[index] = DEFAULT_TEMPERATURE
    return accuracies


def _config(train: Features, classes: int, options: PrototypicalOptions) -> PrototypicalConfig:
    return PrototypicalConfig(
        face_dim=train.face.shape[1],
        voice_dim=train.voice.shape[1],
        classes=classes,
        voice_weight=options.voice_weight,
        power=options.power,
        candidates=options.candidates,
        dim=options.head_dim,
        layers=options.head_layers,
        attention=options.attention,
        learn_reliability=options.learn_reliability,
        missing_token=options.missing_token,
        limit=options.head_limit,
    )


def _fill(
    part: ClassMeans, modality: TrainingModality, *, x: Tensor, projection: Tensor, share: float
) -> None:
    """Set one modality of the model from the training vectors x [N, D].

    `share` of each prototype's hubness, less the mean hubness, becomes its offset.
    """
    known = modality.recordings.known
    part.mean.copy_(modality.mean)
    part.projection.copy_(projection)
    q = part.embed(x[modality.present])
    # Prototypes are means of whitened vectors, so only the metric is applied to them. The projection
    # is whitening times metric: solving for the metric undoes the whitening.
    metric = torch.linalg.solve(modality.whitening, projection)
    part.prototypes.copy_(F.normalize(modality.prototypes @ metric, dim=-1))
    part.known.copy_(known)
    found = hubness(q @ part.prototypes.T, modality.recordings)
    part.offset.copy_(share * (found - found[known].mean()) * known)
