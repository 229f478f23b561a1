"""One part of a feature table: a Parquet file that says whether it is whole.

Parquet's own checksums cover the pages, and so the values. What they leave out, the footer with the
schema and the places of the pages, has one of ours just before it, where other readers do not look:

    PAR1, pages, [CRC-32 of the footer, 4 bytes][SEAL, 8 bytes], footer, length of the footer, PAR1

The footer also holds the part's own number, because a later part overrides an earlier one: a file
that was given the name of another would change which rows count. Parts of older versions have none
of this and are read as they are.
"""

import errno
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mraf.errors import MrafError, UsageError

ROWS_A_GROUP = 8192
"""Rows that are read and held at once; 23 MB of FaceNet and ECAPA vectors."""

IMPORTED = "_polysim-*.json"
"""What lies beside a table whose clips were imported, see `mraf.data.polysim.index`."""

SEAL = b"mrafsum1"
_NUMBER = b"mraf.part"
_NAME = re.compile(r"part-(\d{6,})\.parquet")
_TAIL = 8  # length of the footer and PAR1


@dataclass(frozen=True)
class Columns:
    """What the parts of a table hold. A part may lack columns that are not required."""

    types: Mapping[str, pa.DataType | None]  # None: vectors, fixed-size lists of float32
    required: frozenset[str]

    @property
    def vectors(self) -> list[str]:
        """The columns of vectors; their type is null in a part where no row has one."""
        return [name for name, kind in self.types.items() if kind is None]


