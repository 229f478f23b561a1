"""What the training recordings say of speakers: prototypes, spread, whitening, leave-one-out.

Every average here goes clip -> recording -> speaker, so that a long recording counts no more than
a short one, and a speaker with many recordings no more than one with few.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Recordings:
    """The clips of one modality by recording and speaker: N clips, R recordings, C speakers."""

    label: Tensor  # [N], index of the speaker
    recording: Tensor  # [N], 0 to R - 1
    speaker: Tensor  # [R], speaker of a recording
    size: Tensor  # [R] float, clips in a recording
    count: Tensor  # [C] float, recordings of a speaker

    @classmethod
    def of(cls, label: Tensor, recording: Tensor, classes: int) -> Recordings:
        """Count clips [N] whose labels and recordings [N] are given.

        A recording of two speakers counts as two.
        """
        pair = torch.stack([label, recording])
        found, index = torch.unique(pair, dim=1, return_inverse=True)
        size = torch.bincount(index, minlength=found.shape[1]).float()
        count = torch.bincount(found[0], minlength=classes).float()
        return cls(label, index, found[0], size, count)

    @property
    def known(self) -> Tensor:
        """[C] bool, speakers with a clip."""
        return self.count > 0

    @property
    def several(self) -> Tensor:
        """[N] bool, clips of speakers with two recordings or more."""
        return self.count[self.label] > 1

    @property
    def weight(self) -> Tensor:
        """[N], speakers alike, their recordings alike, the clips of a recording alike."""
        return 1 / (self.size[self.recording] * self.count[self.label])

    def means(self, x: Tensor) -> Tensor:
        """Means [R, D] over the clips of each recording of x [N, D]."""
        total = x.new_zeros(len(self.size), x.shape[1]).index_add(0, self.recording, x)
        return total / self.size[:, None]

    def prototypes(self, x: Tensor) -> Tensor:
        """Means [C, D] over the recordings' means of each speaker; zero where there is none."""
        return self._sums(x) / self.count.clamp(min=1)[:, None]

    def without_own(self, x: Tensor) -> Tensor:
        """For each clip [N, D] its speaker's prototype without the recording it is cut from.

        A speaker with one recording keeps it.
        """
        others = (self.count - 1)[self.label][:, None]
        rest = (self._sums(x)[self.label] - self.means(x)[self.recording]) / others.clamp(min=1)
        return torch.where(self.several[:, None], rest, self.prototypes(x)[self.label])

    def differences(self, x: Tensor) -> Tensor:
        """How recordings differ from their speaker's mean, [M, D], for speakers with n > 1.

        Scaled by sqrt(n / (n - 1)), which makes their second moment an unbiased covariance.
        """
        n = self.count[self.speaker]
        off = (self.means(x) - self.prototypes(x)[self.speaker]) * (
            n / (n - 1).clamp(min=1)
        ).sqrt()[:, None]
        return off[n > 1]

    def within(self, x: Tensor) -> Tensor:
        """Within-speaker covariance [D, D] of x [N, D].

        The mean of two: that of clips around their speaker's prototype, and that of recordings
        around their speaker's mean. The first has more samples, the second holds only what a new
        recording changes. With one recording a speaker there is only the first.
        """
        off = x - self.prototypes(x)[self.label]
        weight = 1 / self.size[self.recording]
        clips = (off * weight[:, None]).T @ off / weight.sum()
        between = self.differences(x)
        return (clips + between.T @ between / len(between)) / 2 if len(between) else clips

    def _sums(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(self.count), x.shape[1]).index_add(0, self.speaker, self.means(x))


def whitening(covariance: Tensor, shrinkage: float) -> Tensor:
    """The symmetric inverse square root [D, D] of a covariance shrunk towards a sphere.

    Args:
        covariance: [D, D]; all zero gives the identity.
        shrinkage: 0 leaves the covariance as it is, 1 gives a multiple of the identity.

    """
    scale = covariance.trace() / len(covariance)
    if not scale > 0:
        return torch.eye(len(covariance))
    identity = torch.eye(len(covariance), dtype=torch.float64)
    # Divided by its scale, so that the result is near the identity, whatever the vectors' length.
    shrunk = (1 - shrinkage) * covariance.double() / scale + shrinkage * identity
    values, vectors = torch.linalg.eigh(shrunk)
    return (vectors * values.clamp(min=1e-6).rsqrt() @ vectors.T).float()


def loudness(cosine: Tensor, recordings: Recordings) -> Tensor:
    """How loudly each prototype answers to other speakers: RMS cosine [C], 0 where unknown.

    Prototypes of few recordings lie near the middle of all voices and attract strangers' clips.

    Args:
        cosine: [N, C], training clips against prototypes.
        recordings: of the same clips.

    """
    others = recordings.weight[:, None] * (1 - F.one_hot(recordings.label, cosine.shape[1]).float())
    mean = (cosine.square() * others).sum(dim=0) / others.sum(dim=0).clamp(min=1e-12)
    return mean.sqrt() * recordings.known
