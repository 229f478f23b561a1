"""The feature table: embeddings of clips, kept in a folder of Parquet files.

Each part is written under a temporary name, flushed to the disk and renamed, so that a killed run
loses at most the part in hand. Parts are read in the order of their names; a later row of a clip
takes the place of an earlier one.
"""

import fcntl
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.spreadsheet import write_csv
from mraf.errors import MissingError, MrafError, UsageError, choices

MERGE_AT = 32
"""How many parts a table may have before a finished run merges them."""

IMPORTED = "_polysim-*.json"
"""What lies beside a table whose clips were imported, see `data.polysim`."""

_PART = re.compile(r"part-(\d{6})\.parquet")


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
    voice_seconds: float = 0.0  # speech that was embedded
    voice_snr: float | None = None  # dB, speech over what is heard between it
    error: str | None = None  # why the clip could not be read at all
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


@dataclass(frozen=True)
class FeatureArrays:
    """The table as arrays, one entry a clip, in the order of the clips' ids.

    Rows of `face` and `voice` without a vector are zero and must be ignored: `*_present` decides.
    """

    clip: list[str]
    speaker: list[str | None]
    language: list[str | None]
    recording: list[str | None]
    source_hash: list[str]  # of the clip's content
    face: np.ndarray  # [N, Df] float32; Df = 0 where no clip has a face
    face_present: np.ndarray  # [N] bool
    voice: np.ndarray  # [N, Dv] float32
    voice_present: np.ndarray  # [N] bool
    extractors: tuple[str, ...]  # fingerprints that occur, sorted

    def __len__(self) -> int:
        return len(self.clip)


