"""Faces and voices of people, and the names that a model gives them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mraf.pipeline.timeline.linking.speech import Speech
from mraf.pipeline.timeline.seen.tracks import unit_mean

ONE_NAME_MOST = 3.0
"""Log odds at most that two are one person because a model gives them the same name."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Look:
    """What is there of somebody: a face, a voice, or both."""

    face: np.ndarray | None = None  # [Df], mean
    voice: np.ndarray | None = None  # [Dv], mean
    seconds: float = 0.0  # of speech that the voice is the mean of
    face_coherence: float = 1.0  # see `mraf.pipeline.timeline.seen.tracks.coherence`
    voice_coherence: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Named:
    """The answer of a model to somebody's face and voice."""

    name: str | None = None  # None: nobody whom the model knows, or nothing that it learned
    probability: float | None = None  # of the name, given that it is somebody whom the model knows
    known: float | None = None  # probability that it is
    by: str | None = None  # "face", "voice", "face and voice"
    notes: tuple[str, ...] = ()  # that face and voice disagree
    face: str | None = None  # named by the face alone
    voice: str | None = None
    asked: bool = False  # False: there is nothing that the model could be asked

    @property
    def sure(self) -> bool:
        """Whether there is a name by a model that can tell strangers; others name everybody."""
        return self.name is not None and self.known is not None

    @property
    def strength(self) -> float:
        """Probability that the name is right."""
        if self.name is None:
            return 0.0
        return (self.probability or 0.0) * (1.0 if self.known is None else self.known)


def one_name(one: Named, other: Named) -> float:
    """Return the log odds that two who have one name are one person, by that; 0 where they have not."""
    if not (one.sure and other.sure) or one.name != other.name:
        return 0.0
    both = min(one.strength * other.strength, 1 - 1e-6)
    return float(np.clip(np.log(both / (1 - both)), 0.0, ONE_NAME_MOST))


Naming = Callable[[Sequence[Look]], list[Named]]
"""A model that is asked about several people at once."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Faces:
    """G people who are seen."""

    vectors: np.ndarray  # [G, D] float32 unit length, mean; NaN where there is none
    number: np.ndarray  # [G] of the vectors of which it is the mean
    coherence: (
        np.ndarray
    )  # [G], of the tracks' means, see `mraf.pipeline.timeline.seen.tracks.coherence`
    seen: np.ndarray  # [G] s
    apart: np.ndarray  # [G, G] bool: seen at once


def look_of(voices: Sequence[int], faces: Sequence[int], speech: Speech, seen: Faces) -> Look:
    """Return the mean face and the mean voice of some voices and faces."""
    some, shown = list(voices), list(faces)
    return Look(
        face=unit_mean(seen.vectors[shown], seen.number[shown].clip(1)) if shown else None,
        voice=unit_mean(speech.vectors[some], speech.seconds[some].clip(0.1)) if some else None,
        seconds=float(speech.seconds[some].sum()) if some else 0.0,
        face_coherence=float(np.mean(seen.coherence[shown])) if shown else 1.0,
        voice_coherence=float(np.mean(speech.coherence[some])) if some else 1.0,
    )
