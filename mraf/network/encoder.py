"""One modality: from a vector to K tokens and an embedding (eqs. 2-8), and the missing token (eq. 9)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.network.options import MRAFConfig


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """One modality of B clips after its encoder."""

    tokens: Tensor  # [B, K, D], H_m
    embedding: Tensor  # [B, D], e_m with unit norm

    def where(self, present: Tensor, missing: Encoded) -> Encoded:
        """Return these clips where `present` [B], and `missing`, of one clip or of B, elsewhere.

        Equation 9 replaces a missing input before it is encoded. Clips are encoded apart from each
        other, so to replace the encoded clip is the same.
        """
        return Encoded(
            tokens=torch.where(present[:, None, None], self.tokens, missing.tokens),
            embedding=torch.where(present[:, None], self.embedding, missing.embedding),
        )


class ModalityEncoder(nn.Module):
    """K tokens, L Transformer layers and pooling, for inputs of length `input_dim`, d_m."""

    def __init__(self, input_dim: int, config: MRAFConfig) -> None:
        super().__init__()
        tokens, dim = config.tokens, config.dim
        self.unit_tokens = config.unit_tokens
        self.project = projection(input_dim, config)  # W_m, b_m
        self.position = nn.Parameter(config.position_start * torch.randn(tokens, dim))  # P_m
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim, config.heads, config.ffn, config.dropout, config.activation, batch_first=True
            )
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Encoded:
        """Encode inputs [B, d_m]."""
        H = self.project(x).unflatten(-1, self.position.shape) + self.position  # (2), (3)
        for layer in self.layers:
            H = layer(H)  # (4) to (7)
        e = F.normalize(self.norm(H.mean(dim=1)), dim=-1)  # (8)
        return Encoded(tokens=F.normalize(H, dim=-1) if self.unit_tokens else H, embedding=e)


def projection(input_dim: int, config: MRAFConfig) -> nn.Module:
    """Return W_m x + b_m of eq. 2, from [B, d_m] to [B, K * D].

    With the projection `normalised`, LayerNorm over all K * D numbers, GELU and dropout follow, as in
    the authors' code.
    """
    linear = nn.Linear(input_dim, config.tokens * config.dim)
    if config.projection == "linear":
        return linear
    norm = nn.LayerNorm(linear.out_features)
    return nn.Sequential(linear, norm, nn.GELU(), nn.Dropout(config.dropout))


class MissingToken(nn.Module):
    """The stand-in for missing inputs: a learned vector, or zeros, as in Table 4."""

    token: Tensor

    def __init__(self, dim: int, *, learned: bool = True, start: float = 1.0) -> None:
        super().__init__()
        if learned:
            # In the input space: a start of 1 gives components like those of scaled inputs.
            self.token = nn.Parameter(start * torch.randn(dim))
        else:
            self.register_buffer("token", torch.zeros(dim))

    def forward(self, other: Tensor, other_present: Tensor) -> Tensor:
        """Return one input [1, dim] for all clips, whatever the other modality is."""
        return self.token[None]
