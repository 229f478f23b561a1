"""The reliability head: learned corrections of the fixed reliabilities of face and voice.

The tokens of a modality are made of its scores, not of its vector: one token for each candidate
speaker, with the candidate's score, its lead over the next, and its place among all scores. Such
tokens hold no identity. So the head, trained on held-out recordings, applies to any speaker and to
another language.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mraf.prototypes.fusion import UNKNOWN, weighted_score
from mraf.prototypes.options import PrototypicalConfig

FEATURES = 4
"""The number of features of a candidate, see `candidate_features`."""


def candidate_features(score: Tensor, candidate: Tensor) -> tuple[Tensor, Tensor]:
    """Return the candidates' features from one modality's scores, and a mask of those with a prototype.

    Args:
        score: [B, C], `UNKNOWN` where a speaker has no prototype.
        candidate: [B, K], speakers.

    Returns:
        Features [B, K, 4]: the score, its lead over the best other speaker's, its distance from the
        mean of all scores in standard deviations, and the logarithm of its rank. They are finite,
        and zero where the speaker is unknown. And a mask [B, K] of the known candidates.
    """
    known = score > UNKNOWN
    count = known.sum(dim=-1, keepdim=True).clamp(min=1)
    mean = score.masked_fill(~known, 0).sum(dim=-1, keepdim=True) / count
    off = (score - mean).masked_fill(~known, 0)
    spread = (off.square().sum(dim=-1, keepdim=True) / count).sqrt().clamp(min=0.01)
    c = score.gather(1, candidate)
    # The best speaker leads the second; all others trail the best. The clamp keeps a lead over
    # `UNKNOWN` small.
    best, second = score.topk(2, dim=-1).values.clamp(min=-1).split(1, dim=-1)
    lead = c - torch.where(c >= best, second, best)
    # [B, 1, C] against [B, K, 1]: how many speakers score higher than each candidate.
    rank = (score[:, None] > c[:, :, None]).sum(dim=-1)
    features = torch.stack([c, lead, (c - mean) / spread, (1 + rank).log()], dim=-1)
    known_candidate = known.gather(1, candidate)
    return features.clamp(-20, 20).masked_fill(~known_candidate[..., None], 0), known_candidate


@dataclass(frozen=True, kw_only=True)
class Correction:
    """The head's output for B clips: logarithms of factors."""

    log_r_f: Tensor  # [B], of the face's reliability
    log_r_a: Tensor  # [B], of the voice's reliability
    log_scale: Tensor  # [B], of the fused score, which scales the confidence

    def centred(self, on: Tensor) -> Correction:
        """Return the correction less its mean over the clips `on` [B]; the scale stays.

        The average balance of face and voice is an option. It is not learned from the training
        recordings, where every speaker speaks one language.
        """
        count = on.sum().clamp(min=1)
        log_r_f, log_r_a = (x - (x * on).sum() / count for x in (self.log_r_f, self.log_r_a))
        return Correction(log_r_f=log_r_f, log_r_a=log_r_a, log_scale=self.log_scale)

    def apply(
        self, c_f: Tensor, c_a: Tensor, r_f: Tensor, r_a: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return fused scores [B, C] and reliabilities [B] after the correction."""
        r_f, r_a = r_f * self.log_r_f.exp(), r_a * self.log_r_a.exp()
        score = weighted_score(c_f, c_a, r_f, r_a)
        scaled = score * self.log_scale.exp()[:, None]
        return torch.where(score > UNKNOWN, scaled, UNKNOWN), r_f, r_a


class CandidateTokens(nn.Module):
    """One modality's tokens H_m [B, K, d] (eqs. 2-7), one for each of K candidates.

    A candidate without a prototype of this modality, or any candidate where the modality is missing,
    has the missing token m_m (eq. 9).
    """

    mean: Tensor  # [4], of the features of held-out clips
    std: Tensor  # [4]
    missing: Tensor  # [d], m_m

    def __init__(self, config: PrototypicalConfig) -> None:
        super().__init__()
        dim = config.dim
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("std", torch.ones(FEATURES))
        if config.missing_token == "zero":
            self.register_buffer("missing", torch.zeros(dim))
        else:
            self.missing = nn.Parameter(torch.randn(dim))
        self.project = nn.Linear(FEATURES, dim)  # W_m, b_m
        self.position = nn.Parameter(torch.randn(config.candidates, dim) * 0.5)  # P_m
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, 2, 2 * dim, 0.0, "relu", batch_first=True)
            for _ in range(config.layers)
        )

    def forward(self, features: Tensor, known: Tensor) -> Tensor:
        """Return H_m for features [B, K, 4] of candidates, with a mask [B, K] of the known ones."""
        T = self.project((features - self.mean) / self.std)  # (2)
        H = torch.where(known[..., None], T, self.missing) + self.position[: T.shape[1]]  # (9), (3)
        for layer in self.layers:
            H = layer(H)  # (4) to (7)
        return H


class CrossAttentionStream(nn.Module):
    """Cross-attention of one modality to the other, and the score of its own reliability."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.norm = nn.LayerNorm(dim)
        self.score = _zeroed(nn.Linear(dim, 1))

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """Return the pooled C~_m [B, d] of weighted tokens [B, K, d] (eq. 13, half of eq. 14)."""
        C, _ = self.attention(own, other, other, need_weights=False)
        return self.norm(own + C).mean(dim=1)


class ReliabilityHead(nn.Module):
    """Correction of fixed reliabilities, and scale of the fused score (eqs. 2-14 on candidates).

    The correction of the face's reliability comes from the face's stream alone, and that of the
    voice's from the voice's stream: only cross-attention lets one depend on the other. All outputs
    are zero before training.
    """

    mean_correction: Tensor  # [2], of face and voice, over held-out clips with both

    def __init__(self, config: PrototypicalConfig) -> None:
        super().__init__()
        self.config, dim = config, config.dim
        self.face, self.voice = CandidateTokens(config), CandidateTokens(config)
        self.face_stream, self.voice_stream = CrossAttentionStream(dim), CrossAttentionStream(dim)
        self.norm = nn.LayerNorm(dim)
        self.scale = _zeroed(nn.Linear(dim, 1))
        self.register_buffer("mean_correction", torch.zeros(2))

    def features(
        self, c_f: Tensor, c_a: Tensor, score: Tensor
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """Return `candidate_features` by face and by voice, of the K best by fused score [B, C]."""
        candidate = score.topk(min(self.config.candidates, score.shape[1]), dim=-1).indices
        return candidate_features(c_f, candidate), candidate_features(c_a, candidate)

    def forward(
        self, c_f: Tensor, c_a: Tensor, score: Tensor, r_f: Tensor, r_a: Tensor
    ) -> Correction:
        """Return the correction for B clips.

        Args:
            c_f: [B, C], scores of the faces, `UNKNOWN` where missing.
            c_a: [B, C], scores of the voices, likewise.
            score: [B, C], both fused by r_f and r_a.
            r_f: [B], fixed reliability of the face, 0 where missing.
            r_a: [B], fixed reliability of the voice, 0 where missing.
        """
        face, voice = self.features(c_f, c_a, score)
        total = (r_f + r_a).clamp(min=1e-9)
        H_f = (r_f / total)[:, None, None] * self.face(*face)  # (11), (12)
        H_a = (r_a / total)[:, None, None] * self.voice(*voice)
        C_f = self.face_stream(H_f, H_a if self.config.attention else H_f)  # (13)
        C_a = self.voice_stream(H_a, H_f if self.config.attention else H_a)
        e_c = self.norm((C_f + C_a) / 2)  # (14)
        return Correction(
            log_r_f=self._bounded(self.face_stream.score(C_f)) - self.mean_correction[0],
            log_r_a=self._bounded(self.voice_stream.score(C_a)) - self.mean_correction[1],
            log_scale=2 * torch.tanh(self.scale(e_c).squeeze(-1)),
        )

    def _bounded(self, x: Tensor) -> Tensor:
        """Squash x [B, 1] into [B] between -limit and limit; zero where nothing is learned."""
        limit = self.config.limit
        return self.config.learn_reliability * limit * torch.tanh(x.squeeze(-1) / limit)


def _zeroed(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
