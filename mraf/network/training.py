"""Training of MRAF by gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import torch
from torch import Tensor

from mraf.device import choose_device
from mraf.inference.prediction import Model, score
from mraf.network.batches import Batch, Sampler
from mraf.network.loop import (
    EpochReport,
    Length,
    Step,
    TrainedNetwork,
    known_clips,
    run_epochs,
    surroundings,
    usable,
)
from mraf.network.losses import CenterLoss, LearnedCenters, class_weights, training_losses
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.options import NetworkOptions, TrainOptions
from mraf.types import Features


def train_network(
    train: Features,
    dev: Features | None,
    classes: int,
    options: TrainOptions,
    *,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainedNetwork:
    """Train MRAF to name the `classes` speakers of `train`.

    The epoch with the lowest development loss is kept: the mean of the cross-entropies over the
    cases that the network is trained for (see `trained_cases`). Accuracy has too coarse steps on few
    held-out clips, and the probabilities should be right too. Without development clips the last
    epoch is kept. On the same machine, the same seed gives the same weights (on the CPU, bit for
    bit, with the same number of threads); the caller's random state is left alone.

    Args:
        train: clips [N]; those without face and voice are dropped.
        dev: clips of recordings that `train` does not hold, or None.
        classes: C; labels run from 0 to C - 1.
        options: how to train.
        on_epoch: called after each epoch.

    Raises:
        UsageError: fewer than two speakers, a label out of range, nothing to learn from,
            development clips of other dimensions, or a loss that is not finite.
    """
    train = usable(train, classes)
    device = torch.device(choose_device(options.device))
    with surroundings(options.seed, options.threads, device):
        model = MRAF(_config(train, classes, options)).to(device)
        model.trained.learn(train)
        known = None if dev is None else known_clips(dev, model.config)
        watched = None if known is None else Batch.of(known, device)
        cases = trained_cases(train, options)

        def measure(model: Model) -> dict[str, float]:
            return {} if watched is None else score(model, watched, loss_over=cases)

        return run_epochs(
            MRAFStep(model, train, options, device),
            Length(steps=options.steps, epochs=options.epochs, patience=options.patience),
            measure=measure,
            figure=lambda measured: -measured["loss"] if "loss" in measured else None,
            on_epoch=on_epoch,
        )


def trained_cases(train: Features, options: TrainOptions) -> tuple[str, ...]:
    """Return the keys of `MODALITIES` that the network is trained for.

    These are the cases in which training shows clips, and the voice alone where it is distilled.
    """
    face, voice = train.face_present, train.voice_present
    complete = bool((face & voice).any())
    cases = {
        "face_voice": complete and options.p_av > 0,
        "voice": (voice & ~face).any() or (complete and options.p_a + options.lambda_kd > 0),
        "face": (face & ~voice).any() or (complete and options.p_f > 0),
    }
    return tuple(name for name, trained in cases.items() if trained)


class MRAFStep(Step):
    """A training step: some clips are shown by one of their modalities alone."""

    def __init__(
        self, model: MRAF, train: Features, options: TrainOptions, device: torch.device
    ) -> None:
        sampler = Sampler(
            train,
            batch_size=options.batch_size,
            seed=options.seed,
            device=device,
            balance=options.balance,
        )
        self.options = options
        self.centers = _centers(model.config, options).to(device)
        super().__init__(
            model,
            Batch.of(train, device),
            sampler,
            lr=options.lr,
            weight_decay=options.weight_decay,
            others=self.centers.parameters(),
        )
        self.class_weight: Tensor | None = None
        if options.class_weights == "rare":
            self.class_weight = class_weights(self.clips.label, model.config.classes)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss of B clips, "total", and its parts."""
        face, voice = self.sampler.shown(batch, p_a=self.options.p_a, p_f=self.options.p_f)
        return training_losses(
            self.model,
            batch,
            face,
            voice,
            centers=self.centers,
            options=self.options,
            class_weight=self.class_weight,
        )


def _centers(config: MRAFConfig, options: TrainOptions) -> CenterLoss | LearnedCenters:
    if options.centers == "learned":
        return LearnedCenters(config.classes, config.dim)
    return CenterLoss(
        config.classes, config.dim, rate=options.center_rate, reduction=options.center_reduction
    )


def _config(train: Features, classes: int, options: TrainOptions) -> MRAFConfig:
    return MRAFConfig(
        face_dim=train.face.shape[1],
        voice_dim=train.voice.shape[1],
        classes=classes,
        **{each.name: getattr(options, each.name) for each in fields(NetworkOptions)},
    )
