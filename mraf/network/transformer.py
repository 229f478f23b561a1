"""The Transformer's parts with torch's parameters, made quick for few tokens on a CPU."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DRAWS = 2**16


class Dropout(nn.Dropout):
    """`nn.Dropout`, but on a CPU with 16 random bits a component, which is some four times as fast.

    Args:
        p: share of the components that become zero; on a CPU rounded to a multiple of 2**-16.

    """

    def forward(self, x: Tensor) -> Tensor:
        """The same components times 1 / (1 - p), or zero; as they are in eval mode."""
        return dropped(x, self.p, self.training)


class EncoderLayer(nn.TransformerEncoderLayer):
    """`nn.TransformerEncoderLayer` (eqs. 4 to 7) without its copies, with the dropout above."""

    def __init__(self, dim: int, heads: int, ffn: int, dropout: float) -> None:
        super().__init__(dim, heads, ffn, dropout, "relu", batch_first=True)
        self.dropout, self.dropout1, self.dropout2 = (Dropout(dropout) for _ in range(3))

    def forward(self, H: Tensor) -> Tensor:  # type: ignore[override]
        """H^(l) [B, K, D] from H^(l-1)."""
        inner = self.self_attn
        projected = F.linear(H, inner.in_proj_weight, inner.in_proj_bias)
        query, keys_values = projected.split([inner.embed_dim, 2 * inner.embed_dim], dim=-1)
        U = self.norm1(H + self.dropout1(attend(inner, query, keys_values)))  # (6)
        hidden = self.dropout(self.linear1(U).relu_())
        return self.norm2(U + self.dropout2(self.linear2(hidden)))  # (7)


def dropped(x: Tensor, p: float, training: bool) -> Tensor:
    """`x` after `Dropout(p)` in or out of training."""
    if x.device.type != "cpu":
        return F.dropout(x, p, training)
    zeros = round(p * DRAWS)
    if not (training and zeros):
        return x
    # One draw of 64 bits serves four components.
    draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    keep = draws.view(torch.int16)[: x.numel()].view(x.shape) >= zeros - DRAWS // 2
    return x * (keep.to(x.dtype) * (DRAWS / (DRAWS - zeros)))


def attend(attention: nn.MultiheadAttention, query: Tensor, keys_values: Tensor) -> Tensor:
    """What `attention` makes of what it has projected (eqs. 4 and 5).

    Args:
        attention: heads, dropout, mode, and the projection W_O of eq. 5.
        query: [B, Q, D].
        keys_values: [B, K, 2 D], keys beside values.

    Returns:
        [B, Q, D].

    """
    # As batches of matrices: the general attention of torch copies and scales far more than these
    # few tokens take to compute.
    heads = attention.num_heads
    q, k, v = (
        x.unflatten(-1, (heads, -1)).transpose(1, 2).flatten(0, 1)
        for x in (query, *keys_values.chunk(2, dim=-1))
    )
    scores = torch.bmm(q, k.mT) * attention.head_dim**-0.5
    shares = dropped(scores.softmax(dim=-1), attention.dropout, attention.training)
    C = torch.bmm(shares, v).unflatten(0, (-1, heads)).transpose(1, 2)  # (4)
    return attention.out_proj(C.flatten(2))  # (5)
