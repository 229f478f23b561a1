"""The training objectives: equations 15 to 17 of the paper, and what its baseline adds."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def cross_entropy(logits: Tensor, label: Tensor, present: Tensor | None = None) -> Tensor:
    """CE of eq. 15, the mean over the clips that are `present`; 0 where none is.

    A head whose modality is missing sees the same missing token for every speaker and could
    only learn how often each speaker occurs, so such clips are left out of its loss.

    Args:
        logits: [B, C].
        label: [B], index of the speaker.
        present: [B] bool; None for all.

    """
    each = F.cross_entropy(logits, label, reduction="none")
    if present is None:
        return each.sum() / max(1, len(each))
    return (each * present).sum() / present.sum().clamp(min=1)


def distillation(teacher: Tensor, student: Tensor, temperature: float) -> Tensor:
    """L_kd of eq. 16, the mean over B clips; 0 where there is none.

    The teacher is taken as it is: no gradient flows into it.

    Args:
        teacher: [B, C], fusion logits of the complete input, z_c^AV.
        student: [B, C], fusion logits of the voice alone, z_c^A.
        temperature: T.

    """
    p = F.log_softmax(teacher.detach() / temperature, dim=-1)
    q = F.log_softmax(student / temperature, dim=-1)
    total = F.kl_div(q, p, reduction="sum", log_target=True)
    return temperature**2 * total / max(1, len(teacher))


def orthogonal_projection(e: Tensor, label: Tensor, share: float = 0.7) -> Tensor:
    """The loss of FOP (Saeed et al. 2022, eq. 4): a speaker's clips alike, others orthogonal.

    Args:
        e: embeddings [B, D], of any length.
        label: [B].
        share: weight of the second half, as in the authors' code.

    """
    e = F.normalize(e, dim=-1)
    cosine = e @ e.T
    same = label[:, None] == label
    itself = torch.eye(len(label), dtype=torch.bool, device=label.device)
    return 1 - _mean(cosine, same & ~itself) + share * _mean(cosine, ~same).abs()


def _mean(x: Tensor, where: Tensor) -> Tensor:
    return (x * where).sum() / where.sum().clamp(min=1)


class CenterLoss(nn.Module):
    """L_center: half the squared distance of e_c to the centre of its speaker.

    The paper prints the sum over the batch of summed squares. After the LayerNorm of eq. 14 e_c
    has a length of about sqrt(D), so that this sum is some D * B times larger than the other
    losses and, weighted by 0.1, pulls all speakers into one point. What 0.1 is a weight for is
    the mean over clips and dimensions, which is the default here.

    The centres are running means, updated as in Wen et al. (2016), eq. 4: after each batch a
    centre moves by `rate` * sum(e_c - mu) / (1 + n) over the n clips of its speaker. A centre
    starts at the mean of the first batch that its speaker is in.

    Args:
        classes: C.
        dim: D.
        rate: alpha.
        reduction: `mean` over clips and dimensions, `batch` for the mean over clips of the
            squared distance, or `sum` as the paper prints it.

    """

    mu: Tensor
    seen: Tensor

    def __init__(self, classes: int, dim: int, rate: float = 0.5, reduction: str = "mean") -> None:
        super().__init__()
        self.rate, self.reduction = rate, reduction
        self.register_buffer("mu", torch.zeros(classes, dim))
        self.register_buffer("seen", torch.zeros(classes, dtype=torch.bool))

    def forward(self, e_c: Tensor, label: Tensor) -> Tensor:
        """The loss of embeddings [B, D] of speakers [B]; starts centres that are new."""
        self._start(e_c.detach(), label)
        each = (e_c - self.mu[label]).square().sum(dim=-1) / 2
        if self.reduction == "sum":
            return each.sum()
        return each.mean() / (e_c.shape[-1] if self.reduction == "mean" else 1)

    @torch.no_grad()
    def update(self, e_c: Tensor, label: Tensor) -> None:
        """Move the centres towards embeddings [B, D] of speakers [B]."""
        total, n = self._per_class(e_c - self.mu[label], label)
        self.mu += self.rate * total / (1 + n)

    def _start(self, e_c: Tensor, label: Tensor) -> None:
        total, n = self._per_class(e_c, label)
        new = (n > 0).squeeze(-1) & ~self.seen
        self.mu = torch.where(new[:, None], total / n.clamp(min=1), self.mu)
        self.seen = self.seen | new

    def _per_class(self, x: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
        """Sums [C, D] and counts [C, 1] over the clips of each speaker."""
        one_hot = F.one_hot(label, len(self.mu)).to(x.dtype)  # [B, C]
        return one_hot.T @ x, one_hot.sum(dim=0)[:, None]
