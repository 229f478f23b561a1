"""The options of training FOP, and its shape. This module does not import torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from mraf.options import checked


@checked("training")
class FOPOptions:
    """The options of training FOP; the defaults are those of the challenge's baseline.

    Training stops once the accuracy on the validation clips has not risen for a while. Without
    validation clips nothing tells when to stop, and it lasts `unwatched_epochs`.
    """

    lr: PositiveFloat = 1e-3  # of Adam
    batch_size: PositiveInt = 32
    epochs: PositiveInt = 300  # at most, with validation clips
    patience: PositiveInt | None = 10  # epochs without a better accuracy before stopping
    gain: NonNegativeFloat = 0.003  # a rise of the accuracy by no more than this is none
    unwatched_epochs: PositiveInt = 60  # without validation clips
    lambda_opl: NonNegativeFloat = 0.0  # weight of the orthogonal projection loss
    dim: PositiveInt = 512  # of the embeddings
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
    seed: int = 1
    device: str = "auto"
    threads: PositiveInt | None = None  # of torch, in training; None leaves them as they are


@checked("model")
class FOPConfig:
    """The shape of the network."""

    face_dim: PositiveInt  # D_f
    voice_dim: PositiveInt  # D_a
    classes: Annotated[int, Field(ge=2)]  # C
    dim: PositiveInt = 512  # D, of the embeddings
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5
