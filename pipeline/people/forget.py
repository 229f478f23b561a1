"""Forgetting: a person goes from the models and from the feature table."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mraf.data.table.features import FeatureWriter
from mraf.data.table.renames import plain
from mraf.errors import MrafError, UsageError, choices
from mraf.pipeline.people.archive.grouping import call_groups
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
    beside: Sequence[Path] = (),
) -> ForgetReport:
    """Remove a person from all models that can do without, and their rows from the feature table.

    The files stay: a later `mraf extract` of them brings the rows back. A model that knew nobody else is
    deleted. What a model learned from all people together stays until it is trained again, and so do
    models whose type must be trained to lose somebody; these are told.

    Args:
        name: of the person.
        workspace: a folder, by default `./mraf-workspace`.
        on_question: called with a question before anything is removed; without it the answer is yes.
        beside: further model folders, which lie elsewhere.

    Raises UsageError where nobody has that name, another process writes to the table, or the answer is no;
    nothing is changed then.
    """
    workspace, name = Workspace.at(workspace), plain(name)
    if on_question is not None:
        _ask(workspace, name, beside, on_question)
    # The locks come first, in the order of `mraf enrol`: without them nothing is changed.
    with (
        galleries.changing(workspace) if beside or workspace.models.is_dir() else nullcontext(),
        _writing(workspace) as writer,
    ):
        rows, having, untouched = _found(workspace, name, beside)
        # A damaged file of names ends this before anything has changed.
        renames = workspace.renames.without(name)
        call_groups(workspace, name, None)
        renames.write()
        done, deleted, kept = _let_go(name, having, [digest for _, digest, _ in rows if digest])
        for clip, _, _ in rows:
            if writer is not None:
                writer.drop(clip)
    return ForgetReport(
        name=name,
        clips=len(rows),
        enrolled=sum(enrolled for *_, enrolled in rows),
        models=done,
        deleted=deleted,
        untouched=untouched | kept,
    )


def _ask(
    workspace: Workspace, name: str, beside: Sequence[Path], on_question: Callable[[str], bool]
) -> None:
    """Raise UsageError where the answer is no, or nobody has that name."""
    rows, having, _ = _found(workspace, name, beside)
    if not on_question(
        f"Forget {name}: {len(rows)} rows of the table, known to {len(having)} of the models? The files stay."
    ):
        raise UsageError(f"'{name}' was not forgotten.")


def _writing(workspace: Workspace) -> AbstractContextManager[FeatureWriter | None]:
    """Return the table's writer; of None where there is no table."""
    if workspace.table.is_empty:
        return nullcontext()
    return workspace.table.writer(patience=galleries.PATIENCE)


def _let_go(
    name: str, having: dict[str, Path], content: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]:
    """Take a person out of models, or delete those that know nobody else.

    Returns those that do not know the person any more, those that were deleted, and why others know
    the person still.
    """
    from mraf.checkpoint import describe

    done, deleted, untouched = [], [], {}
    for shown, folder in having.items():
        try:
            less = galleries.without_person(galleries.read(folder), name, content)
            if less is None:
                galleries.remove(folder)
                deleted.append(shown)
            else:
                less.write()
                done.append(shown)
        except MrafError as error:
            untouched[shown] = (
                "its type cannot let a person go: train it again"
                if describe(folder).model_type != galleries.CAN_ENROL
                else str(error)
            )
    return tuple(done), tuple(deleted), untouched


def _found(
    workspace: Workspace, name: str, beside: Sequence[Path]
) -> tuple[list[tuple[str, str, bool]], dict[str, Path], dict[str, str]]:
    """Return the rows of a person, the models that know the person, and those that cannot be read, and why.

    Raises UsageError where there is neither.
    """
    from mraf.checkpoint import describe, model_folders

    folders = {folder.name: folder for folder in model_folders(workspace.models)}
    folders |= {str(folder): folder for folder in beside}
    known: dict[str, tuple[str, ...]] = {}
    unreadable = {}
    for shown, folder in folders.items():
        try:
            known[shown] = describe(folder).labels
        except MrafError:
            unreadable[shown] = (
                "it cannot be read, and may know the person: delete it, or train it again"
            )
    rows = _rows_of(workspace, name)
    having = {each: folders[each] for each, labels in known.items() if name in map(plain, labels)}
    if not (rows or having):
        everyone = {plain(each) for labels in known.values() for each in labels}
        everyone |= {plain(each) for each in _speakers(workspace)}
        who = choices(name, sorted(everyone)) if everyone else "(nobody has a name here yet)."
        raise UsageError(f"{workspace.root}: nobody is called '{name}' {who}")
    return rows, having, unreadable


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
