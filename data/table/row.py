"""A row of the feature table, and its conversion from and to Arrow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from mraf.data.clips.times import part_of_id
from mraf.data.table.parts import Columns
from mraf.data.table.snapshot import Snapshot
from mraf.errors import UsageError


@dataclass(frozen=True, eq=False)
class FeatureRow:
    """Features and labels of one clip. A vector is None where none was found; a reason says why."""

    clip: str
    path: str
    source_hash: str
    extractor: str
    speaker: str | None = None
    language: str | None = None
    recording: str | None = None
    face: np.ndarray | None = None  # [Df] float32
    face_reason: str | None = None
    face_quality: float | None = None  # mean probability of the detector, 0 to 1
    face_frames: int = 0  # frames in which the chosen face was found
    face_size: float | None = None  # height of the face in pixels of the video, median
    faces_seen: int | None = None  # distinct people
    face_steadiness: float | None = None  # mean cosine of the chosen faces to their mean, 0 to 1
    face_sharpness: float | None = None  # variance of the Laplacian at 160 x 160 pixels, median
    voice: np.ndarray | None = None  # [Dv] float32
    voice_reason: str | None = None
    voice_quality: float | None = None  # mean probability of speech, 0 to 1
    voice_seconds: float = 0.0  # speech without its pauses
    voice_snr: float | None = None  # dB, speech over the sound between it
    start: float | None = None  # seconds in the file; None where the row is of the whole file
    end: float | None = None
    seconds: float | None = None  # length of the clip, None where it is not known
    seconds_read: float | None = None  # of a long clip's beginning; None where all was read
    error: str | None = None  # why the clip could not be read at all
    note: str | None = None  # what is worth knowing of the clip, as why its sound cannot be decoded
    enrolled: bool = False  # by `mraf enrol` or `mraf name`, and not found by `mraf extract`
    # Earlier ids, with NUL between them, whose rows go: of the file before it was moved, or of its turns before.
    replaces: str | None = None
    turn_of: str | None = None  # digest of the file, where it was looked through for turns
    turns: int | None = None  # rows that this file gave
    person: int | None = None  # number of the person in this file who speaks, from 0

    def __post_init__(self) -> None:
        for name in ("face", "voice"):
            vector, reason = getattr(self, name), getattr(self, f"{name}_reason")
            if (vector is None) == (reason is None):
                raise ValueError(f"{self.clip}: {name} needs a vector or a reason, and not both")
            if vector is not None and (vector.ndim != 1 or vector.dtype != np.float32):
                raise ValueError(f"{self.clip}: {name} must be [D] float32, is {vector.dtype}")
            if vector is not None and not (np.isfinite(vector).all() and vector.any()):
                raise ValueError(f"{self.clip}: {name} must be finite and not all zero")

    @property
    def file_id(self) -> str:
        """The id of the clip that is the whole file, where the row is a turn; else the row's own."""
        return file_id(self.clip, self.turn_of, self.start, self.end)


_NUMBERS: dict[str, pa.DataType] = {
    "enrolled": pa.bool_(),
    "start": pa.float64(),
    "end": pa.float64(),
    "seconds": pa.float64(),
    "seconds_read": pa.float64(),
    "face_quality": pa.float32(),
    "face_frames": pa.int32(),
    "face_size": pa.float32(),
    "faces_seen": pa.int32(),
    "face_steadiness": pa.float32(),
    "face_sharpness": pa.float32(),
    "voice_quality": pa.float32(),
    "voice_seconds": pa.float32(),
    "voice_snr": pa.float32(),
    "turns": pa.int32(),
    "person": pa.int32(),
}
COLUMN_NAMES = tuple(field.name for field in fields(FeatureRow))
COLUMNS: Columns = {
    name: None if name in ("face", "voice") else _NUMBERS.get(name, pa.string())
    for name in COLUMN_NAMES
}
"""Columns of the feature table."""

LATER = ("start", "end", "seconds", "seconds_read", "enrolled", "turn_of", "turns", "person")
"""Columns that tables of earlier versions lack. A new column whose default reads as null belongs here."""


def file_id(clip: str, turn_of: str | None, start: float | None, end: float | None) -> str:
    """Return the id of the file of a turn, by the turn's; a row of another kind keeps its id."""
    return clip if turn_of is None else clip.removesuffix(part_of_id(start, end))


def to_arrow(rows: Sequence[FeatureRow]) -> pa.Table:
    """Convert rows into a table. Raises UsageError where their vectors differ in length."""
    schema = pa.schema([(name, kind or _vector_type(rows, name)) for name, kind in COLUMNS.items()])
    return pa.table({n: [getattr(row, n) for row in rows] for n in COLUMN_NAMES}, schema=schema)


def rows_of(snapshot: Snapshot) -> Iterator[FeatureRow]:
    """Yield the rows of a snapshot in their order; all of them are read at once."""
    for batch in snapshot.table(COLUMN_NAMES).to_batches(max_chunksize=1024):
        for cells in batch.to_pylist():
            for name in ("face", "voice"):
                if cells[name] is not None:
                    cells[name] = np.asarray(cells[name], np.float32)
            cells["enrolled"] = bool(cells["enrolled"])
            yield FeatureRow(**cells)


def _vector_type(rows: Sequence[FeatureRow], name: str) -> pa.DataType:
    sizes = {len(vector) for row in rows if (vector := getattr(row, name)) is not None}
    if len(sizes) > 1:
        raise UsageError(f"{name} vectors of different dimensions in one table: {sorted(sizes)}.")
    return pa.list_(pa.float32(), sizes.pop()) if sizes else pa.null()
