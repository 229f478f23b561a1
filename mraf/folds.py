"""Folds by recording, for cross-validation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def recording_folds(
    label: NDArray[np.int64], recording: NDArray[np.int64], folds: int, seed: int
) -> NDArray[np.int64]:
    """The fold [N] of each clip, 0 to `folds` - 1, or -1 for clips that are always trained on.

    Each speaker's recordings are dealt to the folds in turn, so that a fold holds as few recordings
    of a speaker as can be, and all folds hold about the same number. A speaker's only recording is
    never held out: nobody can be recognised who was never heard. With whole recordings drawn at
    random instead, the figures spread four times as much.

    Args:
        label: [N], index of the speaker.
        recording: [N], index of the recording.
        folds: how many.
        seed: of the order in which speakers and recordings are dealt.

    """
    random = np.random.default_rng(seed)
    result = np.full(len(label), -1, np.int64)
    dealt = 0
    for speaker in random.permutation(np.unique(label)):
        mine = label == speaker
        own = random.permutation(np.unique(recording[mine]))
        if len(own) > 1:
            for position, each in enumerate(own):
                result[mine & (recording == each)] = (dealt + position) % folds
            dealt += len(own)
    return result
