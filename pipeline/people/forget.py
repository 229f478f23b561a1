"""Forgetting: a person goes from the models and from the feature table."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mraf.data.table.renames import plain
from mraf.errors import MrafError, UsageError, choices
from mraf.pipeline.people.enrolment import gallery as galleries
from mraf.pipeline.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class ForgetReport:
    """The result of `forget`."""

    name: str
    clips: int  # rows that were removed from the table
    enrolled: int  # of these, added by `mraf enrol` or `mraf name`
    models: tuple[str, ...]  # that do not know the person any more
    deleted: tuple[str, ...]  # models that knew nobody else
    untouched: dict[str, str]  # models that know the person still, and why

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf forget --json` prints."""
        return asdict(self)


def forget(
    name: str,
    workspace: Workspace | Path | str | None = None,
    *,
    on_question: Callable[[str], bool] | None = None,
) -> ForgetReport:
    """Remove a person from all models that can do without, and their rows from the feature table.

    The files stay: a later `mraf extract` of them brings the rows back. A model that knew nobody else is
    deleted. What a model learned from all people together stays until it is trained again, and so do
    models whose type must be trained to lose somebody; these are told.

    Args:
        name: of the person.
        workspace: a folder, by default `./mraf-workspace`.
        on_question: called with a question before anything is removed; without it the answer is yes.

    Raises UsageError where nobody has that name, or the answer is no.
    """
    from mraf.checkpoint import describe, model_folders

    workspace, name = Workspace.at(workspace), plain(name)
    with galleries.changing(workspace) if workspace.models.is_dir() else nullcontext():
        known: dict[Path, tuple[str, ...]] = {}
        unreadable = {}
        for folder in model_folders(workspace.models):
            try:
                known[folder] = describe(folder).labels
            except MrafError:
                unreadable[folder.name] = "it cannot be read: delete it, or train it again"
        rows = _rows_of(workspace, name)
        having = [f for f, labels in known.items() if name in map(plain, labels)]
        if not (rows or having):
            everyone = {plain(each) for labels in known.values() for each in labels}
            everyone |= {plain(each) for each in _speakers(workspace)}
            raise UsageError(
                f"{workspace.root}: nobody is called '{name}' {choices(name, sorted(everyone))}"
            )
        if on_question is not None and not on_question(
            f"Forget {name}: {len(rows)} rows of the table, known to {len(having)} of the models? The files stay."
        ):
            raise UsageError(f"'{name}' was not forgotten.")
        content = [digest for _, digest, _ in rows if digest]
        done, deleted, untouched = [], [], unreadable
        for folder in having:
            try:
                less = galleries.without_person(galleries.read(folder), name, content)
                if less is None:
                    galleries.remove(folder)
                    deleted.append(folder.name)
                else:
                    less.write()
                    done.append(folder.name)
            except MrafError as error:
                untouched[folder.name] = (
                    "its type cannot let a person go: train it again"
                    if describe(folder).model_type != galleries.CAN_ENROL
                    else str(error)
                )
        if rows:
            workspace.table.drop([clip for clip, _, _ in rows], patience=galleries.PATIENCE)
    return ForgetReport(
        name=name,
        clips=len(rows),
        enrolled=sum(enrolled for *_, enrolled in rows),
        models=tuple(done),
        deleted=tuple(deleted),
        untouched=untouched,
    )


def _speakers(workspace: Workspace) -> set[str]:
    if workspace.table.is_empty:
        return set()
    return set(filter(None, workspace.table.read(["speaker"])["speaker"].to_pylist()))


def _rows_of(workspace: Workspace, name: str) -> list[tuple[str, str, bool]]:
    """Return id, digest and origin of the rows of a person."""
    if workspace.table.is_empty:
        return []
    columns = workspace.table.read(["clip", "source_hash", "enrolled", "speaker"]).to_pydict()
    rows = zip(*columns.values(), strict=True)
    return [
        (clip, digest, bool(enrolled))
        for clip, digest, enrolled, speaker in rows
        if speaker is not None and plain(speaker) == name
    ]
