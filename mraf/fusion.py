"""Reliability-aware cross-attention fusion, equations 10 to 14 of the paper."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

RESIDUALS = ("tokens", "weighted")


@dataclass(frozen=True)
class Encoded:
    """One modality of B clips after its encoder (eqs. 2-9)."""

    tokens: Tensor  # [B, K, D], H_m
    embedding: Tensor  # [B, D], e_m with unit norm

    def take(self, index: Tensor | slice) -> Encoded:
        """The clips at `index` [M], or in that slice."""
        return Encoded(self.tokens[index], self.embedding[index])

    def where(self, keep: Tensor, other: Encoded) -> Encoded:
        """These clips where `keep` [B] holds, else `other`, of B clips or of one."""
        return Encoded(
            torch.where(keep[:, None, None], self.tokens, other.tokens),
            torch.where(keep[:, None], self.embedding, other.embedding),
        )


@dataclass(frozen=True)
class Fused:
    """The fused embedding of B clips and how much each modality counted."""

    e_c: Tensor  # [B, D]
    r_f: Tensor  # [B], 0 where the face is missing
    r_a: Tensor  # [B], 0 where the voice is missing
    w_f: Tensor  # [B]
    w_a: Tensor  # [B]


class ReliabilityFusion(nn.Module):
    """Weight the tokens by reliability, let each side attend to the other, and pool.

    Args:
        dim: D, the width of tokens and embeddings.
        heads: H, attention heads.
        dropout: on the attention and on what it adds to the residual.
        residual: which tokens the residual connection after eq. 13 adds, where the paper is
            silent: `tokens`, H_m as encoded, or `weighted`, the w_m H_m of eq. 12. A missing
            modality has w_m = 0, so with `weighted` nothing of its missing token can reach e_c.
        eps: the constant of eq. 11.

    """

    def __init__(
        self, dim: int, heads: int, dropout: float, residual: str = "tokens", eps: float = 1e-6
    ) -> None:
        super().__init__()
        self.residual, self.eps = residual, eps
        self.face_score = nn.Linear(dim, 1)  # W_f^r, b_f^r
        self.voice_score = nn.Linear(dim, 1)  # W_a^r, b_a^r
        self.face_attention = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.voice_attention = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.face_norm = nn.LayerNorm(dim)
        self.voice_norm = nn.LayerNorm(dim)
        self.norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, face: Encoded, voice: Encoded, face_present: Tensor, voice_present: Tensor
    ) -> Fused:
        """Fuse B clips; where both are missing both weights are 0 and e_c says nothing.

        Args:
            face: tokens [B, K, D] and embeddings [B, D]; the missing token's where missing.
            voice: the same of the voice.
            face_present: [B] bool.
            voice_present: [B] bool.

        """
        # (10), and zero for a missing modality.
        r_f = torch.sigmoid(self.face_score(face.embedding)).squeeze(-1) * face_present
        r_a = torch.sigmoid(self.voice_score(voice.embedding)).squeeze(-1) * voice_present
        # (11)
        total = r_f + r_a + self.eps
        w_f, w_a = r_f / total, r_a / total
        # (12)
        H_f, H_a = w_f[:, None, None] * face.tokens, w_a[:, None, None] * voice.tokens
        # (13)
        C_f, _ = self.face_attention(H_f, H_a, H_a, need_weights=False)
        C_a, _ = self.voice_attention(H_a, H_f, H_f, need_weights=False)
        if self.residual == "tokens":
            H_f, H_a = face.tokens, voice.tokens
        C_f = self.face_norm(H_f + self.dropout(C_f))
        C_a = self.voice_norm(H_a + self.dropout(C_a))
        # (14)
        e_c = self.norm((C_f.mean(dim=1) + C_a.mean(dim=1)) / 2)
        return Fused(e_c, r_f, r_a, w_f, w_a)
