"""Learning the metric that the prototypes are compared in, on recordings made hard.

An episode shows clips of recordings that their speaker's prototype does not hold, moved by what
other speakers' recordings differ in: what is left to learn is which of those differences to ignore.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.network.losses import cross_entropy, distillation
from mraf.prototypes.model import TEMPERATURE, UNKNOWN, fuse_scores
from mraf.prototypes.options import PrototypicalOptions
from mraf.prototypes.recordings import Recordings, whitening


@dataclass(frozen=True)
class Side:
    """One modality of N training clips: whitened vectors and what is compared with them."""

    present: Tensor  # [N] bool
    u: Tensor  # [N, D], unit; zero where missing
    own: Tensor  # [N, D], unit: the speaker's prototype without the clip's own recording
    prototypes: Tensor  # [C, D], unit; zero where unknown
    differences: Tensor  # [M, D], of recordings from their speaker's mean
    recordings: Recordings  # of the clips that are present
    mean: Tensor  # [D]
    whitening: Tensor  # [D, D]

    @classmethod
    def of(
        cls,
        x: Tensor,
        present: Tensor,
        label: Tensor,
        recording: Tensor,
        classes: int,
        shrinkage: float,
        centre: bool = True,
    ) -> Side:
        """From vectors [N, D] of any length, labels [N] and recordings [N]."""
        recordings = Recordings.of(label[present], recording[present], classes)
        x = F.normalize(x[present], dim=-1)
        mean = x.new_zeros(x.shape[1])
        white = torch.eye(x.shape[1])
        if len(x):
            mean = recordings.means(x).mean(dim=0) * centre
            white = whitening(recordings.within(x), shrinkage)
        u = F.normalize((x - mean) @ white, dim=-1)
        return cls(
            present,
            _spread(u, present),
            _spread(F.normalize(recordings.without_own(u), dim=-1), present),
            F.normalize(recordings.prototypes(u), dim=-1),
            recordings.differences(u),
            recordings,
            mean,
            white,
        )

    def episode(self, index: Tensor, noise: float) -> tuple[Tensor, Tensor]:
        """Clips [B, D] at `index` [B] as if of another recording, and their speakers [B, D]."""
        u = self.u[index]
        if noise and len(self.differences):
            other = self.differences[torch.randint(len(self.differences), (len(index),))]
            u = F.normalize(u + noise * torch.randn(len(index), 1) * other, dim=-1)
        return u, self.own[index]


def learn_metric(
    face: Side, voice: Side, label: Tensor, recording: Tensor, options: PrototypicalOptions
) -> Tensor:
    """The metric M [D_a, D_a] of the voice, by which q = l2(u M); the face's stays the identity.

    The face's vectors tell speakers apart so well that a learned metric only harms.

    Args:
        face: the training clips' faces.
        voice: their voices.
        label: [N].
        recording: [N].
        options: how to train.

    """
    classes, dim = voice.prototypes.shape
    change = torch.zeros(dim, dim, requires_grad=True)
    if not options.steps or not voice.present.any():
        return torch.eye(dim)
    identity = torch.eye(dim)
    optimizer = torch.optim.Adam([change], lr=options.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, options.rate)
    # Speakers alike, their recordings alike, and clips alike.
    weight = Recordings.of(label, recording, classes).weight
    for _ in range(options.steps):
        index = torch.multinomial(weight, options.batch_size, replacement=True)
        loss = _loss(face, voice, identity + change, index, label[index], options)
        loss = loss + options.decay * change.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return (identity + change).detach()


def _loss(
    face: Side,
    voice: Side,
    metric: Tensor,
    index: Tensor,
    label: Tensor,
    options: PrototypicalOptions,
) -> Tensor:
    """Equations 15 to 17 without the centre loss: prototypes are centres already."""
    has_face, has_voice = face.present[index], voice.present[index]
    c_f = _scores(face, index, label, None, options.noise)
    c_a = _scores(voice, index, label, metric, options.noise)
    z_c = fuse_scores(c_f, c_a, has_face, has_voice, options.voice_weight, options.power)[0]
    z_a, z_c = c_a / TEMPERATURE, z_c / TEMPERATURE
    complete = has_face & has_voice
    return (
        options.lambda_a * cross_entropy(z_a, label, has_voice)
        + options.lambda_c * cross_entropy(z_c, label, has_face | has_voice)
        + options.lambda_kd * distillation(z_c[complete], z_a[complete], options.temperature)
    )


def _scores(
    side: Side, index: Tensor, label: Tensor, metric: Tensor | None, noise: float
) -> Tensor:
    """Cosines [B, C]; that to the own speaker is to the prototype without the own recording."""
    u, own = side.episode(index, noise)
    prototypes = side.prototypes
    if metric is not None:
        u, own, prototypes = (F.normalize(x @ metric, dim=-1) for x in (u, own, prototypes))
    cosine = u @ prototypes.T
    cosine = cosine.scatter(1, label[:, None], (u * own).sum(dim=-1, keepdim=True))
    return cosine.masked_fill(~side.recordings.known, UNKNOWN)


def _spread(x: Tensor, present: Tensor) -> Tensor:
    """Rows [N, D] with those of x [M, D] where `present` [N], else zero."""
    return x.new_zeros(len(present), x.shape[1]).masked_scatter(present[:, None], x)
