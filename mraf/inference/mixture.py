"""The answer where several people are heard, one after the other or at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_SHARE = 0.25
"""Share of the speech from which two at once change the answer."""


def share_out(
    voices: Sequence[NDArray[np.floating]], seconds: Sequence[float]
) -> NDArray[np.float64]:
    """Return the answer to a clip in which several voices are heard: to each its share of the time.

    Two voices are not one person's: where they are most like the same one, the voice that is more so
    keeps its posterior, and the share of the other goes to all people alike.

    Args:
        voices: `[C]` each, the model's posteriors of the voices.
        seconds: of speech of each.
    """
    shares = np.asarray(voices, np.float64).copy()
    named: set[int] = set()
    for k in np.argsort(-shares.max(axis=1), kind="stable"):
        first = int(shares[k].argmax())
        if first in named:
            shares[k] = 1 / shares.shape[1]
        named.add(first)
    return np.asarray(np.average(shares, axis=0, weights=seconds))


def at_once(probability: NDArray[np.floating], share: float) -> NDArray[np.float64]:
    """Return the answer to a clip in which two speak at once for a share of the speech.

    Half of what is said at once is another person's, of whom nothing is known: from `LEAST_SHARE` on,
    that part of the answer goes to all people alike. Someone who is sure in speech that is all at once
    keeps half.

    Args:
        probability: `[C]`, the answer for one voice.
        share: 0 to 1.
    """
    exact = np.asarray(probability, np.float64)
    if share < LEAST_SHARE:
        return exact
    other = min(share, 1.0) / 2
    return (1 - other) * exact + other / len(exact)
