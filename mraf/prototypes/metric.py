"""Episodic training of the metric in which voices are compared with prototypes.

An episode compares clips with prototypes that leave the clip's own recording out, and adds to each
clip a difference between two recordings of another speaker. So the metric learns which differences
between recordings to ignore.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.network.losses import cross_entropy, distillation
from mraf.prototypes.fusion import UNKNOWN, weighted_mean
from mraf.prototypes.model import INITIAL_TEMPERATURE
from mraf.prototypes.options import PrototypeOptions
from mraf.prototypes.recordings import Recordings, whitening


@dataclass(frozen=True, kw_only=True)
class TrainingModality:
    """The whitened vectors of one modality of N training clips, and their statistics."""

    present: Tensor  # [N] bool
    u: Tensor  # [N, D], whitened vectors of unit length; zero where missing
    own_prototype: Tensor  # [N, D], unit: the speaker's prototype without the clip's own recording
    means: Tensor  # [C, D], of each speaker's whitened recordings
    prototypes: Tensor  # [C, D], the same, unit; zero where unknown
    differences: Tensor  # [M, D], of recordings from their speaker's mean
    recordings: Recordings  # of the clips that are present
    mean: Tensor  # [D], mu
    whitening: Tensor  # [D, D], W

    @classmethod
    def of(
        cls,
        x: Tensor,
        *,
        present: Tensor,
        label: Tensor,
        recording: Tensor,
        classes: int,
        shrinkage: float,
        centre: bool = True,
    ) -> TrainingModality:
        """Whiten vectors [N, D] of any length, with labels [N], recordings [N] and a mask [N]."""
        recordings = Recordings.of(label[present], recording[present], classes)
        x = F.normalize(x[present], dim=-1)
        mean = x.new_zeros(x.shape[1])
        white = torch.eye(x.shape[1])
        if len(x):
            mean = recordings.means(x).mean(dim=0) * centre
            white = whitening(recordings.within(x), shrinkage)
        u = F.normalize((x - mean) @ white, dim=-1)
        means = recordings.prototypes(u)
        return cls(
            present=present,
            u=_to_all_rows(u, present),
            own_prototype=_to_all_rows(F.normalize(recordings.without_own(u), dim=-1), present),
            means=means,
            prototypes=F.normalize(means, dim=-1),
            differences=recordings.differences(u),
            recordings=recordings,
            mean=mean,
            whitening=white,
        )

    def episode(self, index: Tensor, noise: float) -> tuple[Tensor, Tensor]:
        """Return the clips [B, D] at `index` [B], moved, and their own prototypes [B, D].

        Each clip moves by a random multiple of a random recording difference, scaled by `noise`.
        """
        u = self.u[index]
        if noise and len(self.differences):
            other = self.differences[torch.randint(len(self.differences), (len(index),))]
            u = F.normalize(u + noise * torch.randn(len(index), 1) * other, dim=-1)
        return u, self.own_prototype[index]

    def scores(
        self, index: Tensor, label: Tensor, *, metric: Tensor | None, noise: float
    ) -> Tensor:
        """Return the cosines [B, C] of an episode's clips at `index` [B] to the prototypes.

        The cosine to the own speaker `label` [B] is that to the own prototype.
        """
        u, own = self.episode(index, noise)
        prototypes = self.prototypes
        if metric is not None:
            u, own, prototypes = (F.normalize(x @ metric, dim=-1) for x in (u, own, prototypes))
        cosine = u @ prototypes.T
        # Overwrite, in each row, the column of the clip's own speaker.
        cosine = cosine.scatter(1, label[:, None], (u * own).sum(dim=-1, keepdim=True))
        return cosine.masked_fill(~self.recordings.known, UNKNOWN)


def learn_metric(
    face: TrainingModality,
    voice: TrainingModality,
    *,
    label: Tensor,
    recording: Tensor,
    options: PrototypeOptions,
) -> Tensor:
    """Learn the metric M [D_a, D_a] of the voice, used as q = l2(u M); the face has none.

    Face vectors separate speakers so well that a learned metric of the face lowers accuracy.

    Args:
        face: the faces of the training clips.
        voice: their voices.
        label: [N].
        recording: [N].
        options: the training options.
    """
    classes, dim = voice.prototypes.shape
    change = torch.zeros(dim, dim, requires_grad=True)
    if not options.steps or not voice.present.any():
        return torch.eye(dim)
    identity = torch.eye(dim)
    optimizer = torch.optim.Adam([change], lr=options.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, options.rate)
    weight = Recordings.of(label, recording, classes).weight
    for _ in range(options.steps):
        index = torch.multinomial(weight, options.batch_size, replacement=True)
        loss = _loss(
            face, voice, metric=identity + change, index=index, label=label[index], options=options
        )
        loss = loss + options.decay * change.square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return (identity + change).detach()


def _loss(
    face: TrainingModality,
    voice: TrainingModality,
    *,
    metric: Tensor,
    index: Tensor,
    label: Tensor,
    options: PrototypeOptions,
) -> Tensor:
    """Return the loss of equations 15 to 17, without the centre loss: prototypes are centres."""
    has_face, has_voice = face.present[index], voice.present[index]
    c_f = face.scores(index, label, metric=None, noise=options.noise)
    c_a = voice.scores(index, label, metric=metric, noise=options.noise)
    z_c = weighted_mean(c_f, c_a, has_face, has_voice, options).score
    z_a, z_c = c_a / INITIAL_TEMPERATURE, z_c / INITIAL_TEMPERATURE
    complete = has_face & has_voice
    return (
        options.lambda_a * cross_entropy(z_a, label, has_voice)
        + options.lambda_c * cross_entropy(z_c, label, has_face | has_voice)
        + options.lambda_kd * distillation(z_c[complete], z_a[complete], options.temperature)
    )


def _to_all_rows(x: Tensor, present: Tensor) -> Tensor:
    """Return rows [N, D]: those of x [M, D] where `present` [N], in order, and zero elsewhere."""
    return x.new_zeros(len(present), x.shape[1]).masked_scatter(present[:, None], x)
