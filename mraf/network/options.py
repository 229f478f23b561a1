"""The options of training a network, and its shape. This module does not import torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from mraf.errors import UsageError
from mraf.options import checked

FusionName = Literal["linear", "gated", "lstm", "cross_attention"]
"""The fusions of Table 3; the paper's own is `cross_attention`."""

MissingInput = Literal["learned", "zero", "completion", "memory"]
"""The stand-ins for a missing face or voice of Table 4; the paper's own is `learned`."""

Residual = Literal["weighted", "tokens"]
"""The tokens that the residual connection after eq. 13 adds; see `CrossAttentionFusion`."""

InputLength = Literal["scaled", "unit", "raw"]
"""The length that the network gives its inputs: sqrt(d_m), so that components are near 1; 1; or none."""

Share = Annotated[float, Field(ge=0, le=1)]


@checked("model")
class NetworkOptions:
    """The choices in the network that do not depend on the data; the defaults are the paper's."""

    dim: PositiveInt = 512  # d
    tokens: PositiveInt = 6  # K; the paper is silent, as on L, H and the width of the FFN
    layers: PositiveInt = 1  # L
    heads: PositiveInt = 4  # H
    ffn: PositiveInt = 1024  # width of the FFN of eq. 7
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    inputs: InputLength = "scaled"  # the paper is silent; see `MRAF`
    fusion: FusionName = "cross_attention"
    missing_token: MissingInput = "learned"
    residual: Residual = "weighted"

    def __post_init__(self) -> None:
        """Check that the heads divide the width."""
        if self.dim % self.heads:
            raise UsageError(f"model: dim {self.dim} is not a multiple of heads {self.heads}")


@checked("model")
class MRAFConfig(NetworkOptions):
    """The shape of the network."""

    face_dim: PositiveInt  # d_f
    voice_dim: PositiveInt  # d_a
    classes: Annotated[int, Field(ge=2)]  # C


@checked("training")
class TrainOptions(NetworkOptions):
    """The options of training MRAF by gradient descent; the defaults are section 4.2 of the paper.

    The length of training is counted in steps or in epochs (passes over the clips): one of the two
    is set, the other one None. The paper names neither. The authors' code trains 24 epochs in
    batches of 32 clips, which makes 3,000 steps on the challenge's clips.
    """

    lr: PositiveFloat = 1e-4  # of Adam
    batch_size: PositiveInt = 64
    steps: PositiveInt | None = 3000  # at most
    epochs: PositiveInt | None = None  # at most
    patience: PositiveInt | None = 15  # epochs without a lower development loss before stopping
    balance: Literal["none", "recording"] = "none"  # "recording": see `batches.balanced`
    # How a clip that has both face and voice is shown: whole, by voice alone, by face alone.
    p_av: Share = 0.8
    p_a: Share = 0.2
    p_f: Share = 0.0
    # Weights of the losses (eqs. 15 and 17) and the temperature of the distillation (eq. 16).
    lambda_f: NonNegativeFloat = 1.0
    lambda_a: NonNegativeFloat = 1.0
    lambda_c: NonNegativeFloat = 1.0
    temperature: PositiveFloat = 2.0
    lambda_kd: NonNegativeFloat = 0.2
    lambda_center: NonNegativeFloat = 0.1
    lambda_completion: NonNegativeFloat = 1.0  # with missing_token "completion" or "memory"
    center_reduction: Literal["mean", "batch", "sum"] = "mean"  # see `CenterLoss`
    center_rate: Annotated[float, Field(gt=0, le=1)] = 0.5  # alpha of Wen et al. (2016)
    seed: int = 1
    device: str = "auto"
    threads: PositiveInt | None = None  # of torch, in training; None leaves them as they are

    def __post_init__(self) -> None:
        """Check that p_av, p_a and p_f sum to 1, and that training has one length."""
        NetworkOptions.__post_init__(self)
        if abs(self.p_av + self.p_a + self.p_f - 1) > 1e-6:
            raise UsageError(
                f"training: p_av {self.p_av}, p_a {self.p_a} and p_f {self.p_f} do not sum to 1"
            )
        if (self.steps is None) == (self.epochs is None):
            raise UsageError(
                f"training: steps is {self.steps} and epochs is {self.epochs}; "
                "one of the two should be a number and the other one None"
            )