class FeatureTable:
    """A folder of Parquet parts; pandas, polars and DuckDB read them as they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return 0 if self.is_empty else self.read(["clip"]).num_rows

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been extracted into this folder yet."""
        return not self._parts()

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The current rows, one a clip, sorted by clip; all columns or some of them.

        Raises MissingError where there is no table, MrafError naming a part that cannot be read.
        """
        parts = self._parts()
        if not parts:
            imported = any(self.folder.glob(IMPORTED))
            first = f"{_maker(self.folder)} again" if imported else "`mraf extract VIDEOS` first"
            raise MissingError(
                f"{self.folder}: no features here {'any more' if imported else 'yet'}. Run {first} "
                "(or choose the workspace that has them with -w)."
            )
        wanted = list(dict.fromkeys([*(columns or SCHEMA_NAMES), "clip", "replaces"]))
        tables = [_read_part(part, wanted) for part in parts]
        table = pa.concat_tables(_unify(tables), promote_options="permissive")
        table = _current(table)
        return table.select(list(columns)) if columns else table

    def rows(self, clips: Iterable[str] | None = None) -> Iterator[FeatureRow]:
        """Current rows as `FeatureRow`; all, or those with the ids given."""
        table = self.read()
        if clips is not None:
            table = table.filter(pc.is_in(table["clip"], pa.array(list(clips), pa.string())))
        for batch in table.to_batches(max_chunksize=1024):
            for row in batch.to_pylist():
                yield _from_dict(row)

    def arrays(self, languages: Iterable[str] | None = None) -> FeatureArrays:
        """The vectors and labels, of all clips or of those in some languages."""
        names = ["clip", "speaker", "language", "recording", "source_hash"]
        names += ["face", "voice", "extractor"]
        table = self.read(names)
        if languages is not None:
            table = table.filter(
                pc.is_in(table["language"], pa.array(list(languages), pa.string()))
            )
        face, face_present = _matrix(table["face"], self.folder, "face")
        voice, voice_present = _matrix(table["voice"], self.folder, "voice")
        return FeatureArrays(
            table["clip"].to_pylist(),
            table["speaker"].to_pylist(),
            table["language"].to_pylist(),
            table["recording"].to_pylist(),
            table["source_hash"].to_pylist(),
            face,
            face_present,
            voice,
            voice_present,
            tuple(sorted(set(table["extractor"].to_pylist()))),
        )

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
            "extractors": counts("extractor"),
        }

    def export(self, file: Path) -> int:
        """Write the current rows into one .csv or .parquet file; returns their number.

        In CSV a vector is written as numbers with spaces between, and cells that a spreadsheet
        would run as a formula get an apostrophe before them. Raises UsageError.
        """
        table = self.read()
        if file.suffix not in (".csv", ".parquet"):
            raise UsageError(f"{file}: name a .csv or .parquet file to export to.")
        if file.exists():
            raise UsageError(f"{file}: is there already; name a new file.")
        try:
            if file.suffix == ".parquet":
                pq.write_table(table, file, compression="zstd")
            else:
                write_csv(table, file)
        except OSError as error:
            raise UsageError(f"{file}: cannot be written ({error.strerror or error}).") from None
        return table.num_rows

    @contextmanager
    def writer(self, rows_a_part: int = 256) -> Iterator["FeatureWriter"]:
        """Append rows; what was added is on the disk when the block ends, however it ends.

        Raises UsageError where another run writes to this table, or the folder cannot be written.
        """
        with _lock(self.folder):
            for stale in self.folder.glob("*.tmp"):
                stale.unlink()
            writer = FeatureWriter(self, rows_a_part)
            try:
                yield writer
            finally:
                writer.flush()
            if len(self._parts()) > MERGE_AT:
                self._merge()

    def _parts(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if _PART.fullmatch(path.name))

    def _next_part(self) -> Path:
        parts = self._parts()
        last = int(_PART.fullmatch(parts[-1].name)[1]) if parts else 0  # type: ignore[index]
        return self.folder / f"part-{last + 1:06d}.parquet"

    def remove(self, speaker: str) -> int:
        """Forget a speaker: no part holds their clips any more. Returns how many there were.

        Raises UsageError where there is no such speaker.
        """
        with _lock(self.folder):
            table = self.read()
            theirs = pc.fill_null(pc.equal(table["speaker"], speaker), False)
            count = pc.sum(theirs).as_py() or 0
            if not count:
                known = sorted(name for name in set(table["speaker"].to_pylist()) if name)
                raise UsageError(f"{self.folder}: no clip of '{speaker}' {choices(speaker, known)}")
            self._merge(table.filter(pc.invert(theirs)))
        return count

    def drop(self, clips: Iterable[str]) -> int:
        """Forget clips by their ids: no part holds them any more. Returns how many there were."""
        with _lock(self.folder):
            table = self.read()
            gone = pc.is_in(table["clip"], pa.array(list(clips), pa.string()))
            count = pc.sum(gone).as_py() or 0
            if count:
                self._merge(table.filter(pc.invert(gone)))
        return count

    def _merge(self, table: pa.Table | None = None) -> None:
        """Put the current rows, or those of `table`, into one part in place of all others."""
        # The merged part is read after the old ones, and these go oldest first: killed at any
        # point in between, the table reads the same. The merged rows replace nobody: what they
        # replaced is gone, and may have come back since.
        parts = self._parts()
        table = self.read() if table is None else table
        index = table.schema.get_field_index("replaces")
        nobody = pa.nulls(table.num_rows, pa.string())
        _write_part(self._next_part(), table.set_column(index, "replaces", nobody))
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
            _write_part(self._table._next_part(), _to_table(self._rows))
            self._rows.clear()


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
_LATER = frozenset({"faces_seen", "face_steadiness", "face_sharpness", "voice_snr"})
"""Columns that tables of earlier versions lack; read as null there."""
SCHEMA_NAMES = tuple(field.name for field in fields(FeatureRow))


def _schema(face_dim: int, voice_dim: int) -> pa.Schema:
    vectors = {
        "face": pa.list_(pa.float32(), face_dim) if face_dim else pa.null(),
        "voice": pa.list_(pa.float32(), voice_dim) if voice_dim else pa.null(),
    }
    return pa.schema([(n, vectors.get(n) or _TYPES.get(n, pa.string())) for n in SCHEMA_NAMES])


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
    return FeatureRow(**row)


def _read_part(path: Path, columns: list[str]) -> pa.Table:
    try:
        absent = _LATER.difference(pq.read_schema(path).names)
        there = [name for name in columns if name not in absent]
        table = pq.read_table(path, columns=there, partitioning=None)
        for name in (name for name in columns if name in absent):
            table = table.append_column(name, pa.nulls(table.num_rows, _TYPES[name]))
        return table.select(columns)
    except (pa.ArrowException, OSError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise MrafError(
            f"{path}: this part of the feature table cannot be read ({reason}). "
            f"Remove the file and run {_maker(path.parent)} again: only its clips are made anew."
        ) from None


def _maker(folder: Path) -> str:
    """The command that fills the table of a folder."""
    indexes = sorted(folder.glob(IMPORTED))
    if not indexes:
        return "`mraf extract`"
    versions = (path.stem.removeprefix("_polysim-") for path in indexes)
    return " and ".join(f"`mraf polysim import ROOT --version {each}`" for each in versions)


def _unify(tables: list[pa.Table]) -> list[pa.Table]:
    """Give parts without any face or voice the list type that the others have."""
    for name in ("face", "voice"):
        types = {t.schema.field(name).type for t in tables if name in t.schema.names}
        types.discard(pa.null())
        if len(types) > 1:
            sizes = sorted(t.list_size for t in types if pa.types.is_fixed_size_list(t))
            raise MrafError(
                f"The feature table holds {name} vectors of different dimensions ({sizes}), made by "
                "different encoders. Extract into a new workspace."
            )
        if types:
            kind = types.pop()
            tables = [_cast_null(table, name, kind) for table in tables]
    return tables


def _cast_null(table: pa.Table, name: str, kind: pa.DataType) -> pa.Table:
    index = table.schema.get_field_index(name)
    if index < 0 or table.schema.field(index).type != pa.null():
        return table
    return table.set_column(index, pa.field(name, kind), pa.nulls(table.num_rows, kind))


def _current(table: pa.Table) -> pa.Table:
    """The last row of each clip, without clips that a later row replaces, sorted by clip."""
    order = pa.array(np.arange(table.num_rows))
    keys = pa.table({"clip": table["clip"], "row": order})
    last = keys.group_by("clip").aggregate([("row", "max")])
    replaced = pc.drop_null(table["replaces"])
    if len(replaced):
        by = table.append_column("row", order).filter(pc.is_valid(table["replaces"]))
        gone = dict(zip(by["replaces"].to_pylist(), by["row"].to_pylist(), strict=True))
        keep = [gone.get(c, -1) < r for c, r in zip(*last.to_pydict().values(), strict=True)]
        last = last.filter(pa.array(keep))
    return table.take(last.sort_by("clip")["row_max"])


def _matrix(column: pa.ChunkedArray, folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    present = np.asarray(pc.is_valid(column))
    if not present.any():
        return np.zeros((len(column), 0), np.float32), present
    dim = column.type.list_size
    flat = pc.list_flatten(pc.drop_null(column))
    matrix = np.zeros((len(column), dim), np.float32)
    matrix[present] = np.asarray(flat, np.float32).reshape(-1, dim)
    if not np.isfinite(matrix).all():
        raise MrafError(f"{folder}: some {name} vectors hold NaN or infinity; extract them again.")
    return matrix, present


def _write_part(path: Path, table: pa.Table) -> None:
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise UsageError(
            f"{path.parent}: the features cannot be written ({error.strerror or error}). Free some "
            "room or name another workspace (-w); clips that were written before stay."
        ) from None


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / ".lock").open("w")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to ({error.strerror}).") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"{folder}: another `mraf extract` is writing here. Wait for it, or use another workspace."
            ) from None
        yield
