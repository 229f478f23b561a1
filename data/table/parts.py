"""One part of a feature table: a Parquet file whose pages carry checksums."""

import errno
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mraf.errors import MrafError, UsageError

ROWS_A_GROUP = 8192
"""Rows that are read and held at once; 23 MB of FaceNet and ECAPA vectors."""

IMPORTED = "_polysim-*.json"
"""Index files of imported clips, in the folder of their table (see `mraf.data.polysim.index`)."""

Columns = Mapping[str, pa.DataType | None]
"""Type of each column; None for vectors, which are fixed-size lists of float32.

A part in which no row has such a vector has a column of type null.
"""

_NAME = re.compile(r"part-(\d{6,})\.parquet")


class Part:
    """A part whose footer can be read and whose columns are as expected.

    Columns of `later` may be absent, as in a part of an earlier version: they are null there.

    Raises MrafError naming the file where it cannot be read, now or when its rows are.
    """

    def __init__(self, path: Path, columns: Columns, later: Collection[str] = ()) -> None:
        self.path = path
        with self._open() as file:
            self.schema = file.schema_arrow
            found = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        self.groups: list[int] = found  # rows of each row group
        problem = _schema_problem(self.schema, columns, later)
        if problem and columns.keys() < set(self.schema.names):
            raise MrafError(
                f"{path}: a later version of mraf seems to have written this part of the feature table "
                f"({problem}). Upgrade mraf, or extract into a new workspace (-w)."
            )
        if problem:
            raise _damaged(path, problem)
        self._absent = {name: columns[name] for name in later if name not in self.schema.names}

    def batches(
        self, columns: Sequence[str], groups: Iterable[int]
    ) -> Iterator[tuple[int, pa.Table]]:
        """Yield rows of some row groups, at most `ROWS_A_GROUP` at a time, each with its first row."""
        # At least one column is read, which says how many rows there are.
        stored = [name for name in columns if name not in self._absent] or ["clip"]
        with self._open() as file:
            for group in groups:
                start = sum(self.groups[:group])
                for batch in file.iter_batches(ROWS_A_GROUP, [group], stored):
                    yield start, self._completed(pa.Table.from_batches([batch]), columns)
                    start += batch.num_rows
                # pyarrow skips a page whose header is damaged, as one of an unknown kind.
                if start != sum(self.groups[: group + 1]):
                    raise ValueError(f"row group {group} lacks some of its rows")

    def _completed(self, table: pa.Table, columns: Sequence[str]) -> pa.Table:
        for name in columns:
            if name in self._absent:
                table = table.append_column(name, pa.nulls(table.num_rows, self._absent[name]))
        return table.select(columns)

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            if not self.path.exists():
                raise FileNotFoundError
            if not self.path.is_file():
                raise ValueError("it is not a file")
            with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
                yield file
        except FileNotFoundError:
            raise MrafError(
                f"{self.path}: another run has merged the parts of this table meanwhile. "
                "Run the command again."
            ) from None
        except (pa.ArrowException, OSError, KeyError, ValueError, MemoryError) as error:
            if reason := _machine_problem(error):
                raise MrafError(
                    f"{self.path}: this part of the feature table cannot be read now ({reason}). "
                    "The file itself is probably sound: keep the file, mend the cause and run the "
                    "command again."
                ) from None
            raise _damaged(self.path, str(error)) from None


def parts_in(folder: Path) -> list[Path]:
    """Return the parts in a folder by number: rows of a later part override those of an earlier one."""
    if not folder.is_dir():
        return []
    found = [(int(m[1]), p) for p in folder.iterdir() if (m := _NAME.fullmatch(p.name))]
    return [path for _, path in sorted(found)]


def next_part(folder: Path) -> Path:
    """Return the path of a new part after the last one."""
    parts = parts_in(folder)
    last = int(_NAME.fullmatch(parts[-1].name)[1]) if parts else 0  # type: ignore[index]
    return folder / f"part-{last + 1:06d}.parquet"


def write_part(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write a part, each table as a row group of its own; it appears whole or not at all.

    Raises UsageError where it cannot be written.
    """
    temporary = path.with_suffix(".tmp")
    try:
        _write_file(temporary, schema, tables)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise UsageError(
            f"{path.parent}: the features cannot be written ({error.strerror or error}). Free some "
            "room or name another workspace (-w); clips that were written before stay."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def filling_command(folder: Path) -> str:
    """Return the command that fills the table of a folder, for messages."""
    indexes = sorted(folder.glob(IMPORTED))
    if not indexes:
        return "`mraf extract`"
    versions = (path.stem.removeprefix("_polysim-") for path in indexes)
    return " and ".join(f"`mraf polysim import ROOT --version {each}`" for each in versions)


def _write_file(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    # A dictionary of vectors would be as long as the vectors.
    texts = [field.name for field in schema if field.type == pa.string()]
    options = {"compression": "zstd", "use_dictionary": texts, "write_page_checksum": True}
    with path.open("wb") as file:
        with pq.ParquetWriter(file, schema, **options) as writer:
            for table in tables:
                writer.write_table(table.cast(schema), row_group_size=ROWS_A_GROUP)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where the system can do that for folders."""
    with suppress(OSError):  # Windows and some network drives cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _schema_problem(schema: pa.Schema, columns: Columns, later: Collection[str]) -> str | None:
    unknown = [name for name in schema.names if name not in columns]
    absent = sorted(columns.keys() - set(schema.names) - set(later))
    if unknown or absent or len(set(schema.names)) < len(schema.names):
        return f"unknown columns: {', '.join(unknown) or 'none'}; absent: {', '.join(absent) or 'none'}"
    for field in schema:
        expected: Any = columns[field.name]
        fits = field.type == expected
        if expected is None:
            expected = "fixed_size_list<float>"
            is_list = pa.types.is_fixed_size_list(field.type) and field.type.list_size > 0
            fits = field.type == pa.null() or (is_list and field.type.value_type == pa.float32())
        if not fits:
            return f"column '{field.name}' is {field.type}, expected {expected}"
    return None


def _damaged(path: Path, reason: str) -> MrafError:
    first_line = (reason.splitlines() or ["no reason given"])[0]
    return MrafError(
        f"{path}: this part of the feature table cannot be read ({first_line}). Remove the file and "
        f"run {filling_command(path.parent)} again: only the clips of this part are extracted anew."
    )


def _machine_problem(error: Exception) -> str | None:
    """Return why the machine could not read a file; None where the file itself is at fault."""
    if isinstance(error, MemoryError):  # pyarrow's own error is a MemoryError too
        return "there is too little memory"
    # pyarrow raises OSError without a number for damage, and EINVAL for a damaged offset.
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        assert error.errno is not None
        return os.strerror(error.errno)
    return None
