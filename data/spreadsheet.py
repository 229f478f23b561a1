"""Write a table as CSV that a spreadsheet may open without running what is in it."""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa


def write_csv(table: pa.Table, path: Path) -> None:
    """Write all rows; vectors as numbers with spaces between, formulas as plain text."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.column_names)
        for batch in table.to_batches(max_chunksize=1024):
            writer.writerows([_cell(value) for value in row.values()] for row in batch.to_pylist())


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return " ".join(f"{number:.8g}" for number in value)
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
