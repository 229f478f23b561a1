"""The feature table held in memory for comparisons of its clips."""

from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mraf.data.table.labels import StoredLabels
from mraf.errors import MissingError
from mraf.fingerprint import Fingerprint
from mraf.pipeline.fingerprints import fingerprint_of
from mraf.pipeline.upkeep.disk import look
from mraf.pipeline.workspace import Workspace
from mraf.recognition.clusters import Looks
from mraf.recognition.pairs import Pairs

LEAST_SPEECH = 2.0
"""Seconds of speech below which a voice says too little of who it is to be compared."""
_FIGURES = ("path", "start", "end", "seconds", "voice_seconds", "source_hash", "turn_of", "person")


@dataclass(frozen=True, kw_only=True)
class OpenTable:
    """The clips of a table whose files are not known to be gone, and how their vectors are compared."""

    labels: StoredLabels  # of N clips
    figures: pa.Table = field(repr=False)  # [N]: the columns of `_FIGURES`
    fingerprint: Fingerprint
    pairs: Pairs
    notes: tuple[str, ...]  # on the clips that are left out, or out of reach

    @classmethod
    def of(cls, workspace: Workspace) -> "OpenTable":
        """Open the table of a workspace; vectors stay on disk until `looks` is called.

        Raises:
            MissingError: there is no table, or no clip in it.
            UsageError: its features are of several fingerprints, or of encoders without measured odds.
            MrafError: a part cannot be read.
        """
        table = workspace.table
        disk = look(table)
        if not len(disk.rows):
            raise MissingError(
                f"{table.folder}: there is no clip in the table whose file is there. Run `mraf extract VIDEOS`."
            )
        labels = table.labels(disk.rows)
        fingerprint = fingerprint_of(labels)
        return cls(
            labels=labels,
            figures=disk.rows.table(_FIGURES),
            fingerprint=fingerprint,
            pairs=Pairs.of(fingerprint.face, fingerprint.voice),
            notes=tuple(disk.notes()),
        )

    def __len__(self) -> int:
        """Return N."""
        return len(self.labels)

    def looks(self, index: np.ndarray) -> Looks:
        """Return the faces and voices of the clips at positions [M]; voices of hardly any speech are left out."""
        speech = np.asarray(self.figures["voice_seconds"].fill_null(0.0))[index]
        long_enough = (speech == 0) | (speech >= LEAST_SPEECH)  # 0: imported, nobody measured it
        return Looks.of(
            self.labels.vectors("face", index),
            self.labels.face_present[index],
            self.labels.vectors("voice", index),
            self.labels.voice_present[index] & long_enough,
        )

    def place(self, clip: str) -> int | None:
        """Return the position of a clip by its id, None where it is not in the table."""
        at = bisect_left(self.labels.clip, clip)  # they are sorted
        return at if self.labels.clip[at : at + 1] == [clip] else None

    def copies(self, digest: str) -> np.ndarray:
        """Return a mask [N] bool of the clips with some content; none where it is not known ("")."""
        return self._having("source_hash", digest)

    def turns_of(self, digest: str) -> np.ndarray:
        """Return a mask [N] bool of the turns of files with some content."""
        return self._having("turn_of", digest) & self.is_turn

    @property
    def is_turn(self) -> np.ndarray:
        """Mask [N] bool of the clips that are turns of a file."""
        return np.asarray(pc.is_valid(self.figures["person"]))

    def _having(self, column: str, digest: str) -> np.ndarray:
        same = pc.equal(self.figures[column], digest)
        return np.asarray(pc.fill_null(same, False)) & bool(digest)
