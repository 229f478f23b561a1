"""The options of training. This module does not import torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mraf.errors import UsageError

ARCHITECTURES = ("mraf", "fop")
BALANCES = ("none", "recording")
FUSIONS = ("linear", "gated", "lstm", "cross_attention")
MISSING_TOKENS = ("learned", "zero", "completion", "memory")
REDUCTIONS = ("mean", "batch", "sum")


@dataclass(frozen=True)
class TrainOptions:
    """How a network is trained by gradient descent.

    `TrainOptions.paper()` gives the values of section 4.2 of the paper, `TrainOptions.fop()` those
    of the challenge's baseline.

    Raises:
        UsageError: a number is out of range, or a choice is unknown.

    """

    arch: str = "mraf"  # or "fop", the challenge's baseline
    lr: float = 1e-4  # Adam
    batch_size: int = 64
    # Which input a complete sample is trained on: complete, voice only or face only.
    p_av: float = 0.7
    p_a: float = 0.2
    p_f: float = 0.1
    # Weights of the losses (eqs. 15 and 17) and the temperature of the distillation (eq. 16).
    # FOP has only lambda_c and lambda_opl.
    lambda_f: float = 1.0
    lambda_a: float = 1.0
    lambda_c: float = 1.0
    temperature: float = 2.0
    lambda_kd: float = 0.2
    lambda_center: float = 0.1
    lambda_completion: float = 1.0  # with missing_token "completion" or "memory"
    lambda_opl: float = 1.0  # the orthogonal projection of FOP
    center_reduction: str = "mean"  # see CenterLoss; "sum" is the formula as printed
    center_rate: float = 0.5  # alpha of Wen et al.: how fast centres follow
    # None: see `epochs_for`.
    epochs: int | None = None
    patience: int | None = 15  # epochs without a better development loss before stopping
    balance: str = "none"  # "recording": speakers, then their recordings, are drawn alike
    # What is compared in Tables 3 and 4; see `mraf.network.fusion` and `mraf.network.missing`.
    fusion: str = "cross_attention"
    missing_token: str = "learned"
    normalise: bool = True  # whether the model brings its inputs to unit length
    # Sizes of the network; None leaves them as in its configuration.
    dim: int | None = None
    tokens: int | None = None
    ffn: int | None = None
    seed: int = 1
    device: str = "auto"
    threads: int | None = None  # of torch, while training; None leaves them as they are

    @classmethod
    def paper(cls, **changes: object) -> TrainOptions:
        """The options of the paper: no sample is trained on its face alone.

        The number of epochs is not in the text; 24 is that of the authors' code.
        """
        values = {"p_av": 0.8, "p_a": 0.2, "p_f": 0.0, "epochs": 24, **changes}
        return cls(**values)  # type: ignore[arg-type]

    @classmethod
    def fop(cls, **changes: object) -> TrainOptions:
        """The options of FOP: every sample as it is, vectors of any length, one head."""
        values = {
            "arch": "fop",
            "lr": 1e-3,
            "batch_size": 128,
            "epochs": 50,
            "p_av": 1.0,
            "p_a": 0.0,
            "p_f": 0.0,
            "lambda_f": 0.0,
            "lambda_a": 0.0,
            "lambda_kd": 0.0,
            "lambda_center": 0.0,
            "missing_token": "zero",
            "fusion": "linear",
            "normalise": False,
            **changes,
        }
        return cls(**values)  # type: ignore[arg-type]

    def __post_init__(self) -> None:
        """Check ranges and choices."""
        if abs(self.p_av + self.p_a + self.p_f - 1) > 1e-6:
            raise UsageError(
                f"training: p_av {self.p_av}, p_a {self.p_a} and p_f {self.p_f} do not sum to 1"
            )
        for name in ("p_av", "p_a", "p_f"):
            self._check(name, getattr(self, name) >= 0, "0 or more")
        for part in ("f", "a", "c", "kd", "center", "completion", "opl"):
            name = f"lambda_{part}"
            self._check(name, 0 <= getattr(self, name) < math.inf, "a number from 0")
        self._check("lr", 0 < self.lr < math.inf, "a number above 0")
        self._check("temperature", 0 < self.temperature < math.inf, "a number above 0")
        self._check("center_rate", 0 < self.center_rate <= 1, "above 0, up to 1")
        self._check("batch_size", self.batch_size >= 1, "1 or more")
        for name in ("epochs", "patience", "threads"):
            value = getattr(self, name)
            self._check(name, value is None or value >= 1, "1 or more")
        for name, choices in (
            ("arch", ARCHITECTURES),
            ("balance", BALANCES),
            ("fusion", FUSIONS),
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
