"""Workspaces with clips that nobody has named yet."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from mraf.pipeline.workspace import Workspace
from tests.helpers.workspaces import filled, people


def without_names(folder: Path, named: Collection[str] = ()) -> Path:
    """Take the names of all speakers but some from a workspace's clips, and return its folder."""
    table = Workspace(folder).table
    with table.writer() as writer:
        for row in list(table.rows()):
            writer.add(row if row.speaker in named else replace(row, speaker=None, seconds=4.0))
    return folder


def unnamed(folder: Path, *, named: Collection[str] = (), **options) -> Path:
    """Make a workspace of four people, of whom some have names, with 3 recordings of 2 clips each.

    The clips of the person n are called from f"{6 * n:02}" on.
    """
    labels = people(languages=("English",))
    return without_names(filled(folder, labels, noise=0.1, **options), named)
