"""Posteriors of a trained model, and its accuracy on clips whose speaker is known."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from mraf.errors import UsageError
from mraf.inference.calibration import Temperatures
from mraf.network.batches import Batch
from mraf.network.model import MRAFOutput
from mraf.recognition.recogniser import Recogniser
from mraf.recognition.signals import LEAST_SCORE
from mraf.types import Features, Posterior

MODALITIES: dict[str, tuple[bool, bool]] = {
    # Is the face shown, and is the voice? In the order of `Temperatures.value`.
    "face_voice": (True, True),
    "voice": (False, True),
    "face": (True, False),
}


class Model(Protocol):
    """The interface of every architecture, besides that of `torch.nn.Module`."""

    model_type: str  # its name in a model folder, see `mraf.model_types`
    config: Any  # its dataclass, with face_dim, voice_dim and classes
    temperature: Temperatures
    recogniser: Recogniser
    training: bool

    def __call__(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Score B clips, each independently of the others."""

    def state_dict(self) -> dict[str, Any]:
        """Return all tensors by name."""

    def train(self, mode: bool = True) -> Any:
        """Switch training mode (dropout and the like) on or off."""

    def buffers(self) -> Iterator[Tensor]:
        """Iterate over the other tensors."""


def predict(model: Model, features: Features, batch_size: int = 1024) -> Posterior:
    """Return the posteriors of N clips, each independent of the other clips.

    A clip without face and voice gets NaN probabilities, a NaN embedding and weights of zero. The
    model stays in the mode (training or eval) it was in.

    Raises:
        UsageError: the vectors do not have the model's dimensions.
    """
    check_dims(model.config, features)
    samples = Batch.of(features, next(model.buffers()).device)
    parts: list[dict[str, Tensor]] = []
    with evaluating(model):
        # One batch at least: without clips it gives arrays [0, ...] of the right widths.
        for start in range(0, max(1, len(samples)), batch_size):
            parts.append(_posterior(model, samples.take(slice(start, start + batch_size))))
    names = [field.name for field in fields(Posterior)]
    return Posterior(
        **{name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in names}
    )


@dataclass(frozen=True, kw_only=True)
class References:
    """The people of whom a model has something to compare a modality with."""

    face: NDArray[np.bool_]  # [C]
    voice: NDArray[np.bool_]  # [C]


def references_of(model: Model) -> References:
    """Return of whom a model has a face and a voice.

    Only models of prototypes tell; a network with learned heads compares with everybody.
    """
    device = next(model.buffers()).device
    config, shown = model.config, torch.ones(1, dtype=torch.bool, device=device)
    face, voice = (torch.ones(1, dim, device=device) for dim in (config.face_dim, config.voice_dim))
    with evaluating(model):
        output = model(face, voice, shown, shown)
    return References(
        face=(output.face_logits[0] > LEAST_SCORE).cpu().numpy(),
        voice=(output.voice_logits[0] > LEAST_SCORE).cpu().numpy(),
    )


def fusion_logits(
    model: Model, samples: Batch, modalities: str, batch_size: int = 1024
) -> tuple[Tensor, Tensor]:
    """Return fusion logits [M, C] before the temperature, and labels [M].

    The M clips are those that have all modalities of `modalities`, a key of `MODALITIES`; their
    other modality is hidden. There is none where the model has not learned all of them.
    """
    face, voice = MODALITIES[modalities]
    suits = (samples.face_present | (not face)) & (samples.voice_present | (not voice))
    chosen = samples.take(suits)
    logits, learned = [], []
    with evaluating(model):
        for start in range(0, max(1, len(chosen)), batch_size):
            batch = chosen.take(slice(start, start + batch_size))
            shown = torch.ones_like(batch.face_present)
            output = model(batch.face, batch.voice, shown & face, shown & voice)
            logits.append(output.fusion_logits)
            learned.append((output.face_used == face) & (output.voice_used == voice))
    used = torch.cat(learned)
    return torch.cat(logits)[used], chosen.label[used]


def score(
    model: Model, samples: Batch, loss_over: Collection[str] = tuple(MODALITIES)
) -> dict[str, float]:
    """Return top-1 accuracies and the loss on clips [N] whose speakers are known.

    The accuracies are `face_voice` (over the clips with both), `voice` and `face` (over all clips
    with that modality, the other one hidden); `loss` is the mean of the cross-entropies of those in
    `loss_over`. Modalities that no clip has, or that the model has not learned, are left out, as is a
    loss over nothing.
    """
    result: dict[str, float] = {}
    losses = []
    for name, (face, voice) in MODALITIES.items():
        logits, label = fusion_logits(model, samples, name)
        if len(label):
            shown = torch.ones_like(label, dtype=torch.bool)
            logits = logits / model.temperature(shown & face, shown & voice)
            result[name] = float((logits.argmax(dim=-1) == label).double().mean())
            if name in loss_over:
                losses.append(float(F.cross_entropy(logits.double(), label)))
    return {**result, "loss": float(np.mean(losses))} if losses else result


def check_dims(config: Any, features: Features) -> None:
    """Raise UsageError where the vectors do not have the dimensions of `config`."""
    for name, found, expected in (
        ("face", features.face.shape[1], config.face_dim),
        ("voice", features.voice.shape[1], config.voice_dim),
    ):
        if found != expected:
            raise UsageError(
                f"the {name} vectors have {found} numbers each, but the model was trained on "
                f"{expected}: use the {name} encoder that it was trained with, or train anew"
            )


@contextmanager
def evaluating(model: Model) -> Iterator[None]:
    """Switch gradients and training mode off; restore the model's mode at the end."""
    training = model.training
    model.train(False)
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _posterior(model: Model, batch: Batch) -> dict[str, Tensor]:
    output = model(batch.face, batch.voice, batch.face_present, batch.voice_present)
    nothing = (output.w_f + output.w_a <= 0)[:, None]
    # Of a modality that the model never learned, nothing counts: no vector, no embedding, no temperature.
    logits = output.fusion_logits / model.temperature(output.face_used, output.voice_used)
    known, threshold = model.recogniser(output)
    return {
        "known": known,
        "threshold": threshold,
        "probability": logits.softmax(dim=-1).masked_fill(nothing, torch.nan),
        "face_weight": output.w_f,
        "voice_weight": output.w_a,
        "embedding": output.e_c.masked_fill(nothing, torch.nan),
        "face_embedding": output.e_f.masked_fill(~output.face_used[:, None], torch.nan),
        "voice_embedding": output.e_a.masked_fill(~output.voice_used[:, None], torch.nan),
    }
