"""Learned reliability: how far to trust this face and this voice, from what they say of candidates.

The tokens of a modality are not made of its vector but of its scores: one token for each of the few
speakers that the clip may be of, which tells how well the speaker fits, by how much better than the
next, and what the scores of all others look like. Such tokens know no identity. What is learned from
them on recordings held out in training holds for any speaker, and in another language.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

UNKNOWN = -1e4  # the score of a speaker that cannot be compared with
MISSING_TOKENS = ("learned", "zero")
FEATURES = 4  # numbers that tell how a candidate fits


def reliability(score: Tensor, power: float) -> Tensor:
    """The reliability [B] of a modality without learning, (best score) ** power of scores [B, C].

    It takes the place of eq. 10: a vector that is near no prototype is a bad picture, a noise, or a
    stranger's.
    """
    return score.amax(dim=-1).clamp(min=0.05) ** power


def weigh(c_f: Tensor, c_a: Tensor, r_f: Tensor, r_a: Tensor) -> Tensor:
    """Scores [B, C] of face and voice weighted into one (eq. 11) by reliabilities [B].

    Where a speaker is known by one modality only, that one counts; by none: `UNKNOWN`.
    """
    w_f, w_a = r_f[:, None] * (c_f > UNKNOWN), r_a[:, None] * (c_a > UNKNOWN)
    total = w_f + w_a
    score = (w_f * c_f + w_a * c_a) / total.clamp(min=1e-9)
    return score.masked_fill(total <= 0, UNKNOWN)


def fuse_scores(
    c_f: Tensor,
    c_a: Tensor,
    face_present: Tensor,
    voice_present: Tensor,
    voice_weight: float,
    power: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Scores [B, C] of two modalities weighed by their reliabilities [B] into one, nothing learned.

    Args:
        c_f: [B, C], scores of the faces, `UNKNOWN` where a speaker has no prototype.
        c_a: [B, C], of the voices.
        face_present: [B] bool.
        voice_present: [B] bool.
        voice_weight: of a voice beside an equally reliable face.
        power: reliability is (best score) ** power.

    Returns:
        The fused scores [B, C] and the reliabilities r_f [B] and r_a [B], 0 where missing.

    """
    r_f = reliability(c_f, power) * face_present
    r_a = reliability(c_a, power) * voice_weight * voice_present
    return weigh(c_f, c_a, r_f, r_a), r_f, r_a


def describe(score: Tensor, candidate: Tensor) -> tuple[Tensor, Tensor]:
    """How candidates fit by one modality's scores, and which of them it knows.

    Args:
        score: [B, C], `UNKNOWN` where a speaker has no prototype.
        candidate: [B, K], speakers.

    Returns:
        [B, K, 4]: the score, its lead over the best other speaker's, its distance from the mean of
        all in standard deviations, and the logarithm of its rank. All are finite, and zero where
        the speaker is not known. And [B, K] bool: known.

    """
    known = score > UNKNOWN
    count = known.sum(dim=-1, keepdim=True).clamp(min=1)
    mean = score.masked_fill(~known, 0).sum(dim=-1, keepdim=True) / count
    off = (score - mean).masked_fill(~known, 0)
    spread = (off.square().sum(dim=-1, keepdim=True) / count).sqrt().clamp(min=0.01)
    c = score.gather(1, candidate)
    best, second = score.topk(2, dim=-1).values.clamp(min=-1).split(1, dim=-1)
    lead = c - torch.where(c >= best, second, best)
    rank = (score[:, None] > c[:, :, None]).sum(dim=-1)
    told = torch.stack([c, lead, (c - mean) / spread, (1 + rank).log()], dim=-1)
    here = known.gather(1, candidate)
    return told.clamp(-20, 20).masked_fill(~here[..., None], 0), here


