"""Import of the challenge's vectors into a feature table."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mraf.data.polysim.entries import Entry
from mraf.data.polysim.index import IndexedSplit, PolysimIndex, SplitCount, write_index
from mraf.data.polysim.layout import PolysimData, SplitFile, read_layout
from mraf.data.polysim.vectors import FACE_DIM, VOICE_DIM, Progress, Vector, read_vectors
from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.errors import UsageError
from mraf.fingerprint import Fingerprint

ENCODERS = Fingerprint(
    face="facenet", face_weights="281cebca8662", voice="ecapa", voice_weights="0575cb64845e"
)
"""Fingerprint of the challenge's vectors, of every version: FaceNet (VGGFace2) and ECAPA-TDNN (VoxCeleb)
with the published weights, as in `mraf.extractors.weights.PUBLISHED`. Of their extraction nothing is known."""

_EARLIER = replace(ENCODERS, face_weights="polysim", voice_weights="polysim")
"""The same, as earlier versions of mraf wrote it; an import renews such rows."""


@dataclass(frozen=True, kw_only=True)
class PolysimImport:
    """Counts and index of an import."""

    version: str
    root: Path
    samples: int
    embedded: int  # new or changed rows
    unchanged: int
    dropped: int  # rows of an earlier import that the CSV files no longer list
    index: PolysimIndex


def import_polysim(
    root: Path, table: FeatureTable, version: str = "v1", progress: Progress | None = None
) -> PolysimImport:
    """Import a version of the challenge into the feature table, in place of an earlier import of it.

    All files are read and checked before anything is written. Rows have the speaker, the language and
    the video where the CSV files name them; an all-zero vector is a missing face or voice.

    Args:
        root: the challenge's folder, see `read_layout`.
        table: a new table, or one that holds only imports.
        version: "v1", "v2" or "v3".
        progress: called with the number of samples read and the number of all.

    Raises:
        UsageError: the table holds vectors that are not imported; the layout, a CSV file or a vector
            cannot be used (see `read_layout` and `read_vectors`); the folder cannot be written.
        MrafError: a part of the table is damaged. Remove that part and import again.
    """
    known = _known(table)
    data = read_layout(root, version)
    rows = {row.clip: row for row in _rows(data, read_vectors(data, progress))}
    before = {c: state for c, state in known.items() if c.startswith(f"polysim/{version}/")}
    changed = [row for row in rows.values() if before.get(row.clip) != _state(row)]
    splits = tuple(_indexed(split, rows) for split in data.splits)
    index = PolysimIndex(version=data.version, labels=data.labels, splits=splits)
    if changed:
        # A single part: a killed import has written all or nothing.
        with table.writer(rows_a_part=len(changed) + 1) as writer:
            for row in changed:
                writer.add(row)
    gone = before.keys() - rows.keys()
    dropped = table.drop(gone) if gone else 0
    write_index(table.folder, index)
    return PolysimImport(
        version=version,
        root=data.root,
        samples=len(rows),
        embedded=len(changed),
        unchanged=len(rows) - len(changed),
        dropped=dropped,
        index=index,
    )


def _rows(data: PolysimData, found: Iterable[tuple[Entry, Vector, Vector]]) -> Iterable[FeatureRow]:
    language = {each.clip: split.language for split in data.splits for each in split.entries}
    extractor = replace(ENCODERS, polysim=data.version).to_json()
    for entry, face, voice in found:
        digest = hashlib.sha256()
        for vector, dim in ((face, FACE_DIM), (voice, VOICE_DIM)):
            digest.update((np.zeros(dim, np.float32) if vector is None else vector).tobytes())
        yield FeatureRow(
            clip=entry.clip,
            path=entry.voice,
            source_hash=digest.hexdigest(),
            extractor=extractor,
            speaker=entry.speaker,
            language=language[entry.clip],
            recording=entry.recording,
            face=face,
            face_reason="no_face" if face is None else None,
            voice=voice,
            voice_reason="no_audio" if voice is None else None,
        )


_STATE = ("source_hash", "extractor", "path", "speaker", "language", "recording")


def _state(row: FeatureRow) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _STATE)


def _known(table: FeatureTable) -> dict[str, tuple[Any, ...]]:
    """Return the state of each row of the table. Raises UsageError for vectors that are not imported."""
    if table.is_empty:
        return {}
    # All columns are read: a part whose vectors are damaged must not pass as unchanged.
    columns = table.read().select(["clip", *_STATE]).to_pydict()
    for fingerprint in map(Fingerprint.from_json, sorted(set(columns["extractor"]))):
        if replace(fingerprint, polysim=None) not in (ENCODERS, _EARLIER):
            reason = (
                "may have been extracted in another way"
                if fingerprint.shares_encoders(ENCODERS)
                else "cannot be compared with them"
            )
            raise UsageError(
                f"{table.folder}: the table holds vectors made with {fingerprint}; those of the "
                f"challenge ({ENCODERS}) {reason}. Import into another workspace (-w)."
            )
    states = zip(*(columns[name] for name in _STATE), strict=True)
    return dict(zip(columns["clip"], states, strict=True))


def _indexed(split: SplitFile, rows: Mapping[str, FeatureRow]) -> IndexedSplit:
    entries = split.entries
    of_split = [rows[entry.clip] for entry in entries]
    # A video that shows two speakers counts for each of them, as in the paper.
    videos = {(each.speaker, each.recording) for each in entries if each.recording}
    count = SplitCount(
        language=split.language,
        split=split.split,
        videos=len(videos) or None,
        samples=len(entries),
        speakers=len({each.speaker for each in entries if each.speaker}) or None,
        missing_faces=sum(row.face is None for row in of_split),
        missing_voices=sum(row.voice is None for row in of_split),
    )
    keys = tuple(each.key for each in entries if each.key is not None)
    clips = tuple(each.clip for each in entries)
    return IndexedSplit(count=count, clips=clips, keys=keys if len(keys) == len(clips) else None)
