"""Fixtures of the tests of commands."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from mraf.pipeline.commands.terminal import output


@pytest.fixture
def sample_clip(sample_videos) -> Callable[..., Path]:
    """Find the first sample clip with these columns in sample.csv."""

    def find(**wanted: str) -> Path:
        with (sample_videos / "sample.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return sample_videos / next(
            row["path"] for row in rows if all(row[key] == value for key, value in wanted.items())
        )

    return find


@pytest.fixture
def printed(capsys) -> Callable[..., str]:
    """Call a function and return what it prints."""

    def run(show: Callable, *arguments: object) -> str:
        show(*arguments)
        found = capsys.readouterr()
        return found.out + found.err

    return run


@pytest.fixture
def console(monkeypatch) -> Callable[..., Console]:
    """Put another console in the place of stdout."""

    def replace(**options: object) -> Console:
        made = Console(**{"highlight": False, "soft_wrap": True, **options})
        with monkeypatch.context() as patch:
            patch.setattr("rich.console.Console", lambda **_: made)
            output.out.cache_clear()
            output.out()  # made once, and kept
        return made

    yield replace
    output.out.cache_clear()
