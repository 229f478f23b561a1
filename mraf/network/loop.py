"""Training: from features of known speakers to a model."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from mraf.baselines import FOP, FOPConfig
from mraf.errors import UsageError
from mraf.network.batches import Sampler, Samples
from mraf.network.losses import CenterLoss
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.objective import Losses, projection_loss, training_loss
from mraf.network.options import TrainOptions
from mraf.prediction import check_dims, predict, score
from mraf.types import Features

__all__ = ["EpochReport", "FitResult", "TrainOptions", "fit", "predict"]

log = logging.getLogger("mraf")


@dataclass(frozen=True)
class EpochReport:
    """What one epoch did."""

    epoch: int  # from 1
    epochs: int  # at most this many
    loss: dict[str, float]  # "total" and its parts, means over the epoch's batches
    dev: dict[str, float]  # see `mraf.prediction.score`; empty without development clips
    best: bool  # the best so far
    seconds: float  # of this epoch


@dataclass(frozen=True)
class FitResult:
    """A trained model, in eval mode, with the weights of its best epoch."""

    model: MRAF | FOP
    best_epoch: int
    history: list[EpochReport]
    dev: dict[str, float]  # of the best epoch; empty without development clips


def fit(
    train: Features,
    dev: Features | None,
    classes: int,
    options: TrainOptions | None = None,
    *,
    config: Mapping[str, Any] | None = None,
    on_epoch: Callable[[EpochReport], None] | None = None,
) -> FitResult:
    """Train a model to name the `classes` speakers of `train`.

    The epoch with the lowest development loss is kept, the mean cross-entropy with and without
    the face (and without the voice): accuracy steps too coarsely on few held-out clips, and the
    probabilities that are shown to people should be right too. Without development clips the
    last epoch is kept. On the same machine, the same seed gives the same weights (on the CPU,
    bit for bit, with the same number of threads); the caller's random state is left alone.

    Args:
        train: clips [N]; those without face and voice are dropped.
        dev: clips of recordings that `train` does not hold, or None.
        classes: C; labels run from 0 to C - 1.
        options: how to train; `TrainOptions()` if None.
        config: fields of `MRAFConfig`, such as `tokens`, or of `FOPConfig` to set otherwise than by
            default.
        on_epoch: called after each epoch.

    Raises:
        UsageError: fewer than two speakers, a label out of range, nothing to learn from, or
            development clips of other dimensions.

    """
    options = options or TrainOptions()
    train = usable(train, classes)
    device = choose_device(options.device)
    with surroundings(options, device):
        model = _network(train, classes, options, config or {}).to(device)
        watched = _development(dev, model.config, device)
        return _Training(model, train, watched, options, device).run(on_epoch)


def choose_device(name: str) -> torch.device:
    """The device called `name`; `auto` is CUDA where there is one.

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


class _Training:
    """The state of one call of `fit`."""

    def __init__(
        self,
        model: MRAF | FOP,
        train: Features,
        dev: Samples | None,
        options: TrainOptions,
        device: torch.device,
    ) -> None:
        self.model, self.dev, self.options = model, dev, options
        self.samples = Samples.of(train, device)
        self.sampler = Sampler(train, options, device)
        self.centers = CenterLoss(
            model.config.classes, model.config.dim, options.center_rate, options.center_reduction
        ).to(device)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=options.lr, fused=True)
        self.best_loss, self.best_epoch = math.inf, 0
        self.best_weights: dict[str, torch.Tensor] = {}
        self.history: list[EpochReport] = []

    def run(self, on_epoch: Callable[[EpochReport], None] | None) -> FitResult:
        """All epochs, until patience ends."""
        epochs = self.options.epochs_for(len(self.samples))
        for epoch in range(1, epochs + 1):
            report = self._report(epoch, epochs)
            self.history.append(report)
            if on_epoch is not None:
                on_epoch(report)
            if self.options.patience and epoch - self.best_epoch >= self.options.patience:
                break
        self.model.load_state_dict(self.best_weights)
        self.model.eval()
        dev = self.history[self.best_epoch - 1].dev
        return FitResult(self.model, self.best_epoch, self.history, dev)

    def _report(self, epoch: int, epochs: int) -> EpochReport:
        started = time.perf_counter()
        loss = self._epoch()
        dev = {} if self.dev is None else score(self.model, self.dev)
        best = not dev or dev["loss"] < self.best_loss
        if best:
            self.best_loss, self.best_epoch = dev.get("loss", math.inf), epoch
            self.best_weights = copy.deepcopy(self.model.state_dict())
        return EpochReport(epoch, epochs, loss, dev, best, time.perf_counter() - started)

    def _epoch(self) -> dict[str, float]:
        """One pass over the data; the mean of each part of the loss."""
        self.model.train()
        sums: dict[str, torch.Tensor] = {}
        batches = self.sampler.batches()
        for index in batches:
            for name, value in self._step(self.samples.take(index)).items():
                sums[name] = sums[name] + value if name in sums else value
        means = {name: float(value) / len(batches) for name, value in sums.items()}
        if not math.isfinite(means["total"]):
            raise UsageError(
                f"training: the loss became {means['total']}; try a smaller lr than "
                f"{self.options.lr}"
            )
        return means

    def _step(self, batch: Samples) -> dict[str, torch.Tensor]:
        losses = self._losses(batch)
        self.optimizer.zero_grad()
        losses.total.backward()
        self.optimizer.step()
        self.centers.update(losses.e_c, losses.label)
        return {name: v.detach() for name, v in {"total": losses.total, **losses.parts}.items()}

    def _losses(self, batch: Samples) -> Losses:
        hidden = self.sampler.hide(batch)
        if isinstance(self.model, FOP):
            return projection_loss(self.model, batch, hidden, self.options)
        return training_loss(self.model, self.centers, batch, hidden, self.options)


def usable(train: Features, classes: int) -> Features:
    """The training clips with a face or a voice."""
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


def _network(
    train: Features, classes: int, options: TrainOptions, changes: Mapping[str, Any]
) -> MRAF | FOP:
    fields = {
        "face_dim": train.face.shape[1],
        "voice_dim": train.voice.shape[1],
        "classes": classes,
        "normalise": options.normalise,
    }
    sizes = {name: getattr(options, name) for name in ("dim", "tokens", "ffn")}
    fields |= {name: size for name, size in sizes.items() if size is not None}
    try:
        if options.arch == "fop":
            return FOP(FOPConfig(**{**fields, **changes}))
        fields |= {"fusion": options.fusion, "missing_token": options.missing_token}
        return MRAF(MRAFConfig(**{**fields, **changes}))
    except TypeError as error:
        raise UsageError(f"model: {error}") from error


def _development(
    dev: Features | None, config: MRAFConfig | FOPConfig, device: torch.device
) -> Samples | None:
    """The development clips whose speaker is known and of which something is present."""
    if dev is None:
        return None
    check_dims(config, dev)
    known = (dev.label >= 0) & (dev.label < config.classes)
    dev = dev.take(known & (dev.face_present | dev.voice_present))
    return Samples.of(dev, device) if len(dev) else None


class Surroundings(Protocol):
    """The options of any training that say what it runs in."""

    @property
    def seed(self) -> int:
        """Of everything that is drawn."""

    @property
    def threads(self) -> int | None:
        """Of torch; None leaves them as they are."""


@contextmanager
def surroundings(options: Surroundings, device: torch.device) -> Iterator[None]:
    """Seed and threads as in `options`; the caller's come back."""
    threads = torch.get_num_threads()
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(options.seed)
        torch.set_num_threads(options.threads or threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
