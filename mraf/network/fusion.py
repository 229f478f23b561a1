"""Reliability-aware fusion of face and voice by cross-attention (eqs. 10-14)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mraf.network.encoder import Encoded
from mraf.network.options import MRAFConfig

EPSILON = 1e-6
"""The constant of eq. 11."""


@dataclass(frozen=True, kw_only=True)
class Fused:
    """The fused embedding of B clips and the weights of the modalities.

    Where both modalities are missing, both weights are 0 and e_c means nothing.
    """

    e_c: Tensor  # [B, D]
    r_f: Tensor  # [B], reliability, 0 where the face is missing
    r_a: Tensor  # [B], 0 where the voice is missing
    w_f: Tensor  # [B], weight
    w_a: Tensor  # [B]


class CrossAttentionFusion(nn.Module):
    """Weight the tokens by reliability, let each modality attend to the other, and pool.

    The paper is silent on the tokens that the residual connection after eq. 13 adds. A residual adds
    the query, and the query of eq. 13 is the weighted tokens w_m H_m of eq. 12: so it is with the
    residual `weighted`. A missing modality has w_m = 0, so nothing of its missing token reaches e_c,
    for which the token is idle. With the residual `tokens` it is H_m as encoded: the missing token
    takes part, but the weights cannot take a modality out of e_c.
    """

    def __init__(self, config: MRAFConfig) -> None:
        super().__init__()
        dim, heads, dropout = config.dim, config.heads, config.dropout
        self.residual, self.face_damping = config.residual, config.face_damping
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
        """Fuse B clips.

        Args:
            face: tokens [B, K, D] and embeddings [B, D]; the missing token's where missing.
            voice: the same of the voice.
            face_present: [B] bool.
            voice_present: [B] bool.
        """
        # (10), and zero for a missing modality
        r_f = torch.sigmoid(self.face_score(face.embedding)).squeeze(-1) * face_present
        r_a = torch.sigmoid(self.voice_score(voice.embedding)).squeeze(-1) * voice_present
        total = r_f + r_a + EPSILON
        w_f, w_a = r_f / total, r_a / total  # (11)
        G_f = self.face_damping * w_f[:, None, None] * face.tokens  # (12)
        G_a = w_a[:, None, None] * voice.tokens
        C_f, _ = self.face_attention(G_f, G_a, G_a, need_weights=False)  # (13)
        C_a, _ = self.voice_attention(G_a, G_f, G_f, need_weights=False)
        R_f, R_a = (face.tokens, voice.tokens) if self.residual == "tokens" else (G_f, G_a)
        C_f = self.face_norm(R_f + self.dropout(C_f))
        C_a = self.voice_norm(R_a + self.dropout(C_a))
        e_c = self.norm((C_f.mean(dim=1) + C_a.mean(dim=1)) / 2)  # (14)
        return Fused(e_c=e_c, r_f=r_f, r_a=r_a, w_f=w_f, w_a=w_a)
