"""Training a network by gradient descent: batches, epochs, the best epoch."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mraf.baselines import FOP, FOPConfig, fop_losses
from mraf.errors import UsageError
from mraf.inference.prediction import check_dims, score
from mraf.network.batches import Batch, Sampler
from mraf.network.losses import CenterLoss, training_losses
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.options import TrainOptions
from mraf.types import Features

log = logging.getLogger("mraf")


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """The figures of one epoch."""

    epoch: int  # from 1
    epochs: int  # at most this many
    loss: dict[str, float]  # "total" and its parts, means over the epoch's batches
    dev: dict[str, float]  # see `mraf.inference.prediction.score`; empty without development clips
    best: bool  # the best so far
    seconds: float  # of this epoch


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A network, in eval mode, with the weights of its best epoch."""

    model: MRAF | FOP
    best_epoch: int
    history: list[EpochReport]
    dev: dict[str, float]  # of the best epoch; empty without development clips


def train_network(
    train: Features,
    dev: Features | None,
    classes: int,
    options: TrainOptions,
    *,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainedNetwork:
    """Train a network to name the `classes` speakers of `train`.

    The epoch with the lowest development loss is kept: the mean of the cross-entropies with face
    and voice, with the voice alone and with the face alone. Accuracy has too coarse steps on few
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
    device = choose_device(options.device)
    with surroundings(options.seed, options.threads, device):
        model = _network(train, classes, options).to(device)
        dev = None if dev is None else known_clips(dev, model.config)
        watched = None if dev is None else Batch.of(dev, device)
        step = _Step(model, train, options, device)
        history: list[EpochReport] = []
        best_loss, best_epoch, best_weights = math.inf, 0, {}
        for epoch in range(1, options.epochs + 1):
            started = time.perf_counter()
            loss = _epoch(step)
            measured = {} if watched is None else score(model, watched)
            best = not measured or measured["loss"] < best_loss
            if best:
                best_loss, best_epoch = measured.get("loss", math.inf), epoch
                best_weights = copy.deepcopy(model.state_dict())
            history.append(
                EpochReport(
                    epoch=epoch,
                    epochs=options.epochs,
                    loss=loss,
                    dev=measured,
                    best=best,
                    seconds=time.perf_counter() - started,
                )
            )
            if on_epoch is not None:
                on_epoch(history[-1])
            if options.patience and epoch - best_epoch >= options.patience:
                break
        model.load_state_dict(best_weights)
    return TrainedNetwork(
        model=model.eval(), best_epoch=best_epoch, history=history, dev=history[best_epoch - 1].dev
    )


class _Step:
    def __init__(
        self, model: MRAF | FOP, train: Features, options: TrainOptions, device: torch.device
    ) -> None:
        self.model, self.options = model, options
        self.clips = Batch.of(train, device)
        self.sampler = Sampler(train, options, device)
        self.centers = CenterLoss(
            model.config.classes,
            model.config.dim,
            rate=options.center_rate,
            reduction=options.center_reduction,
        ).to(device)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=options.lr, fused=True)

    def __call__(self, index: Tensor) -> dict[str, Tensor]:
        """Train on the clips at `index` [B]; return "total" and the parts of the loss."""
        batch = self.clips.take(index)
        face, voice = self.sampler.shown(batch)
        if isinstance(self.model, FOP):
            losses = fop_losses(self.model, batch, face, voice, options=self.options)
        else:
            losses = training_losses(
                self.model, batch, face, voice, centers=self.centers, options=self.options
            )
        self.optimizer.zero_grad()
        losses["total"].backward()
        self.optimizer.step()
        return {name: loss.detach() for name, loss in losses.items()}


def _epoch(step: _Step) -> dict[str, float]:
    """Pass once over the clips; return the mean of "total" and of each part of the loss."""
    step.model.train()
    sums: dict[str, Tensor] = {}
    batches = step.sampler.batches()
    for index in batches:
        for name, loss in step(index).items():
            sums[name] = sums.get(name, 0) + loss
    means = {name: float(total) / len(batches) for name, total in sums.items()}
    if not math.isfinite(means["total"]):
        raise UsageError(
            f"training: the loss became {means['total']}; try a smaller lr than {step.options.lr}"
        )
    return means


def _network(train: Features, classes: int, options: TrainOptions) -> MRAF | FOP:
    fields = {
        "face_dim": train.face.shape[1],
        "voice_dim": train.voice.shape[1],
        "classes": classes,
        "normalise": options.normalise,
    }
    sizes = {name: getattr(options, name) for name in ("dim", "tokens", "ffn")}
    fields |= {name: size for name, size in sizes.items() if size is not None}
    if options.arch == "fop":
        return FOP(FOPConfig(**fields))
    kinds = {name: getattr(options, name) for name in ("fusion", "missing_token", "residual")}
    return MRAF(MRAFConfig(**fields, **kinds))


def known_clips(dev: Features, config: Any) -> Features | None:
    """Return the clips of known speakers with a face or a voice; None without any."""
    check_dims(config, dev)
    known = (dev.label >= 0) & (dev.label < config.classes)
    dev = dev.take(known & (dev.face_present | dev.voice_present))
    return dev if len(dev) else None


def usable(train: Features, classes: int) -> Features:
    """Return the training clips with a face or a voice.

    Raises:
        UsageError: fewer than two speakers, a label out of range, or no such clip.
    """
    if classes < 2:
        raise UsageError(
            f"training needs at least two speakers to tell apart, but there is {classes}"
        )
    train = train.take(train.face_present | train.voice_present)
    if not len(train):
        raise UsageError("there is nothing to learn from: no training clip has a face or a voice")
    if train.label.min() < 0 or train.label.max() >= classes:
        raise UsageError(
            f"training: labels run from {train.label.min()} to {train.label.max()}; "
            f"0 to {classes - 1} was expected"
        )
    for name in ("face", "voice"):
        if not getattr(train, f"{name}_present").any():
            log.warning("no training clip has a %s: clips cannot be identified by it", name)
    return train


def choose_device(name: str) -> torch.device:
    """Return the device called `name`; `auto` is CUDA where there is one.

    Raises:
        UsageError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {name!r} cannot be used here; try auto or cpu") from error
    return device


@contextmanager
def surroundings(seed: int, threads: int | None, device: torch.device) -> Iterator[None]:
    """Set torch's random seed and threads (None: as now), and restore the caller's afterwards."""
    before = torch.get_num_threads()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        torch.set_num_threads(threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)
