"""Groups of spans that sound alike, joined from the most alike on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HALF_SECONDS = {"campplus": 1.25, "ecapa": 2.0}
"""Speech in s of which a vector is half voice and half chance, by encoder: the cosine of two vectors of one
voice, of t s each, is about t / (t + this)."""
BLOCK = 240
"""Groups that are compared each with each, about three minutes of speech; more where many are to be left."""
NEVER = -99.0
TINY = 1e-9
"""A group of spans without vectors weighs nothing, and is like nobody."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Groups:
    """N groups of vectors, as sums. A likeness is that of long speech: 1 for one voice, about 0.15 for two."""

    sums: np.ndarray  # [N, D] float64 of weight x vector
    weights: np.ndarray  # [N] float64 of weight x the length that the voice has in the vector

    @classmethod
    def of(cls, vectors: np.ndarray, seconds: np.ndarray, half: float) -> Groups:
        """Return each of `[N, D]` vectors, of `[N]` s of speech, as a group."""
        weight = np.sqrt(seconds)
        return cls(
            sums=vectors.astype(np.float64) * weight[:, None],
            weights=weight * np.sqrt(seconds / (seconds + half)),
        )

    def means(self, group: np.ndarray, count: int) -> Groups:
        """Return the groups of groups that `[N]` numbers name."""
        sums = np.zeros((count, self.sums.shape[1]))
        np.add.at(sums, group, self.sums)
        return Groups(sums=sums, weights=np.bincount(group, self.weights, count))

    def likeness(self, others: Groups) -> np.ndarray:
        """Return `[N, M]` means over the pairs of vectors of two groups."""
        like: np.ndarray = self.sums @ others.sums.T
        return like / np.maximum(np.outer(self.weights, others.weights), TINY)


def joined(groups: Groups, cut: float, *, least: int = 1, most: int | None = None) -> np.ndarray:
    """Return the group `[N]` of each, numbered from 0, joined while they are more alike than `cut`.

    Neighbours are joined first, in blocks; what is left of them is joined among each other. The time is
    linear in N where the number of voices does not grow with it. A block leaves half of its groups at most, so
    that blocks of nobody but different voices grow less too.

    Args:
        groups: of spans, in the order of time.
        cut: likeness of two groups from which they are one.
        least: number of groups to leave, at least.
        most: number of groups to leave, at most.
    """
    group = np.arange(len(groups.weights))
    left = max(least, most or 0, BLOCK // 4)  # of a block, at most
    size = max(BLOCK, 2 * left)
    while len(groups.weights) > size:
        found, count = [], 0
        for at in range(0, len(groups.weights), size):
            block = Groups(sums=groups.sums[at : at + size], weights=groups.weights[at : at + size])
            own = _linked(block, cut, least, left)
            found.append(own + count)
            count += int(own.max()) + 1
        merged = np.concatenate(found)
        group, groups = merged[group], groups.means(merged, count)
    return _linked(groups, cut, least, most)[group] if len(group) else group


def _linked(groups: Groups, cut: float, least: int, most: int | None) -> np.ndarray:
    """Join by the mean over pairs; see `joined`."""
    dots, weights = groups.sums @ groups.sums.T, groups.weights.copy()
    label = np.arange(len(weights))
    like = dots / np.maximum(np.outer(weights, weights), TINY)
    np.fill_diagonal(like, NEVER)
    for left in range(len(weights), max(1, least), -1):
        a, b = sorted(divmod(int(like.argmax()), len(weights)))
        if like[a, b] < cut and (most is None or left <= most):
            break
        dots[a] += dots[b]
        dots[:, a] += dots[:, b]
        weights[a] += weights[b]
        label[label == b] = a
        gone = like[a] == NEVER
        like[a] = np.where(gone, NEVER, dots[a] / np.maximum(weights[a] * weights, TINY))
        like[a, a] = NEVER
        like[:, a] = like[a]
        like[b] = like[:, b] = NEVER
    return np.unique(label, return_inverse=True)[1]
