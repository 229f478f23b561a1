"""Fusing face and voice: reliability-aware cross-attention (eqs. 10-14) and what it is compared with.

All fusions of Table 3 are called alike. The others take the place of the whole module: they know no
reliability, and what they call weights are shares of what is present.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.network.transformer import Dropout, attend

RESIDUALS = ("tokens", "weighted")


@dataclass(frozen=True)
class Encoded:
    """One modality of B clips after its encoder (eqs. 2-9)."""

    tokens: Tensor  # [B, K, D], H_m
    embedding: Tensor  # [B, D], e_m with unit norm

    def __len__(self) -> int:
        """B, the number of clips."""
        return len(self.embedding)

    def split(self, sizes: list[int]) -> Sequence[Encoded]:
        """Groups of clips that stand one after another, of these sizes."""
        parts = zip(self.tokens.split(sizes), self.embedding.split(sizes), strict=True)
        return [Encoded(*part) for part in parts]

    def expand(self, size: int) -> Encoded:
        """One clip, or `size` clips, as `size` clips."""
        return Encoded(self.tokens.expand(size, -1, -1), self.embedding.expand(size, -1))


@dataclass(frozen=True)
class Projected(Encoded):
    """One modality of B clips, and what cross-attention makes of its tokens for the other's queries.

    The projection of eq. 13 is without weight and bias: W (w H) + b = w (W H) + b, so that one
    clip's is the same whatever it is fused with.
    """

    keys_values: Tensor  # [B, K, 2 D]
    query_weight: Tensor  # [D, D], W_q for its own queries, whatever the clips

    def split(self, sizes: list[int]) -> Sequence[Projected]:
        """Groups of clips that stand one after another, of these sizes."""
        parts = zip(super().split(sizes), self.keys_values.split(sizes), strict=True)
        return [
            Projected(own.tokens, own.embedding, keys_values, self.query_weight)
            for own, keys_values in parts
        ]


@dataclass(frozen=True)
class Fused:
    """The fused embedding of B clips and how much each modality counted."""

    e_c: Tensor  # [B, D]
    r_f: Tensor  # [B], 0 where the face is missing
    r_a: Tensor  # [B], 0 where the voice is missing
    w_f: Tensor  # [B]
    w_a: Tensor  # [B]


class Fusion(nn.Module):
    """What the fusions share: how they are called."""

    def project(self, face: Encoded, voice: Encoded) -> tuple[Encoded, Encoded]:
        """Work on faces and on voices that calls of `forward` on the same ones can share."""
        return face, voice

    def forward(
        self, face: Encoded, voice: Encoded, face_present: Tensor, voice_present: Tensor
    ) -> Fused:
        """Fuse B clips; where both are missing both weights are 0 and e_c says nothing.

        Args:
            face: tokens [B, K, D] and embeddings [B, D], projected or not; the missing token's
                where missing.
            voice: the same of the voice.
            face_present: [B] bool.
            voice_present: [B] bool.

        """
        raise NotImplementedError


class ReliabilityFusion(Fusion):
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
        self.dropout = Dropout(dropout)

    def project(self, face: Encoded, voice: Encoded) -> tuple[Projected, Projected]:
        """Faces and voices, not always of the same clips, with keys and values for each other.

        What is projected already stays as it is.
        """
        q_f, kv_f = _weights(self.face_attention)
        q_a, kv_a = _weights(self.voice_attention)
        return _project(face, q_f, kv_a), _project(voice, q_a, kv_f)

    def forward(
        self, face: Encoded, voice: Encoded, face_present: Tensor, voice_present: Tensor
    ) -> Fused:
        """Fuse B clips; see `Fusion`. Clips that all lack the same modality cost far less."""
        # (10), and zero for a missing modality.
        r_f = torch.sigmoid(self.face_score(face.embedding)).squeeze(-1) * face_present
        r_a = torch.sigmoid(self.voice_score(voice.embedding)).squeeze(-1) * voice_present
        # (11)
        total = r_f + r_a + self.eps
        w_f, w_a = r_f / total, r_a / total
        of_face = (self.face_attention, self.face_norm)
        of_voice = (self.voice_attention, self.voice_norm)
        if not face_present.any():
            C_a, C_f = self._alone(voice, face, w_a, of_voice, of_face)
        elif not voice_present.any():
            C_f, C_a = self._alone(face, voice, w_f, of_face, of_voice)
        else:
            f, a = self.project(face, voice)
            C_f = self._side(f, a, w_f, w_a, *of_face)
            C_a = self._side(a, f, w_a, w_f, *of_voice)
        # (14)
        return Fused(self.norm((C_f + C_a) / 2), r_f, r_a, w_f, w_a)

    def _side(
        self,
        own: Projected,
        other: Projected,
        w_own: Tensor,
        w_other: Tensor,
        attention: nn.MultiheadAttention,
        norm: nn.LayerNorm,
    ) -> Tensor:
        """Pooled C~ [B, D] of one modality: eqs. 12 and 13 and half of eq. 14."""
        b_q, b_kv = _biases(attention)
        query = F.linear(w_own[:, None, None] * own.tokens, own.query_weight, b_q)
        C = attend(attention, query, w_other[:, None, None] * other.keys_values + b_kv)
        return self._pool(own, w_own, C, norm)

    def _alone(
        self,
        shown: Encoded,
        missing: Encoded,
        w: Tensor,
        of_shown: tuple[nn.MultiheadAttention, nn.LayerNorm],
        of_missing: tuple[nn.MultiheadAttention, nn.LayerNorm],
    ) -> tuple[Tensor, Tensor]:
        """Pooled C~ [B, D] of the modality that is there and of the one that no clip has.

        The missing modality's weight is zero, and so are its tokens in eq. 13. Its queries are all
        the same, the bias: one stands for the K of them. Its keys are all the same too, so what
        attends to them gets their value, the bias, whatever the query.
        """
        attention, norm = of_shown
        C = attention.out_proj(_biases(attention)[1].chunk(2)[1])  # [D]
        pooled = self._pool(shown, w, C.expand_as(shown.tokens), norm)
        attention, norm = of_missing
        b_q, b_kv = _biases(attention)
        shown = _project(shown, _weights(of_shown[0])[0], _weights(attention)[1])
        keys_values = w[:, None, None] * shown.keys_values + b_kv
        C = attend(attention, b_q.expand(len(w), 1, -1), keys_values)
        return pooled, self._pool(missing, 0 * w, C.expand_as(shown.tokens), norm)

    def _pool(self, own: Encoded, w: Tensor, C: Tensor, norm: nn.LayerNorm) -> Tensor:
        """The mean [B, D] over tokens of LayerNorm(residual + C [B, K, D])."""
        H = own.tokens if self.residual == "tokens" else w[:, None, None] * own.tokens
        return norm(H + self.dropout(C)).mean(dim=1)


class LinearFusion(Fusion):
    """e_c = LayerNorm(W [e_f; e_a])."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, face: Encoded, voice: Encoded, face_present: Tensor, voice_present: Tensor
    ) -> Fused:
        """Fuse B clips; see `Fusion`."""
        e_c = self.norm(self.mix(_beside(face, voice)))
        return _shares(e_c, face_present, voice_present)


