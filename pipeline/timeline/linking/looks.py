"""Faces and voices of people, and the names that a model gives them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mraf.pipeline.timeline.linking.speech import Speech
from mraf.pipeline.timeline.seen.tracks import unit_mean
from mraf.recognition.pairs import Pairs

ONE_NAME_MOST = 3.0
"""Log odds at most that two are one person because a model gives them the same name."""

DOUBTED = 0.5
"""Probability that a voice without a name is of somebody who is known, below which it is rather a stranger's."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Look:
    """Somebody as they are there: a face, a voice, or both."""

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
    face_known: float | None = None  # probability that the face alone is of somebody whom it knows
    voice_known: float | None = None
    half: bool = False  # True: the model has only a face, or only a voice, of the person
    asked: bool = False  # False: there is nothing that the model could be asked

    @property
    def sure(self) -> bool:
        """True where there is a name by a model that can tell strangers; others name everybody."""
        return self.name is not None and self.known is not None

    @property
    def doubted(self) -> bool:
        """True where the name is the face's alone, and the voice rather that of somebody else."""
        if self.by != "face" or self.half:
            return False
        strange = self.voice_known is not None and self.voice_known < DOUBTED
        return self.voice != self.name if self.voice is not None else strange

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
    return float(same_name_odds(np.array(one.strength * other.strength)))


def same_name_odds(right: np.ndarray) -> np.ndarray:
    """Return the log odds, of any shape, that two are one person by the probability that both names are right."""
    both = np.minimum(right, 1 - 1e-6)
    with np.errstate(divide="ignore"):
        found: np.ndarray = np.clip(np.log(both / (1 - both)), 0.0, ONE_NAME_MOST)
    return found


def contradict(one: Named, other: Named) -> bool:
    """Return whether two voices, or two faces, are of different people by their names, each alone."""
    if one.sure and other.sure:
        return one.name != other.name
    strange = other if one.sure else one
    return (
        (one.sure or other.sure)
        and strange.asked
        and strange.name is None
        and strange.known is not None
        and strange.known < DOUBTED
    )


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
    apart: frozenset[tuple[int, int]]  # pairs that are two people's, the smaller number first

    def are_two(self, one: int, other: int) -> bool:
        """Return whether two are two people, as they are seen at once or with other voices."""
        return (min(one, other), max(one, other)) in self.apart

    def odds(self, some: np.ndarray, others: np.ndarray, pairs: Pairs) -> np.ndarray:
        """Return log odds that the faces [..] of two arrays of numbers are one person's; NaN where one has none."""
        cosines = (self.vectors[some] * self.vectors[others]).sum(axis=-1)
        odds = pairs.face(cosines * self.coherence[some] * self.coherence[others])
        return np.where(np.isnan(cosines), np.nan, odds)


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
