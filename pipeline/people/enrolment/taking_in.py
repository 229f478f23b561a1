"""Taking in: a person's samples come to the table and to the current model, as one step."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePath
from typing import Any

from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.data.table.renames import plain
from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors.compat import torch_threads
from mraf.fingerprint import Fingerprint
from mraf.pipeline.people.enrolment import gallery as galleries
from mraf.pipeline.people.enrolment.gallery import Gallery
from mraf.pipeline.people.enrolment.samples import Sample, judged, of_one_person, usable
from mraf.pipeline.people.enrolment.stored import (
    is_of,
    recording_of,
    rows_of_person,
    with_content,
)
from mraf.pipeline.people.enrolment.suspicion import doubts
from mraf.pipeline.workspace import Workspace

Question = Callable[[str], bool]
"""Asks a person, who says yes or no."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A clip that was not enrolled, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EnrolReport:
    """The result of an enrolment."""

    name: str
    model: str
    new: bool  # True: the model did not know the person before
    begun: bool  # True: there was no model, and one was made that has learned nothing
    clips: int  # enrolled now
    face: int  # of these, with a face
    voice: int  # with a voice
    speech: float  # seconds of it
    already: int  # clips that the model knows of the person already
    references: int  # recordings of the person that the model has now
    refused: tuple[Refused, ...]
    notes: tuple[str, ...]
    seconds: float  # without the embedding

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf enrol --json` prints."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """What a step has changed."""

    gallery: Gallery
    new: bool
    begun: bool
    name: str
    fresh: list[FeatureRow]  # that the model did not know of the person
    notes: list[str]


@torch_threads(1)  # a second one slows down matrices this small, most of all on a busy machine
def enrol_samples(
    workspace: Workspace,
    name: str,
    samples: Sequence[Sample],
    fingerprint: Fingerprint,
    *,
    model: str | None,
    yes: bool = False,
    on_question: Question | None = None,
) -> EnrolReport:
    """Judge samples, ask about doubts, and write the rows and the model. Raises as `mraf.enrol` does."""
    started = time.monotonic()
    samples, copies = _without_copies(samples)
    samples = of_one_person(judged(samples), fingerprint)
    rows = [each.row for each in samples if each.row is not None]
    refused = tuple(
        Refused(path=each.path, reason=each.refused) for each in samples if each.refused
    )
    if not rows:
        raise nothing_enrolled(name, refused)
    agreed: set[str] = set()
    known = current(workspace, model)
    while True:
        found = doubts(workspace.table, known, name, rows, fingerprint)
        asked = time.monotonic()
        _ask(name, [d for d in found if d not in agreed], yes=yes, on_question=on_question)
        started += time.monotonic() - asked
        agreed.update(found)
        with galleries.changing(workspace):
            # Looked at again: another process may have enrolled somebody meanwhile.
            known = current(workspace, model)
            found = doubts(workspace.table, known, name, rows, fingerprint)
            if agreed.issuperset(found):
                taken = _take_in(workspace, known, name, samples, copies, fingerprint, model)
                break
    gallery, fresh = taken.gallery, taken.fresh
    at = gallery.index(taken.name)
    assert at is not None
    count: Any = gallery.checkpoint.model.recogniser.recordings[at]
    return EnrolReport(
        name=taken.name,
        model=gallery.folder.name,
        new=taken.new,
        begun=taken.begun,
        clips=len(fresh),
        face=sum(row.face is not None for row in fresh),
        voice=sum(row.voice is not None for row in fresh),
        speech=round(sum(row.voice_seconds for row in fresh if row.voice is not None), 2),
        already=len(rows) - len(fresh),
        references=int(count),
        refused=refused,
        notes=(
            *(f"{each.path}: {each.note}" for each in samples if each.note and each.row),
            *(f"{each.path}: a copy of {PurePath(of.path).name}" for each, of in copies),
            *taken.notes,
        ),
        seconds=time.monotonic() - started,
    )


def current(workspace: Workspace, model: str | None) -> Gallery | None:
    """Return the model that is enrolled into; None where the workspace has none at all.

    Raises MissingError where there is none of that name but others, and as `mraf.pipeline.people.enrolment.gallery.read`.
    """
    from mraf.checkpoint import model_folders

    try:
        folder = workspace.model(model)
    except MissingError:
        if model_folders(workspace.models):
            raise
        return None
    return galleries.read(folder)


def nothing_enrolled(name: str, refused: Sequence[Refused]) -> MrafError:
    """Return the error that no clip can be enrolled, with all reasons; exit code 1, as clips failed."""
    lines = tuple(f"{each.path}: {each.reason}" for each in refused)
    reasons = {each.reason for each in refused}
    if len(reasons) == 1 and len(refused) > 1:
        names = [PurePath(each.path).name for each in refused]
        more = ", ..." if len(names) > 5 else ""
        said = f"{next(iter(reasons))} ({len(names)} clips: {', '.join(names[:5])}{more})"
    else:
        said = "; ".join(lines[:5]) + (f"; and {len(lines) - 5} more" if len(lines) > 5 else "")
    error = MrafError(f"Nobody was enrolled as '{name}': {said or 'there is no clip'}.")
    error.details = {"refused": [asdict(each) for each in refused]}
    return error


def _ask(name: str, doubts: Sequence[str], *, yes: bool, on_question: Question | None) -> None:
    """Raise UsageError where a doubt stays about who the clips are of."""
    for doubt in doubts:
        if yes or (
            on_question is not None and on_question(f"{doubt} Enrol as '{name}' all the same?")
        ):
            continue
        hint = "" if on_question else f" If they are {name}'s, say --yes."
        raise UsageError(f"{doubt} Nobody was enrolled as '{name}'.{hint}")


def _without_copies(
    samples: Sequence[Sample],
) -> tuple[list[Sample], list[tuple[Sample, Sample]]]:
    """Return the samples of different contents, and each copy with the one that it is a copy of."""
    first: dict[str, Sample] = {}
    kept, copies = [], []
    for each in samples:
        digest = each.row.source_hash if each.row else ""
        if digest and digest in first:
            copies.append((each, first[digest]))
        else:
            kept.append(each)
            first.setdefault(digest, each)
    return kept, copies


def _take_in(
    workspace: Workspace,
    known: Gallery | None,
    name: str,
    samples: Sequence[Sample],
    copies: Sequence[tuple[Sample, Sample]],
    fingerprint: Fingerprint,
    model: str | None,
) -> _Taken:
    """Write rows and model; a content that another has becomes the person's, in both."""
    table = workspace.table
    begun = known is None
    if known is None:
        known = galleries.begun(workspace.new_model(model or galleries.BEGUN), fingerprint)
    index = None if begun else known.index(name)
    name = name if index is None else known.labels[index]
    change = _change(table, known, name, samples, is_new=index is None)
    before = [] if index is None else _usable(rows_of_person(table, name, fingerprint))
    losing = {
        who: _usable(rows_of_person(table, who, fingerprint))
        for who in dict.fromkeys(str(row.speaker) for row in change.moved)
        if known.index(who) is not None
    }
    _write(table, change, copies)
    fresh = change.fresh
    if fresh:
        known = galleries.with_person(known, name, fresh, before)
        for who, of_them in losing.items():
            known = galleries.without_clips(known, who, of_them, change.theirs)
        known.write()
    lost = [who for who in losing if known.index(who) is None]
    notes = change.notes()
    notes += [f"the model knows {who} no more: all clips were taken away" for who in lost]
    return _Taken(
        gallery=known, new=index is None, begun=begun, name=name, fresh=fresh, notes=notes
    )


@dataclass(frozen=True, kw_only=True)
class _Change:
    """What an enrolment changes in the table."""

    name: str
    named: dict[str, FeatureRow]  # as the person's; by content, or by path where that is unknown
    fresh: list[FeatureRow]  # as models take them: those of a content that the model does not know
    stored: list[FeatureRow]  # that the table has of the same contents
    moved: list[FeatureRow]  # of these, somebody else's

    @property
    def theirs(self) -> set[str]:
        """Digests of contents that are somebody else's now."""
        return {row.source_hash for row in self.moved}

    def notes(self) -> list[str]:
        """Return a line on each content that is not somebody else's any more."""
        return [
            f"{PurePath(row.path).name} was {row.speaker}'s in the table, and is {self.name}'s now"
            for row in {row.source_hash: row for row in self.moved}.values()
        ]


def _change(
    table: FeatureTable, known: Gallery, name: str, samples: Sequence[Sample], *, is_new: bool
) -> _Change:
    """Return what samples of a person change; `is_new` where the model does not know the person."""
    rows = {
        each.row.source_hash or each.path: (each.stored, each.row)
        for each in samples
        if each.row is not None and each.stored is not None
    }
    stored = with_content(table, rows.keys())
    own = {row.source_hash for row in stored if is_of(row, name)}
    moved = [row for row in stored if row.speaker is not None and row.source_hash not in own]
    theirs = {row.source_hash for row in moved}
    named = {key: _named(row, name, taken=key in theirs) for key, (row, _) in rows.items()}
    fresh = [
        replace(used, **_labels(named[key]))
        for key, (_, used) in rows.items()
        if is_new or not _is_known(known, name, named[key], own, theirs)
    ]
    return _Change(name=name, named=named, fresh=fresh, stored=stored, moved=moved)


def _write(table: FeatureTable, change: _Change, copies: Sequence[tuple[Sample, Sample]]) -> None:
    """Write a person's rows, those that were somebody else's, and those of copies that were there."""
    with table.writer(patience=galleries.PATIENCE) as writer:
        ids = {row.clip for row in change.named.values()}
        for row in change.named.values():
            writer.add(row)
        for row in change.moved:
            if row.clip not in ids:
                writer.add(_named(row, change.name, taken=True))
        for each, of in copies:
            found = change.named.get(of.row.source_hash if of.row else "")
            if found is not None and each.row is not None and _is_in(change.stored, each.row):
                writer.add(replace(each.row, **_labels(found)))


def _is_known(known: Gallery, name: str, row: FeatureRow, own: set[str], theirs: set[str]) -> bool:
    """Return True where the model knows a clip as this person's: by the table's name, or its own list."""
    if row.source_hash not in known.trained.content or row.source_hash in theirs:
        return False
    if row.source_hash in own:
        return True
    return any(
        plain(who) == plain(name) and recording == recording_of(row)
        for who, _, recording in known.trained.recordings
    )


def _is_in(stored: Sequence[FeatureRow], row: FeatureRow) -> bool:
    return any(each.clip == row.clip for each in stored)


def _usable(rows: Sequence[FeatureRow]) -> list[FeatureRow]:
    """Return rows as models take them: of enrolled ones, poor faces and short voices are left out."""
    return [usable(row)[0] if row.enrolled else row for row in rows]


def _named(row: FeatureRow, name: str, *, taken: bool) -> FeatureRow:
    """Return a row under the name of a person; one `taken` from another is a recording of its own file."""
    return replace(
        row,
        speaker=name,
        recording=row.recording if row.recording and not taken else row.path,
        enrolled=True,
        replaces=None,
    )


def _labels(row: FeatureRow) -> dict[str, Any]:
    return {"speaker": row.speaker, "recording": row.recording, "enrolled": True, "replaces": None}
