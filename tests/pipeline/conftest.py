"""Fixtures of the pipeline's tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mraf.data.table.features import FeatureRow, FeatureTable


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., FeatureTable]:
    """A function that fills a new feature table with rows."""

    def fill(*rows: FeatureRow) -> FeatureTable:
        table = FeatureTable(tmp_path / "features")
        with table.writer() as writer:
            for each in rows:
                writer.add(each)
        return table

    return fill
