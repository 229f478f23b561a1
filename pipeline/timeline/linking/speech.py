"""The voices of a file while they are corrected: whose each turn is, and the voices' means."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mraf.pipeline.timeline.linking.evidence import Turns
from mraf.pipeline.timeline.seen.tracks import coherence, unit_mean
from mraf.pipeline.timeline.turns.voices import Voices

_LEAST_WEIGHT = 0.1
"""Seconds that a turn counts as at least."""


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
            found[each] = coherence(turns.vectors[mine], turns.seconds[mine].clip(_LEAST_WEIGHT))
        return found

    def cosines(self) -> np.ndarray:
        """Return the mean cosines [K, K] of the turns of two voices; NaN where one has no vector."""
        found: np.ndarray = (self.vectors @ self.vectors.T) * np.outer(
            self.coherence, self.coherence
        )
        return found

    def beside_others(self, turn: int) -> float | None:
        """Return the mean cosine of a turn with the other turns of its voice; None where nothing tells.

        What it costs does not grow with the file.
        """
        voice = int(self.turns.voice[turn])
        sums, weights = self._sums
        vector, weight = self._told[turn].astype(np.float64), float(self._weight[turn])
        rest, rest_weight = sums[voice] - weight * vector, float(weights[voice]) - weight
        if voice < 0 or not weight or rest_weight < _LEAST_WEIGHT / 2:
            return None
        # The cosine with a mean that is not of unit length is the mean of the cosines.
        mean = rest / rest_weight
        return float(vector @ mean) if np.linalg.norm(mean) > 1e-6 else None

    @cached_property
    def _weight(self) -> np.ndarray:
        """[N], of turns; 0 where one is too short for a vector."""
        told = np.isfinite(self.turns.vectors).all(axis=1)
        return np.where(told, self.turns.seconds.clip(_LEAST_WEIGHT), 0.0)

    @cached_property
    def _told(self) -> np.ndarray:
        """[N, D], vectors of turns; 0 where one has none."""
        return np.where(self._weight[:, None] > 0, self.turns.vectors, 0)

    @cached_property
    def _sums(self) -> tuple[np.ndarray, np.ndarray]:
        """[K, D] float64, sums of the vectors of each voice's turns by weight, and [K] of the weights."""
        some = self.turns.voice >= 0
        own, weight = self.turns.voice[some], self._weight[some]
        sums = np.zeros((len(self), self.turns.vectors.shape[1]))
        np.add.at(sums, own, weight[:, None] * self._told[some])
        return sums, np.bincount(own, weight, len(self))

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
            mean = unit_mean(self.turns.vectors[mine], self.turns.seconds[mine].clip(_LEAST_WEIGHT))
            vectors[each] = np.nan if mean is None else mean
            seconds[each] = self.turns.seconds[mine].sum()
        return replace(self, turns=self.turns.of_voices(voice), vectors=vectors, seconds=seconds)

    def merged(self, one: int, other: int) -> "Speech":
        """Return the speech with a voice, `other`, made a part of another; no turn has its number then."""
        voice = np.where(self.turns.voice == other, one, self.turns.voice)
        weights = self.seconds[[one, other]].clip(_LEAST_WEIGHT)
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
