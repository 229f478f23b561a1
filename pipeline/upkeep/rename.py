"""Another name for a speaker, in the table, in the models and in later extractions."""

import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from mraf.data.table.features import FeatureTable
from mraf.data.table.renames import checked, plain
from mraf.errors import MrafError, UsageError, choices
from mraf.pipeline.people.archive.grouping import call_groups
from mraf.pipeline.people.enrolment import gallery as galleries
from mraf.pipeline.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class RenameReport:
    """The result of a renaming."""

    old: str
    new: str
    clips: int  # of the table that have the new name now
    merged: bool  # True where the table had clips of the new name before
    models: tuple[str, ...]  # that say the new name now
    untouched: dict[str, str]  # models that know the old name still, and why
    kept: bool  # True where later extractions give the new name; False where one was undone

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf rename --json` prints."""
        return asdict(self)


def rename(
    old: str,
    new: str,
    workspace: Workspace | Path | str | None = None,
    *,
    yes: bool = False,
    on_question: Callable[[str], bool] | None = None,
) -> RenameReport:
    """Rename a speaker; where somebody has the new name, both become one speaker, if the answer is yes.

    Names are compared in Unicode NFC, without space around them. The workspace keeps the new name:
    later extractions give it to clips of the old one. To rename back undoes this, unless two became one.
    A model of prototypes that knows both makes one of them; another is left alone, as only training does
    that there, and so is one that cannot be read.

    Args:
        old: the name so far.
        new: the new one.
        workspace: a folder, by default `./mraf-workspace`.
        yes: True answers the question whether two speakers are one person.
        on_question: called with that question; without it the answer is no, unless `yes` is True.

    Raises UsageError where the new name cannot be a speaker's, nobody has the old one, or the answer is no.
    """
    workspace = Workspace.at(workspace)
    old, new = plain(old), checked(new)
    if old == new:
        raise UsageError(f"'{old}' and '{new}' are the same name.")
    everyone = _everyone(workspace)
    if old not in everyone:
        names = workspace.renames.names
        was = f" It was renamed to '{names[old]}'." if old in names else ""
        who = choices(old, sorted(everyone)) if everyone else "(nobody has a name here yet)."
        raise UsageError(f"{workspace.root}: no speaker '{old}' {who}{was}")
    if new in everyone and not yes:
        doubt = f"'{new}' is a speaker already, and both would become one."
        if on_question is None:
            raise UsageError(
                f"{doubt} If they are one person, say --yes (yes=True). Nothing was renamed."
            )
        if not on_question(f"{doubt} Are they one person?"):
            raise UsageError(f"'{old}' was not renamed.")
    # The models' lock comes first: a training that ends reads the table under it.
    with galleries.changing(workspace) if workspace.models.is_dir() else nullcontext():
        return _renamed(workspace, old, new)


def _everyone(workspace: Workspace) -> set[str]:
    """Return the names, plain, that the table or a model has."""
    from mraf.checkpoint import model_folders

    names = set(_speakers_of(workspace.table))
    for folder in model_folders(workspace.models):
        names |= set(_labels_of(folder) or ())
    return {plain(name) for name in names}


def _renamed(workspace: Workspace, old: str, new: str) -> RenameReport:
    """Rename a speaker as `rename` does, while nobody else changes the models."""
    from mraf.checkpoint import model_folders

    renames = workspace.renames
    call_groups(workspace, old, old)  # a damaged file ends this before anything changed
    table = workspace.table
    speakers = _speakers_of(table)
    folders = model_folders(workspace.models)
    known = {folder: _labels_of(folder) for folder in folders}
    # Other spellings of the new name become it, too, so that one speaker results.
    wanted = {name: new for name in speakers if plain(name) in (old, new) and name != new}
    merged = any(plain(name) == new for name in speakers)
    clips = table.rename(wanted) if wanted else 0
    kept = renames.adding(old, new)
    kept.write()
    call_groups(workspace, old, new)
    done, untouched = [], {}
    for folder in folders:
        labels = known[folder]
        if labels is None:
            untouched[folder.name] = "it cannot be read: train it again"
        elif reason := _rename_in_model(folder, labels, old, new):
            untouched[folder.name] = reason
        elif any(plain(name) == old for name in labels):
            done.append(folder.name)
    return RenameReport(
        old=old,
        new=new,
        clips=clips,
        merged=merged,
        models=tuple(done),
        untouched=untouched,
        kept=old in kept.names,
    )


def _speakers_of(table: FeatureTable) -> list[str]:
    if table.is_empty:
        return []
    return [name for name in pc.unique(table.read(["speaker"])["speaker"]).to_pylist() if name]


def _labels_of(folder: Path) -> tuple[str, ...] | None:
    from mraf.checkpoint import describe

    try:
        return describe(folder).labels
    except (MrafError, KeyError, TypeError):
        return None


def _rename_in_model(folder: Path, labels: tuple[str, ...], old: str, new: str) -> str | None:
    """Rename a speaker in a model folder that knows it. Returns why that cannot be done."""
    names = {name: new for name in labels if plain(name) == old}
    if not names:
        return None
    try:
        if len(names) > 1 or any(plain(name) == new for name in labels):
            return _merge(folder, old, new)
        _write_renamed(folder, names)
    except MrafError as error:
        return str(error)
    return None


def _merge(folder: Path, old: str, new: str) -> str | None:
    """Make one of two speakers in a model folder that knows both. Returns why that cannot be done."""
    from mraf.checkpoint import describe

    if describe(folder).model_type != galleries.CAN_ENROL:
        return f"it knows '{old}' and '{new}' as two speakers: train it again"
    found = galleries.read(folder)
    same = [i for i, name in enumerate(found.labels) if plain(name) in (old, new)]
    same.sort(key=lambda i: plain(found.labels[i]) != new)  # the new name's first
    keep = found.labels[same[0]]
    for name in [found.labels[i] for i in same[1:]]:
        labels = found.labels
        found = galleries.merged_people(found, labels.index(keep), labels.index(name))
    found.write()
    if keep != new:
        _write_renamed(folder, {keep: new})
    return None


def _write_renamed(folder: Path, names: Mapping[str, str]) -> None:
    from mraf import checkpoint

    described = checkpoint.describe(folder)
    trained = checkpoint.load_trained(described)
    weights = checkpoint.read_weights(described)
    recordings = frozenset((names.get(each[0], each[0]), *each[1:]) for each in trained.recordings)
    # The newest model is the one that commands take: a new name does not make it newer.
    config = described.folder / checkpoint.CONFIG
    times = config.stat()
    checkpoint.write(
        replace(described, folder=folder, labels=tuple(names.get(n, n) for n in described.labels)),
        weights,
        replace(trained, recordings=recordings),
        _card(described.folder / checkpoint.CARD, names),
    )
    os.utime(folder / checkpoint.CONFIG, ns=(times.st_atime_ns, times.st_mtime_ns))


def _card(file: Path, names: Mapping[str, str]) -> str:
    """Return a model card with other names in its row of speakers."""
    try:
        lines = file.read_text("utf-8").split("\n")
    except (OSError, ValueError):
        return ""
    for number, line in enumerate(lines):
        head, colon, listed = line.partition(": ")
        if head.startswith("| Speakers |") and colon:
            shown = listed.removesuffix(" |").split(", ")
            lines[number] = f"{head}: {', '.join(names.get(each, each) for each in shown)} |"
            break
    return "\n".join(lines)
