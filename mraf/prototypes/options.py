"""The options of training with prototypes. This module does not import torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mraf.errors import UsageError

MISSING_CANDIDATES = ("learned", "zero")
"""The tokens that may stand for the candidates of a missing modality."""


@dataclass(frozen=True, kw_only=True)
class PrototypicalOptions:
    """The training options of a model with prototypes; their defaults are the preset `default`.

    `PrototypicalOptions.plain()` learns nothing: it compares by the cosine to class means.

    Raises:
        UsageError: a number is out of range.

    """

    # Statistics of the training recordings.
    centre: bool = True  # subtract the mean of the recordings' means
    face_shrinkage: float = 1.0  # of the covariance before whitening; 1 is no whitening
    voice_shrinkage: float = 0.85
    hubness_offset: float = 0.75  # share of a prototype's hubness to subtract from its scores
    # The fused score.
    voice_weight: float = 0.6  # of a voice that is as reliable as the face
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
    temperature: float = 2.0  # of the distillation (eq. 16)
    # The reliability head, trained on held-out scores: AdamW, warm-up and linear decay.
    candidates: int = 2  # K, speakers with tokens; 0: no head, reliabilities stay fixed
    attention: bool = True  # each modality attends to the other; else to itself
    learn_reliability: bool = True  # else the head only scales the fused score
    missing_token: str = "learned"  # or "zero"
    head_dim: int = 16
    head_layers: int = 1
    head_limit: float = 0.07  # largest change of the logarithm of a reliability
    head_steps: int = 200
    head_lr: float = 3e-3
    head_decay: float = 0.01
    head_batch: int = 128
    # Half of a batch is made worse: its scores are mixed with an impostor's, another clip's scores.
    face_blend: float = 0.4  # largest share of the impostor's face
    voice_blend: float = 0.7  # larger: another language changes the voice, never the face
    impostor_faces: float = 0.05  # share of these clips whose face is all the impostor's
    impostor_voices: float = 0.0
    folds: int = 5  # of the cross-validation that calibrates
    seed: int = 1
    device: str = "auto"
    threads: int | None = 1  # of torch: a second thread slows down matrices this small

    @classmethod
    def plain(cls, **changes: object) -> PrototypicalOptions:
        """Return options without centring, whitening, hubness offset, reliability and metric."""
        off = {"centre": False, "voice_shrinkage": 1.0, "hubness_offset": 0.0, "power": 0.0}
        off |= {"steps": 0, "candidates": 0}
        return cls(**{**off, **changes})  # type: ignore[arg-type]

    def rate(self, step: int) -> float:
        """Return the factor of the metric's learning rate at a step, counted from 0."""
        return min(1, (step + 1) / self.warmup) * (1 - step / max(1, self.steps))

    def head_rate(self, step: int) -> float:
        """Return the factor of the head's learning rate at a step, counted from 0."""
        return min(1, (step + 1) / self.warmup) * (1 - step / max(1, self.head_steps))

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("face_shrinkage", "voice_shrinkage"):
            self._check(name, 0 <= getattr(self, name) <= 1, "0 to 1")
        for name in ("hubness_offset", "voice_weight", "power", "noise", "decay", "steps"):
            self._check(name, 0 <= getattr(self, name) < math.inf, "0 or more")
        for name in ("candidates", "lambda_a", "lambda_c", "lambda_kd"):
            self._check(name, 0 <= getattr(self, name) < math.inf, "0 or more")
        for name in ("head_layers", "head_steps", "head_decay"):
            self._check(name, 0 <= getattr(self, name) < math.inf, "0 or more")
        for name in ("face_blend", "voice_blend", "impostor_faces", "impostor_voices"):
            self._check(name, 0 <= getattr(self, name) <= 1, "0 to 1")
        self._check("head_batch", self.head_batch >= 2, "2 or more")
        self._check("head_dim", self.head_dim >= 2 and not self.head_dim % 2, "an even number")
        known = self.missing_token in MISSING_CANDIDATES
        self._check("missing_token", known, " or ".join(MISSING_CANDIDATES))
        for name in ("lr", "temperature", "head_lr", "head_limit"):
            self._check(name, 0 < getattr(self, name) < math.inf, "a number above 0")
        self._check("folds", self.folds >= 2, "2 or more")
        for name in ("batch_size", "warmup"):
            self._check(name, getattr(self, name) >= 1, "1 or more")
        self._check("threads", self.threads is None or self.threads >= 1, "1 or more")

    def _check(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            found = repr(getattr(self, name))
            raise UsageError(f"training: {name} is {found}; {expected} was expected")
