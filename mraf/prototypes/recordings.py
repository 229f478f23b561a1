"""Statistics of training clips by recording and speaker: prototypes, covariances, hubness.

Clips of one recording count together as one: `prototypes`, `without_own`, `weight` and `hubness`
average over the clips of each recording first, then over the recordings of each speaker, so that
neither a long recording nor a speaker with many recordings counts more. `differences` and `within`
give each recording the same weight, so there a speaker with many recordings does count more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """The clips of one modality by recording and speaker: N clips, R recordings, C speakers."""

    label: Tensor  # [N], index of the speaker
    recording: Tensor  # [N], 0 to R - 1
    speaker: Tensor  # [R], speaker of a recording
    size: Tensor  # [R] float, clips in a recording
    count: Tensor  # [C] float, recordings of a speaker

    @classmethod
    def of(cls, label: Tensor, recording: Tensor, classes: int) -> Recordings:
        """Group clips by their labels [N] and recordings [N].

        A recording of two speakers counts as two.
        """
        # The columns of `pairs` are the (speaker, recording) pairs; `index` numbers them from 0.
        pairs, index = torch.unique(torch.stack([label, recording]), dim=1, return_inverse=True)
        return cls(
            label=label,
            recording=index,
            speaker=pairs[0],
            size=torch.bincount(index, minlength=pairs.shape[1]).float(),
            count=torch.bincount(pairs[0], minlength=classes).float(),
        )

    @property
    def known(self) -> Tensor:
        """Mask [C] of the speakers that have clips."""
        return self.count > 0

    @property
    def several(self) -> Tensor:
        """[N] bool, clips of speakers with two recordings or more."""
        return self.count[self.label] > 1

    @property
    def weight(self) -> Tensor:
        """[N]: equal for all speakers, all recordings of a speaker, all clips of a recording."""
        return 1 / (self.size[self.recording] * self.count[self.label])

    def evenly(self, most: int) -> Tensor:
        """Return the indices of at most `most` recordings, as many of each speaker as can be."""
        if len(self.speaker) <= most:
            return torch.arange(len(self.speaker))
        order = torch.argsort(self.speaker, stable=True)
        first = torch.cumsum(self.count, 0) - self.count
        turn = torch.arange(len(order)) - first[self.speaker[order]]  # which of its speaker's it is
        return order[torch.argsort(turn, stable=True)[:most]].sort().values

    def means(self, x: Tensor) -> Tensor:
        """Return the mean [R, D] over the clips of each recording, of x [N, D]."""
        total = x.new_zeros(len(self.size), x.shape[1]).index_add(0, self.recording, x)
        return total / self.size[:, None]

    def prototypes(self, x: Tensor) -> Tensor:
        """Return the mean [C, D] of each speaker's recording means; zero for unknown speakers."""
        return self._sums(x) / self.count.clamp(min=1)[:, None]

    def without_own(self, x: Tensor) -> Tensor:
        """Return each clip's speaker prototype [N, D], computed without the clip's own recording.

        The prototype of a speaker with one recording stays whole.
        """
        others = (self.count - 1)[self.label][:, None]
        rest = (self._sums(x)[self.label] - self.means(x)[self.recording]) / others.clamp(min=1)
        return torch.where(self.several[:, None], rest, self.prototypes(x)[self.label])

    def differences(self, x: Tensor) -> Tensor:
        """Return recording means minus speaker means, [M, D], of speakers with n > 1 recordings.

        They are scaled by sqrt(n / (n - 1)), which makes their second moment an unbiased covariance.
        """
        n = self.count[self.speaker]
        scale = (n / (n - 1).clamp(min=1)).sqrt()[:, None]
        return ((self.means(x) - self.prototypes(x)[self.speaker]) * scale)[n > 1]

    def within(self, x: Tensor) -> Tensor:
        """Return the within-speaker covariance [D, D] of x [N, D].

        It is the mean of two: the covariance of clips around their speaker's prototype, and that of
        recording means around their speaker's mean. The first has more samples, the second holds
        only the change from one recording to another. Without a speaker of several recordings there
        is only the first.
        """
        off = x - self.prototypes(x)[self.label]
        weight = 1 / self.size[self.recording]
        clips = (off * weight[:, None]).T @ off / weight.sum()
        between = self.differences(x)
        return (clips + between.T @ between / len(between)) / 2 if len(between) else clips

    def _sums(self, x: Tensor) -> Tensor:
        """Return the sum [C, D] of each speaker's recording means."""
        return x.new_zeros(len(self.count), x.shape[1]).index_add(0, self.speaker, self.means(x))


def whitening(covariance: Tensor, shrinkage: float) -> Tensor:
    """Return the symmetric inverse square root [D, D] of a covariance, shrunk towards a sphere.

    Args:
        covariance: [D, D]; all zero gives the identity.
        shrinkage: 0 leaves the covariance as it is, 1 gives the identity.
    """
    scale = covariance.trace() / len(covariance)
    if not scale > 0:
        return torch.eye(len(covariance))
    identity = torch.eye(len(covariance), dtype=torch.float64)
    # Division by the scale keeps the result near the identity, whatever the length of the vectors.
    shrunk = (1 - shrinkage) * covariance.double() / scale + shrinkage * identity
    values, vectors = torch.linalg.eigh(shrunk)
    return (vectors * values.clamp(min=1e-6).rsqrt() @ vectors.T).float()


def hubness(cosine: Tensor, recordings: Recordings) -> Tensor:
    """Return the RMS cosine [C] of each prototype to impostor clips; 0 for unknown speakers.

    Prototypes of few recordings lie near the mean of all voices and are close to many impostors.

    Args:
        cosine: [N, C], of training clips to prototypes.
        recordings: of the same clips.
    """
    impostor = 1 - F.one_hot(recordings.label, cosine.shape[1]).float()
    weight = recordings.weight[:, None] * impostor
    mean = (cosine.square() * weight).sum(dim=0) / weight.sum(dim=0).clamp(min=1e-12)
    return mean.sqrt() * recordings.known
