"""The options of training with prototypes. This module does not import torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mraf.errors import UsageError


@dataclass(frozen=True)
class PrototypicalOptions:
    """How a model with prototype heads is trained; the values here are the preset `default`.

    `PrototypicalOptions.plain()` gives cosine to one prototype a speaker and nothing learned.

    Raises:
        UsageError: a number is out of range.

    """

    # What is computed from the training recordings.
    centre: bool = True  # subtract the mean of the recordings' means
    face_shrinkage: float = 1.0  # of the whitening: 1 is none
    voice_shrinkage: float = 0.85
    bias: float = 0.75  # how much of a prototype's loudness is subtracted
    # The fused score.
    voice_weight: float = 0.6
    power: float = 2.0  # reliability is (best cosine) ** power
    # The learned metric of the voice: Adam, warm-up and linear decay.
    steps: int = 60
    warmup: int = 20
    lr: float = 1e-3
    batch_size: int = 256
    noise: float = 1.0  # scale of another speaker's recording difference, added to a clip
    decay: float = 0.01  # weight of the squared change of the metric
    lambda_a: float = 1.0
    lambda_c: float = 1.0
    lambda_kd: float = 0.2
    temperature: float = 2.0
    # The reliability head, trained on held-out scores: AdamW, warm-up and linear decay.
    candidates: int = 2  # K, speakers that a clip has tokens for; 0: no head, reliability is fixed
    attention: bool = True  # face and voice attend to each other; else each to itself
    learn_reliability: bool = True  # else the head only tells how sure the answer is
    missing_token: str = "learned"  # or "zero"
    head_dim: int = 16
    head_layers: int = 1
    head_limit: float = 0.07  # largest change of a logarithm of reliability
    head_steps: int = 200
    head_lr: float = 3e-3
    head_decay: float = 0.01
    head_batch: int = 128
    face_blend: float = 0.4  # how much of another clip's scores half of the clips get, at most
    voice_blend: float = 0.7  # more: another language changes the voice, and never the face
    wrong_faces: float = 0.05  # share of these clips that get another clip's face instead
    wrong_voices: float = 0.0
    folds: int = 5  # of the cross-validation that calibrates
    seed: int = 1
    device: str = "auto"
    threads: int | None = 1  # of torch: matrices this small only wait for a second one

    @classmethod
    def plain(cls, **changes: object) -> PrototypicalOptions:
        """Cosine to one prototype a speaker: no centring, whitening, bias, reliability, metric."""
        off = {"centre": False, "voice_shrinkage": 1.0, "bias": 0.0, "power": 0.0}
        off |= {"steps": 0, "candidates": 0}
        return cls(**{**off, **changes})  # type: ignore[arg-type]

    def rate(self, step: int) -> float:
        """The factor of the learning rate at a step, from 0."""
        return min(1, (step + 1) / self.warmup) * (1 - step / max(1, self.steps))

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("face_shrinkage", "voice_shrinkage"):
            self._check(name, 0 <= getattr(self, name) <= 1, "0 to 1")
        for name in ("bias", "voice_weight", "power", "noise", "decay", "steps", "candidates"):
            self._check(name, 0 <= getattr(self, name) < math.inf, "0 or more")
        for name in ("lambda_a", "lambda_c", "lambda_kd"):
            self._check(name, 0 <= getattr(self, name) < math.inf, "0 or more")
        for name in ("head_layers", "head_steps", "head_decay"):
            self._check(name, 0 <= getattr(self, name) < math.inf, "0 or more")
        for name in ("face_blend", "voice_blend", "wrong_faces", "wrong_voices"):
            self._check(name, 0 <= getattr(self, name) <= 1, "0 to 1")
        self._check("head_batch", self.head_batch >= 2, "2 or more")
        self._check("head_dim", self.head_dim >= 2 and not self.head_dim % 2, "an even number")
        kinds = ("learned", "zero")
        self._check("missing_token", self.missing_token in kinds, " or ".join(kinds))
        for name in ("lr", "temperature", "head_lr", "head_limit"):
            self._check(name, 0 < getattr(self, name) < math.inf, "a number above 0")
        self._check("folds", self.folds >= 2, "2 or more")
        for name in ("batch_size", "warmup"):
            self._check(name, getattr(self, name) >= 1, "1 or more")
        self._check("threads", self.threads is None or self.threads >= 1, "1 or more")

    def _check(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise UsageError(f"training: {name} is {getattr(self, name)!r}; {wanted} was expected")