class GatedFusion(Fusion):
    """The gated multimodal unit of Arevalo et al. (2017), section 3.1, on e_f and e_a.

    The weights are the means over the gate's dimensions.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.face = nn.Linear(dim, dim)
        self.voice = nn.Linear(dim, dim)
        self.gate = nn.Linear(2 * dim, dim)

    def forward(
        self, face: Encoded, voice: Encoded, face_present: Tensor, voice_present: Tensor
    ) -> Fused:
        """Fuse B clips; see `Fusion`."""
        both = _beside(face, voice)
        e_f, e_a = both.chunk(2, dim=-1)
        gate = torch.sigmoid(self.gate(both))
        e_c = gate * torch.tanh(self.face(e_f)) + (1 - gate) * torch.tanh(self.voice(e_a))
        return _shares(e_c, face_present, voice_present, gate.mean(dim=-1))


class LSTMFusion(Fusion):
    """An LSTM over the tokens of both, [H_f; H_a], mean pooled, and a LayerNorm."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(dim, dim, batch_first=True)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, face: Encoded, voice: Encoded, face_present: Tensor, voice_present: Tensor
    ) -> Fused:
        """Fuse B clips; see `Fusion`."""
        states, _ = self.lstm(torch.cat([face.tokens, voice.tokens], dim=1))
        return _shares(self.norm(states.mean(dim=1)), face_present, voice_present)


def build_fusion(kind: str, dim: int, heads: int, dropout: float, residual: str) -> Fusion:
    """The fusion of that name in `mraf.network.options.FUSIONS`."""
    if kind == "cross_attention":
        return ReliabilityFusion(dim, heads, dropout, residual)
    return {"linear": LinearFusion, "gated": GatedFusion, "lstm": LSTMFusion}[kind](dim)


def _project(own: Encoded, query: Tensor, keys_values: Tensor) -> Projected:
    """By the weights W_q [D, D] and W_k, W_v [2 D, D]."""
    if isinstance(own, Projected):
        return own
    return Projected(own.tokens, own.embedding, F.linear(own.tokens, keys_values), query)


def _weights(attention: nn.MultiheadAttention) -> tuple[Tensor, Tensor]:
    """W_q [D, D] and, one above the other, W_k and W_v [2 D, D]."""
    D = attention.embed_dim
    query, keys_values = attention.in_proj_weight.split([D, 2 * D])
    return query, keys_values


def _biases(attention: nn.MultiheadAttention) -> tuple[Tensor, Tensor]:
    """b_q [D] and b_k, b_v [2 D]."""
    D = attention.embed_dim
    query, keys_values = attention.in_proj_bias.split([D, 2 * D])
    return query, keys_values


def _beside(face: Encoded, voice: Encoded) -> Tensor:
    """[e_f; e_a] as [B, 2 D], of components near 1, as the layers after it are made for."""
    both = torch.cat([face.embedding, voice.embedding], dim=-1)
    return both * face.embedding.shape[-1] ** 0.5


def _shares(
    e_c: Tensor, face_present: Tensor, voice_present: Tensor, face_share: Tensor | float = 0.5
) -> Fused:
    """Weights are `face_share` and the rest where both are present; reliability is presence."""
    r_f, r_a = face_present.to(e_c.dtype), voice_present.to(e_c.dtype)
    w_f, w_a = r_f * face_share, r_a * (1 - face_share)
    total = (w_f + w_a).clamp(min=1e-12)
    return Fused(e_c, r_f, r_a, w_f / total, w_a / total)
