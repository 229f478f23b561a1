"""Fitting MRAF with prototype heads: statistics, start, episodes, prototypes and calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mraf.episodic.episodes import TrainingClips
from mraf.episodic.model import EpisodicMRAF
from mraf.episodic.options import EpisodicConfig, EpisodicOptions
from mraf.episodic.start import start
from mraf.episodic.training import train_episodes
from mraf.inference.calibration import temperature
from mraf.inference.out_of_fold import HeldOutLogits, OutOfFold
from mraf.inference.prediction import MODALITIES, evaluating, score
from mraf.network.batches import Batch
from mraf.prototypes.fit import DEFAULT_TEMPERATURE, LOWEST_TEMPERATURE
from mraf.prototypes.recordings import Recordings
from mraf.types import Features

FoldReport = Callable[[int, int, dict[str, float]], None]
"""A function of the number of a fold from 1, the number of all fits, and the fold's accuracies."""

ModelReport = Callable[[EpisodicMRAF, NDArray[np.int64]], None]
"""A function of a fold's model and the positions of the clips that it did not train on."""

BATCH = 2048
"""The number of training clips that are embedded at once."""


def fit_episodic(
    train: Features,
    classes: int,
    options: EpisodicOptions,
    *,
    fold: NDArray[np.int64],
    device: torch.device,
    on_fold: FoldReport | None = None,
    on_model: ModelReport | None = None,
) -> tuple[EpisodicMRAF, OutOfFold | None]:
    """Return a calibrated model of the speakers of `train` [N], and the answers out of fold.

    Models of the other folds score the clips of each fold, and the temperatures are fitted to these
    scores. The model itself is fitted to all clips. In the answers, the temperatures of a fold are
    those of the other folds' scores.

    Args:
        train: clips [N] with labels 0 to C - 1.
        classes: C.
        options: the training options.
        fold: [N], the fold that a clip is held out in; -1 where it trains in every fold.
        device: where the model goes; it is fitted on the CPU.
        on_fold: called after each fold.
        on_model: likewise.
    """
    held_out = cross_validate(
        train, classes, options, fold=fold, on_fold=on_fold, on_model=on_model
    )
    model = fit_uncalibrated(train, classes, options)
    model.temperature.value.copy_(fitted_temperatures(held_out))
    answers = [
        part.answers(fitted_temperatures([other for other in held_out if other is not part]))
        for part in held_out
    ]
    return model.to(device), OutOfFold.joined(answers)


def fit_uncalibrated(train: Features, classes: int, options: EpisodicOptions) -> EpisodicMRAF:
    """Return a model of `train` [N] on the CPU, in eval mode, with initial temperatures.

    The same seed gives the same model; the caller's random state does not change.
    """
    samples = Batch.of(train, "cpu")
    recording = torch.from_numpy(train.recording)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(options.seed)
        model = EpisodicMRAF(_config(train, classes, options))
        clips = TrainingClips.of(samples, recording, classes, options)
        start(model, clips.face, clips.voice, options)
        train_episodes(model, clips, options)
    fill_heads(model, samples, recording, options.hubness_offset)
    return model.eval()


def fill_heads(model: EpisodicMRAF, samples: Batch, recording: Tensor, share: float) -> None:
    """Set the prototypes and hubness offsets of all heads from training clips [N]."""
    face, voice = samples.face_present, samples.voice_present
    by_head = {
        model.face_head: ("e_f", face),
        model.voice_head: ("e_a", voice),
        model.fusion_head: ("e_c", face & voice),
        model.face_alone_head: ("face", face),
        model.voice_alone_head: ("voice", voice),
    }
    embedded = _embed(model, samples)
    for head, (name, present) in by_head.items():
        recordings = Recordings.of(samples.label[present], recording[present], model.config.classes)
        head.fill(embedded[name][present], recordings, share)


def cross_validate(
    train: Features,
    classes: int,
    options: EpisodicOptions,
    *,
    fold: NDArray[np.int64],
    on_fold: FoldReport | None = None,
    on_model: ModelReport | None = None,
) -> list[HeldOutLogits]:
    """Return the logits of the held-out clips of each fold."""
    numbers = [int(k) for k in np.unique(fold) if k >= 0]
    parts = []
    for count, k in enumerate(numbers, 1):
        model = fit_uncalibrated(train.take(fold != k), classes, options)
        samples = Batch.of(train.take(fold == k), "cpu")
        parts.append(HeldOutLogits.of(model, samples, np.flatnonzero(fold == k)))
        if on_model is not None:
            on_model(model, np.flatnonzero(fold == k))
        if on_fold is not None:
            # The fit on all recordings follows the folds.
            on_fold(count, len(numbers) + 1, score(model, samples))
    return parts


def fitted_temperatures(parts: Sequence[HeldOutLogits]) -> Tensor:
    """Return the temperatures [3] that suit the logits of held-out clips."""
    value = torch.full((len(MODALITIES),), DEFAULT_TEMPERATURE)
    for column in range(len(MODALITIES)):
        found = [part.of_modalities(column) for part in parts]
        if any(len(label) for _, label in found):
            logits, label = (torch.cat(each) for each in zip(*found, strict=True))
            value[column] = max(LOWEST_TEMPERATURE, temperature(logits, label))
    return value


def _embed(model: EpisodicMRAF, samples: Batch) -> dict[str, Tensor]:
    """Return e_f, e_a, e_c and the e_c by the `face` and by the `voice` alone, each [N, d]."""
    parts: list[dict[str, Tensor]] = []
    with evaluating(model):
        for begin in range(0, len(samples), BATCH):
            batch = samples.take(slice(begin, begin + BATCH))
            face, voice = batch.face_present, batch.voice_present
            nothing = torch.zeros_like(face)
            clips = model.encode(
                model.face_input(batch.face, face), model.voice_input(batch.voice, voice)
            )
            parts.append(
                {
                    "e_f": clips.face.embedding,
                    "e_a": clips.voice.embedding,
                    "e_c": model.fuse(clips, face, voice).e_c,
                    "face": model.fuse(clips, face, nothing).e_c,
                    "voice": model.fuse(clips, nothing, voice).e_c,
                }
            )
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _config(train: Features, classes: int, options: EpisodicOptions) -> EpisodicConfig:
    names = ("dim", "tokens", "layers", "heads", "ffn", "dropout", "missing_token", "power")
    return EpisodicConfig(
        face_dim=train.face.shape[1],
        voice_dim=train.voice.shape[1],
        classes=classes,
        **{name: getattr(options, name) for name in names},
    )
