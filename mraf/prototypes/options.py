"""The options of training with prototypes, and the shape of the model. This module does not import torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from mraf.options import checked

FusionRule = Literal["posterior", "mean"]
"""The rules that fuse the scores of face and voice; see `mraf.prototypes.fusion`."""

Share = Annotated[float, Field(ge=0, le=1)]


@checked("training")
class PrototypeOptions:
    """The training options of a model with prototypes; their defaults are the preset `default`.

    `PrototypeOptions.cosine()` learns nothing: it compares by the cosine to class means.
    """

    # Statistics of the training recordings.
    centre: bool = True  # subtract the mean of the recordings' means
    face_shrinkage: Share = 1.0  # of the covariance before whitening; 1 is no whitening
    voice_shrinkage: Share = 0.85
    hubness_offset: NonNegativeFloat = 0.75  # share of a prototype's hubness that is subtracted
    # The answer: see `mraf.prototypes.fusion`.
    fusion: FusionRule = "posterior"
    wrong_face: Share = 0.2  # share of faces that are taken to show somebody else
    wrong_voice: Share = 0.1  # share of voices that are taken to be somebody else's
    voice_softening: PositiveFloat = 2.0  # factor of the voice's temperature beside a face
    sharpness: NonNegativeFloat = 0.5  # scores are multiplied by (best score) ** sharpness
    # The learned metric of the voice: Adam, warm-up and linear decay.
    steps: NonNegativeInt = 60
    warmup: PositiveInt = 20
    lr: PositiveFloat = 1e-3
    batch_size: PositiveInt = 256
    # Scale of another speaker's recording difference, which is added to a clip.
    noise: NonNegativeFloat = 1.0
    decay: NonNegativeFloat = 0.01  # weight of the squared change of the metric
    lambda_a: NonNegativeFloat = 1.0
    lambda_c: NonNegativeFloat = 1.0
    lambda_kd: NonNegativeFloat = 0.2
    temperature: PositiveFloat = 2.0  # of the distillation (eq. 16)
    # The weighted mean of both scores, in training and with fusion "mean".
    voice_weight: NonNegativeFloat = 0.6  # of a voice whose best score is that of the face
    power: NonNegativeFloat = 2.0  # a weight is (best score) ** power
    seed: int = 1
    device: str = "auto"
    threads: PositiveInt | None = 1  # of torch: a second thread slows down matrices this small

    @classmethod
    def cosine(cls, **changes: Any) -> Self:
        """Return the options of plain cosines: no statistics but class means, and nothing learned."""
        values: dict[str, Any] = {
            "centre": False,
            "voice_shrinkage": 1.0,
            "hubness_offset": 0.0,
            "fusion": "mean",
            "power": 0.0,
            "steps": 0,
        }
        return cls(**{**values, **changes})

    def rate(self, step: int) -> float:
        """Return the factor of the metric's learning rate at a step, counted from 0."""
        return min(1, (step + 1) / self.warmup) * (1 - step / max(1, self.steps))


@checked("model")
class PrototypeConfig:
    """The shape of the model, and its rule of fusion."""

    face_dim: PositiveInt  # D_f
    voice_dim: PositiveInt  # D_a
    classes: Annotated[int, Field(ge=1)]  # C
    face_cohort: NonNegativeInt = 0  # recordings kept to measure newcomers' hubness by
    voice_cohort: NonNegativeInt = 0
    hubness_offset: NonNegativeFloat = 0.75  # of a newcomer; see `PrototypeOptions`
    # K of `mraf.prototypes.fusion.evidence`; 0: the speakers who have a prototype. Enrolment keeps it.
    face_speakers: NonNegativeInt = 0
    voice_speakers: NonNegativeInt = 0
    fusion: FusionRule = "posterior"
    wrong_face: Share = 0.2
    wrong_voice: Share = 0.1
    voice_softening: PositiveFloat = 2.0
    sharpness: NonNegativeFloat = 0.5
    voice_weight: NonNegativeFloat = 0.6  # with fusion "mean"
    power: NonNegativeFloat = 2.0  # likewise
