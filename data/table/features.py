"""The feature table: embeddings of clips, kept in a folder of Parquet files.

Each part is written under a temporary name, flushed to the disk and renamed, so that a killed run
loses at most the part in hand. Parts are read in the order of their names; a later row of a clip
takes the place of an earlier one.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mraf.data.table.export import write_csv
from mraf.data.table.labels import FeatureArrays, FeatureLabels, StoredLabels
from mraf.data.table.lock import locked
from mraf.data.table.parts import IMPORTED, Columns, maker, next_part, parts_in, write_part
from mraf.data.table.snapshot import Snapshot, by_language
from mraf.errors import MissingError, UsageError, choices
from mraf.fingerprint import readable

MERGE_AT = 32
"""How many parts a table may have before a finished run merges them."""


@dataclass(frozen=True, eq=False)
class FeatureRow:
    """What is known of one clip. A vector is None where nothing was found, and a reason says why."""

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
    voice_seconds: float = 0.0  # speech that was heard, pauses left out
    voice_snr: float | None = None  # dB, speech over what is heard between it
    error: str | None = None  # why the clip could not be read at all
    note: str | None = None  # why its picture or its sound could not be decoded, the other could
    replaces: str | None = None  # id under which the same file stood before it was moved

    def __post_init__(self) -> None:
        for name in ("face", "voice"):
            vector, reason = getattr(self, name), getattr(self, f"{name}_reason")
            if (vector is None) == (reason is None):
                raise ValueError(f"{self.clip}: {name} needs a vector or a reason, and not both")
            if vector is not None and (vector.ndim != 1 or vector.dtype != np.float32):
                raise ValueError(f"{self.clip}: {name} must be [D] float32, is {vector.dtype}")
            if vector is not None and not (np.isfinite(vector).all() and vector.any()):
                raise ValueError(f"{self.clip}: {name} must be finite and not all zero")


class FeatureTable:
    """A folder of Parquet parts; pandas, polars and DuckDB read them as they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return 0 if self.is_empty else len(self.snapshot())

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been extracted into this folder yet."""
        return not parts_in(self.folder)

    def snapshot(self) -> Snapshot:
        """The rows that count now; their columns are read when they are asked for.

        Raises MissingError where there is no table, MrafError naming a part that cannot be read.
        """
        return Snapshot(self._parts(), _columns())

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The current rows, one a clip, sorted by clip; all columns or some of them.

        Raises MissingError where there is no table, MrafError naming a part that cannot be read.
        """
        return self.snapshot().table(columns or SCHEMA_NAMES)

    def rows(self, clips: Iterable[str] | None = None) -> Iterator[FeatureRow]:
        """Current rows as `FeatureRow`; all, or those with the ids given."""
        snapshot = self.snapshot()
        if clips is not None:
            wanted = pa.array(list(clips), pa.string())
            snapshot = snapshot.only(np.asarray(pc.is_in(snapshot.table(["clip"])["clip"], wanted)))
        return rows_of(snapshot)

    def labels(self) -> StoredLabels:
        """The labels of all clips; vectors are read when they are asked for."""
        names = ["clip", "speaker", "language", "recording", "source_hash", "extractor"]
        snapshot = self.snapshot()
        table = snapshot.table([*names, "face_reason", "voice_reason"])
        clip, speaker, language, recording, digest = (_texts(table[name]) for name in names[:-1])
        face, voice = (np.asarray(pc.is_null(table[f"{n}_reason"])) for n in ("face", "voice"))
        made = tuple(sorted(pc.unique(table["extractor"]).to_pylist()))
        return StoredLabels(clip, speaker, language, recording, digest, face, voice, made, snapshot)

    def arrays(self) -> FeatureArrays:
        """Labels and vectors of all clips."""
        labels = self.labels()
        texts = [getattr(labels, field.name) for field in fields(FeatureLabels)]
        everything = np.arange(len(labels))
        return FeatureArrays(*texts, *(labels.vectors(n, everything) for n in ("face", "voice")))

    def summary(self) -> dict[str, Any]:
        """Counts of what the table holds, as `mraf features info --json` prints them."""
        names = ["clip", "speaker", "language", "face_reason", "voice_reason", "extractor", "error"]
        table = self.read(names)

        def counts(name: str) -> dict[str, int]:
            found = pc.value_counts(pc.drop_null(table[name]).combine_chunks()).to_pylist()
            return {each["values"]: each["counts"] for each in found}

        return {
            "clips": table.num_rows,
            "speakers": len(counts("speaker")),
            "languages": counts("language"),
            "face_missing": counts("face_reason"),
            "voice_missing": counts("voice_reason"),
            "failed": table.num_rows - table["error"].null_count,
            "extractors": {readable(made): n for made, n in counts("extractor").items()},
        }

    def export(self, file: Path) -> int:
        """Write the current rows, as they are stored, into one .csv or .parquet file.

        In CSV a vector is written as numbers with spaces between, and cells that a spreadsheet
        would run as a formula get an apostrophe before them. Returns the number of rows.

        Raises UsageError.
        """
        if file.suffix not in (".csv", ".parquet"):
            raise UsageError(f"{file}: name a .csv or .parquet file to export to.")
        if file.exists():
            raise UsageError(f"{file}: is there already; name a new file.")
        snapshot = self.snapshot()
        try:
            if file.suffix == ".parquet":
                with pq.ParquetWriter(file, snapshot.schema, compression="zstd") as writer:
                    for table in snapshot.tables():
                        writer.write_table(table)
            else:
                write_csv(snapshot.schema.names, snapshot.tables(), file)
        except BaseException as error:  # half a table must not pass as one
            with suppress(OSError):
                file.unlink(missing_ok=True)
            if isinstance(error, OSError):
                said = error.strerror or error
                raise UsageError(f"{file}: cannot be written ({said}).") from None
            raise
        return len(snapshot)

    @contextmanager
    def writer(self, rows_a_part: int = 256) -> Iterator["FeatureWriter"]:
        """Append rows; what was added is on the disk when the block ends, however it ends.

        Raises UsageError where another run writes to this table, or the folder cannot be written.
        """
        with locked(self.folder):
            for stale in self.folder.glob("*.tmp"):
                stale.unlink()
            writer = FeatureWriter(self, rows_a_part)
            try:
                yield writer
            finally:
                writer.flush()
            if len(parts_in(self.folder)) > MERGE_AT:
                # Where there is no room for it, the parts do as well.
                with suppress(UsageError):
                    self._merge()

    def remove(self, speaker: str) -> int:
        """Forget a speaker: no part holds their clips any more. Returns how many there were.

        Raises UsageError where there is no such speaker, MissingError where there is no table.
        """
        self._parts()  # before the lock, which would make the folder
        with locked(self.folder):
            snapshot = self.snapshot()
            names = snapshot.table(["speaker"])["speaker"]
            theirs = np.asarray(pc.fill_null(pc.equal(names, speaker), False))
            if not theirs.any():
                known = sorted(name for name in pc.unique(names).to_pylist() if name)
                raise UsageError(f"{self.folder}: no clip of '{speaker}' {choices(speaker, known)}")
            self._merge(snapshot.only(~theirs))
        return int(theirs.sum())

    def drop(self, clips: Iterable[str]) -> int:
        """Forget clips by their ids: no part holds them any more. Returns how many there were.

        Raises MissingError where there is no table.
        """
        self._parts()
        with locked(self.folder):
            snapshot = self.snapshot()
            ids = pa.array(list(clips), pa.string())
            gone = np.asarray(pc.is_in(snapshot.table(["clip"])["clip"], ids))
            if gone.any():
                self._merge(snapshot.only(~gone))
        return int(gone.sum())

    def _parts(self) -> list[Path]:
        """The parts, at least one; raises MissingError where there is none."""
        parts = parts_in(self.folder)
        if not parts:
            imported = any(self.folder.glob(IMPORTED))
            first = f"{maker(self.folder)} again" if imported else "`mraf extract VIDEOS` first"
            raise MissingError(
                f"{self.folder}: no features here {'any more' if imported else 'yet'}. Run {first} "
                "(or choose the workspace that has them with -w)."
            )
        return parts

    def _merge(self, rows: Snapshot | None = None) -> None:
        """Put the current rows, or some of them, into one part in place of all others."""
        # The merged part is read after the old ones, and these go oldest first: killed at any
        # point in between, the table reads the same. The merged rows replace nobody: what they
        # replaced is gone, and may have come back since.
        parts = parts_in(self.folder)
        rows = self.snapshot() if rows is None else rows
        index = rows.schema.get_field_index("replaces")
        tables = (
            table.set_column(index, "replaces", pa.nulls(table.num_rows, pa.string()))
            for table in by_language(rows.tables())
        )
        write_part(next_part(self.folder), rows.schema, tables)
        for part in parts:
            part.unlink()


