"""The options of training. This module does not import torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mraf.errors import UsageError

BALANCES = ("none", "recording")
MISSING_TOKENS = ("learned", "zero")
REDUCTIONS = ("mean", "batch", "sum")


@dataclass(frozen=True)
class TrainOptions:
    """How a model is trained; the values that stand here are the preset `default`.

    `TrainOptions.paper()` gives those of section 4.2 of the paper.

    Raises:
        UsageError: a number is out of range, or a choice is unknown.

    """

    lr: float = 1e-4  # Adam
    batch_size: int = 64
    # Which input a complete sample is trained on: complete, voice only or face only.
    p_av: float = 0.7
    p_a: float = 0.2
    p_f: float = 0.1
    # Weights of the losses (eqs. 15 and 17) and the temperature of the distillation (eq. 16).
    lambda_f: float = 1.0
    lambda_a: float = 1.0
    lambda_c: float = 1.0
    temperature: float = 2.0
    lambda_kd: float = 0.2
    lambda_center: float = 0.1
    center_reduction: str = "mean"  # see CenterLoss; "sum" is the formula as printed
    center_rate: float = 0.5  # alpha of Wen et al.: how fast centres follow
    # None: see `epochs_for`.
    epochs: int | None = None
    patience: int | None = 15  # epochs without a better development loss before stopping
    balance: str = "none"  # "recording": speakers, then their recordings, are drawn alike
    missing_token: str = "learned"  # "zero": for comparison
    seed: int = 1
    device: str = "auto"
    threads: int | None = None  # of torch, while training; None leaves them as they are

    @classmethod
    def paper(cls, **changes: object) -> TrainOptions:
        """The options of the paper: no sample is trained on its face alone."""
        return cls(**{"p_av": 0.8, "p_a": 0.2, "p_f": 0.0, **changes})  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        """Check ranges and choices."""
        if abs(self.p_av + self.p_a + self.p_f - 1) > 1e-6:
            raise UsageError(
                f"training: p_av {self.p_av}, p_a {self.p_a} and p_f {self.p_f} do not sum to 1"
            )
        for name in ("p_av", "p_a", "p_f", "lambda_f", "lambda_a", "lambda_c"):
            self._check(name, getattr(self, name) >= 0, "0 or more")
        self._check("lambda_kd", self.lambda_kd >= 0, "0 or more")
        self._check("lambda_center", self.lambda_center >= 0, "0 or more")
        self._check("lr", 0 < self.lr < math.inf, "a number above 0")
        self._check("temperature", 0 < self.temperature < math.inf, "a number above 0")
        self._check("center_rate", 0 < self.center_rate <= 1, "above 0, up to 1")
        self._check("batch_size", self.batch_size >= 1, "1 or more")
        for name in ("epochs", "patience", "threads"):
            value = getattr(self, name)
            self._check(name, value is None or value >= 1, "1 or more")
        for name, choices in (
            ("balance", BALANCES),
            ("missing_token", MISSING_TOKENS),
            ("center_reduction", REDUCTIONS),
        ):
            self._check(name, getattr(self, name) in choices, " or ".join(choices))

    def epochs_for(self, samples: int) -> int:
        """How many epochs `samples` training samples get.

        Without a number given: as many as make 160 steps, but at least 24, the number of the
        authors' own code, which large sets get, and at most 80, which small sets get.
        """
        if self.epochs is not None:
            return self.epochs
        steps = math.ceil(samples / self.batch_size)
        return min(80, max(24, math.ceil(160 / steps)))

    def _check(self, name: str, holds: bool, wanted: str) -> None:
        if not holds:
            raise UsageError(f"training: {name} is {getattr(self, name)!r}; {wanted} was expected")
