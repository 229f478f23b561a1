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

Residual = Literal["weighted", "tokens"]
"""The tokens that the residual connection after eq. 13 adds; see `CrossAttentionFusion`."""

InputLength = Literal["scaled", "unit", "raw"]
"""The length that the network gives its inputs: sqrt(d_m), so that components are near 1; 1; or none."""

HeadInput = Literal["scaled", "weighted"]
"""The input of a modality's head: sqrt(d) e_m, as long as e_c; or w_m e_m, weighted as the tokens are."""

Share = Annotated[float, Field(ge=0, le=1)]


@checked("model")
class NetworkOptions:
    """The choices in the network that do not depend on the data.

    The defaults are the paper's, or ours where it is silent.
    """

    dim: PositiveInt = 512  # d
    tokens: PositiveInt = 6  # K; the paper is silent, as on L, H and the width of the FFN
    layers: PositiveInt = 1  # L
    heads: PositiveInt = 4  # H
    ffn: PositiveInt = 1024  # width of the FFN of eq. 7
    activation: Literal["relu", "gelu"] = "relu"  # of the FFN
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    inputs: InputLength = "scaled"  # the paper is silent; see `MRAF`
    projection: Literal["linear", "normalised"] = "linear"  # see `projection` in `encoder`
    position_start: NonNegativeFloat = 0.02  # standard deviation of P_m at the start
    unit_tokens: bool = False  # H_m is brought to unit length, token by token
    missing_token: MissingInput = "learned"
    missing_start: NonNegativeFloat = 1.0  # standard deviation of the missing tokens at the start
    fusion: FusionName = "cross_attention"
    face_damping: Annotated[float, Field(gt=0, le=1)] = 1.0  # one more factor of a present face
    residual: Residual = "weighted"
    head_input: HeadInput = "scaled"

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
    classifier: Literal["linear"] = "linear"  # of the heads; see `mraf.model_types`


@checked("training")
class TrainOptions(NetworkOptions):
    """The options of training MRAF by gradient descent; the defaults are section 4.2 of the paper.

    `TrainOptions.authors()` gives the configuration of the authors' code.

    The length of training is counted in steps or in epochs (passes over the clips): one of the two
    is set, the other one None. The paper names neither. The authors' code trains 24 epochs in
    batches of 32 clips, which makes 3,000 steps on the challenge's clips.
    """

    lr: PositiveFloat = 1e-4  # of Adam
    weight_decay: NonNegativeFloat = 0.0  # of Adam: added to the gradient
    batch_size: PositiveInt = 64
    steps: PositiveInt | None = 3000  # at most
    epochs: PositiveInt | None = None  # at most
    patience: PositiveInt | None = 15  # epochs without a lower development loss before stopping
    balance: Literal["none", "recording"] = "none"  # "recording": see `batches.balanced`
    # How a clip that has both face and voice is shown: whole, by voice alone, by face alone.
    p_av: Share = 0.8
    p_a: Share = 0.2
    p_f: Share = 0.0
    # The cross-entropies: how much of the target is spread evenly, and weights of the speakers.
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    class_weights: Literal["equal", "rare"] = "equal"  # "rare": see `losses.class_weights`
    # Weights of the losses (eqs. 15 and 17) and the temperature of the distillation (eq. 16).
    lambda_f: NonNegativeFloat = 1.0
    lambda_a: NonNegativeFloat = 1.0
    lambda_c: NonNegativeFloat = 1.0
    temperature: PositiveFloat = 2.0
    lambda_kd: NonNegativeFloat = 0.2
    lambda_center: NonNegativeFloat = 0.1
    lambda_completion: NonNegativeFloat = 1.0  # with missing_token "completion" or "memory"
    lambda_floor: NonNegativeFloat = 0.0  # of the reliability of present faces
    reliability_floor: Share = 0.7  # below which that loss sets in
    centers: Literal["running", "learned"] = "running"  # see `CenterLoss` and `LearnedCenters`
    center_reduction: Literal["mean", "batch", "sum"] = "mean"  # of running centres
    center_rate: Annotated[float, Field(gt=0, le=1)] = 0.5  # alpha of Wen et al. (2016)
    seed: int = 1
    device: str = "auto"
    threads: PositiveInt | None = None  # of torch, in training; None leaves them as they are

    @classmethod
    def authors(cls, **changes: Any) -> Self:
        """Return the configuration of the authors' code, which differs from the paper's text.

        Only distillation shows the network a voice alone. Of the inputs we do not know how long they
        are: unit length here, next to which a missing token that starts at 0.02 N(0, 1) is short.
        """
        values: dict[str, Any] = {
            "inputs": "unit",
            "projection": "normalised",
            "position_start": 0.0,
            "ffn": 2048,
            "activation": "gelu",
            "unit_tokens": True,
            "missing_start": 0.02,
            "face_damping": 0.95,
            "head_input": "weighted",
            "label_smoothing": 0.1,
            "class_weights": "rare",
            "centers": "learned",
            "lambda_center": 0.15,
            "lambda_floor": 0.1,
            "p_av": 1.0,
            "p_a": 0.0,
            "lr": 5e-5,
            "weight_decay": 1e-4,
            "batch_size": 32,
        }
        return cls(**{**values, **changes})

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
