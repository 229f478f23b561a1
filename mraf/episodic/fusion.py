"""Reliability-aware fusion by cross-attention (eqs. 10-14), with weights that reach e_c."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mraf.episodic.options import EpisodicConfig
from mraf.network.encoder import Encoded
from mraf.network.fusion import EPSILON, Fused


class EpisodicFusion(nn.Module):
    """Weight the tokens by reliability, let each modality attend to the other, and pool.

    It deviates from the paper in three equations:

    - (10): a reliability has a factor, which the caller computes from cosines to prototypes. What the
      sigmoid learns from the vectors of few speakers says little about other vectors.
    - (12): the tokens of a missing modality have w_m = 0, but as keys and values of the other
      modality's attention they stand unweighted. Weighted by 0, the missing token would be silent.
    - (14): e_c = LayerNorm(w_f MeanPool(C~_f) + w_a MeanPool(C~_a)) in place of the plain mean. The
      residual connection adds the weighted tokens, whose weights LayerNorm cancels.
    """

    def __init__(self, config: EpisodicConfig) -> None:
        super().__init__()
        dim, heads, dropout = config.dim, config.heads, config.dropout
        self.face_score = nn.Linear(dim, 1)  # W_f^r, b_f^r
        self.voice_score = nn.Linear(dim, 1)  # W_a^r, b_a^r
        self.face_attention = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.voice_attention = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.face_norm = nn.LayerNorm(dim)
        self.voice_norm = nn.LayerNorm(dim)
        self.norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        face: Encoded,
        voice: Encoded,
        face_present: Tensor,
        voice_present: Tensor,
        factor: tuple[Tensor, Tensor] | None = None,
    ) -> Fused:
        """Fuse B clips.

        Args:
            face: tokens [B, K, D] and embeddings [B, D]; the missing token's where missing.
            voice: the same of the voice.
            face_present: [B] bool.
            voice_present: [B] bool.
            factor: [B] each, of r_f and of r_a; 1 if None.
        """
        # (10), and zero for a missing modality
        r_f = torch.sigmoid(self.face_score(face.embedding)).squeeze(-1) * face_present
        r_a = torch.sigmoid(self.voice_score(voice.embedding)).squeeze(-1) * voice_present
        if factor is not None:
            r_f, r_a = r_f * factor[0], r_a * factor[1]
        total = r_f + r_a + EPSILON
        w_f, w_a = (r_f / total)[:, None, None], (r_a / total)[:, None, None]  # (11)
        G_f, G_a = w_f * face.tokens, w_a * voice.tokens  # (12)
        # Attended to, a missing modality stands as its token.
        K_f = torch.where(face_present[:, None, None], G_f, face.tokens)
        K_a = torch.where(voice_present[:, None, None], G_a, voice.tokens)
        C_f, _ = self.face_attention(G_f, K_a, K_a, need_weights=False)  # (13)
        C_a, _ = self.voice_attention(G_a, K_f, K_f, need_weights=False)
        C_f = self.face_norm(G_f + self.dropout(C_f)).mean(dim=1)
        C_a = self.voice_norm(G_a + self.dropout(C_a)).mean(dim=1)
        w_f, w_a = w_f.squeeze(-1), w_a.squeeze(-1)  # [B, 1]
        e_c = self.norm(w_f * C_f + w_a * C_a)  # (14)
        return Fused(e_c=e_c, r_f=r_f, r_a=r_a, w_f=w_f.squeeze(-1), w_a=w_a.squeeze(-1))
