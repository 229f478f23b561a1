"""What a model says of clips, and how well it does on clips whose speaker is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.batches import Samples
from mraf.errors import UsageError
from mraf.model import MRAF, MRAFConfig
from mraf.types import Features, Posterior


def predict(model: MRAF, features: Features, batch_size: int = 1024) -> Posterior:
    """Identify N clips, each alone: an answer does not depend on the clips beside it.

    A clip of which nothing is present gets NaN probabilities and a NaN embedding, and both
    weights zero. The model is left in the mode it was in.

    Raises:
        UsageError: the features are not of the dimensions that the model was made for.

    """
    check_dims(model.config, features)
    samples = Samples.of(features, next(model.parameters()).device)
    parts: list[tuple[Tensor, ...]] = []
    with evaluating(model):
        for start in range(0, len(samples), batch_size):
            parts.append(_posterior(model, samples.take(slice(start, start + batch_size))))
    if not parts:
        C, D = model.config.classes, model.config.dim
        shapes: list[tuple[int, ...]] = [(0, C), (0,), (0,), (0, D)]
        return Posterior(*(np.zeros(shape, np.float32) for shape in shapes))
    return Posterior(*(torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True)))


def score(model: MRAF, samples: Samples, batch_size: int = 1024) -> dict[str, float]:
    """How well `model` names clips [N] whose speakers are known, in the three settings.

    Returns accuracies `face_voice` (over the clips with both), `voice` and `face` (over all
    that have that one, the other hidden), and `loss`, the mean of the cross-entropies of these
    settings. A setting without clips is left out.
    """
    right: dict[str, list[Tensor]] = {"face_voice": [], "voice": [], "face": []}
    loss: dict[str, list[Tensor]] = {name: [] for name in right}
    with evaluating(model):
        for start in range(0, len(samples), batch_size):
            batch = samples.take(slice(start, start + batch_size))
            for name, (logits, label) in _settings(model, batch).items():
                right[name].append((logits.argmax(dim=-1) == label).double())
                loss[name].append(F.cross_entropy(logits, label, reduction="none").double())
    result = {name: float(torch.cat(each).mean()) for name, each in right.items() if len(each)}
    result = {name: value for name, value in result.items() if not np.isnan(value)}
    if result:
        result["loss"] = float(np.mean([float(torch.cat(loss[name]).mean()) for name in result]))
    return result


def check_dims(config: MRAFConfig, features: Features) -> None:
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
def evaluating(model: MRAF) -> Iterator[None]:
    """No gradients and no dropout within; the mode is restored."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def _posterior(model: MRAF, batch: Samples) -> tuple[Tensor, ...]:
    """Probabilities [B, C], w_f [B], w_a [B] and e_c [B, D]."""
    out = model(batch.face, batch.voice, batch.face_present, batch.voice_present)
    nothing = ~(batch.face_present | batch.voice_present)[:, None]
    probability = out.fusion_logits.softmax(dim=-1).masked_fill(nothing, torch.nan)
    return probability, out.w_f, out.w_a, out.e_c.masked_fill(nothing, torch.nan)


def _settings(model: MRAF, batch: Samples) -> dict[str, tuple[Tensor, Tensor]]:
    """For each setting the fusion logits [M, C] and labels [M] of the clips that suit it."""
    f, no_f = model.face.with_missing(batch.face, batch.face_present)
    a, no_a = model.voice.with_missing(batch.voice, batch.voice_present)
    yes = torch.ones_like(batch.face_present)
    clips = {
        "face_voice": (batch.face_present & batch.voice_present, yes, yes),
        "voice": (batch.voice_present, ~yes, yes),
        "face": (batch.face_present, yes, ~yes),
    }
    result = {}
    for name, (suits, face_shown, voice_shown) in clips.items():
        logits = model.fuse(
            f.where(face_shown, no_f), a.where(voice_shown, no_a), face_shown, voice_shown
        ).fusion_logits
        result[name] = (logits[suits], batch.label[suits])
    return result
