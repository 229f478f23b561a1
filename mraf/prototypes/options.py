"""The options of training with prototypes, and the shape of the model. This module does not import torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from mraf.options import checked

MissingCandidates = Literal["learned", "zero"]
"""The tokens that may stand for the candidates of a missing modality."""

EvenInt = Annotated[int, Field(ge=2, multiple_of=2)]  # the reliability head has two attention heads
Share = Annotated[float, Field(ge=0, le=1)]


@checked("training")
class PrototypicalOptions:
    """The training options of a model with prototypes; their defaults are the preset `default`.

    `PrototypicalOptions.plain()` learns nothing: it compares by the cosine to class means.
    """

    # Statistics of the training recordings.
    centre: bool = True  # subtract the mean of the recordings' means
    face_shrinkage: Share = 1.0  # of the covariance before whitening; 1 is no whitening
    voice_shrinkage: Share = 0.85
    hubness_offset: NonNegativeFloat = 0.75  # share of a prototype's hubness that is subtracted
    # The fused score.
    voice_weight: NonNegativeFloat = 0.6  # of a voice that is as reliable as the face
    power: NonNegativeFloat = 2.0  # reliability is (best cosine) ** power
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
    # The reliability head, trained on held-out scores: AdamW, warm-up and linear decay.
    candidates: NonNegativeInt = 2  # K, speakers with tokens; 0: no head, reliabilities stay fixed
    attention: bool = True  # each modality attends to the other; else to itself
    learn_reliability: bool = True  # else the head only scales the fused score
    missing_token: MissingCandidates = "learned"  # or "zero"
    head_dim: EvenInt = 16
    head_layers: NonNegativeInt = 1
    head_limit: PositiveFloat = 0.07  # largest change of the logarithm of a reliability
    head_steps: NonNegativeInt = 200
    head_lr: PositiveFloat = 3e-3
    head_decay: NonNegativeFloat = 0.01
    head_batch: Annotated[int, Field(ge=2)] = 128
    # Half of a batch is made worse: its scores are mixed with an impostor's, another clip's scores.
    face_blend: Share = 0.4  # largest share of the impostor's face
    voice_blend: Share = 0.7  # larger: another language changes the voice, never the face
    impostor_faces: Share = 0.05  # share of these clips whose face is all the impostor's
    impostor_voices: Share = 0.0
    folds: Annotated[int, Field(ge=2)] = 5  # of the cross-validation that calibrates
    seed: int = 1
    device: str = "auto"
    threads: PositiveInt | None = 1  # of torch: a second thread slows down matrices this small

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


@checked("model")
class PrototypicalConfig:
    """The shape of the model."""

    face_dim: PositiveInt  # D_f
    voice_dim: PositiveInt  # D_a
    classes: Annotated[int, Field(ge=2)]  # C
    voice_weight: NonNegativeFloat = 0.6  # of a voice that is as reliable as the face
    power: NonNegativeFloat = 2.0  # reliability is (best cosine) ** power; 0: it is 1
    candidates: NonNegativeInt = 0  # K, speakers with tokens in the reliability head; 0: no head
    dim: EvenInt = 16  # d, of its tokens
    layers: NonNegativeInt = 1  # L, of its self-attention
    attention: bool = True  # each modality attends to the other; else to itself
    learn_reliability: bool = True  # else the head only scales the fused score
    missing_token: MissingCandidates = "learned"
    limit: PositiveFloat = 0.07  # largest change of the logarithm of a reliability
