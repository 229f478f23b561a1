"""CSV files without cells that a spreadsheet would run as formulas."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

_STARTS = "=+-@\t\r\n\0＝＋－＠"
"""First characters of a formula; some programs accept the full-width signs too."""


def write_csv(names: Sequence[str], tables: Iterable[pa.Table], path: Path) -> None:
    """Write all rows: vectors as numbers with spaces between, formulas as plain text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for table in tables:
            for batch in table.to_batches(max_chunksize=1024):
                rows = batch.to_pylist()
                writer.writerows([safe_cell(value) for value in row.values()] for row in rows)


def safe_cell(value: Any) -> Any:
    """Return a value for a CSV cell: a text that looks like a formula gets an apostrophe before it."""
    if isinstance(value, list):
        return " ".join(f"{number:.8g}" for number in value)
    # Programs strip spaces before they look for a formula.
    if isinstance(value, str) and (
        value[:1] in tuple(_STARTS) or value.lstrip()[:1] in tuple(_STARTS)
    ):
        return f"'{value}"
    return value