class FeatureWriter:
    """Collects rows and writes them in parts; made by `FeatureTable.writer`."""

    def __init__(self, table: FeatureTable, rows_a_part: int) -> None:
        self._table, self._rows_a_part = table, rows_a_part
        self._rows: list[FeatureRow] = []

    def add(self, row: FeatureRow) -> None:
        """Take a row; it is on the disk after `flush`, or when enough rows have come together."""
        self._rows.append(row)
        if len(self._rows) >= self._rows_a_part:
            self.flush()

    def flush(self) -> None:
        """Write what has been added since the last part."""
        if self._rows:
            table = _to_table(self._rows)
            write_part(next_part(self._table.folder), table.schema, [table])
            self._rows.clear()


def rows_of(snapshot: Snapshot) -> Iterator[FeatureRow]:
    """The rows of a snapshot, in order; all of them are read at once."""
    for batch in snapshot.table(SCHEMA_NAMES).to_batches(max_chunksize=1024):
        for row in batch.to_pylist():
            yield _from_dict(row)


_TYPES: dict[str, pa.DataType] = {
    "face_quality": pa.float32(),
    "face_size": pa.float32(),
    "voice_quality": pa.float32(),
    "voice_seconds": pa.float32(),
    "face_frames": pa.int32(),
    "faces_seen": pa.int32(),
    "face_steadiness": pa.float32(),
    "face_sharpness": pa.float32(),
    "voice_snr": pa.float32(),
}
SCHEMA_NAMES = tuple(field.name for field in fields(FeatureRow))


