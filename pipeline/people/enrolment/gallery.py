"""The people in the models of a workspace: a model is read, changed and written as one step.

A lock on the folder of models keeps two such steps apart, also those of two processes.
"""

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mraf import __version__
from mraf.data.table.features import FeatureRow
from mraf.data.table.lock import locked
from mraf.data.table.renames import plain
from mraf.errors import MrafError, UsageError
from mraf.fingerprint import Fingerprint
from mraf.pipeline.fingerprints import dims_of
from mraf.pipeline.people.enrolment.card import PROMISE_WITHOUT_TRAINING, with_people
from mraf.pipeline.people.enrolment.stored import recording_of
from mraf.pipeline.workspace import Workspace
from mraf.types import Features

if TYPE_CHECKING:
    from mraf.checkpoint import Checkpoint, TrainedOn

PATIENCE = 60.0
"""Seconds that a change waits for another process that writes."""
CAN_ENROL = "prototypes"
"""The model type that people come to and leave without training."""
BEGUN = "enrolled"
"""The name of a model that begins with enrolment."""


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """A model that can enrol, with all that its folder holds."""

    folder: Path
    checkpoint: "Checkpoint"
    trained: "TrainedOn"
    card: str

    @property
    def labels(self) -> tuple[str, ...]:
        """The people."""
        return self.checkpoint.labels

    def index(self, name: str) -> int | None:
        """Return the index of a person, in whatever spelling of the name; None for somebody new."""
        names = [plain(each) for each in self.labels]
        return names.index(plain(name)) if plain(name) in names else None

    def write(self, *, newer: bool = False) -> None:
        """Write the model folder; the model does not become newer by it unless `newer`.

        Raises UsageError where it cannot be written.
        """
        from mraf import checkpoint

        config = self.folder / checkpoint.CONFIG
        times = config.stat() if config.exists() and not newer else None
        trained = self.checkpoint.model.recogniser.trained.tolist()
        late = [name for name, did in zip(self.labels, trained, strict=True) if not did]
        card = with_people(self.card, self.labels, late)
        checkpoint.save(self.folder, self.checkpoint, card, self.trained)
        if times:
            os.utime(config, ns=(times.st_atime_ns, times.st_mtime_ns))


@contextmanager
def changing(workspace: Workspace) -> Iterator[None]:
    """Keep other changes of the models away; waits for one that is going on.

    Raises UsageError where that takes too long.
    """
    with locked(workspace.models, patience=PATIENCE, holder="`mraf enrol` or `mraf train`"):
        yield


def read(folder: Path) -> Gallery:
    """Read a model that can enrol.

    Raises UsageError for one of another type, MissingError and MrafError as `mraf.checkpoint.load` does.
    """
    from mraf import checkpoint

    described = checkpoint.describe(folder)
    if described.model_type != CAN_ENROL:
        raise UsageError(
            f"The model '{folder.name}' is of type {described.model_type}, which knows people by what it "
            f"learned in training: only a model of type {CAN_ENROL} takes people in or lets them go without. "
            f"Name one (--model), or train one (`mraf train`)."
        )
    try:
        card = (described.folder / checkpoint.CARD).read_text("utf-8")
    except (OSError, ValueError):
        card = ""
    return Gallery(
        folder=folder,
        checkpoint=checkpoint.load(described),
        trained=checkpoint.load_trained(described),
        card=card,
    )


