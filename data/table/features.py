"""The feature table: embeddings of clips, kept in a folder of Parquet files.

Each part is written under a temporary name, flushed to the disk and renamed, so that a killed run
loses only the rows since its last part. Parts are read in the order of their numbers; a later row
of a clip overrides an earlier one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mraf.data.table.export import write_csv
from mraf.data.table.labels import FeatureArrays, FeatureLabels, StoredLabels
from mraf.data.table.lock import locked
from mraf.data.table.parts import IMPORTED, filling_command, next_part, parts_in, write_part
from mraf.data.table.row import COLUMN_NAMES, COLUMNS, LATER, FeatureRow, rows_of, to_arrow
from mraf.data.table.snapshot import Snapshot, by_language
from mraf.errors import MissingError, UsageError, choices
from mraf.fingerprint import readable

__all__ = ["MERGE_AT", "FeatureRow", "FeatureTable", "FeatureWriter", "rows_of"]

MERGE_AT = 32
"""Number of parts above which a finished run merges them."""


class FeatureTable:
    """A folder of Parquet files, which pandas, polars and DuckDB read too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return 0 if self.is_empty else len(self.snapshot())

    @property
    def is_empty(self) -> bool:
        """True where nothing has been extracted into this folder yet."""
        return not parts_in(self.folder)

    def snapshot(self) -> Snapshot:
        """Return the current rows; each column is read from disk where it is needed.

        Raises MissingError where there is no table, MrafError naming a part that cannot be read.
        """
        return Snapshot(self._parts(), COLUMNS, LATER)

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the current rows, one a clip, sorted by clip; all columns or some of them.

        Raises MissingError where there is no table, MrafError naming a part that cannot be read.
        """
        return self.snapshot().table(columns or COLUMN_NAMES)

    def rows(self) -> Iterator[FeatureRow]:
        """Return the current rows as `FeatureRow`."""
        return rows_of(self.snapshot())

    def labels(self, snapshot: Snapshot | None = None) -> StoredLabels:
        """Return the labels of all clips, or of those of a snapshot.

        Vectors stay on disk until `vectors` is called.
        """
        snapshot = self.snapshot() if snapshot is None else snapshot
        texts = ("clip", "speaker", "language", "recording", "source_hash")
        table = snapshot.table([*texts, "extractor", "face_reason", "voice_reason"])
        return StoredLabels(
            **{name: _texts(table[name]) for name in texts},
            face_present=np.asarray(pc.is_null(table["face_reason"])),
            voice_present=np.asarray(pc.is_null(table["voice_reason"])),
            extractors=tuple(sorted(pc.unique(table["extractor"]).to_pylist())),
            snapshot=snapshot,
        )

    def arrays(self) -> FeatureArrays:
        """Return labels and vectors of all clips."""
        labels = self.labels()
        everything = np.arange(len(labels))
        return FeatureArrays(
            **{field.name: getattr(labels, field.name) for field in fields(FeatureLabels)},
            face=labels.vectors("face", everything),
            voice=labels.vectors("voice", everything),
        )

    def summary(self, snapshot: Snapshot | None = None) -> dict[str, Any]:
        """Return counts of clips, speakers and so on, as `mraf features info --json` prints them.

        Of all clips, or of those of a snapshot.
        """
        texts = ["speaker", "language", "face_reason", "voice_reason", "extractor", "error"]
        names = ["clip", *texts, "person"]
        table = (self.snapshot() if snapshot is None else snapshot).table(names)

        def counts(name: str) -> dict[str, int]:
            found = pc.value_counts(pc.drop_null(table[name]).combine_chunks()).to_pylist()
            return {each["values"]: each["counts"] for each in found}

        return {
            "clips": table.num_rows,
            "turns": table.num_rows - table["person"].null_count,  # of these, of longer files
            "speakers": len(counts("speaker")),
            "languages": counts("language"),
            "face_missing": counts("face_reason"),
            "voice_missing": counts("voice_reason"),
            "failed": table.num_rows - table["error"].null_count,
            "extractors": {readable(made): n for made, n in counts("extractor").items()},
        }

    def export(self, file: Path | str) -> int:
        """Write the current rows, as they are stored, into one .csv or .parquet file.

        In CSV a vector is written as numbers with spaces between, and cells that a spreadsheet
        would run as a formula get an apostrophe before them. Returns the number of rows.

        Raises UsageError.
        """
        file = Path(file)
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
        except BaseException as error:  # half a table must not look like a whole one
            with suppress(OSError):
                file.unlink(missing_ok=True)
            if isinstance(error, OSError):
                reason = error.strerror or error
                raise UsageError(f"{file}: cannot be written ({reason}).") from None
            raise
        return len(snapshot)

    @contextmanager
    def writer(self, rows_a_part: int = 256, *, patience: float = 0.0) -> Iterator["FeatureWriter"]:
        """Append rows; all added rows are on disk when the block ends, by an error too.

        Another run that writes is waited for, for `patience` seconds.

        Raises UsageError where another run writes to this table, or the folder cannot be written.
        """
        with locked(self.folder, patience=patience):
            for stale in self.folder.glob("*.tmp"):
                stale.unlink()
            writer = FeatureWriter(self, rows_a_part)
            try:
                yield writer
            finally:
                writer.flush()
            if writer.dropped:
                rows = self.snapshot()
                gone = pc.is_in(rows.table(["clip"])["clip"], pa.array(writer.dropped, pa.string()))
                self._merge(rows.only(~np.asarray(gone)))
            elif len(parts_in(self.folder)) > MERGE_AT:
                # Merging saves time only: where the disk has no room for it, the parts stay.
                with suppress(UsageError):
                    self._merge()

    def rename(self, speakers: Mapping[str, str]) -> int:
        """Give the clips of some speakers another name, old to new. Returns the number of clips.

        Raises MissingError where there is no table, UsageError where another run writes to it.
        """
        self._parts()  # before the lock, which makes the folder
        with locked(self.folder):
            snapshot = self.snapshot()
            old = pa.array(list(speakers), pa.string())
            count = int(pc.sum(pc.is_in(snapshot.table(["speaker"])["speaker"], old)).as_py() or 0)
            if count:
                self._merge(snapshot, speakers)
        return count

    def remove(self, speaker: str) -> int:
        """Delete all clips of a speaker from all parts. Returns the number of clips.

        Raises UsageError where there is no such speaker, MissingError where there is no table.
        """
        count = self._delete("speaker", [speaker])
        if not count:
            names = pc.unique(self.read(["speaker"])["speaker"]).to_pylist()
            known = choices(speaker, sorted(filter(None, names)))
            raise UsageError(f"{self.folder}: no clip of '{speaker}' {known}")
        return count

    def drop(self, clips: Iterable[str], *, patience: float = 0.0) -> int:
        """Delete clips by their ids from all parts. Returns the number of clips.

        Another run that writes is waited for, for `patience` seconds. Raises MissingError where there is no
        table.
        """
        return self._delete("clip", clips, patience)

    def _delete(self, column: str, values: Iterable[str], patience: float = 0.0) -> int:
        self._parts()  # before the lock, which makes the folder
        with locked(self.folder, patience=patience):
            snapshot = self.snapshot()
            wanted = pa.array(list(values), pa.string())
            gone = np.asarray(pc.is_in(snapshot.table([column])[column], wanted))
            if gone.any():
                self._merge(snapshot.only(~gone))
        return int(gone.sum())

    def _parts(self) -> list[Path]:
        """Return the parts, at least one. Raises MissingError where there is none."""
        parts = parts_in(self.folder)
        if not parts:
            imported = any(self.folder.glob(IMPORTED))
            command = (
                f"{filling_command(self.folder)} again"
                if imported
                else "`mraf extract VIDEOS` first"
            )
            raise MissingError(
                f"{self.folder}: no features here {'any more' if imported else 'yet'}. Run {command} "
                "(or choose the workspace that has them with -w)."
            )
        return parts

    def _merge(
        self, rows: Snapshot | None = None, speakers: Mapping[str, str] | None = None
    ) -> None:
        """Write the current rows, or some of them, into one part and delete all other parts.

        `speakers` get other names, old to new.
        """
        # The merged part overrides the old ones, and these go oldest first: killed at any point in
        # between, the table reads the same. `replaces` is emptied: the rows that it names are gone,
        # and a clip with such an id may have come back since.
        parts = parts_in(self.folder)
        rows = self.snapshot() if rows is None else rows
        tables = (
            _renamed(
                _with(table, "replaces", pa.nulls(table.num_rows, pa.string())), speakers or {}
            )
            for table in by_language(rows.tables())
        )
        write_part(next_part(self.folder), rows.schema, tables)
        for part in parts:
            part.unlink()


class FeatureWriter:
    """Collects rows and writes them in parts; see `FeatureTable.writer`."""

    def __init__(self, table: FeatureTable, rows_a_part: int) -> None:
        self._table, self._rows_a_part = table, rows_a_part
        self._rows: list[FeatureRow] = []
        self.dropped: list[str] = []  # ids

    def drop(self, clip: str) -> None:
        """Delete the row of a clip, which is in the table, when the block ends without an error."""
        self.dropped.append(clip)

    def add(self, row: FeatureRow) -> None:
        """Add a row; it is written by `flush`, or as soon as a part is full."""
        self._rows.append(row)
        if len(self._rows) >= self._rows_a_part:
            self.flush()

    def add_together(self, rows: Sequence[FeatureRow]) -> None:
        """Add rows that are read together or not at all, whenever the run ends."""
        self._rows.extend(rows)
        if len(self._rows) >= self._rows_a_part:
            self.flush()

    def flush(self) -> None:
        """Write the rows added since the last part."""
        if self._rows:
            table = to_arrow(self._rows)
            write_part(next_part(self._table.folder), table.schema, [table])
            self._rows.clear()


def _with(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, column)


def _renamed(table: pa.Table, speakers: Mapping[str, str]) -> pa.Table:
    if not speakers:
        return table
    names = table["speaker"].combine_chunks()
    at = pc.index_in(names, pa.array(list(speakers), pa.string()))
    new = pc.take(pa.array(list(speakers.values()), pa.string()), at)
    return _with(table, "speaker", pc.coalesce(new, names))


def _texts(column: pa.ChunkedArray) -> list[Any]:
    """Return a column as a list in which equal texts are one object, which saves memory."""
    coded = column.combine_chunks().dictionary_encode()
    texts = [*coded.dictionary.to_pylist(), None]
    return [texts[i] for i in pc.fill_null(coded.indices, len(texts) - 1).to_pylist()]
