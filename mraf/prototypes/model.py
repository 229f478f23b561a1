"""MRAF whose three heads compare with prototypes: the architecture of the preset `default`.

A head of weights, as in the paper, learns each speaker from scratch and recognises the recordings it
was shown. A head that compares with the mean of a speaker's recordings has nothing to overfit, and
what is learned instead, which directions of the voice vary between recordings of one speaker and
which between speakers, is shared by all of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.calibration import Temperatures
from mraf.checks import check_choice, check_flag
from mraf.errors import UsageError
from mraf.network.model import MRAFOutput
from mraf.prototypes.reliability import (
    MISSING_TOKENS,
    UNKNOWN,
    Change,
    ReliabilityHead,
    fuse_scores,
)

__all__ = ["UNKNOWN", "Enrolment", "PrototypicalConfig", "PrototypicalMRAF", "fuse_scores"]

TEMPERATURE = 0.1
"""Of scores in training, before any is fitted: cosines are small numbers."""


@dataclass(frozen=True)
class PrototypicalConfig:
    """Everything that fixes the shape of the network.

    Raises:
        UsageError: a number is out of range.

    """

    face_dim: int  # D_f
    voice_dim: int  # D_a
    classes: int  # C
    voice_weight: float = 0.6  # of a voice beside an equally reliable face
    power: float = 2.0  # how fast reliability falls with the best cosine; 0: not at all
    candidates: int = 0  # K, tokens of the reliability head; 0: there is none
    dim: int = 16  # d, of its tokens
    layers: int = 1  # L, of its self-attention
    attention: bool = True  # whether face and voice attend to each other
    learn_reliability: bool = True  # else the head only scales the score
    missing_token: str = "learned"  # or "zero"
    limit: float = 0.07  # largest change of a logarithm of reliability

    def __post_init__(self) -> None:
        """Check ranges and choices."""
        least_of = {"face_dim": 1, "voice_dim": 1, "classes": 2, "candidates": 0, "layers": 0}
        for name, least in (*least_of.items(), ("dim", 2)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(
                    f"model: {name} is {value!r}; a whole number from {least} was expected"
                )
        if self.dim % 2:
            raise UsageError(f"model: dim is {self.dim}; an even number was expected (two heads)")
        for name in ("voice_weight", "power", "limit"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise UsageError(f"model: {name} is {value!r}; a number from 0 was expected")
        if not self.limit:
            raise UsageError("model: limit is 0; a number above 0 was expected")
        for name in ("attention", "learn_reliability"):
            check_flag(name, getattr(self, name))
        check_choice("missing_token", self.missing_token, MISSING_TOKENS)


class Enrolment(nn.Module):
    """One modality: where a vector lies, and how near it is to each speaker's prototype.

    q = l2((l2(x) - mean) projection), compared by its cosine to the prototypes, less a bias that
    tells how loudly a prototype answers to strangers. All of it comes from the training recordings.
    """

    mean: Tensor
    projection: Tensor
    prototypes: Tensor
    bias: Tensor
    known: Tensor

    def __init__(self, dim: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))  # [D], mu
        self.register_buffer("projection", torch.eye(dim))  # [D, D], whitening times metric
        self.register_buffer("prototypes", torch.zeros(classes, dim))  # [C, D], unit rows
        self.register_buffer("bias", torch.zeros(classes))  # [C]
        self.register_buffer("known", torch.zeros(classes, dtype=torch.bool))  # [C]

    def embed(self, x: Tensor) -> Tensor:
        """Unit embeddings [B, D] of vectors [B, D] of any length."""
        return F.normalize((F.normalize(x, dim=-1) - self.mean) @ self.projection, dim=-1)

    def compare(self, q: Tensor) -> Tensor:
        """Scores [B, C] of unit embeddings [B, D]: cosines less the bias, `UNKNOWN` where unknown."""
        return (q @ self.prototypes.T - self.bias).masked_fill(~self.known, UNKNOWN)


class PrototypicalMRAF(nn.Module):
    """Face and voice compared with prototypes, weighed by learned reliability, summed.

    The parts are those of the paper: an encoder for each modality (whitening and a learned metric),
    reliabilities from missing-token prompted tokens and cross-attention (`mraf.prototypes.reliability`),
    weights (eq. 11), a fused score, three heads (z_f, z_a, z_c).
    """

    arch = "mraf-prototypes"

    def __init__(self, config: PrototypicalConfig) -> None:
        super().__init__()
        self.config = config
        self.face = Enrolment(config.face_dim, config.classes)
        self.voice = Enrolment(config.voice_dim, config.classes)
        self.head = build_head(config) if config.candidates else None
        self.temperature = Temperatures(TEMPERATURE)

    def forward(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Answer for B clips, each alone.

        e_c is [w_f e_f; w_a e_a] at unit length, [B, D_f + D_a]: it tells who speaks, where e_c of
        eq. 14 within the head tells only how sure that is.

        Args:
            face: [B, D_f], of any length; rows that are not present are ignored.
            voice: [B, D_a], likewise.
            face_present: [B] bool.
            voice_present: [B] bool.

        """
        # A modality that no training clip has cannot be compared, and counts as missing.
        face_present = face_present & self.face.known.any()
        voice_present = voice_present & self.voice.known.any()
        q_f, q_a = self.face.embed(face), self.voice.embed(voice)
        c_f, c_a = self.face.compare(q_f), self.voice.compare(q_a)
        z_c, r_f, r_a = self.fuse(c_f, c_a, face_present, voice_present)
        total = (r_f + r_a).clamp(min=1e-9)
        w_f, w_a = r_f / total, r_a / total
        e_c = F.normalize(torch.cat([w_f[:, None] * q_f, w_a[:, None] * q_a], dim=-1), dim=-1)
        return MRAFOutput(
            face_logits=c_f,
            voice_logits=c_a,
            fusion_logits=z_c,
            e_f=q_f,
            e_a=q_a,
            e_c=e_c,
            r_f=r_f,
            r_a=r_a,
            w_f=w_f,
            w_a=w_a,
        )

    def fuse(
        self,
        c_f: Tensor,
        c_a: Tensor,
        face_present: Tensor,
        voice_present: Tensor,
        centre: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Fused scores [B, C] and reliabilities r_f and r_a [B] of scores [B, C].

        With `centre`, the changes of reliability are centred on these clips [B], as in training.
        """
        # What is missing is never looked at.
        c_f = c_f.masked_fill(~face_present[:, None], UNKNOWN)
        c_a = c_a.masked_fill(~voice_present[:, None], UNKNOWN)
        config = self.config
        score, r_f, r_a = fuse_scores(
            c_f, c_a, face_present, voice_present, config.voice_weight, config.power
        )
        if self.head is None:
            return score, r_f, r_a
        change: Change = self.head(c_f, c_a, score, r_f, r_a)
        if centre is not None:
            change = change.centred(centre)
        return change.apply(c_f, c_a, r_f, r_a)


def build_head(config: PrototypicalConfig) -> ReliabilityHead:
    """The reliability head that a configuration describes, untrained: it changes nothing."""
    return ReliabilityHead(
        config.candidates,
        config.dim,
        config.layers,
        config.attention,
        config.learn_reliability,
        config.missing_token,
        config.limit,
    )