def begun(folder: Path, fingerprint: Fingerprint) -> Gallery:
    """Return a model that has learned nothing and knows nobody yet; it is not written."""
    import torch

    from mraf.checkpoint import Checkpoint, TrainedOn
    from mraf.prototypes.enrolment import blank
    from mraf.prototypes.options import PrototypeOptions

    note = (
        "This model was not trained: it began with `mraf enrol`, compares faces and voices as the encoders give "
        "them, and decides who is known by measurements on other people. `mraf train` makes a better one as soon "
        "as there are two people."
    )
    meta = {
        "mraf": __version__,
        "torch": torch.__version__,
        "fingerprint": asdict(fingerprint),
        "preset": None,
        "options": asdict(PrototypeOptions.cosine()),
        "languages": [],
        "heldout_by": "recording",
        "samples": 0,
        "heldout": 0,
        "notes": [note],
    }
    metrics: dict[str, Any] = {
        name: {} for name in ("dev", "cross_validation", "calibration", "learned")
    }
    model = blank(*dims_of(fingerprint), face=fingerprint.face, voice=fingerprint.voice)
    return Gallery(
        folder=folder,
        checkpoint=Checkpoint(
            model=model, labels=("",), meta=meta, metrics={**metrics, "epoch": None, "history": []}
        ),
        trained=TrainedOn(),
        card=(
            f"# {folder.name}\n\nNames the speaker of a clip from the face, the voice, or whichever of the two is "
            f"there.\n\n{note}\n\n| | |\n|---|---|\n| Speakers | 0: |\n| Encoders | `{fingerprint.encoders}` |\n\n"
            f"## People it does not know\n\n{PROMISE_WITHOUT_TRAINING}\n\n## Privacy\n\nThe file holds no picture and no sound. It holds face and voice embeddings, which are "
            "biometric data, of the people named above: `mraf forget NAME` removes one.\n"
        ),
    )


def with_person(
    gallery: Gallery, name: str, rows: Sequence[FeatureRow], stored: Sequence[FeatureRow] = ()
) -> Gallery:
    """Return the gallery with rows of a person, new or not, who goes by the spelling of the gallery.

    `stored` are all rows that the table has of the person: a recording of which the model has some clips
    already is averaged anew with the others, and counts once.
    """
    from mraf.prototypes.enrolment import enrolled

    index = 0 if gallery.labels == ("",) else gallery.index(name)
    labels = gallery.labels
    if labels == ("",):
        labels = (name,)
    elif index is None:
        labels = (*labels, name)
    model: Any = gallery.checkpoint.model
    trained = gallery.trained
    names, digests = {recording_of(row) for row in rows}, {row.source_hash for row in rows}
    before = [
        row
        for row in stored
        if recording_of(row) in names
        and row.source_hash in trained.content
        and row.source_hash not in digests
    ]
    made = enrolled(
        model,
        features_of([*before, *rows], model.config),
        index,
        features_of(before, model.config) if before else None,
    )
    trained = replace(
        trained,
        content=trained.content | {row.source_hash for row in rows if row.source_hash},
        recordings=trained.recordings
        | {(name, row.language or "", recording_of(row)) for row in rows},
    )
    checkpoint = replace(gallery.checkpoint, model=made, labels=labels)
    return replace(gallery, checkpoint=checkpoint, trained=trained)


def without_clips(
    gallery: Gallery, name: str, stored: Sequence[FeatureRow], content: Collection[str]
) -> Gallery:
    """Return the gallery where a person has lost clips, and is not known any more where none is left.

    Args:
        gallery: the gallery, which knows somebody else too.
        name: of the person.
        stored: all rows that the table had of the person.
        content: digests of the clips that go.
    """
    from mraf.prototypes.enrolment import enrolled

    index = gallery.index(name)
    assert index is not None
    names = {recording_of(row) for row in stored if row.source_hash in content}
    before = [
        row
        for row in stored
        if recording_of(row) in names and row.source_hash in gallery.trained.content
    ]
    if not before:
        return gallery
    left = [row for row in before if row.source_hash not in content]
    model: Any = gallery.checkpoint.model
    config = model.config
    made: Any = enrolled(model, features_of(left, config), index, features_of(before, config))
    if not (made.face.known[index] or made.voice.known[index]):
        found = without_person(gallery, name)
        assert found is not None
        return found
    gone = names - {recording_of(row) for row in left}
    recordings = frozenset(
        each
        for each in gallery.trained.recordings
        if not (plain(each[0]) == plain(name) and each[2] in gone)
    )
    return replace(
        gallery,
        checkpoint=replace(gallery.checkpoint, model=made),
        trained=replace(gallery.trained, recordings=recordings),
    )


