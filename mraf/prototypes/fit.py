"""Fitting a model with prototype heads: statistics, a learned metric, prototypes, calibration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.calibration import temperature
from mraf.folds import recording_folds
from mraf.network.batches import Batch
from mraf.network.losses import cross_entropy, distillation
from mraf.prediction import SETTINGS, score
from mraf.prototypes.metric import Side, learn_metric
from mraf.prototypes.model import (
    UNKNOWN,
    Enrolment,
    PrototypicalConfig,
    PrototypicalMRAF,
    fuse_scores,
)
from mraf.prototypes.options import PrototypicalOptions
from mraf.prototypes.recordings import loudness
from mraf.types import Features

DEFAULT_TEMPERATURE = 0.05
"""Of scores, where too few recordings are there to calibrate on."""

LOWEST_TEMPERATURE = 0.02
"""Where every held-out clip is named right, they would have it near 0, and a stranger be a certainty."""


@dataclass(frozen=True)
class Scores:
    """What the models of some recordings say of N clips of the others."""

    face: Tensor  # [N, C], `UNKNOWN` where a speaker has no prototype or the face is missing
    voice: Tensor  # [N, C]
    face_present: Tensor  # [N] bool, and the model knows faces
    voice_present: Tensor  # [N] bool
    label: Tensor  # [N]

    def __len__(self) -> int:
        """N, the number of clips."""
        return len(self.label)

    def take(self, index: Tensor) -> Scores:
        """The clips at positions or in a mask."""
        return Scores(**{each.name: getattr(self, each.name)[index] for each in fields(self)})

    def setting(self, name: str) -> Scores:
        """The clips that have all that a setting shows, with the rest of them hidden."""
        face, voice = SETTINGS[name]
        suits = (self.face_present | (not face)) & (self.voice_present | (not voice))
        chosen = self.take(suits)
        shown = torch.ones_like(chosen.face_present)
        return replace(chosen, face_present=shown & face, voice_present=shown & voice)


def enrol(
    train: Features,
    classes: int,
    options: PrototypicalOptions,
    device: torch.device,
    on_fold: Callable[[int, int, dict[str, float]], None] | None = None,
) -> tuple[PrototypicalMRAF, dict[str, float]]:
    """A model of the speakers of `train` [N], and its accuracies in cross-validation.

    The reliability head is trained on, and the temperatures are fitted to, the scores that models
    of some recordings give to the others; the model itself is fitted on all of them. Speakers with
    one recording are in every fold's training set and in no fold's test. The accuracies are those
    of fixed reliabilities: the head has seen these clips.

    Args:
        train: clips [N] with labels 0 to C - 1.
        classes: C.
        options: how to train.
        device: where the model goes.
        on_fold: called with the number of a fold from 1, of all fits, and its accuracies.

    """
    heldout = cross_validate(train, classes, options, on_fold)
    model = fit_once(train, classes, options)
    found = calibrate(model, heldout)
    if model.head is not None and options.head_steps and len(heldout):
        train_head(model, heldout, options)
        calibrate(model, heldout)
    return model.to(device), found


@torch.no_grad()
def calibrate(model: PrototypicalMRAF, heldout: Scores) -> dict[str, float]:
    """Fit the temperatures to scores of held-out clips; returns the accuracies by setting."""
    found: dict[str, float] = {}
    for index, name in enumerate(SETTINGS):
        rows = heldout.setting(name)
        if len(rows):
            logits = _fuse(model, rows)
            found[name] = float((logits.argmax(dim=-1) == rows.label).double().mean())
            fitted = temperature(logits, rows.label)
            model.temperature.value[index] = max(LOWEST_TEMPERATURE, fitted)
        else:
            model.temperature.value[index] = DEFAULT_TEMPERATURE
    return found


def fit_once(train: Features, classes: int, options: PrototypicalOptions) -> PrototypicalMRAF:
    """The same without calibration: temperatures and reliabilities are fixed. Works on the CPU."""
    samples = Batch.of(train, "cpu")
    recording = torch.from_numpy(train.recording)
    face, voice = (
        Side.of(x, present, samples.label, recording, classes, shrinkage, options.centre)
        for x, present, shrinkage in (
            (samples.face, samples.face_present, options.face_shrinkage),
            (samples.voice, samples.voice_present, options.voice_shrinkage),
        )
    )
    metric = learn_metric(face, voice, samples.label, recording, options)
    # The head starts at random numbers, which may not change what is drawn elsewhere.
    with torch.random.fork_rng(devices=[]):
        model = PrototypicalMRAF(_config(train, classes, options))
    _fill(model.face, face, face.whitening, samples.face, options.bias)
    _fill(model.voice, voice, voice.whitening @ metric, samples.voice, options.bias)
    return model.eval()


def _config(train: Features, classes: int, options: PrototypicalOptions) -> PrototypicalConfig:
    return PrototypicalConfig(
        train.face.shape[1],
        train.voice.shape[1],
        classes,
        options.voice_weight,
        options.power,
        options.candidates,
        options.head_dim,
        options.head_layers,
        options.attention,
        options.learn_reliability,
        options.missing_token,
        options.head_limit,
    )


def _fill(part: Enrolment, side: Side, projection: Tensor, x: Tensor, bias: float) -> None:
    """Set one modality of the model; x [N, D] are the training vectors."""
    if not side.present.any():
        return
    known = side.recordings.known
    part.mean.copy_(side.mean)
    part.projection.copy_(projection)
    q = part.embed(x[side.present])
    # Prototypes are means of whitened vectors, and only then moved by the metric.
    metric = torch.linalg.solve(side.whitening, projection)
    part.prototypes.copy_(F.normalize(side.prototypes @ metric, dim=-1))
    part.known.copy_(known)
    heard = loudness(q @ part.prototypes.T, side.recordings)
    part.bias.copy_(bias * (heard - heard[known].mean()) * known)


def cross_validate(
    train: Features,
    classes: int,
    options: PrototypicalOptions,
    on_fold: Callable[[int, int, dict[str, float]], None] | None = None,
) -> Scores:
    """The scores of held-out clips, of all folds together."""
    fold = recording_folds(train.label, train.recording, options.folds, options.seed)
    numbers = [int(k) for k in np.unique(fold) if k >= 0]
    none = torch.zeros(0, dtype=torch.bool)
    parts = [Scores(torch.zeros(0, classes), torch.zeros(0, classes), none, none, none.long())]
    for count, k in enumerate(numbers, 1):
        model = fit_once(train.take(fold != k), classes, options)
        samples = Batch.of(train.take(fold == k), "cpu")
        parts.append(_score(model, samples))
        if on_fold is not None:
            on_fold(count, len(numbers) + 1, score(model, samples))
    columns = ([getattr(part, each.name) for part in parts] for each in fields(Scores))
    return Scores(*(torch.cat(column) for column in columns))


@torch.no_grad()
def _score(model: PrototypicalMRAF, samples: Batch) -> Scores:
    """What a model says of clips; a modality that it never saw counts as missing."""
    face_present = samples.face_present & model.face.known.any()
    voice_present = samples.voice_present & model.voice.known.any()
    c_f = model.face.compare(model.face.embed(samples.face))
    c_a = model.voice.compare(model.voice.embed(samples.voice))
    return Scores(
        c_f.masked_fill(~face_present[:, None], UNKNOWN),
        c_a.masked_fill(~voice_present[:, None], UNKNOWN),
        face_present,
        voice_present,
        samples.label,
    )


def train_head(model: PrototypicalMRAF, heldout: Scores, options: PrototypicalOptions) -> None:
    """Train the reliability head on scores of held-out clips [N], N > 0.

    The first half of a batch is shown as it is, the second with scores made worse. The temperatures
    of the model, which turn scores into logits here, have to be fitted already.
    """
    assert model.head is not None
    _standardise(model, heldout)
    parameters = [each for each in model.head.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=options.head_lr, weight_decay=options.head_decay)
    steps = options.head_steps
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / options.warmup) * (1 - step / steps)
    )
    model.train()
    for _ in range(steps):
        index = torch.randint(len(heldout), (options.head_batch,))
        loss = _head_loss(model, heldout, index, options)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    _centre(model, heldout)


def _head_loss(
    model: PrototypicalMRAF, heldout: Scores, index: Tensor, options: PrototypicalOptions
) -> Tensor:
    """Equations 15 to 17 without the centre loss and the face's branch, which nothing uses."""
    rows = heldout.take(index)
    clean = len(rows) // 2
    worse = replace(
        rows,
        face=_blend(heldout.face, rows.face, clean, options.face_blend, options.wrong_faces),
        voice=_blend(heldout.voice, rows.voice, clean, options.voice_blend, options.wrong_voices),
    )
    T = model.temperature
    complete = rows.face_present & rows.voice_present
    shown = torch.arange(len(rows)) < clean
    z_c = _fuse(model, worse, complete & shown) / T(worse.face_present, worse.voice_present)
    alone = replace(rows, face_present=torch.zeros_like(complete))
    z_a = _fuse(model, alone) / T(alone.face_present, alone.voice_present)
    taught = complete & shown
    return (
        options.lambda_c * cross_entropy(z_c, rows.label, rows.face_present | rows.voice_present)
        + options.lambda_a * cross_entropy(z_a, rows.label, rows.voice_present)
        + options.lambda_kd * distillation(z_c[taught], z_a[taught], options.temperature)
    )