@dataclass(frozen=True)
class Change:
    """What the head makes of B clips: by what factors, as logarithms, to change the fused score."""

    log_r_f: Tensor  # [B], of the face's reliability
    log_r_a: Tensor  # [B], of the voice's
    log_scale: Tensor  # [B], of the score: confidence

    def centred(self, on: Tensor) -> Change:
        """The same, less the mean change of reliabilities over the clips `on` [B].

        The balance of face and voice is a setting, and is not learned from recordings in which both
        speak the same language: only what sets a clip apart from the usual is.
        """
        count = on.sum().clamp(min=1)
        log_r_f, log_r_a = (x - (x * on).sum() / count for x in (self.log_r_f, self.log_r_a))
        return Change(log_r_f, log_r_a, self.log_scale)

    def apply(
        self, c_f: Tensor, c_a: Tensor, r_f: Tensor, r_a: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The fused scores [B, C] and the reliabilities [B] after the change."""
        r_f, r_a = r_f * self.log_r_f.exp(), r_a * self.log_r_a.exp()
        score = weigh(c_f, c_a, r_f, r_a)
        scaled = score * self.log_scale.exp()[:, None]
        return torch.where(score > UNKNOWN, scaled, UNKNOWN), r_f, r_a


class Tokens(nn.Module):
    """One modality's tokens H_m [B, K, d] (eqs. 2-7), of what it says of K candidates.

    A candidate that the modality does not know, or that it says nothing of because it is missing,
    has the missing token m_m instead (eq. 9).
    """

    mean: Tensor
    std: Tensor
    missing: Tensor

    def __init__(self, candidates: int, dim: int, layers: int, missing_token: str) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("std", torch.ones(FEATURES))
        if missing_token == "zero":
            self.register_buffer("missing", torch.zeros(dim))
        else:
            self.missing = nn.Parameter(torch.randn(dim))
        self.project = nn.Linear(FEATURES, dim)  # W_m, b_m
        self.position = nn.Parameter(torch.randn(candidates, dim) * 0.5)  # P_m
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(dim, 2, 2 * dim, 0.0, "relu", batch_first=True)
            for _ in range(layers)
        )

    def forward(self, told: Tensor, known: Tensor) -> Tensor:
        """H_m of features [B, K, 4] of candidates, of which some are known [B, K]."""
        T = self.project((told - self.mean) / self.std)  # (2)
        H = torch.where(known[..., None], T, self.missing) + self.position[: T.shape[1]]  # (9), (3)
        for layer in self.layers:
            H = layer(H)  # (4) to (7)
        return H


class Side(nn.Module):
    """Cross-attention of one modality to the other, and what it says of its own reliability."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(dim, 2, batch_first=True)
        self.norm = nn.LayerNorm(dim)
        self.score = zeros(nn.Linear(dim, 1))

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """Pooled C~_m [B, d] of weighted tokens [B, K, d] (eq. 13 and half of eq. 14)."""
        C, _ = self.attention(own, other, other, need_weights=False)
        return self.norm(own + C).mean(dim=1)


class ReliabilityHead(nn.Module):
    """Corrects fixed reliabilities, and tells how sure the answer is (eqs. 2-14 on candidates).

    The correction of the face's reliability comes from the face's side of the cross-attention only,
    and that of the voice's from the voice's: nothing else lets one depend on what the other says.
    All that leaves the head is zero until it is trained.

    Args:
        candidates: K, how many speakers a clip has tokens for.
        dim: d, of the tokens.
        layers: L, of self-attention.
        attention: whether each modality attends to the other; else it attends to itself.
        learn_reliability: whether reliabilities are corrected; else only the score is scaled.
        missing_token: `learned` or `zero`.
        limit: the largest change of a logarithm of reliability, before its mean is taken off.

    """

    usual: Tensor  # [2], mean change of clips with both, which is taken off: face, voice

    def __init__(
        self,
        candidates: int,
        dim: int,
        layers: int,
        attention: bool,
        learn_reliability: bool,
        missing_token: str,
        limit: float,
    ) -> None:
        super().__init__()
        self.candidates, self.limit = candidates, limit
        self.attention, self.learn_reliability = attention, learn_reliability
        self.face = Tokens(candidates, dim, layers, missing_token)
        self.voice = Tokens(candidates, dim, layers, missing_token)
        self.of_face, self.of_voice = Side(dim), Side(dim)
        self.norm = nn.LayerNorm(dim)
        self.scale = zeros(nn.Linear(dim, 1))
        self.register_buffer("usual", torch.zeros(2))

    def describe(
        self, c_f: Tensor, c_a: Tensor, score: Tensor
    ) -> tuple[tuple[Tensor, Tensor], ...]:
        """`describe` for face and voice, of the K speakers whose fused scores [B, C] are best."""
        candidate = score.topk(min(self.candidates, score.shape[1]), dim=-1).indices
        return describe(c_f, candidate), describe(c_a, candidate)

    def forward(self, c_f: Tensor, c_a: Tensor, score: Tensor, r_f: Tensor, r_a: Tensor) -> Change:
        """What to change for B clips.

        Args:
            c_f: [B, C], the faces' scores, `UNKNOWN` where missing.
            c_a: [B, C], the voices'.
            score: [B, C], the two fused by r_f and r_a.
            r_f: [B], fixed reliability of the face, 0 where missing.
            r_a: [B], of the voice.

        """
        f, a = self.describe(c_f, c_a, score)
        total = (r_f + r_a).clamp(min=1e-9)
        H_f = (r_f / total)[:, None, None] * self.face(*f)  # (11), (12)
        H_a = (r_a / total)[:, None, None] * self.voice(*a)
        C_f = self.of_face(H_f, H_a if self.attention else H_f)  # (13)
        C_a = self.of_voice(H_a, H_f if self.attention else H_a)
        e_c = self.norm((C_f + C_a) / 2)  # (14)
        return Change(
            self._bounded(self.of_face.score(C_f)) - self.usual[0],
            self._bounded(self.of_voice.score(C_a)) - self.usual[1],
            2 * torch.tanh(self.scale(e_c).squeeze(-1)),
        )

    def _bounded(self, x: Tensor) -> Tensor:
        return self.learn_reliability * self.limit * torch.tanh(x.squeeze(-1) / self.limit)


def zeros(layer: nn.Linear) -> nn.Linear:
    """The layer with weights and bias zero."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
