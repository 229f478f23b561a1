"""Fitting a model with prototypes: statistics, a learned metric, prototypes and calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mraf.inference.calibration import temperature
from mraf.inference.out_of_fold import OutOfFold
from mraf.inference.prediction import MODALITIES, score
from mraf.network.batches import Batch
from mraf.prototypes.fusion import hide_missing
from mraf.prototypes.metric import TrainingModality, learn_metric
from mraf.prototypes.model import ClassMeans, PrototypeConfig, PrototypeModel
from mraf.prototypes.options import PrototypeOptions
from mraf.prototypes.recordings import hubness
from mraf.types import Features

DEFAULT_TEMPERATURE = 0.05
"""The temperature of cosine scores where there are no held-out clips to fit one to."""

LOWEST_TEMPERATURE = 0.02
"""The least temperature of cosine scores. If every held-out clip is named right, the best fit is near 0,
and then even an impostor's posterior would be near 1."""

LOWEST_OF_EVIDENCE = 0.5
"""The least temperature of the sum of log L_m, for the same reason; unfitted, it is 1."""

MOST_OF_COHORT = 2000
"""The number of recordings that are kept of one modality, to measure newcomers by."""

FoldReport = Callable[[int, int, dict[str, float]], None]
"""A function of the number of a fold from 1, the number of all fits, and the fold's accuracies."""


def fit_prototypes(
    train: Features,
    classes: int,
    options: PrototypeOptions,
    *,
    fold: NDArray[np.int64],
    device: torch.device,
    on_fold: FoldReport | None = None,
) -> tuple[PrototypeModel, OutOfFold | None]:
    """Return a calibrated model of the speakers of `train` [N], and the answers out of fold.

    The model is fitted to all clips. Models of the other folds score the clips of each fold; the
    temperatures are fitted to all these scores. In the answers out of fold, the temperatures of a fold
    are fitted to the other folds' scores.

    Args:
        train: clips [N] with labels 0 to C - 1.
        classes: C.
        options: the training options.
        fold: [N], the fold that a clip is held out in; -1 where it trains in every fold.
        device: where the model goes.
        on_fold: called after each fold.
    """
    held_out = cross_validate(train, classes, options, fold=fold, on_fold=on_fold)
    model = fit_uncalibrated(train, classes, options)
    answers = _out_of_fold(model, held_out)
    model.temperature.value.copy_(fitted_temperatures(model, held_out))
    return model.to(device), answers


def fit_uncalibrated(train: Features, classes: int, options: PrototypeOptions) -> PrototypeModel:
    """Return a model of `train` [N] on the CPU, with initial temperatures."""
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
    kept = [modality.recordings.evenly(MOST_OF_COHORT) for modality in (face, voice)]
    model = PrototypeModel(_config(train, classes, options, cohorts=[len(each) for each in kept]))
    for part, modality, x, projection, cohort in (
        (model.face, face, samples.face, face.whitening, kept[0]),
        (model.voice, voice, samples.voice, voice.whitening @ metric, kept[1]),
    ):
        if modality.present.any():
            _fill(part, modality, x=x, projection=projection, share=options.hubness_offset)
            _keep_cohort(part, modality, x=x, cohort=cohort)
    model.recogniser.recordings.copy_(torch.maximum(model.face.count, model.voice.count))
    return model.eval()


