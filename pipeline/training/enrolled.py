"""Rows that were enrolled, as training takes them."""

from collections import Counter, defaultdict
from dataclasses import dataclass, fields, replace

import numpy as np

from mraf.data.table.features import rows_of
from mraf.data.table.labels import StoredLabels
from mraf.data.table.renames import plain
from mraf.data.table.snapshot import Snapshot
from mraf.pipeline.people.enrolment.samples import usable


@dataclass(frozen=True, kw_only=True)
class _Usable(StoredLabels):
    """Labels that lack some of the vectors of others."""

    whole: StoredLabels

    def vectors(self, name: str, index: np.ndarray) -> np.ndarray:
        """See `FeatureLabels.vectors`."""
        return self.whole.vectors(name, index)


def one_name_each(labels: StoredLabels, rows: Snapshot) -> tuple[StoredLabels, tuple[str, ...]]:
    """Return the labels with one name for a content that was enrolled, and notes on those of several.

    The name under which it was enrolled counts, and its other rows are left out. Where nobody enrolled it, or
    under several names, all rows stay.
    """
    names: dict[str, set[str]] = defaultdict(set)
    for digest, speaker in zip(labels.source_hash, labels.speaker, strict=True):
        if digest and speaker:
            names[digest].add(plain(speaker))
    several = {digest for digest, found in names.items() if len(found) > 1}
    if not several:
        return labels, ()
    enrolled = rows.table(["enrolled"])["enrolled"].to_pylist()
    chosen: dict[str, set[str]] = defaultdict(set)
    for digest, speaker, is_enrolled in zip(
        labels.source_hash, labels.speaker, enrolled, strict=True
    ):
        if digest in several and speaker and is_enrolled:
            chosen[digest].add(plain(speaker))
    speakers = list(labels.speaker)
    for i, (digest, speaker) in enumerate(zip(labels.source_hash, labels.speaker, strict=True)):
        one = chosen.get(digest, ())
        if len(one) == 1 and speaker and plain(speaker) not in one:
            speakers[i] = None
    kept = sum(len(found) == 1 for found in chosen.values())
    pairs = Counter(" and ".join(sorted(names[digest])) for digest in several)
    (most, _), *_ = pairs.most_common(1)
    said = f"{len(several)} contents have several speakers' names (as {most})"
    if kept:
        said += f"; in {kept} the name counts under which it was enrolled, and the other row does not train"
    return replace(labels, speaker=speakers), (f"{said}: `mraf rename` makes one speaker of two.",)


def usable_only(labels: StoredLabels, rows: Snapshot) -> StoredLabels:
    """Return the labels without the faces and voices of enrolled rows that are too poor to enrol."""
    enrolled = np.flatnonzero(np.array(rows.table(["enrolled"])["enrolled"].to_pylist(), bool))
    if not len(enrolled):
        return labels
    face, voice = labels.face_present.copy(), labels.voice_present.copy()
    for i, row in zip(enrolled, rows_of(rows.only(enrolled)), strict=True):
        used, _ = usable(row)
        face[i], voice[i] = used.face is not None, used.voice is not None
    known = {field.name: getattr(labels, field.name) for field in fields(StoredLabels)}
    return _Usable(**known | {"face_present": face, "voice_present": voice}, whole=labels)
