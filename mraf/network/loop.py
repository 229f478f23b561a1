"""Passes over the training clips until training ends, and the epoch that is kept."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mraf.errors import UsageError
from mraf.inference.prediction import Model, check_dims
from mraf.network.batches import Batch, Sampler
from mraf.types import Features


@dataclass(frozen=True, kw_only=True)
class EpochReport:
    """The figures of one epoch, a pass over the training clips."""

    epoch: int  # from 1
    epochs: int  # at most this many
    loss: dict[str, float]  # "total" and its parts, means over the epoch's batches
    dev: dict[str, float]  # figures on the development clips; empty without any
    best: bool  # the one to keep so far
    seconds: float  # of this epoch


@dataclass(frozen=True, kw_only=True)
class TrainedNetwork:
    """A network, in eval mode, with the weights of its best epoch."""

    model: Any
    best_epoch: int
    steps: int  # of training, up to the end of the best epoch
    history: list[EpochReport]
    dev: dict[str, float]  # of the best epoch; empty without development clips


@dataclass(frozen=True, kw_only=True)
class Length:
    """The end of training, by steps or by epochs (the other one is None), and by patience."""

    steps: int | None
    epochs: int | None
    patience: int | None  # epochs without a better figure

    def at_most(self, batches: int) -> int:
        """Return the number of epochs of that many batches; the last one may be cut short."""
        return self.epochs or math.ceil((self.steps or 0) / batches)


class Step:
    """A step of training with Adam. A subclass says what the loss is."""

    def __init__(
        self,
        model: Any,
        clips: Batch,
        sampler: Sampler,
        *,
        lr: float,
        weight_decay: float = 0.0,
        others: Iterable[nn.Parameter] = (),
    ) -> None:
        self.model, self.clips, self.sampler, self.lr = model, clips, sampler, lr
        self.optimizer = torch.optim.Adam(
            [*model.parameters(), *others], lr=lr, weight_decay=weight_decay, fused=True
        )

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss of B clips, "total", and its parts."""
        raise NotImplementedError

    def __call__(self, index: Tensor) -> dict[str, Tensor]:
        """Train on the clips at `index` [B]; return "total" and the parts of the loss."""
        losses = self.losses(self.clips.take(index))
        self.optimizer.zero_grad()
        losses["total"].backward()
        self.optimizer.step()
        return {name: loss.detach() for name, loss in losses.items()}


def run_epochs(
    step: Step,
    length: Length,
    *,
    measure: Callable[[Model], dict[str, float]],
    figure: Callable[[dict[str, float]], float | None],
    gain: float = 0.0,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> TrainedNetwork:
    """Train epoch by epoch; return the network as it was after the best one.

    Args:
        step: holds the network, the clips and the optimiser.
        length: when to stop.
        measure: returns figures of the network on development clips; empty without any.
        figure: picks from them the figure that is to rise; where it is None, the last epoch is best.
        gain: an epoch is better only if the figure has risen by more than this.
        on_epoch: called after each epoch.

    Raises:
        UsageError: the loss is not finite.
    """
    history: list[EpochReport] = []
    best = _Best(gain)
    steps, epochs = 0, 1  # `epochs` is known once the first batches are drawn
    while len(history) < epochs:
        started = time.perf_counter()
        batches = step.sampler.batches()
        epochs = length.at_most(len(batches))
        if length.steps:
            batches = batches[: length.steps - steps]
        steps += len(batches)
        loss = _epoch(step, batches)
        measured = measure(step.model)
        epoch = len(history) + 1
        report = EpochReport(
            epoch=epoch,
            epochs=epochs,
            loss=loss,
            dev=measured,
            best=best.offer(epoch, steps, figure(measured), step.model),
            seconds=time.perf_counter() - started,
        )
        history.append(report)
        if on_epoch is not None:
            on_epoch(report)
        if length.patience and epoch - best.epoch >= length.patience:
            break
    step.model.load_state_dict(best.weights)
    return TrainedNetwork(
        model=step.model.eval(),
        best_epoch=best.epoch,
        steps=best.steps,
        history=history,
        dev=history[best.epoch - 1].dev,
    )


class _Best:
    """The best epoch so far, the steps up to its end, and its weights."""

    def __init__(self, gain: float) -> None:
        self.gain, self.figure = gain, -math.inf
        self.epoch = self.steps = 0
        self.weights: dict[str, Tensor] = {}

    def offer(self, epoch: int, steps: int, figure: float | None, model: Model) -> bool:
        """Keep an epoch if it has no figure or a better one; return if it was kept."""
        if figure is not None and figure <= self.figure + self.gain:
            return False
        self.epoch, self.steps = epoch, steps
        self.figure = self.figure if figure is None else figure
        self.weights = copy.deepcopy(model.state_dict())
        return True


def _epoch(step: Step, batches: list[Tensor]) -> dict[str, float]:
    """Train on the batches; return the mean of "total" and of each part of the loss."""
    step.model.train()
    sums: dict[str, Tensor] = {}
    for index in batches:
        for name, loss in step(index).items():
            sums[name] = sums.get(name, 0) + loss
    means = {name: float(total) / len(batches) for name, total in sums.items()}
    if not math.isfinite(means["total"]):
        raise UsageError(
            f"training: the loss became {means['total']}; try a smaller lr than {step.lr}"
        )
    return means


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
    return train


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
