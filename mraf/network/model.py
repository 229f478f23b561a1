"""The network: missing-token prompted embeddings, reliability-aware fusion, three heads.

Equations 2 to 14 of the paper. Face and voice are treated alike: each has its own encoder and
its own missing token.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.calibration import Temperatures
from mraf.checks import check_choice, check_flag, check_shape
from mraf.errors import UsageError
from mraf.network.fusion import RESIDUALS, Encoded, build_fusion
from mraf.network.missing import predictor
from mraf.network.options import FUSIONS, MISSING_TOKENS
from mraf.network.transformer import EncoderLayer


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
    fusion: str = "cross_attention"  # or what Table 3 compares it with; see mraf.fusion
    missing_token: str = "learned"  # or what Table 4 compares it with; see mraf.missing
    residual: str = "tokens"  # what is added after eq. 13; see ReliabilityFusion
    normalise: bool = True  # inputs to unit length; outside the paper

    def __post_init__(self) -> None:
        """Check ranges and choices."""
        counts = ("face_dim", "voice_dim", "dim", "tokens", "layers", "heads", "ffn")
        check_shape(self, counts)
        if self.dim % self.heads:
            raise UsageError(f"model: dim {self.dim} is not a multiple of heads {self.heads}")
        check_choice("fusion", self.fusion, FUSIONS)
        check_choice("missing_token", self.missing_token, MISSING_TOKENS)
        check_choice("residual", self.residual, RESIDUALS)
        check_flag("normalise", self.normalise)


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

    `forward` is all that use needs. Its parts are public because training shares work between
    what a clip is shown with and the teacher and the student of the distillation.
    """

    arch = "mraf"

    def __init__(self, config: MRAFConfig) -> None:
        super().__init__()
        self.config = config
        self.face = ModalityEncoder(config.face_dim, config.voice_dim, config)
        self.voice = ModalityEncoder(config.voice_dim, config.face_dim, config)
        self.fusion = build_fusion(
            config.fusion, config.dim, config.heads, config.dropout, config.residual
        )
        self.face_head = nn.Linear(config.dim, config.classes)  # g_f
        self.voice_head = nn.Linear(config.dim, config.classes)  # g_a
        self.fusion_head = nn.Linear(config.dim, config.classes)  # g_c
        self.temperature = Temperatures()

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
        f = self.face(face, face_present, voice, voice_present)
        a = self.voice(voice, voice_present, face, face_present)
        fused = self.fusion(f, a, face_present, voice_present)
        return MRAFOutput(
            face_logits=self.name_face(f),
            voice_logits=self.name_voice(a),
            fusion_logits=self.fusion_head(fused.e_c),
            e_f=f.embedding,
            e_a=a.embedding,
            **vars(fused),
        )

    # e_f and e_a have length 1, e_c about sqrt(D). Brought to the same length, the three heads
    # learn at the same pace; what they can express is unchanged.

    def name_face(self, face: Encoded) -> Tensor:
        """z_f [B, C] of encoded faces."""
        return self.face_head(face.embedding * self.config.dim**0.5)

    def name_voice(self, voice: Encoded) -> Tensor:
        """z_a [B, C] of encoded voices."""
        return self.voice_head(voice.embedding * self.config.dim**0.5)


class ModalityEncoder(nn.Module):
    """One modality's embedding: K tokens, L Transformer layers, pooling (eqs. 2-9)."""

    missing: Tensor

    def __init__(self, input_dim: int, other_dim: int, config: MRAFConfig) -> None:
        super().__init__()
        self.shape = (config.tokens, config.dim)
        self.normalise = config.normalise
        if config.missing_token == "zero":
            self.register_buffer("missing", torch.zeros(input_dim))
        else:
            # Length about 1, like the normalised inputs beside it.
            self.missing = nn.Parameter(torch.randn(input_dim) / input_dim**0.5)
        self.predict = predictor(config.missing_token, input_dim, other_dim)
        self.project = nn.Linear(input_dim, config.tokens * config.dim)  # W_m, b_m
        # Inputs have length 1: like this tokens start at unit scale and depend on the input
        # alone, where the usual start would let b_m and P_m drown it.
        nn.init.normal_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        self.position = nn.Parameter(torch.randn(self.shape) * 0.02)  # P_m
        self.layers = nn.ModuleList(
            EncoderLayer(config.dim, config.heads, config.ffn, config.dropout)
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.dim)

    def forward(self, x: Tensor, present: Tensor, other: Tensor, other_present: Tensor) -> Encoded:
        """Tokens [B, K, D] and embeddings [B, D] of B clips.

        Args:
            x: this modality's vectors, [B, Dm].
            present: [B] bool.
            other: the other modality's, from which some ways of handling a missing one predict.
            other_present: [B] bool.

        """
        missing = self.substitute(other, other_present)
        return self.encode(torch.where(present[:, None], self.scale(x), missing))  # (9)

    def scale(self, x: Tensor) -> Tensor:
        """Inputs [B, Dm] as the network takes them."""
        # Outside the paper: inputs of length 1. ECAPA vectors are about 250 long.
        return F.normalize(x, dim=-1) if self.normalise else x

    def substitute(self, other: Tensor, other_present: Tensor) -> Tensor:
        """What takes the place of a missing input: [1, Dm] for all clips, or [B, Dm]."""
        if self.predict is None:
            return self.missing[None]
        # Zeros first: no gradient may pass through what an absent row holds.
        known = F.normalize(other.masked_fill(~other_present[:, None], 0), dim=-1)
        return torch.where(other_present[:, None], self.predict(known), self.missing)

    def encode(self, x: Tensor) -> Encoded:
        """Tokens [B, K, D] and embeddings [B, D] of inputs [B, Dm]."""
        H = self.project(x).unflatten(-1, self.shape) + self.position  # (2), (3)
        for layer in self.layers:
            H = layer(H)  # (4) to (7)
        return Encoded(H, F.normalize(self.norm(H.mean(dim=1)), dim=-1))  # (8)
