"""The voices of a file, and their turns."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, kw_only=True)
class VoiceTurn:
    """A stretch in which one voice speaks; turns of two voices may overlap."""

    start: float  # s from the beginning of the file
    stop: float
    voice: int  # its position in `Voices.vectors`; -1: speech of nobody that can be told
    vector: np.ndarray | None = (
        None  # [D] float32, unit length: of this turn; None where it is too short
    )
    seconds: float = 0.0  # speech of this voice alone in the turn


@dataclass(frozen=True, eq=False, kw_only=True)
class Voices:
    """The voices of a file, in the order in which they begin, and their turns, in the order of time."""

    turns: tuple[VoiceTurn, ...]
    vectors: np.ndarray  # [K, D] float32, unit length: mean over each voice's speech
    seconds: np.ndarray  # [K] float32: speech of each voice alone
    notes: tuple[str, ...] = ()  # for people: what is doubtful in all of them
