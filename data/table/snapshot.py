"""The current rows of a feature table at one moment.

The columns of ids alone decide which rows are current. Other columns, above all the vectors, are
read later, one row group at a time, and only for the rows that are needed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mraf.data.table.parts import ROWS_A_GROUP, Columns, Part
from mraf.errors import MrafError


class Snapshot:
    """Current rows of some parts, one a clip, in the order of the clips' ids.

    Columns of `later` are null in parts that lack them, as those of earlier versions do.

    Raises MrafError naming a part that cannot be read, or whose vectors are of another length.
    """

    def __init__(
        self, paths: Sequence[Path], columns: Columns, later: Collection[str] = ()
    ) -> None:
        self.folder = paths[0].parent
        self._parts = [Part(path, columns, later) for path in paths]
        self.schema = _schema_of(self._parts, columns)
        self._starts = np.cumsum([0, *(sum(part.groups) for part in self._parts)])
        self._rows = np.arange(self._starts[-1])  # all of them, until their ids have been read
        self._rows = _current(self.table(["clip", "replaces"]))

    def __len__(self) -> int:
        return len(self._rows)

    def only(self, keep: np.ndarray) -> "Snapshot":
        """Return a snapshot of some of the rows: a mask `[N]` bool or indexes `[M]`."""
        some = object.__new__(Snapshot)
        some.folder = self.folder
        some._parts, some.schema, some._starts = self._parts, self.schema, self._starts
        some._rows = self._rows[keep]
        return some

    def table(self, columns: Sequence[str]) -> pa.Table:
        """Return some columns of the rows, in order."""
        tables = [table for _, table in self._stored(columns)]
        schema = pa.schema([self.schema.field(name) for name in columns])
        table = pa.concat_tables(tables) if tables else schema.empty_table()
        # `tables` are in the order of the parts; `ranks` says where each row stands in it.
        ranks = np.empty(len(self), np.int64)
        ranks[np.argsort(self._rows, kind="stable")] = np.arange(len(self))
        return table if np.array_equal(ranks, np.arange(len(self))) else table.take(ranks)

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows with all columns, in stored order, at most `ROWS_A_GROUP` at a time."""
        return (table for _, table in self._stored(self.schema.names))

    def matrix(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return vectors `[N, D]` float32 and a mask `[N]` of rows that have one. D = 0 where none has.

        Raises MrafError naming the part where a vector is not finite.
        """
        kind = self.schema.field(name).type
        present = np.zeros(len(self), bool)
        dim = 0 if kind == pa.null() else kind.list_size
        matrix = np.zeros((len(self), dim), np.float32)  # memory is taken only where it is written
        order = np.argsort(self._rows, kind="stable")
        done = 0
        for part, table in self._stored([name]):
            valid = np.asarray(pc.is_valid(table[name]))
            rows = order[done : done + len(valid)]
            done += len(valid)
            present[rows] = valid
            if valid.any():
                flat = np.asarray(pc.list_flatten(table[name])).reshape(-1, dim)
                if not np.isfinite(flat).all():
                    raise MrafError(
                        f"{part.path}: some {name} vectors hold NaN or infinity; extract them again."
                    )
                matrix[rows[valid]] = flat
        return (matrix if present.any() else matrix[:, :0]), present

    def _stored(self, columns: Sequence[str]) -> Iterator[tuple[Part, pa.Table]]:
        """Yield the rows in the order of the parts; row groups without any of them are not read."""
        wanted = np.sort(self._rows)
        schema = pa.schema([self.schema.field(name) for name in columns])
        for part, start in zip(self._parts, self._starts, strict=False):
            # Rows are numbered through all parts: those of a group lie between two of `ends`.
            ends = start + np.cumsum([0, *part.groups])
            edges = np.searchsorted(wanted, ends)
            groups = np.flatnonzero(np.diff(edges)).tolist()
            if not groups:
                continue
            for first, batch in part.batches(columns, groups):
                lo, hi = np.searchsorted(wanted, [start + first, start + first + batch.num_rows])
                if lo < hi:
                    rows = wanted[lo:hi] - start - first
                    some = batch if len(rows) == batch.num_rows else batch.take(rows)
                    yield part, _conform(some, schema)


def by_language(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Regroup rows into tables of one language each, so that a reader of one skips the others."""
    waiting: dict[str | None, list[pa.Table]] = defaultdict(list)
    held = 0
    for table in tables:
        for language in pc.unique(table["language"]).to_pylist():
            column = table["language"]
            theirs = pc.is_null(column) if language is None else pc.equal(column, language)
            waiting[language].append(table.filter(theirs))
        held += table.num_rows
        while held >= 4 * ROWS_A_GROUP:
            most = max(waiting, key=lambda name: sum(map(len, waiting[name])))
            whole = pa.concat_tables(waiting.pop(most))
            held -= whole.num_rows
            yield whole
    for rest in waiting.values():
        yield pa.concat_tables(rest)


def _schema_of(parts: Sequence[Part], columns: Columns) -> pa.Schema:
    """Return the common schema: vectors have the type of the parts that hold some."""
    kinds: dict[str, Any] = dict(columns)
    for name in (name for name, kind in columns.items() if kind is None):
        kinds[name] = pa.null()
        for part in parts:
            kind = part.schema.field(name).type
            if pa.null() not in (kind, kinds[name]) and kind != kinds[name]:
                raise MrafError(
                    f"{part.path}: the {name} vectors have {kind.list_size} numbers, those of other "
                    f"parts {kinds[name].list_size}: different dimensions come from different "
                    "encoders. Remove the parts of one of them, or extract into a new workspace (-w)."
                )
            kinds[name] = kinds[name] if kind == pa.null() else kind
    return pa.schema(kinds)


def _conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return some columns; a column of type null gets the type that other parts have."""
    columns = [
        pa.nulls(table.num_rows, field.type)
        if table.schema.field(field.name).type == pa.null()
        else table[field.name]
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _current(keys: pa.Table) -> np.ndarray:
    """Return the last row `[M]` of each clip, sorted by clip, without clips that a later row replaces."""
    keys = keys.append_column("row", pa.array(np.arange(keys.num_rows)))
    last = keys.select(["clip", "row"]).group_by("clip").aggregate([("row", "max")])
    replaced = keys.filter(pc.is_valid(keys["replaces"]))
    if replaced.num_rows:
        ids = pc.split_pattern(replaced["replaces"].combine_chunks(), "\0")
        by_row = pc.take(replaced["row"].combine_chunks(), pc.list_parent_indices(ids))
        pairs = pa.table({"id": pc.list_flatten(ids), "row": by_row})
        gone = pairs.group_by("id").aggregate([("row", "max")])
        at = pc.index_in(last["clip"], gone["id"].combine_chunks())
        by = pc.take(gone["row_max"], at)
        last = last.filter(pc.fill_null(pc.less(by, last["row_max"]), True))
    return np.asarray(last.sort_by("clip")["row_max"])