def without_person(gallery: Gallery, name: str, content: Sequence[str] = ()) -> Gallery | None:
    """Return the gallery without a person, of whose clips `content` holds the digests; None if it is empty then."""
    from mraf.prototypes.enrolment import forgotten

    index = gallery.index(name)
    assert index is not None
    _refuse_learned(gallery, f"'{name}' is gone")
    if len(gallery.labels) == 1:
        return None
    model: Any = gallery.checkpoint.model
    labels = tuple(each for i, each in enumerate(gallery.labels) if i != index)
    checkpoint = replace(gallery.checkpoint, model=forgotten(model, index), labels=labels)
    trained = _trained_without(gallery.trained, index)
    return replace(
        gallery,
        checkpoint=checkpoint,
        trained=replace(
            trained,
            content=trained.content - set(content),
            out_of_fold={d: a for d, a in trained.out_of_fold.items() if d not in set(content)},
            recordings=frozenset(r for r in trained.recordings if plain(r[0]) != plain(name)),
        ),
    )


def with_name(gallery: Gallery, old: str, new: str) -> Gallery:
    """Return the gallery with another name for a person; if it has that name too, both are one.

    Raises UsageError where two must become one in a model that cannot do so without training.
    """
    index, other = gallery.index(old), gallery.index(new)
    assert index is not None
    if other is not None and other != index:
        _refuse_learned(gallery, f"'{old}' and '{new}' became one person")
        return merged_people(gallery, other, index)
    was, trained = gallery.labels[index], gallery.trained
    labels = tuple(new if each == was else each for each in gallery.labels)
    recordings = frozenset((new, *r[1:]) if r[0] == was else r for r in trained.recordings)
    return replace(
        gallery,
        checkpoint=replace(gallery.checkpoint, labels=labels),
        trained=replace(trained, recordings=recordings),
    )


def can_enrol(gallery: Gallery) -> bool:
    """Return True where people come to the model and leave it without training."""
    return gallery.checkpoint.model.model_type == CAN_ENROL


def merged_people(gallery: Gallery, keep: int, drop: int) -> Gallery:
    """Return the gallery with two people as one, called as the first."""
    from mraf.prototypes.enrolment import merged

    model: Any = gallery.checkpoint.model
    old, new = gallery.labels[drop], gallery.labels[keep]
    labels = tuple(each for i, each in enumerate(gallery.labels) if i != drop)
    names = {old: new}
    trained = _trained_without(gallery.trained, drop, keep)
    recordings = frozenset((names.get(r[0], r[0]), *r[1:]) for r in trained.recordings)
    return replace(
        gallery,
        checkpoint=replace(gallery.checkpoint, model=merged(model, keep, drop), labels=labels),
        trained=replace(trained, recordings=recordings),
    )


def remove(folder: Path) -> None:
    """Delete a model folder. Raises MrafError where that cannot be done."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise MrafError(f"{folder}: it cannot be deleted ({error.strerror})") from None


def features_of(rows: Sequence[FeatureRow], config: Any) -> Features:
    """Return rows as features for a model with this configuration, with a recording for each name."""
    import numpy as np

    names = [recording_of(row) for row in rows]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}

    def matrix(modality: str) -> "np.ndarray":
        vectors = [getattr(row, modality) for row in rows]
        dim = next((len(v) for v in vectors if v is not None), getattr(config, f"{modality}_dim"))
        found = np.zeros((len(rows), dim), np.float32)
        for i, vector in enumerate(vectors):
            if vector is not None:
                found[i] = vector
        return found

    return Features(
        face=matrix("face"),
        face_present=np.array([row.face is not None for row in rows], bool),
        voice=matrix("voice"),
        voice_present=np.array([row.voice is not None for row in rows], bool),
        label=np.full(len(rows), -1),
        recording=np.array([numbers[name] for name in names], np.int64),
    )


def _refuse_learned(gallery: Gallery, what: str) -> None:
    """Raise UsageError where the model knows its people by what it learned."""
    if not can_enrol(gallery):
        kind = gallery.checkpoint.model.model_type
        raise UsageError(f"{what}, and a model of type {kind} must be trained again for that.")


def _trained_without(trained: "TrainedOn", drop: int, keep: int | None = None) -> "TrainedOn":
    """Return the answers out of fold by new indices; those that named who goes are answers no more."""
    from mraf.checkpoint import Answer

    def moved(index: int) -> int:
        at = keep if index == drop and keep is not None else index
        return at - (at > drop)

    answers: dict[str, Answer] = {
        digest: (tuple(map(moved, who)), probability)
        for digest, (who, probability) in trained.out_of_fold.items()
        if keep is not None or drop not in who
    }
    return replace(trained, out_of_fold=answers)
