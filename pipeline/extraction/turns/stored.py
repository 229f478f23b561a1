"""The turns that a feature table has of files."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mraf.data.table.row import file_id

HALF = 0.5
"""Share of a turn that an earlier one must cover for its name to pass on."""


class StoredTurns:
    """Rows of the table by the file whose turns they are.

    Args:
        columns: of the table, by name.
    """

    def __init__(self, columns: Mapping[str, pa.Array]) -> None:
        self._columns = columns
        self._of_file: dict[str, list[int]] = defaultdict(list)
        self._of_content: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        some = np.flatnonzero(np.asarray(pc.is_valid(columns["turn_of"]))) if columns else ()
        for row in map(int, some):
            name = self.file_of(row)
            self._of_file[name].append(row)
            self._of_content[self.cell(row, "turn_of")][name].append(row)

    def cell(self, row: int, name: str) -> Any:
        """Return a cell of the table."""
        return self._columns[name][row].as_py()

    def file_of(self, row: int) -> str:
        """Return the id of the file of a row."""
        names = ("clip", "turn_of", "start", "end")
        return file_id(*(self.cell(row, name) for name in names))

    def of_file(self, clip: str) -> list[int]:
        """Return the rows of a file by its id."""
        return self._of_file.get(clip, [])

    def of_content(self, digest: str) -> Mapping[str, list[int]]:
        """Return the rows of a content, by the ids of its files."""
        return self._of_content.get(digest, {})

    def complete(self) -> Iterator[tuple[str, str, list[int]]]:
        """Yield the digest, the id and the rows of each file of which the table has all rows."""
        for digest, files in self._of_content.items():
            for name, rows in files.items():
                if self.is_complete(rows):
                    yield digest, name, rows

    def is_complete(self, rows: list[int]) -> bool:
        """Return True where these rows of a file are all that it gave."""
        return len(rows) == self.cell(rows[0], "turns")

    def enrolled_before(self, clip: str, start: float, end: float) -> int | None:
        """Return the enrolled turn of a file that covers most of a stretch, at least half; None for none."""
        best, covered = None, HALF * (end - start)
        for row in self.of_file(clip):
            if not self.cell(row, "enrolled"):
                continue
            first, last = self.cell(row, "start") or 0.0, self.cell(row, "end") or 0.0
            common = min(end, last) - max(start, first)
            if common > covered:
                best, covered = row, common
        return best
