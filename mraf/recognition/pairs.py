"""Log odds that two clips are of one person, from the cosines of their vectors.

The cosines are those of the encoders' vectors at unit length, before any model's centring or whitening: what
a model learns from the recordings of its speakers separates those better, and strangers worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mraf.errors import UsageError

Floats = NDArray[np.float64]

# Measured by `python benchmarks/pairs.py`, 2 cores of an AMD EPYC, 2026-11-27. FaceNet and ECAPA: pairs of clips of
# different recordings, in two languages, of the 70 speakers of POLY-SIM's v1 training data. dlib and CAM++:
# 8 people, one of them in two recordings, which say where the middle is and little of the tails; it is put
# half-way between that of other recordings (.908, .350) and that of all (.920, .445).
FACE: dict[str, tuple[float, float]] = {"facenet": (17.57, -7.15), "dlib": (102.4, -93.6)}
"""Slope and bias of the log odds in the cosine of two faces, by encoder."""
VOICE: dict[str, tuple[float, float]] = {"ecapa": (14.28, -3.81), "campplus": (19.01, -7.60)}
"""The same of two voices."""
BOTH = (0.875, 0.787, 0.038)
"""Weights of the face's and the voice's log odds, and bias: two people whose faces look alike more often
sound alike too than chance has it."""


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Log odds that pairs of clips are of one person, where one and two people are as likely beforehand.

    Every function takes cosines of any shape and returns log odds of that shape; those of NaN, a missing
    face or voice, are 0: nothing is said either way. Add the log odds that hold beforehand to them, and
    take the logistic function for a probability.
    """

    face_line: tuple[float, float]  # slope and bias in the cosine
    voice_line: tuple[float, float]

    @classmethod
    def of(cls, face: str, voice: str) -> Pairs:
        """Return the log odds for two encoders, by name. Raises UsageError for one that was not measured."""
        for name, table in ((face, FACE), (voice, VOICE)):
            if name not in table:
                raise UsageError(
                    f"Two clips cannot be compared by vectors of '{name}', for which no odds were measured; "
                    f"there are odds for {', '.join([*FACE, *VOICE])}. Extract the clips with these."
                )
        return cls(face_line=FACE[face], voice_line=VOICE[voice])

    def face(self, cosine: NDArray[np.floating]) -> Floats:
        """Return the log odds of cosines of faces."""
        return _line(self.face_line, cosine)

    def voice(self, cosine: NDArray[np.floating]) -> Floats:
        """Return the log odds of cosines of voices."""
        return _line(self.voice_line, cosine)

    def both(self, face: NDArray[np.floating], voice: NDArray[np.floating]) -> Floats:
        """Return the log odds of cosines of faces and of voices together.

        Where one of the two is NaN they are those of the other alone.
        """
        by_face, by_voice = self.face(face), self.voice(voice)
        complete = ~(np.isnan(face) | np.isnan(voice))
        weighted = BOTH[0] * by_face + BOTH[1] * by_voice + BOTH[2]
        return np.where(complete, weighted, by_face + by_voice)


def _line(line: tuple[float, float], cosine: NDArray[np.floating]) -> Floats:
    odds = line[0] * np.asarray(cosine, np.float64) + line[1]
    return np.nan_to_num(odds, nan=0.0)
