"""The options of episodic training, and the shape of the network, without importing torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from mraf.errors import UsageError
from mraf.options import checked

MissingToken = Literal["learned", "zero"]
"""The inputs that may stand for a missing face or voice."""

Share = Annotated[float, Field(ge=0, le=1)]
Angle = Annotated[float, Field(ge=0, le=1.5)]  # in radians, below a right angle
Width = Annotated[int, Field(ge=4)]
Weight = Annotated[float, Field(gt=0, lt=1)]  # a reliability, the value of a sigmoid


@checked("training")
class EpisodicOptions:
    """The training options of MRAF with prototype heads."""

    # Statistics of the training recordings.
    face_shrinkage: Share = 1.0  # of the covariance before whitening; 1 is no whitening
    voice_shrinkage: Share = 0.85
    hubness_offset: NonNegativeFloat = 0.75  # share of a prototype's hubness that is subtracted
    # The network.
    dim: Width = 256  # d
    tokens: PositiveInt = 2  # K
    layers: PositiveInt = 1  # L
    heads: PositiveInt = 4  # H
    ffn: PositiveInt = 256  # width of the FFN of eq. 7
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    missing_token: MissingToken = "learned"
    power: NonNegativeFloat = 2.0  # reliability has the factor (best cosine) ** power
    # The start.
    face_share: Share = 0.375  # of the dimensions of e; the voice has the others
    spread: Angle = 0.5  # the tokens of a clip start within this angle of their mean
    face_reliability: Weight = 0.5  # r_f without its factor
    voice_reliability: Weight = 0.3875  # r_a without its factor
    # An episode: a query from one recording of each speaker, and prototypes of some of the others.
    episodes: NonNegativeInt = 80
    queries: PositiveInt = 1  # clips of each speaker
    support: PositiveInt = 2  # recordings of each speaker, at most; their number is drawn
    noise: NonNegativeFloat = 1.0  # of other speakers' recording differences, added to queries
    # Adam, warm-up and linear decay.
    lr: PositiveFloat = 3e-4
    face_lr: NonNegativeFloat = 0.0  # factor of lr in the face's encoder; 0 leaves it as it starts
    fusion_lr: NonNegativeFloat = 0.3  # factor of lr in the fusion, likewise
    warmup: PositiveInt = 20
    clip: PositiveFloat = 5.0  # largest norm of the gradient
    # Weights of the losses (eqs. 15 and 17), and their temperatures.
    lambda_f: NonNegativeFloat = 1.0
    lambda_a: NonNegativeFloat = 1.0
    lambda_c: NonNegativeFloat = 1.0
    lambda_f_alone: NonNegativeFloat = 0.1  # cross-entropy of e_c by the face alone
    lambda_a_alone: NonNegativeFloat = 1.0  # of e_c by the voice alone
    lambda_kd: NonNegativeFloat = 0.2
    lambda_center: NonNegativeFloat = 0.1
    temperature: PositiveFloat = 2.0  # of the distillation (eq. 16)
    seed: int = 1
    device: str = "auto"
    threads: PositiveInt | None = 1  # of torch: a second thread slows down matrices this small

    def rate(self, step: int) -> float:
        """Return the factor of the learning rate at a step, counted from 0."""
        return min(1, (step + 1) / self.warmup) * (1 - step / max(1, self.episodes))


@checked("model")
class EpisodicConfig:
    """The shape of the network."""

    face_dim: PositiveInt  # d_f
    voice_dim: PositiveInt  # d_a
    classes: Annotated[int, Field(ge=2)]  # C
    classifier: Literal["prototypes"] = "prototypes"  # of the heads; see `mraf.model_types`
    dim: Width = 256  # d
    tokens: PositiveInt = 2  # K
    layers: PositiveInt = 1  # L
    heads: PositiveInt = 4  # H
    ffn: PositiveInt = 256  # width of the FFN of eq. 7
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    missing_token: MissingToken = "learned"
    power: NonNegativeFloat = 2.0  # reliability has the factor (best cosine) ** power

    def __post_init__(self) -> None:
        """Check that the heads divide the width."""
        if self.dim % self.heads:
            raise UsageError(f"model: dim {self.dim} is not a multiple of heads {self.heads}")