def _schema(face_dim: int, voice_dim: int) -> pa.Schema:
    vectors = {
        "face": pa.list_(pa.float32(), face_dim) if face_dim else pa.null(),
        "voice": pa.list_(pa.float32(), voice_dim) if voice_dim else pa.null(),
    }
    return pa.schema([(n, vectors.get(n) or _TYPES.get(n, pa.string())) for n in SCHEMA_NAMES])


def _columns() -> Columns:
    """What the parts hold. One that was written before a column was added lacks it."""
    types = {name: _TYPES.get(name, pa.string()) for name in SCHEMA_NAMES}
    needed = [field.name for field in fields(FeatureRow) if field.default is MISSING]
    vectors = dict.fromkeys(("face", "voice"))
    return Columns(types | vectors, frozenset([*needed, *vectors, "face_reason", "voice_reason"]))


def _to_table(rows: Sequence[FeatureRow]) -> pa.Table:
    def dim(name: str) -> int:
        sizes = {len(v) for row in rows if (v := getattr(row, name)) is not None}
        if len(sizes) > 1:
            raise UsageError(
                f"{name} vectors of different dimensions in one table: {sorted(sizes)}."
            )
        return sizes.pop() if sizes else 0

    columns = {name: [getattr(row, name) for row in rows] for name in SCHEMA_NAMES}
    return pa.table(columns, schema=_schema(dim("face"), dim("voice")))


def _from_dict(row: dict[str, Any]) -> FeatureRow:
    for name in ("face", "voice"):
        if row[name] is not None:
            row[name] = np.asarray(row[name], np.float32)
    # A column that the part lacks reads as null, whatever the field's default.
    return FeatureRow(**{name: value for name, value in row.items() if value is not None})


def _texts(column: pa.ChunkedArray) -> list[Any]:
    """A column as a list in which equal texts are one object."""
    coded = column.combine_chunks().dictionary_encode()
    texts = [*coded.dictionary.to_pylist(), None]
    return [texts[i] for i in pc.fill_null(coded.indices, len(texts) - 1).to_pylist()]
