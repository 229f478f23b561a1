"""The NumPy arrays that go into a model and that come out of it.

This module does not import torch, so that reading features and printing answers stay quick.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mraf.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Features:
    """The face and voice vectors of N clips; masks mark the missing ones.

    Values in a row that is marked missing are never read. Vectors need not be normalised: the
    model does that.

    Raises:
        UsageError: an array has the wrong rank, type or length, or a present row is not finite.
    """

    face: NDArray[np.float32]  # [N, Df]
    face_present: NDArray[np.bool_]  # [N]
    voice: NDArray[np.float32]  # [N, Dv]
    voice_present: NDArray[np.bool_]  # [N]
    label: NDArray[np.int64]  # [N], index of the speaker; -1 where unknown
    recording: NDArray[np.int64]  # [N], index of the recording the clip was cut from

    def __post_init__(self) -> None:
        """Check ranks, types, lengths, and that present rows are finite."""
        for name in ("face", "voice"):
            _check_array(name, getattr(self, name), 2, np.float32, len(self.label))
            present = getattr(self, f"{name}_present")
            _check_array(f"{name}_present", present, 1, np.bool_, len(self.label))
            _check_finite(name, getattr(self, name), present)
        for name in ("label", "recording"):
            _check_array(name, getattr(self, name), 1, np.int64, len(self.label))

    def __len__(self) -> int:
        """Return N, the number of clips."""
        return len(self.label)

    def take(self, index: Any) -> Features:
        """Return the clips at `index`: positions [M], a mask [N] or a slice."""
        return Features(**{field.name: getattr(self, field.name)[index] for field in fields(self)})

    def without_face(self) -> Features:
        """Return the same clips with every face marked missing."""
        return replace(self, face_present=np.zeros(len(self), np.bool_))

    def without_voice(self) -> Features:
        """Return the same clips with every voice marked missing."""
        return replace(self, voice_present=np.zeros(len(self), np.bool_))


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """The speakers' posterior probabilities of N clips; NaN where a clip has no modality."""

    probability: NDArray[np.float32]  # [N, C], rows sum to 1
    face_weight: NDArray[np.float32]  # [N], w_f of eq. 11; 0 where the face is missing
    voice_weight: NDArray[np.float32]  # [N], w_a of eq. 11; 0 where the voice is missing
    embedding: NDArray[np.float32] | None = None  # [N, D], e_c of eq. 14
    face_embedding: NDArray[np.float32] | None = None  # [N, D_f], e_f, unit; NaN where missing
    voice_embedding: NDArray[np.float32] | None = None  # [N, D_a], e_a, unit; NaN where missing
    known: NDArray[np.float64] | None = None  # [N], probability that the person is enrolled
    threshold: NDArray[np.float64] | None = None  # [N], of `known`: below, nobody is named

    def __len__(self) -> int:
        """Return N, the number of clips."""
        return len(self.probability)

    @property
    def is_known(self) -> NDArray[np.bool_]:
        """[N] bool: the person counts as enrolled. True where the model does not know strangers."""
        if self.known is None or self.threshold is None:
            return np.ones(len(self), np.bool_)
        with np.errstate(invalid="ignore"):
            return ~(self.known < self.threshold)


def _check_array(name: str, array: Any, rank: int, dtype: Any, length: int) -> None:
    wanted = f"a NumPy array of rank {rank}, {length} rows and type {np.dtype(dtype).name}"
    if not isinstance(array, np.ndarray):
        raise UsageError(f"features: {name} is a {type(array).__name__}; {wanted} was expected")
    if array.ndim != rank or len(array) != length or array.dtype != dtype:
        found = f"shape {list(array.shape)} and type {array.dtype.name}"
        raise UsageError(f"features: {name} has {found}; {wanted} was expected")


def _check_finite(name: str, array: NDArray[np.float32], present: NDArray[np.bool_]) -> None:
    bad = present & ~np.isfinite(array).all(axis=1)
    if bad.any():
        raise UsageError(
            f"features: {name} of row {int(bad.argmax())} holds a value that is not finite "
            f"({int(bad.sum())} such rows); extract it again, or mark it missing"
        )