class Part:
    """A part that has been opened and whose schema and footer were found in order.

    Raises MrafError naming the file where it cannot be read, now or when its rows are.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self.path = path
        with self._open() as file:
            self.schema = file.schema_arrow
            found = [file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)]
        self.groups: list[int] = found  # rows of each row group
        odd = _oddity(self.schema, columns)
        if odd:
            raise _refused(path, odd)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(self.groups)

    def batches(
        self, columns: Sequence[str], groups: Iterable[int]
    ) -> Iterator[tuple[int, pa.Table]]:
        """Rows of some row groups, at most `ROWS_A_GROUP` at a time, and the number of the first.

        Columns that the part lacks are left out.
        """
        names = [name for name in columns if name in self.schema.names]
        with self._open() as file:
            for group in groups:
                start = sum(self.groups[:group])
                for batch in file.iter_batches(ROWS_A_GROUP, [group], names):
                    yield start, pa.Table.from_batches([batch])
                    start += batch.num_rows
                # A page whose header is damaged is passed over as one of an unknown kind.
                if start != sum(self.groups[: group + 1]):
                    raise ValueError(f"row group {group} lacks some of its rows")

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            if not self.path.exists():
                raise FileNotFoundError
            if not self.path.is_file():
                raise ValueError("it is not a file")
            with self.path.open("rb") as raw:
                is_sealed = _check_footer(raw)
            with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
                number = (file.schema_arrow.metadata or {}).get(_NUMBER)
                _check_number(self.path, number, is_sealed)
                yield file
        except FileNotFoundError:
            raise MrafError(
                f"{self.path}: another run has merged the parts of this table meanwhile. "
                "Run the command again."
            ) from None
        except (pa.ArrowException, OSError, KeyError, ValueError, MemoryError) as error:
            if hindered := _hindrance(error):
                raise _not_now(self.path, hindered) from None
            raise _refused(self.path, str(error)) from None


def parts_in(folder: Path) -> list[Path]:
    """The parts in a folder, in the order in which they count."""
    if not folder.is_dir():
        return []
    found = [(int(m[1]), p) for p in folder.iterdir() if (m := _NAME.fullmatch(p.name))]
    return [path for _, path in sorted(found)]


def next_part(folder: Path) -> Path:
    """The name of the part after the last."""
    parts = parts_in(folder)
    last = int(_NAME.fullmatch(parts[-1].name)[1]) if parts else 0  # type: ignore[index]
    return folder / f"part-{last + 1:06d}.parquet"


def write_part(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    """Write a part, each table as a row group of its own; it appears whole or not at all.

    Raises UsageError where it cannot be written.
    """
    temporary = path.with_suffix(".tmp")
    try:
        _write_file(temporary, schema.with_metadata({_NUMBER: _number(path)}), tables)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise UsageError(
            f"{path.parent}: the features cannot be written ({error.strerror or error}). Free some "
            "room or name another workspace (-w); clips that were written before stay."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)


def maker(folder: Path) -> str:
    """The command that fills the table of a folder, for messages."""
    indexes = sorted(folder.glob(IMPORTED))
    if not indexes:
        return "`mraf extract`"
    versions = (path.stem.removeprefix("_polysim-") for path in indexes)
    return " and ".join(f"`mraf polysim import ROOT --version {each}`" for each in versions)


def _write_file(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    # A dictionary of vectors would be as long as the vectors.
    texts = [field.name for field in schema if field.type == pa.string()]
    options = {"compression": "zstd", "use_dictionary": texts, "write_page_checksum": True}
    with path.open("w+b") as file:
        with pq.ParquetWriter(file, schema, **options) as writer:
            for table in tables:
                writer.write_table(table.cast(schema), row_group_size=ROWS_A_GROUP)
        _seal(file)
        file.flush()
        os.fsync(file.fileno())


def _seal(file: Any) -> None:
    start, footer = _footer(file)
    file.seek(start)
    tail = file.read()
    file.seek(start)
    file.write(_crc(footer) + SEAL + tail)


def _check_footer(file: Any) -> bool:
    """Whether the part carries a checksum of its footer; raises ValueError where it is wrong."""
    start, footer = _footer(file)
    length = 4 + len(SEAL)
    if start < length:
        return False
    file.seek(start - length)
    found = file.read(length)
    if found[4:] != SEAL:
        return False
    if found[:4] != _crc(footer):
        raise ValueError("its footer does not match its checksum")
    return True


def _footer(file: Any) -> tuple[int, bytes]:
    """Where the footer begins, and what it holds."""
    size = file.seek(0, os.SEEK_END)
    if size < _TAIL:
        raise ValueError(f"it has {size} bytes and is no Parquet file")
    file.seek(size - _TAIL)
    tail = file.read(_TAIL)
    start = size - _TAIL - int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1" or start < 0:
        raise ValueError("it is cut off, or no Parquet file")
    file.seek(start)
    return start, file.read(size - _TAIL - start)


def _check_number(path: Path, number: bytes | None, is_sealed: bool) -> None:
    if is_sealed != (number is not None):
        raise ValueError("its checksum is gone")
    if number is not None and number != _number(path).encode():
        raise ValueError(f"it was written as part {number.decode()} and has been renamed")


def _number(path: Path) -> str:
    match = _NAME.fullmatch(path.name)
    assert match is not None
    return match[1]


def _oddity(schema: pa.Schema, columns: Columns) -> str | None:
    """What is wrong with the columns of a part."""
    wanted: Any
    unknown = [name for name in schema.names if name not in columns.types]
    absent = sorted(columns.required - set(schema.names))
    if unknown or absent or len(set(schema.names)) < len(schema.names):
        return f"unknown columns: {', '.join(unknown) or 'none'}; absent: {', '.join(absent) or 'none'}"
    for field in schema:
        if field.name in columns.vectors:
            listed = pa.types.is_fixed_size_list(field.type) and field.type.list_size > 0
            fits = field.type == pa.null() or (listed and field.type.value_type == pa.float32())
            wanted = "fixed_size_list<float>"
        else:
            wanted = columns.types[field.name]
            fits = field.type == wanted
        if not fits:
            return f"column '{field.name}' is {field.type}, expected {wanted}"
    return None


def _refused(path: Path, reason: str) -> MrafError:
    said = (reason.splitlines() or ["no reason given"])[0]
    return MrafError(
        f"{path}: this part of the feature table cannot be read ({said}). "
        f"Remove the file and run {maker(path.parent)} again: only its clips are made anew."
    )


def _not_now(path: Path, reason: str) -> MrafError:
    return MrafError(
        f"{path}: this part of the feature table cannot be read now ({reason}). Nothing says that it "
        "is damaged: keep the file, and run the command again when that has been seen to."
    )


def _hindrance(error: Exception) -> str | None:
    """What of the machine kept a file from being read; None where it is the file's own fault."""
    if isinstance(error, MemoryError):  # pyarrow's own is one
        return "there is too little memory"
    # pyarrow raises OSError without a number for damage, and a damaged offset is EINVAL.
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        assert error.errno is not None
        return os.strerror(error.errno)
    return None


def _crc(content: bytes) -> bytes:
    return zlib.crc32(content).to_bytes(4, "little")


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network drives cannot do it for folders
            os.fsync(handle)
    finally:
        os.close(handle)