@dataclass(frozen=True, kw_only=True)
class HeldOutScores:
    """The scores of M clips, by models that did not train on their recordings."""

    index: Tensor  # [M], positions among the training clips
    fold: Tensor  # [M]
    label: Tensor  # [M]
    face: Tensor  # [M, C], `UNKNOWN` where a speaker has no prototype or the face is missing
    voice: Tensor  # [M, C], likewise
    face_present: Tensor  # [M] bool, and the model knows faces
    voice_present: Tensor  # [M] bool, likewise

    @classmethod
    @torch.no_grad()
    def of(
        cls, model: PrototypeModel, samples: Batch, *, index: Tensor, fold: int
    ) -> HeldOutScores:
        """Score clips by a model; a modality without any prototype counts as missing."""
        face_present = samples.face_present & model.face.known.any()
        voice_present = samples.voice_present & model.voice.known.any()
        return cls(
            index=index,
            fold=torch.full_like(index, fold),
            label=samples.label,
            face=hide_missing(model.face.compare(model.face.embed(samples.face)), face_present),
            voice=hide_missing(
                model.voice.compare(model.voice.embed(samples.voice)), voice_present
            ),
            face_present=face_present,
            voice_present=voice_present,
        )

    @classmethod
    def joined(cls, parts: Sequence[HeldOutScores]) -> HeldOutScores | None:
        """Return the clips of all parts; None without a part."""
        names = (each.name for each in fields(cls))
        columns = {name: [getattr(part, name) for part in parts] for name in names}
        return cls(**{name: torch.cat(each) for name, each in columns.items()}) if parts else None

    def take(self, index: Tensor) -> HeldOutScores:
        """Return the clips at positions or in a mask [M]."""
        return replace(self, **{name: tensor[index] for name, tensor in vars(self).items()})

    def fused(
        self, model: PrototypeModel, modalities: str, temperature: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return a mask [M] of the clips with all of `modalities`, and their fused scores.

        The other modality is hidden. The scores have not been divided by their own temperature.
        """
        face, voice = MODALITIES[modalities]
        suits = (self.face_present | (not face)) & (self.voice_present | (not voice))
        c_f, c_a, shown = self.face[suits], self.voice[suits], torch.ones_like(suits[suits])
        fused = model.fuse(c_f, c_a, shown & face, shown & voice, temperature)
        return suits, fused.score


def cross_validate(
    train: Features,
    classes: int,
    options: PrototypeOptions,
    *,
    fold: NDArray[np.int64],
    on_fold: FoldReport | None = None,
) -> HeldOutScores | None:
    """Return the scores of the held-out clips of all folds; None where there is no fold."""
    numbers = [int(k) for k in np.unique(fold) if k >= 0]
    parts = []
    for count, k in enumerate(numbers, 1):
        model = fit_uncalibrated(train.take(fold != k), classes, options)
        samples = Batch.of(train.take(fold == k), "cpu")
        index = torch.from_numpy(np.flatnonzero(fold == k))
        parts.append(HeldOutScores.of(model, samples, index=index, fold=k))
        if on_fold is not None:
            # The fit on all recordings follows the folds.
            on_fold(count, len(numbers) + 1, score(model, samples))
    return HeldOutScores.joined(parts)


@torch.no_grad()
def fitted_temperatures(model: PrototypeModel, held_out: HeldOutScores | None) -> Tensor:
    """Return the temperatures [3] that suit held-out scores; those of one modality come first.

    The fused scores of both depend on the temperatures of the voice and of the face.
    """
    value, lowest = torch.full((3,), DEFAULT_TEMPERATURE), [LOWEST_TEMPERATURE] * 3
    if model.config.fusion == "posterior":
        value[0], lowest[0] = 1.0, LOWEST_OF_EVIDENCE
    if held_out is None:
        return value
    names = list(MODALITIES)
    for name in sorted(names, key=lambda name: sum(MODALITIES[name])):
        column = names.index(name)
        mask, scores = held_out.fused(model, name, value)
        if mask.any():
            found = temperature(scores, held_out.label[mask])
            value[column] = max(lowest[column], found)
    return value


@torch.no_grad()
def _out_of_fold(model: PrototypeModel, held_out: HeldOutScores | None) -> OutOfFold | None:
    """Return the answers to held-out clips, at temperatures of the other folds."""
    parts = []
    for k in held_out.fold.unique() if held_out is not None else []:
        assert held_out is not None
        here = held_out.fold == k
        others = held_out.take(~here) if bool((~here).any()) else None
        value, clips = fitted_temperatures(model, others), held_out.take(here)
        logits = []
        for column, name in enumerate(MODALITIES):
            mask, scores = clips.fused(model, name, value)
            logits.append((mask, scores / value[column]))
        parts.append(OutOfFold.of(clips.index, clips.label, logits))
    return OutOfFold.joined(parts)


def _config(
    train: Features, classes: int, options: PrototypeOptions, cohorts: Sequence[int]
) -> PrototypeConfig:
    return PrototypeConfig(
        face_cohort=cohorts[0],
        voice_cohort=cohorts[1],
        hubness_offset=options.hubness_offset,
        face_dim=train.face.shape[1],
        voice_dim=train.voice.shape[1],
        classes=classes,
        fusion=options.fusion,
        wrong_face=options.wrong_face,
        wrong_voice=options.wrong_voice,
        voice_softening=options.voice_softening,
        sharpness=options.sharpness,
        voice_weight=options.voice_weight,
        power=options.power,
    )


def _fill(
    part: ClassMeans, modality: TrainingModality, *, x: Tensor, projection: Tensor, share: float
) -> None:
    """Set one modality of the model from the training vectors x [N, D].

    `share` of each prototype's hubness, less the mean hubness, becomes its offset.
    """
    known = modality.recordings.known
    part.mean.copy_(modality.mean)
    part.whitening.copy_(modality.whitening)
    part.projection.copy_(projection)
    part.means.copy_(modality.means)
    part.count.copy_(modality.recordings.count)
    q = part.embed(x[modality.present])
    # Prototypes are means of whitened vectors, so only the metric is applied to them. The projection
    # is whitening times metric: solving for the metric undoes the whitening.
    metric = torch.linalg.solve(modality.whitening, projection)
    part.prototypes.copy_(F.normalize(modality.prototypes @ metric, dim=-1))
    part.known.copy_(known)
    found = hubness(q @ part.prototypes.T, modality.recordings)
    part.offset.copy_(share * (found - found[known].mean()) * known)


def _keep_cohort(
    part: ClassMeans, modality: TrainingModality, *, x: Tensor, cohort: Tensor
) -> None:
    """Keep the embeddings of the recordings at `cohort` [M], by which newcomers are measured."""
    q = part.embed(x[modality.present])
    part.cohort.copy_(F.normalize(modality.recordings.means(q)[cohort], dim=-1))
    part.cohort_speaker.copy_(modality.recordings.speaker[cohort])
