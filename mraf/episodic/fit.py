"""Fitting MRAF with prototype heads: statistics, start, episodes, prototypes and calibration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from mraf.episodic.episodes import TrainingClips
from mraf.episodic.model import EpisodicMRAF
from mraf.episodic.options import EpisodicConfig, EpisodicOptions
from mraf.episodic.start import start
from mraf.episodic.training import train_episodes
from mraf.folds import recording_folds
from mraf.inference.calibration import temperature
from mraf.inference.prediction import MODALITIES, evaluating, fusion_logits, score
from mraf.network.batches import Batch
from mraf.prototypes.fit import DEFAULT_TEMPERATURE, LOWEST_TEMPERATURE
from mraf.prototypes.recordings import Recordings
from mraf.types import Features

FoldReport = Callable[[int, int, dict[str, float]], None]
"""A function of the number of a fold from 1, the number of all fits, and the fold's accuracies."""

HeldOut = dict[str, tuple[Tensor, Tensor]]
"""Logits [M, C] and labels [M] of held-out clips, by a key of `MODALITIES`."""

BATCH = 2048
"""The number of training clips that are embedded at once."""


def fit_episodic(
    train: Features,
    classes: int,
    options: EpisodicOptions,
    device: torch.device,
    on_fold: FoldReport | None = None,
) -> tuple[EpisodicMRAF, dict[str, float]]:
    """Return a calibrated model of the speakers of `train` [N], and cross-validated accuracies.

    Models of some recordings score the others, and the temperatures are fitted to these scores. The
    model itself is fitted to all recordings. A speaker's only recording trains in every fold and is
    tested in none.

    Args:
        train: clips [N] with labels 0 to C - 1.
        classes: C.
        options: the training options.
        device: where the model goes; it is fitted on the CPU.
        on_fold: called after each fold.
    """
    heldout = cross_validate(train, classes, options, on_fold)
    model = fit_uncalibrated(train, classes, options)
    accuracies = calibrate(model, heldout)
    return model.to(device), accuracies


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
    train: Features, classes: int, options: EpisodicOptions, on_fold: FoldReport | None = None
) -> HeldOut:
    """Return the logits of the held-out clips of all folds."""
    fold = recording_folds(train.label, train.recording, options.folds, options.seed)
    numbers = [int(k) for k in np.unique(fold) if k >= 0]
    parts: list[HeldOut] = []
    for count, k in enumerate(numbers, 1):
        model = fit_uncalibrated(train.take(fold != k), classes, options)
        samples = Batch.of(train.take(fold == k), "cpu")
        parts.append({name: fusion_logits(model, samples, name) for name in MODALITIES})
        if on_fold is not None:
            # The fit on all recordings follows the folds.
            on_fold(count, len(numbers) + 1, score(model, samples))
    if not parts:
        return {}
    return {
        name: (
            torch.cat([part[name][0] for part in parts]),
            torch.cat([part[name][1] for part in parts]),
        )
        for name in MODALITIES
    }


@torch.no_grad()
def calibrate(model: EpisodicMRAF, heldout: HeldOut) -> dict[str, float]:
    """Fit the temperatures to logits of held-out clips; return the accuracies by modalities."""
    accuracies: dict[str, float] = {}
    model.temperature.value.fill_(DEFAULT_TEMPERATURE)
    for index, name in enumerate(MODALITIES):
        logits, label = heldout.get(name, (torch.zeros(0), torch.zeros(0)))
        if len(label):
            accuracies[name] = float((logits.argmax(dim=-1) == label).double().mean())
            fitted = temperature(logits, label)
            model.temperature.value[index] = max(LOWEST_TEMPERATURE, fitted)
    return accuracies


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
