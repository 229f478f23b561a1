"""The alternatives that the paper compares itself with, in its Tables 3 and 4.

The fusions of Table 3 are called like `CrossAttentionFusion` and take its place. They estimate no
reliability: `r` is presence, and `w` a share of what is present.

The stand-ins of Table 4 are called like `MissingToken`. They predict the input of a missing
modality from the input of the other one, and training makes the predictions like the real inputs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.network.encoder import Encoded, MissingToken
from mraf.network.fusion import Fused


class LinearFusion(nn.Module):
    """e_c = LayerNorm(W [e_f; e_a])."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * dim, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, face: Encoded, voice: Encoded, face_present: Tensor, voice_present: Tensor
    ) -> Fused:
        """Fuse B clips, as `CrossAttentionFusion.forward` does."""
        e_c = self.norm(self.mix(torch.cat([_scaled(face), _scaled(voice)], dim=-1)))
        return _with_shares(e_c, face_present, voice_present)


class GatedFusion(nn.Module):
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
        """Fuse B clips, as `CrossAttentionFusion.forward` does."""
        e_f, e_a = _scaled(face), _scaled(voice)
        gate = torch.sigmoid(self.gate(torch.cat([e_f, e_a], dim=-1)))
        e_c = gate * torch.tanh(self.face(e_f)) + (1 - gate) * torch.tanh(self.voice(e_a))
        return _with_shares(e_c, face_present, voice_present, face_share=gate.mean(dim=-1))


class LSTMFusion(nn.Module):
    """An LSTM over the tokens of both, [H_f; H_a], mean pooled, and a LayerNorm."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(dim, dim, batch_first=True)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, face: Encoded, voice: Encoded, face_present: Tensor, voice_present: Tensor
    ) -> Fused:
        """Fuse B clips, as `CrossAttentionFusion.forward` does."""
        states, _ = self.lstm(torch.cat([face.tokens, voice.tokens], dim=1))
        return _with_shares(self.norm(states.mean(dim=1)), face_present, voice_present)


def _scaled(encoded: Encoded) -> Tensor:
    """Return embeddings [B, D] with components near 1, for which linear layers are made."""
    return encoded.embedding * encoded.embedding.shape[-1] ** 0.5


def _with_shares(
    e_c: Tensor, face_present: Tensor, voice_present: Tensor, face_share: Tensor | float = 0.5
) -> Fused:
    """Return `e_c` [B, D] with weights: `face_share` and the rest, where both are present."""
    r_f, r_a = face_present.to(e_c.dtype), voice_present.to(e_c.dtype)
    w_f, w_a = r_f * face_share, r_a * (1 - face_share)
    total = (w_f + w_a).clamp(min=1e-12)
    return Fused(e_c=e_c, r_f=r_f, r_a=r_a, w_f=w_f / total, w_a=w_a / total)


class PredictedInput(nn.Module):
    """An input for each clip, predicted from the other modality's, of the length of real inputs.

    A learned token stands in where the other modality is missing too.
    """

    def __init__(self, dim: int, length: float) -> None:
        super().__init__()
        self.length = length
        self.fallback = MissingToken(dim)

    def forward(self, other: Tensor, other_present: Tensor) -> Tensor:
        """Return inputs [B, dim] from the other modality's [B, other_dim], of any length."""
        predicted = self.length * F.normalize(self.predict(F.normalize(other, dim=-1)), dim=-1)
        fallback = self.fallback(other, other_present)
        return torch.where(other_present[:, None], predicted, fallback)

    def predict(self, other: Tensor) -> Tensor:
        """Return vectors [B, dim] of any length from unit vectors [B, other_dim]."""
        raise NotImplementedError


class Completion(PredictedInput):
    """A perceptron with one hidden layer completes the other modality's input."""

    def __init__(self, dim: int, other_dim: int, length: float = 1.0, hidden: int = 512) -> None:
        super().__init__(dim, length)
        self.layers = nn.Sequential(nn.Linear(other_dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))

    def predict(self, other: Tensor) -> Tensor:
        """Return vectors [B, dim] of any length from unit vectors [B, other_dim]."""
        # Components near 1, for which linear layers are made, in place of 1 / sqrt(other_dim).
        return self.layers(other * other.shape[-1] ** 0.5)


class MemoryBank(PredictedInput):
    """The other modality's input attends to learned slots, a key and a value each."""

    def __init__(self, dim: int, other_dim: int, length: float = 1.0, slots: int = 64) -> None:
        super().__init__(dim, length)
        self.keys = nn.Parameter(F.normalize(torch.randn(slots, other_dim), dim=-1))
        self.values = nn.Parameter(F.normalize(torch.randn(slots, dim), dim=-1))
        self.sharpness = nn.Parameter(torch.tensor(10.0))  # of the softmax over cosines

    def predict(self, other: Tensor) -> Tensor:
        """Return vectors [B, dim] of any length from unit vectors [B, other_dim]."""
        cosine = other @ F.normalize(self.keys, dim=-1).T  # [B, slots]
        return (self.sharpness * cosine).softmax(dim=-1) @ self.values