def _blend(every: Tensor, scores: Tensor, clean: int, most: float, wrong: float) -> Tensor:
    """Scores [B, C] but for the first `clean` mixed with those of other clips, of `every` [N, C].

    A vector between two clips' has about these scores, since a sum's length grows with its parts'.

    Args:
        every: scores of all clips.
        scores: of the batch.
        clean: how many of the batch to leave alone.
        most: the largest share of the other clip; shares are drawn evenly.
        wrong: the part of the clips of which nothing is kept.

    """
    share = most * torch.rand(len(scores), 1)
    share = torch.where(torch.rand(len(scores), 1) < wrong, 1.0, share)
    share[:clean] = 0
    other = every[torch.randint(len(every), (len(scores),))]
    known = (scores > UNKNOWN) & (other > UNKNOWN)
    mixed = ((1 - share) * scores + share * other) / ((1 - share) ** 2 + share**2).sqrt()
    return torch.where(known, mixed, scores)


@torch.no_grad()
def _standardise(model: PrototypicalMRAF, heldout: Scores) -> None:
    """Set mean and deviation of the tokens' features to those of held-out clips."""
    head = model.head
    assert head is not None
    told = head.describe(heldout.face, heldout.voice, _fuse(model, heldout))
    for tokens, (features, known) in zip((head.face, head.voice), told, strict=True):
        x = features[known]
        if len(x):
            tokens.mean.copy_(x.mean(dim=0))
            tokens.std.copy_(x.std(dim=0, correction=0).clamp(min=1e-3))


@torch.no_grad()
def _centre(model: PrototypicalMRAF, heldout: Scores) -> None:
    """Take the mean change of reliability of held-out clips with both off every change."""
    rows, config = heldout.setting("face_voice"), model.config
    assert model.head is not None
    if len(rows):
        score, r_f, r_a = fuse_scores(
            rows.face,
            rows.voice,
            rows.face_present,
            rows.voice_present,
            config.voice_weight,
            config.power,
        )
        change = model.head(rows.face, rows.voice, score, r_f, r_a)
        model.head.usual += torch.stack([change.log_r_f.mean(), change.log_r_a.mean()])


def _fuse(model: PrototypicalMRAF, rows: Scores, centre: Tensor | None = None) -> Tensor:
    """Fused scores [N, C] before the temperature."""
    return model.fuse(rows.face, rows.voice, rows.face_present, rows.voice_present, centre)[0]
