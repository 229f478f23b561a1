"""The options of training a network, and its shape. This module does not import torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from mraf.errors import UsageError
from mraf.options import checked

FusionName = Literal["linear", "gated", "lstm", "cross_attention"]
"""The fusions of Table 3; the paper's own is `cross_attention`."""

MissingInput = Literal["learned", "zero", "completion", "memory"]
"""The stand-ins for a missing face or voice of Table 4; the paper's own is `learned`."""

Residual = Literal["tokens", "weighted"]
"""The tokens that the residual connection after eq. 13 adds; see `CrossAttentionFusion`."""

Share = Annotated[float, Field(ge=0, le=1)]


@checked("training")
class TrainOptions:
    """The options of training by gradient descent; the defaults are section 4.2 of the paper.

    `TrainOptions.fop()` gives the options of the challenge's baseline.
    """

    arch: Literal["mraf", "fop"] = "mraf"
    lr: PositiveFloat = 1e-4  # of Adam
    batch_size: PositiveInt = 64
    epochs: PositiveInt = 24  # at most; the paper is silent, the authors' code has 24
    patience: PositiveInt | None = 15  # epochs without a lower development loss before stopping
    balance: Literal["none", "recording"] = "none"  # "recording": see `batches.balanced`
    # How a clip that has both face and voice is shown: whole, by voice alone, by face alone.
    p_av: Share = 0.8
    p_a: Share = 0.2
    p_f: Share = 0.0
    # Weights of the losses (eqs. 15 and 17) and the temperature of the distillation (eq. 16).
    # FOP has only lambda_c and lambda_opl.
    lambda_f: NonNegativeFloat = 1.0
    lambda_a: NonNegativeFloat = 1.0
    lambda_c: NonNegativeFloat = 1.0
    temperature: PositiveFloat = 2.0
    lambda_kd: NonNegativeFloat = 0.2
    lambda_center: NonNegativeFloat = 0.1
    lambda_completion: NonNegativeFloat = 1.0  # with missing_token "completion" or "memory"
    lambda_opl: NonNegativeFloat = 1.0  # orthogonal projection, of FOP
    center_reduction: Literal["mean", "batch", "sum"] = "mean"  # see `CenterLoss`
    center_rate: Annotated[float, Field(gt=0, le=1)] = 0.5  # alpha of Wen et al. (2016)
    # The network.
    fusion: FusionName = "cross_attention"
    missing_token: MissingInput = "learned"
    residual: Residual = "tokens"
    normalise: bool = True  # the model brings its inputs to unit length
    dim: PositiveInt | None = None  # None leaves a size as in the network's configuration
    tokens: PositiveInt | None = None
    ffn: PositiveInt | None = None
    seed: int = 1
    device: str = "auto"
    threads: PositiveInt | None = None  # of torch, in training; None leaves them as they are

    @classmethod
    def fop(cls, **changes: Any) -> Self:
        """Return the options of FOP: every clip as it is, vectors of any length, one head."""
        values: dict[str, Any] = {
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
        }
        return cls(**{**values, **changes})

    def __post_init__(self) -> None:
        """Check that p_av, p_a and p_f sum to 1."""
        if abs(self.p_av + self.p_a + self.p_f - 1) > 1e-6:
            raise UsageError(
                f"training: p_av {self.p_av}, p_a {self.p_a} and p_f {self.p_f} do not sum to 1"
            )


@checked("model")
class MRAFConfig:
    """The shape of the network."""

    face_dim: PositiveInt  # d_f
    voice_dim: PositiveInt  # d_a
    classes: Annotated[int, Field(ge=2)]  # C
    dim: PositiveInt = 512  # d
    tokens: PositiveInt = 6  # K; the paper is silent, as on L, H and the width of the FFN
    layers: PositiveInt = 1  # L
    heads: PositiveInt = 4  # H
    ffn: PositiveInt = 1024  # width of the FFN of eq. 7
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    fusion: FusionName = "cross_attention"
    missing_token: MissingInput = "learned"
    residual: Residual = "tokens"
    normalise: bool = True  # inputs to unit length; outside the paper

    def __post_init__(self) -> None:
        """Check that the heads divide the width."""
        if self.dim % self.heads:
            raise UsageError(f"model: dim {self.dim} is not a multiple of heads {self.heads}")
