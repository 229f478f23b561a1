"""The highest scores of strangers, from few of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SURE = 0.9
"""The threshold suffices in this share of the resampled sets of strangers."""

RESAMPLED = 200


def safe_quantile(
    logit: NDArray[np.float64], speaker: NDArray[np.int64], false_names: float
) -> float:
    """Return a logit that at most a share of strangers' clips [M] exceeds, in most sets of such strangers.

    Clips of one stranger go together, and one look-alike is most of the highest per cent: the speakers
    are drawn anew, and the threshold suffices for `SURE` of the draws.
    """
    order = np.argsort(logit)
    sorted_logit = logit[order]
    _, who = np.unique(speaker[order], return_inverse=True)
    number = int(who.max()) + 1
    random = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLED):
        counts = np.bincount(random.integers(number, size=number), minlength=number)
        mass = np.cumsum(counts[who].astype(np.float64))
        at = np.searchsorted(mass, (1 - false_names) * mass[-1] - 1e-9)
        found.append(sorted_logit[min(at, len(logit) - 1)])
    return float(np.quantile(found, SURE))
