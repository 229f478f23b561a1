"""A name for a group that `mraf cluster` found."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mraf.data.table.features import FeatureRow, rows_of
from mraf.data.table.renames import checked, plain
from mraf.errors import UsageError
from mraf.pipeline.people.archive.grouping import Grouping, Kept, changing
from mraf.pipeline.people.enrol import enrol_rows
from mraf.pipeline.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class NameReport:
    """The result of naming a group."""

    group: str
    name: str
    clips: int  # of the group that have the name now
    refused: dict[str, str]  # reason by clip: they carry no identity, and stay without a name
    merged: tuple[str, ...]  # other groups that had the name before
    enrolment: dict[str, Any]  # as `mraf enrol --json` prints it

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf name --json` prints."""
        return asdict(self)


def name(
    group: str,
    speaker: str,
    *,
    workspace: Workspace | Path | str | None = None,
    model: str | None = None,
    yes: bool = False,
    on_question: Callable[[str], bool] | None = None,
) -> NameReport:
    """Give a group of `mraf.cluster` a name: its clips become that speaker's, who is enrolled.

    Args:
        group: its id, as "g1", or "1" for short.
        speaker: the name.
        workspace: the folder with the features, by default `./mraf-workspace`.
        model: to enrol the person into, by default the one trained last.
        yes: True answers the questions whether another group of that name is the same person, and whether clips
            that look like somebody else are to be enrolled.
        on_question: called with a question; without it the answer is no, unless `yes` is True.

    Raises:
        MissingError: there are no groups, or no features.
        UsageError: no such group; the table has changed since the groups were made; the name cannot be a
            speaker's; another group has it; the group has another name already.
        MrafError: a file is damaged.
    """
    workspace, speaker = Workspace.at(workspace), checked(speaker)
    grouping = Grouping.at(workspace)
    group = f"g{group}" if group.isdecimal() else group
    kept = grouping.group(group)
    if kept.name is not None:
        raise UsageError(
            f"The group '{group}' is {kept.name} already. `mraf rename OLD NEW` gives {kept.name} another name."
        )
    others = tuple(
        other for other, each in grouping.groups.items() if each.name == speaker and other != group
    )
    if others:
        doubt = f"The group '{others[0]}' is {speaker} already, and '{group}' may be somebody else."
        _ask(doubt, speaker, yes=yes, on_question=on_question)
    rows = _rows(workspace, group, kept, speaker)
    report = enrol_rows(workspace, speaker, rows, model=model, yes=yes, on_question=on_question)
    with changing(workspace):
        now = Grouping.at(workspace)
        # `mraf cluster` may have made other groups meanwhile; this one has no name among those.
        if group in now.groups and now.groups[group].clips == kept.clips:
            now.named(group, report.name).write()
    refused = {each.path: each.reason for each in report.refused}
    return NameReport(
        group=group,
        name=report.name,
        clips=len(rows) - len(refused),
        refused=refused,
        merged=others,
        enrolment=report.as_dict(),
    )


def _ask(doubt: str, speaker: str, *, yes: bool, on_question: Callable[[str], bool] | None) -> None:
    if yes or (on_question and on_question(f"{doubt} Are both {speaker}?")):
        return
    hint = "" if on_question else " If both are one person, say --yes."
    raise UsageError(f"{doubt}{hint} Nothing was named.")


def _rows(workspace: Workspace, group: str, kept: Kept, speaker: str) -> list[FeatureRow]:
    """Return the rows of a group's clips that have no name yet.

    A clip whose file has been moved is found by its content.

    Raises UsageError where one is not there any more, or somebody else's, or none is left.
    """
    snapshot = workspace.table.snapshot()
    columns = snapshot.table(["clip", "source_hash", "speaker"]).to_pydict()
    places = {
        (clip, digest): i
        for i, (clip, digest) in enumerate(
            zip(columns["clip"], columns["source_hash"], strict=True)
        )
    }
    moved = {digest: i for (_, digest), i in places.items() if digest}
    found = {
        clip: places.get((clip, digest), moved.get(digest)) for clip, digest in kept.clips.items()
    }
    gone = [clip for clip, i in found.items() if i is None]
    if gone:
        raise UsageError(
            f"The feature table has changed since the groups were made: {len(gone)} of the {len(found)} clips of "
            f"'{group}' are not in it as they were (the first: {gone[0]}). Run `mraf cluster` again."
        )
    index = sorted({i for i in found.values() if i is not None})
    names = [columns["speaker"][i] for i in index]
    theirs = [
        (i, other)
        for i, other in zip(index, names, strict=True)
        if other and plain(other) != speaker
    ]
    if theirs:
        (first, other), number = theirs[0], len(theirs)
        raise UsageError(
            f"'{group}' cannot be {speaker}: {number} of its {len(index)} clips are of others (the first: "
            f"{columns['clip'][first]}, of {other}). If they are of one person, rename: `mraf rename` merges "
            "two names; if not, run `mraf cluster` without --all."
        )
    unnamed = [i for i, other in zip(index, names, strict=True) if not other]
    if not unnamed:
        raise UsageError(
            f"Nothing to name: all {len(index)} clips of '{group}' are {speaker}'s already."
        )
    return list(rows_of(snapshot.only(np.array(unnamed))))
