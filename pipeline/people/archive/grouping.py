"""The groups that `mraf cluster` found last, kept in the workspace until they are named."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mraf.data.table.lock import locked
from mraf.data.table.renames import plain
from mraf.errors import MissingError, MrafError, UsageError, choices
from mraf.pipeline.workspace import Workspace, write_text

FILE = "clusters.json"
PATIENCE = 60.0
"""Seconds that a change of the groups waits for another."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A group: the ids and the content of its clips, and the name that it was given."""

    clips: Mapping[str, str]  # digest of the content by the clip's id
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """Groups by their ids, in the order in which they are shown."""

    file: Path
    groups: Mapping[str, Kept]

    @classmethod
    def at(cls, workspace: Workspace) -> "Grouping":
        """Read the groups of a workspace.

        Raises MissingError where none were made, MrafError where the file is damaged.
        """
        file = workspace.root / FILE
        try:
            groups = {
                name: Kept(clips=dict(each["clips"]), name=each["name"])
                for name, each in json.loads(file.read_text("utf-8"))["groups"].items()
            }
        except (FileNotFoundError, NotADirectoryError):
            raise MissingError(f"{file}: no groups here yet. Run `mraf cluster` first.") from None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MrafError(
                f"{file}: the groups cannot be read ({error!r}). Run `mraf cluster` again."
            ) from None
        return cls(file=file, groups=groups)

    def group(self, name: str) -> Kept:
        """Return a group by its id. Raises UsageError where there is none."""
        if name not in self.groups:
            what = (
                choices(name, self.groups)
                if self.groups
                else "(the last `mraf cluster` found none: it looks at clips without a name, or at all with --all)."
            )
            raise UsageError(f"{self.file}: no group '{name}' {what}")
        return self.groups[name]

    def called(self, old: str, new: str | None) -> "Grouping":
        """Return the groups with another name for those called `old`; None takes it away."""
        return replace(
            self,
            groups={
                each: replace(kept, name=new)
                if kept.name is not None and plain(kept.name) == plain(old)
                else kept
                for each, kept in self.groups.items()
            },
        )

    def named(self, group: str, name: str) -> "Grouping":
        """Return the groups after one of them has got a name."""
        return replace(self, groups={**self.groups, group: replace(self.groups[group], name=name)})

    def write(self) -> None:
        """Write the file, whole or not at all. Raises UsageError where it cannot be written."""
        groups = {
            name: {"name": each.name, "clips": dict(each.clips)}
            for name, each in self.groups.items()
        }
        text = json.dumps({"groups": groups}, indent=1, ensure_ascii=False)
        try:
            write_text(self.file, text + "\n")
        except OSError as error:
            raise UsageError(f"{self.file}: cannot be written ({error.strerror}).") from None


@contextmanager
def changing(workspace: Workspace) -> Iterator[None]:
    """Keep other changes of the groups away. Raises UsageError where that takes too long."""
    with locked(workspace.root, patience=PATIENCE, holder="`mraf cluster` or `mraf name`"):
        yield


def call_groups(workspace: Workspace, old: str, new: str | None) -> None:
    """Give the groups called `old` another name, or none. Raises MrafError where the file is damaged."""
    if not (workspace.root / FILE).is_file():
        return
    with changing(workspace):
        before = Grouping.at(workspace)
        after = before.called(old, new)
        if after != before:
            after.write()
