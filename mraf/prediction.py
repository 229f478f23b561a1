"""What a model says of clips, and how well it does on clips whose speaker is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.calibration import Temperatures
from mraf.errors import UsageError
from mraf.network.batches import Batch
from mraf.network.model import MRAFOutput
from mraf.types import Features, Posterior

SETTINGS: dict[str, tuple[bool, bool]] = {
    # What is shown of a clip: (face, voice).
    "face_voice": (True, True),
    "voice": (False, True),
    "face": (True, False),
}


class Network(Protocol):
    """What every architecture offers, beside being a `torch.nn.Module`."""

    arch: str  # its name in a model folder
    config: Any  # its dataclass, with face_dim, voice_dim and classes
    temperature: Temperatures
    training: bool

    def __call__(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Answer for B clips, each alone."""

    def state_dict(self) -> dict[str, Any]:
        """All tensors by name."""

    def train(self, mode: bool = True) -> Any:
        """Switch dropout and its like on or off."""

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """All that is learned."""

    def buffers(self) -> Iterator[Tensor]:
        """All that is kept beside it."""


def predict(model: Network, features: Features, batch_size: int = 1024) -> Posterior:
    """Identify N clips, each alone: an answer does not depend on the clips beside it.

    A clip of which nothing is present gets NaN probabilities and a NaN embedding, and both
    weights zero. The model is left in the mode it was in.

    Raises:
        UsageError: the features are not of the dimensions that the model was made for.

    """
    check_dims(model.config, features)
    samples = Batch.of(features, next(model.buffers()).device)
    parts: list[tuple[Tensor, ...]] = []
    with evaluating(model):
        # Once at least, so that no clips give arrays [0, ...] of the right widths.
        for start in range(0, max(1, len(samples)), batch_size):
            parts.append(_posterior(model, samples.take(slice(start, start + batch_size))))
    return Posterior(*(torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True)))


def answers(
    model: Network, samples: Batch, setting: str, batch_size: int = 1024
) -> tuple[Tensor, Tensor]:
    """Fusion logits [M, C] before the temperature, and labels [M], of the clips of a setting.

    Those are the clips that have all that `setting`, a name in `SETTINGS`, shows; the rest of
    them is hidden.
    """
    face, voice = SETTINGS[setting]
    suits = (samples.face_present | (not face)) & (samples.voice_present | (not voice))
    chosen = samples.take(suits)
    logits = []
    with evaluating(model):
        for start in range(0, max(1, len(chosen)), batch_size):
            batch = chosen.take(slice(start, start + batch_size))
            shown = torch.ones_like(batch.face_present)
            out = model(batch.face, batch.voice, shown & face, shown & voice)
            logits.append(out.fusion_logits)
    return torch.cat(logits), chosen.label


def score(model: Network, samples: Batch) -> dict[str, float]:
    """How well `model` names clips [N] whose speakers are known, in the three settings.

    Returns accuracies `face_voice` (over the clips with both), `voice` and `face` (over all
    that have that one, the other hidden), and `loss`, the mean of the cross-entropies of these
    settings. A setting without clips is left out.
    """
    result: dict[str, float] = {}
    losses = []
    for name, (face, voice) in SETTINGS.items():
        logits, label = answers(model, samples, name)
        if len(label):
            shown = torch.ones_like(label, dtype=torch.bool)
            logits = logits / model.temperature(shown & face, shown & voice)
            result[name] = float((logits.argmax(dim=-1) == label).double().mean())
            losses.append(float(F.cross_entropy(logits.double(), label)))
    return {**result, "loss": float(np.mean(losses))} if losses else {}


def check_dims(config: Any, features: Features) -> None:
    """Raise UsageError where `features` are not of the dimensions that `config` wants."""
    for name, found, wanted in (
        ("face", features.face.shape[1], config.face_dim),
        ("voice", features.voice.shape[1], config.voice_dim),
    ):
        if found != wanted:
            raise UsageError(
                f"the {name} vectors have {found} numbers each, but the model was trained on "
                f"{wanted}: use the {name} encoder that it was trained with, or train anew"
            )


@contextmanager
def evaluating(model: Network) -> Iterator[None]:
    """No gradients and no dropout within; the mode is restored."""
    training = model.training
    model.train(False)
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _posterior(model: Network, batch: Batch) -> tuple[Tensor, ...]:
    """The fields of a `Posterior`, in their order."""
    out = model(batch.face, batch.voice, batch.face_present, batch.voice_present)
    nothing = (out.w_f + out.w_a <= 0)[:, None]
    logits = out.fusion_logits / model.temperature(batch.face_present, batch.voice_present)
    return (
        logits.softmax(dim=-1).masked_fill(nothing, torch.nan),
        out.w_f,
        out.w_a,
        out.e_c.masked_fill(nothing, torch.nan),
        out.e_f.masked_fill(~batch.face_present[:, None], torch.nan),
        out.e_a.masked_fill(~batch.voice_present[:, None], torch.nan),
    )
