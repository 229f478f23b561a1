"""Training of FOP: cross-entropy, and the orthogonal projection loss that gave it its name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.device import choose_device
from mraf.fop.model import FOP
from mraf.fop.options import FOPConfig, FOPOptions
from mraf.inference.prediction import Model, predict, score
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
from mraf.types import Features


def train_fop(
    train: Features,
    dev: Features | None,
    classes: int,
    options: FOPOptions,
    *,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainedNetwork:
    """Train FOP to name the `classes` speakers of `train`.

    The last epoch that raised the accuracy on the development clips, as they are, by more than
    `gain` is kept. Without development clips it is the last one of all.

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
        model = FOP(_config(train, classes, options)).to(device)
        model.trained.learn(train)
        known = None if dev is None else known_clips(dev, model.config)
        epochs = options.unwatched_epochs if known is None else options.epochs

        def measure(model: Model) -> dict[str, float]:
            if known is None:
                return {}
            probability = predict(model, known).probability
            answered = ~np.isnan(probability).any(axis=1)
            right = answered & (probability.argmax(axis=1) == known.label)
            return {**score(model, Batch.of(known, device)), "accuracy": float(right.mean())}

        return run_epochs(
            FOPStep(model, train, options, device),
            Length(steps=None, epochs=epochs, patience=options.patience),
            measure=measure,
            figure=lambda measured: measured.get("accuracy"),
            gain=options.gain,
            on_epoch=on_epoch,
        )


class FOPStep(Step):
    """A training step. Every clip is shown as it is."""

    def __init__(
        self, model: FOP, train: Features, options: FOPOptions, device: torch.device
    ) -> None:
        sampler = Sampler(train, batch_size=options.batch_size, seed=options.seed, device=device)
        super().__init__(model, Batch.of(train, device), sampler, lr=options.lr)
        self.lambda_opl = options.lambda_opl

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss of B clips, "total", and its parts."""
        return fop_losses(self.model, batch, lambda_opl=self.lambda_opl)


def fop_losses(model: FOP, batch: Batch, *, lambda_opl: float) -> dict[str, Tensor]:
    """Return the loss of a training step, "total", and its parts without their weights.

    Args:
        model: in training mode.
        batch: B clips.
        lambda_opl: the weight of the orthogonal projection loss.
    """
    out = model(batch.face, batch.voice, batch.face_present, batch.voice_present)
    parts = {
        "fusion": F.cross_entropy(out.fusion_logits, batch.label),
        "opl": orthogonal_projection(out.e_c, batch.label),
    }
    return {"total": parts["fusion"] + lambda_opl * parts["opl"], **parts}


def orthogonal_projection(e: Tensor, label: Tensor, share: float = 0.7) -> Tensor:
    """Return 1 - mean cosine of a speaker's pairs + `share` * mean |cosine| of the other pairs.

    Saeed et al. (2022), eq. 4, with the absolute value of each cosine as in the authors' code.

    Args:
        e: embeddings [B, D], of any length.
        label: [B].
        share: weight of the pairs of different speakers.
    """
    e = F.normalize(e, dim=-1)
    cosine = e @ e.T
    same = label[:, None] == label
    itself = torch.eye(len(label), dtype=torch.bool, device=label.device)
    return 1 - _mean(cosine, same & ~itself) + share * _mean(cosine.abs(), ~same)


def _mean(x: Tensor, where: Tensor) -> Tensor:
    """Return the mean of `x` over a mask; 0 where it is empty."""
    return (x * where).sum() / where.sum().clamp(min=1)


def _config(train: Features, classes: int, options: FOPOptions) -> FOPConfig:
    return FOPConfig(
        face_dim=train.face.shape[1],
        voice_dim=train.voice.shape[1],
        classes=classes,
        dim=options.dim,
        dropout=options.dropout,
    )
