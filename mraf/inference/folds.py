"""Cross-validation folds of whole recordings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOLDS = 5
"""The number of folds of the cross-validation within a training run."""


def recording_folds(
    label: NDArray[np.int64], recording: NDArray[np.int64], folds: int, seed: int
) -> NDArray[np.int64]:
    """Return the fold [N] of each clip, 0 to `folds` - 1, or -1 for clips that always train.

    Each speaker's recordings are dealt to the folds in turn. So a fold holds as few recordings of
    one speaker as possible, and all folds hold about the same number. A speaker's only recording is
    never held out, because a speaker without training clips cannot be recognised. With whole
    recordings drawn at random instead, the figures spread four times as much.

    Args:
        label: [N], index of the speaker.
        recording: [N], index of the recording.
        folds: the number of folds.
        seed: random seed of the order in which speakers and recordings are dealt.
    """
    random = np.random.default_rng(seed)
    result = np.full(len(label), -1, np.int64)
    dealt = 0
    for speaker in random.permutation(np.unique(label)):
        of_speaker = label == speaker
        recordings = random.permutation(np.unique(recording[of_speaker]))
        if len(recordings) > 1:
            for position, each in enumerate(recordings):
                # Dealing goes on in the fold where the speaker before ended.
                result[of_speaker & (recording == each)] = (dealt + position) % folds
            dealt += len(recordings)
    return result
