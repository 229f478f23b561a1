"""The voices of a file while they are corrected: whose each turn is, and the voices' means."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mraf.pipeline.timeline.linking.evidence import Turns
from mraf.pipeline.timeline.seen.tracks import coherence, unit_mean
from mraf.pipeline.timeline.turns.voices import Voices


@dataclass(frozen=True, eq=False, kw_only=True)
class Speech:
    """The turns of a file, and the vectors of its K voices."""

    turns: Turns
    vectors: np.ndarray  # [K, D] float32, unit length; NaN where a voice has none
    seconds: np.ndarray  # [K], speech of each voice alone

    @classmethod
    def of(cls, voices: Voices) -> "Speech":
        """Return those of `Voices`."""
        return cls(
            turns=Turns.of(voices),
            vectors=np.asarray(voices.vectors, np.float32),
            seconds=np.asarray(voices.seconds, float),
        )

    def __len__(self) -> int:
        """Return K."""
        return len(self.seconds)

    @cached_property
    def coherence(self) -> np.ndarray:
        """[K], of the voices' turns, see `mraf.pipeline.timeline.seen.tracks.coherence`."""
        turns = self.turns
        found = np.ones(len(self))
        for each in range(len(self)):
            mine = turns.voice == each
            found[each] = coherence(turns.vectors[mine], turns.seconds[mine].clip(0.1))
        return found

    def cosines(self) -> np.ndarray:
        """Return the mean cosines [K, K] of the turns of two voices; NaN where one has no vector."""
        found: np.ndarray = (self.vectors @ self.vectors.T) * np.outer(
            self.coherence, self.coherence
        )
        return found

    def reassigned(self, voice: np.ndarray) -> "Speech":
        """Return the same turns with other voices [N], which may be one more than there are.

        The vectors of voices whose turns change are made anew of what their turns have.
        """
        number = max(len(self), int(voice.max(initial=-1)) + 1)
        dim = self.vectors.shape[1] if self.vectors.ndim == 2 else 0
        vectors = np.full((number, dim), np.nan, np.float32)
        vectors[: len(self)] = self.vectors
        seconds = np.zeros(number)
        seconds[: len(self)] = self.seconds
        changed = voice != self.turns.voice
        for each in {*voice[changed].tolist(), *self.turns.voice[changed].tolist()} - {-1}:
            mine = voice == each
            mean = unit_mean(self.turns.vectors[mine], self.turns.seconds[mine].clip(0.1))
            if mean is not None:
                vectors[each] = mean
            seconds[each] = self.turns.seconds[mine].sum()
        return replace(self, turns=self.turns.of_voices(voice), vectors=vectors, seconds=seconds)

    def merged(self, one: int, other: int) -> "Speech":
        """Return the speech with a voice, `other`, made a part of another; no turn has its number then."""
        voice = np.where(self.turns.voice == other, one, self.turns.voice)
        weights = self.seconds[[one, other]].clip(0.1)
        mean = unit_mean(self.vectors[[one, other]], weights)
        vectors, seconds = self.vectors.copy(), self.seconds.copy()
        vectors[one] = np.nan if mean is None else mean
        vectors[other] = np.nan
        seconds[one] += seconds[other]
        seconds[other] = 0.0
        return replace(self, turns=self.turns.of_voices(voice), vectors=vectors, seconds=seconds)

    @property
    def present(self) -> np.ndarray:
        """[K] bool: the voices that have turns."""
        found = np.zeros(len(self), bool)
        found[self.turns.voice[self.turns.voice >= 0]] = True
        return found
