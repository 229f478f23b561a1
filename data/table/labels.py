"""Labels of all clips of a feature table, and vectors of some of them."""

from dataclasses import dataclass

import numpy as np

from mraf.data.table.snapshot import Snapshot
from mraf.errors import MrafError


@dataclass(frozen=True, kw_only=True)
class FeatureLabels:
    """Labels, one entry a clip, in the order of the clips' ids."""

    clip: list[str]
    speaker: list[str | None]
    language: list[str | None]
    recording: list[str | None]
    source_hash: list[str]  # of the clip's content
    face_present: np.ndarray  # [N] bool
    voice_present: np.ndarray  # [N] bool
    extractors: tuple[str, ...]  # fingerprints that occur, sorted

    def __len__(self) -> int:
        return len(self.clip)

    def vectors(self, name: str, index: np.ndarray) -> np.ndarray:
        """Return the faces or voices of some clips, `[M, D]` float32.

        Rows without a vector are zero and must be ignored: `*_present` decides. D = 0 where none of
        the clips has one.

        Args:
            name: "face" or "voice".
            index: a mask `[N]` bool, or positions `[M]`.
        """
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class StoredLabels(FeatureLabels):
    """Labels in memory and vectors on disk: each call of `vectors` reads them."""

    snapshot: Snapshot

    def vectors(self, name: str, index: np.ndarray) -> np.ndarray:
        """See `FeatureLabels.vectors`. Raises MrafError naming a part that cannot be read."""
        rows = np.flatnonzero(index) if index.dtype == bool else index
        # Each row is read once; `places` puts them into the order of `index`, with repetitions.
        unique, places = np.unique(rows, return_inverse=True)
        matrix, present = self.snapshot.only(unique).matrix(name)
        if not np.array_equal(present, getattr(self, f"{name}_present")[unique]):
            raise MrafError(
                f"{self.snapshot.folder}: some rows have neither a {name} nor a reason why, or both. "
                "Extract into a new workspace (-w)."
            )
        return matrix if np.array_equal(places, np.arange(len(rows))) else matrix[places]


@dataclass(frozen=True, kw_only=True)
class FeatureArrays(FeatureLabels):
    """Labels and all vectors. Rows of `face` and `voice` without a vector are zero."""

    face: np.ndarray  # [N, Df] float32; Df = 0 where no clip has a face
    voice: np.ndarray  # [N, Dv] float32

    def vectors(self, name: str, index: np.ndarray) -> np.ndarray:
        """See `FeatureLabels.vectors`."""
        matrix: np.ndarray = getattr(self, name)
        return matrix[index]
