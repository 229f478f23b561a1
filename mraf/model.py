"""The network: missing-token prompted embeddings, reliability-aware fusion, three heads.

Equations 2 to 14 of the paper. Face and voice are treated alike: each has its own encoder and
its own missing token.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.errors import UsageError
from mraf.fusion import RESIDUALS, Encoded, ReliabilityFusion
from mraf.options import MISSING_TOKENS


@dataclass(frozen=True)
class MRAFConfig:
    """Everything that fixes the shape of the network.

    Raises:
        UsageError: a number is out of range, or a choice is unknown.

    """

    face_dim: int  # d_f
    voice_dim: int  # d_a
    classes: int  # C
    dim: int = 512  # d
    tokens: int = 6  # K; the paper is silent, as on L, H and the width of the FFN
    layers: int = 1  # L
    heads: int = 4  # H
    ffn: int = 1024  # width of the FFN of eq. 7
    dropout: float = 0.1
    missing_token: str = "learned"  # or "zero": the input of a missing modality stays zero
    residual: str = "tokens"  # what is added after eq. 13; see ReliabilityFusion

    def __post_init__(self) -> None:
        """Check ranges and choices."""
        for name in ("face_dim", "voice_dim", "dim", "tokens", "layers", "heads", "ffn"):
            _check_count(name, getattr(self, name), 1)
        _check_count("classes", self.classes, 2)
        if self.dim % self.heads:
            raise UsageError(f"model: dim {self.dim} is not a multiple of heads {self.heads}")
        if isinstance(self.dropout, bool) or not isinstance(self.dropout, int | float):
            raise UsageError(f"model: dropout is {self.dropout!r}; a number was expected")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"model: dropout is {self.dropout}; 0 to below 1 was expected")
        _check_choice("missing_token", self.missing_token, MISSING_TOKENS)
        _check_choice("residual", self.residual, RESIDUALS)


@dataclass(frozen=True)
class MRAFOutput:
    """What the network says of B clips with C speakers."""

    face_logits: Tensor  # [B, C], z_f
    voice_logits: Tensor  # [B, C], z_a
    fusion_logits: Tensor  # [B, C], z_c, the answer
    e_f: Tensor  # [B, D], unit norm
    e_a: Tensor  # [B, D], unit norm
    e_c: Tensor  # [B, D]
    r_f: Tensor  # [B], reliability, 0 where the face is missing
    r_a: Tensor  # [B], 0 where the voice is missing
    w_f: Tensor  # [B], weight
    w_a: Tensor  # [B]


class MRAF(nn.Module):
    """Missing-token prompted, reliability-aware fusion of face and voice.

    The three steps `encode_face`, `encode_voice` and `fuse` are public because training shares
    the first two between the teacher and the student of the distillation.
    """

    def __init__(self, config: MRAFConfig) -> None:
        super().__init__()
        self.config = config
        self.face = ModalityEncoder(config.face_dim, config)
        self.voice = ModalityEncoder(config.voice_dim, config)
        self.fusion = ReliabilityFusion(
            config.dim, config.heads, config.dropout, residual=config.residual
        )
        self.face_head = nn.Linear(config.dim, config.classes)  # g_f
        self.voice_head = nn.Linear(config.dim, config.classes)  # g_a
        self.fusion_head = nn.Linear(config.dim, config.classes)  # g_c

    def forward(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Answer for B clips, each alone.

        Args:
            face: [B, Df], of any length; rows that are not present are ignored.
            voice: [B, Dv], likewise.
            face_present: [B] bool.
            voice_present: [B] bool.

        """
        f = self.encode_face(face, face_present)
        a = self.encode_voice(voice, voice_present)
        return self.fuse(f, a, face_present, voice_present)

    def encode_face(self, face: Tensor, present: Tensor) -> Encoded:
        """H_f [B, K, D] and e_f [B, D] of faces [B, Df], the token m_f where not present."""
        return self.face(face, present)

    def encode_voice(self, voice: Tensor, present: Tensor) -> Encoded:
        """H_a [B, K, D] and e_a [B, D] of voices [B, Dv], the token m_a where not present."""
        return self.voice(voice, present)

    def fuse(
        self, face: Encoded, voice: Encoded, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Fusion and heads (eqs. 10-14) of B encoded clips."""
        fused = self.fusion(face, voice, face_present, voice_present)
        # e_f and e_a have length 1, e_c about sqrt(D). Brought to the same length, the three
        # heads learn at the same pace; what they can express is unchanged.
        scale = self.config.dim**0.5
        return MRAFOutput(
            face_logits=self.face_head(face.embedding * scale),
            voice_logits=self.voice_head(voice.embedding * scale),
            fusion_logits=self.fusion_head(fused.e_c),
            e_f=face.embedding,
            e_a=voice.embedding,
            **vars(fused),
        )


class ModalityEncoder(nn.Module):
    """One modality's embedding: K tokens, L Transformer layers, pooling (eqs. 2-9)."""

    missing: Tensor

    def __init__(self, input_dim: int, config: MRAFConfig) -> None:
        super().__init__()
        self.shape = (config.tokens, config.dim)
        if config.missing_token == "learned":
            # Length about 1, like the normalised inputs beside it.
            self.missing = nn.Parameter(torch.randn(input_dim) / input_dim**0.5)
        else:
            self.register_buffer("missing", torch.zeros(input_dim))
        self.project = nn.Linear(input_dim, config.tokens * config.dim)  # W_m, b_m
        # Inputs have length 1: like this tokens start at unit scale and depend on the input
        # alone, where the usual start would let b_m and P_m drown it.
        nn.init.normal_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        self.position = nn.Parameter(torch.randn(self.shape) * 0.02)  # P_m
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                config.dim, config.heads, config.ffn, config.dropout, "relu", batch_first=True
            )
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.dim)

    def forward(self, x: Tensor, present: Tensor) -> Encoded:
        """Tokens [B, K, D] and embeddings [B, D] of inputs [B, Dm] where `present` [B]."""
        return self._encode(self._input(x, present))

    def with_missing(self, x: Tensor, present: Tensor) -> tuple[Encoded, Encoded]:
        """The same, and the missing token's tokens [1, K, D] and embedding [1, D].

        These do not depend on a clip: one more row serves every clip that hides this modality.
        """
        both = self._encode(torch.cat([self._input(x, present), self.missing[None]]))
        return both.take(slice(-1)), both.take(slice(-1, None))

    def _input(self, x: Tensor, present: Tensor) -> Tensor:
        # Outside the paper: inputs of length 1. ECAPA vectors are about 250 long.
        return torch.where(present[:, None], F.normalize(x, dim=-1), self.missing)  # (9)

    def _encode(self, x: Tensor) -> Encoded:
        H = self.project(x).unflatten(-1, self.shape) + self.position  # (2), (3)
        for layer in self.layers:
            H = layer(H)  # (4) to (7)
        return Encoded(H, F.normalize(self.norm(H.mean(dim=1)), dim=-1))  # (8)


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"model: {name} is {value!r}; a whole number from {least} was expected")


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"model: {name} is {value!r}; one of {', '.join(choices)} was expected")
