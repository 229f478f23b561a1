"""What the table says of people when a training ends: who is gone or renamed, and who is enrolled besides.

A training reads the table first and takes its time; others may change the table meanwhile.
"""

from collections import Counter
from collections.abc import Collection, Iterable

import numpy as np

from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.data.table.renames import plain
from mraf.errors import MrafError, UsageError
from mraf.fingerprint import Fingerprint
from mraf.pipeline.people.enrolment import gallery as galleries
from mraf.pipeline.people.enrolment.gallery import Gallery
from mraf.pipeline.people.enrolment.samples import usable
from mraf.pipeline.workspace import Workspace


def following(
    gallery: Gallery, workspace: Workspace, rows: Iterable[tuple[str, str, str]]
) -> tuple[Gallery, tuple[str, ...]]:
    """Return a model that was just trained with the people as the table has them now, and notes.

    People without a row are taken out, as `mraf forget` does; those whose clips have another name get it.

    Args:
        gallery: the model, which nobody else writes.
        workspace: its.
        rows: id, digest and speaker of the clips that trained.

    Raises:
        UsageError: the model is of a type that must be trained again for that, or nobody is left.
    """
    now = _speakers(workspace.table)
    there = {plain(name) for name in now.values()}
    theirs: dict[str, list[tuple[str, str]]] = {}
    for clip, digest, speaker in rows:
        theirs.setdefault(plain(speaker), []).append((clip, digest))
    notes = []
    for name in [each for each in gallery.labels if plain(each) not in there]:
        clips = theirs.get(plain(name), [])
        names = Counter(now[clip] for clip, _ in clips if clip in now)
        new = names.most_common(1)[0][0] if names else workspace.renames.of(name)
        try:
            if new and plain(new) in there:
                gallery = galleries.with_name(gallery, name, new)
                notes.append(f"'{name}' was renamed to '{new}' during the training.")
                continue
            less = galleries.without_person(gallery, name, [d for _, d in clips if d])
        except UsageError as error:
            raise UsageError(
                f"{workspace.table.folder}: it changed during the training: {error} Nothing was written."
            ) from None
        if less is None:
            raise UsageError(
                f"{workspace.table.folder}: it changed during the training: nobody who trained is in it any "
                "more. Nothing was written."
            )
        gallery = less
        notes.append(
            f"'{name}' was removed from the table during the training, and is not in the model; what it "
            "learned from all together, and its figures, had the person's clips."
        )
    return gallery, tuple(notes)


def with_left_out(
    gallery: Gallery, table: FeatureTable, fingerprint: Fingerprint, heldout: Collection[str]
) -> tuple[Gallery, int, tuple[str, ...]]:
    """Enrol people by their enrolled rows that did not train; returns the model, their number, and notes.

    The table is read anew: it has who was enrolled during the training, too. Rows of people who trained
    count only where they are of no language, as those of other languages measure the model.

    Args:
        gallery: the new model.
        table: the workspace's.
        fingerprint: of the features that trained.
        heldout: digests of the content that measures the model.
    """
    known = {plain(name) for name in gallery.labels}
    rows: dict[str, list[FeatureRow]] = {}
    for row in _enrolled_rows(table):
        if (
            row.source_hash in gallery.trained.content
            or row.source_hash in heldout
            or not row.speaker
        ):
            continue
        if plain(row.speaker) in known and row.language:
            continue
        if Fingerprint.from_json(row.extractor).of_any_track == fingerprint.of_any_track:
            used, _ = usable(row)
            if used.face is not None or used.voice is not None:
                rows.setdefault(plain(row.speaker), []).append(used)
    if not rows:
        return gallery, 0, ()
    if not galleries.can_enrol(gallery):
        return (
            gallery,
            0,
            (
                f"{_people(len(rows))} enrolled, and none of the clips trained: a model of this type does not take "
                "them in without.",
            ),
        )
    for found in rows.values():
        gallery = galleries.with_person(gallery, str(found[0].speaker), found)
    return gallery, len(rows), (f"{_people(len(rows))} enrolled, by clips that did not train.",)


def lost(gallery: Gallery, workspace: Workspace) -> tuple[str, ...]:
    """Return a note on people whom the newest model knows, and the table has no clip of any more."""
    from mraf.checkpoint import describe

    try:
        before = describe(workspace.model())
    except MrafError:
        return ()
    names = workspace.renames
    there = {plain(name) for name in (*_speakers(workspace.table).values(), *gallery.labels)}
    gone = [each for each in before.labels if each and plain(names.of(each) or "") not in there]
    if not gone:
        return ()
    some = ", ".join(gone[:5]) + (", ..." if len(gone) > 5 else "")
    return (
        f"The model '{before.folder.name}' that was there knows people of whom the table has no clip any more, and "
        f"this one does not: {some}. Extract or enrol clips of them again.",
    )


def _speakers(table: FeatureTable) -> dict[str, str]:
    """Return the speaker of each clip that has one, by its id."""
    if table.is_empty:
        return {}
    columns = table.read(["clip", "speaker"]).to_pydict()
    return {c: s for c, s in zip(columns["clip"], columns["speaker"], strict=True) if s}


def _enrolled_rows(table: FeatureTable) -> list[FeatureRow]:
    if table.is_empty:
        return []
    snapshot = table.snapshot()
    enrolled = np.array(
        [bool(each) for each in snapshot.table(["enrolled"])["enrolled"].to_pylist()]
    )
    if not enrolled.any():
        return []
    some = snapshot.only(enrolled)
    return [row for row in rows_of(some) if row.face is not None or row.voice is not None]


def _people(number: int) -> str:
    return "1 person was" if number == 1 else f"{number} people were"
