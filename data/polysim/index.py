"""POLY-SIM in the feature table, and the index beside it.

The table holds the vectors and the speakers' names. The index, a small JSON file in the same
folder, holds what a table of clips has no column for: splits, the order of their samples, the keys
of the challenge and the speakers' numbers.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mraf.data.polysim.layout import (
    FACE_DIM,
    SPLITS,
    VOICE_DIM,
    PolysimData,
    Progress,
    Sample,
    SplitFile,
    Vector,
    read_layout,
    read_vectors,
)
from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.data.table.labels import FeatureLabels
from mraf.errors import MissingError, MrafError, UsageError
from mraf.fingerprint import Fingerprint

ENCODERS = Fingerprint(
    face="facenet", face_weights="polysim", voice="ecapa", voice_weights="polysim"
)
"""Fingerprint of the challenge's vectors, of whichever version; how they were extracted is not known."""

_FORMAT = 1
# A file that begins with "_" is left alone by pandas and pyarrow when they read the folder.
_NAME = re.compile(r"_polysim-([A-Za-z0-9]+)\.json")
_CLIP = re.compile(rf"polysim/[A-Za-z0-9]+/({'|'.join(SPLITS)})/[^/]+/.+", re.DOTALL)


@dataclass(frozen=True)
class SplitCount:
    """One line of Table 1."""

    language: str
    split: str
    videos: int | None  # None where the CSV file does not say
    samples: int
    speakers: int | None  # None where the CSV file does not say
    missing_faces: int
    missing_voices: int


@dataclass(frozen=True)
class IndexedSplit:
    """The clips of one language and split, in the order of the challenge's CSV file."""

    count: SplitCount
    clips: tuple[str, ...]  # [N] ids in the feature table
    keys: tuple[str, ...] | None  # [N]; None where the CSV file has no keys

    def positions(self, labels: FeatureLabels) -> np.ndarray:
        """Where these clips stand in the table, `[N]` int64, in the order of the split.

        Raises MissingError where one is not there.
        """
        where = {clip: index for index, clip in enumerate(labels.clip)}
        absent = [clip for clip in self.clips if clip not in where]
        if absent:
            raise MissingError(
                f"{absent[0]}: not in the feature table, like {len(absent)} of the {len(self.clips)} "
                f"clips of {self.count.language} {self.count.split}. To have them again, {_command()}."
            )
        return np.array([where[clip] for clip in self.clips], np.int64)


@dataclass(frozen=True)
class PolysimIndex:
    """What has been imported of one version. `labels` holds each speaker's number, 0 to C - 1."""

    version: str
    labels: Mapping[str, int]
    splits: tuple[IndexedSplit, ...]  # train, val, test, and English first among each

    @property
    def languages(self) -> tuple[str, ...]:
        """The language of training first."""
        named = [each.count.language for each in self.splits]
        return tuple(dict.fromkeys([self.train_language, *sorted(named)]))

    @property
    def train_language(self) -> str:
        """English, or where there is none the first language that has a training set."""
        return self.splits[0].count.language

    def split(self, language: str, name: str) -> IndexedSplit:
        """The clips of one language and split. Raises UsageError where they were not imported."""
        found = {(each.count.language, each.count.split): each for each in self.splits}
        if (language, name) not in found:
            known = ", ".join(" ".join(each) for each in found) or "none"
            raise UsageError(
                f"{language} {name} of {self.version} has not been imported (there are: {known}). Add "
                f"its CSV file and its features to ROOT and {_command(self.version)}."
            )
        return found[language, name]


@dataclass(frozen=True)
class PolysimImport:
    """What an import did."""

    version: str
    root: Path
    samples: int
    embedded: int  # rows that are new or have changed
    unchanged: int
    dropped: int  # rows of an earlier import that the CSV files do not list any more
    index: PolysimIndex


def import_polysim(
    root: Path, table: FeatureTable, version: str = "v1", progress: Progress | None = None
) -> PolysimImport:
    """Put a version of the challenge into the feature table, in place of what was there of it.

    Everything is read and checked before anything is written. Rows carry the speaker, the language
    and the video where the CSV files name them; an all-zero vector is a missing face or voice.

    Args:
        root: the challenge's folder, see `read_layout`.
        table: a new table, or one that holds nothing but imports.
        version: "v1", "v2" or "v3".
        progress: called with the number of samples read, and of all.

    Raises:
        UsageError: the table holds vectors of other encoders; the layout, a CSV file or a vector
            cannot be used (see `read_layout` and `read_vectors`); the folder cannot be written.
        MrafError: a part of the table is damaged. Without that part, the same import makes it anew.
    """
    known = _known(table)
    data = read_layout(root, version)
    rows = {row.clip: row for row in _rows(data, read_vectors(data, progress))}
    before = {c: state for c, state in known.items() if c.startswith(f"polysim/{version}/")}
    changed = [row for row in rows.values() if before.get(row.clip) != _state(row)]
    index = _index(data, rows)
    if changed:
        # One part, so that a killed import has written all or nothing.
        with table.writer(rows_a_part=len(changed) + 1) as writer:
            for row in changed:
                writer.add(row)
    gone = before.keys() - rows.keys()
    dropped = table.drop(gone) if gone else 0
    _write_index(table.folder, index)
    unchanged = len(rows) - len(changed)
    return PolysimImport(version, data.root, len(rows), len(changed), unchanged, dropped, index)


def read_index(folder: Path, version: str | None = None) -> PolysimIndex:
    """The index of an imported version in the folder of a feature table; of the only one by default.

    Raises:
        MissingError: nothing, or not this version, has been imported, or the table is gone.
        UsageError: several versions have been imported and none was named.
        MrafError: the file is damaged.
    """
    found = imported_versions(folder)
    if not found:
        raise MissingError(
            f"{folder}: nothing of POLY-SIM has been imported here. First {_command()} (or choose the "
            "workspace that has it with -w)."
        )
    if version is None and len(found) > 1:
        several = " and ".join(sorted(found))
        raise UsageError(f"{folder}: {several} have been imported; choose one with --version.")
    version = version or next(iter(found))
    if version not in found:
        raise MissingError(
            f"{folder}: '{version}' of POLY-SIM has not been imported (there are: "
            f"{', '.join(sorted(found))}). First {_command(version)}."
        )
    if FeatureTable(folder).is_empty:
        raise MissingError(
            f"{found[version]}: this index is here, but the feature table beside it (the files "
            f"part-*.parquet) is gone. To have it made anew, {_command(version)} again."
        )
    return _read_index(found[version], version)


def imported_versions(folder: Path) -> dict[str, Path]:
    """The versions imported into the folder of a feature table, and the file of each index."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {match[1]: path for path in files if (match := _NAME.fullmatch(path.name))}


def split_of(clip: str) -> str | None:
    """The split that a clip's id names: "train", "val" or "test"; None for a clip of other data."""
    match = _CLIP.fullmatch(clip)
    return match[1] if match else None


def statistics(index: PolysimIndex) -> list[SplitCount]:
    """Table 1: videos, samples and what is missing, by language and split."""
    order = {language: number for number, language in enumerate(index.languages)}
    return sorted((each.count for each in index.splits), key=lambda c: order[c.language])


def _command(version: str | None = None) -> str:
    return f"run `mraf polysim import ROOT{f' --version {version}' if version else ''}`"


def _rows(
    data: PolysimData, found: Iterable[tuple[Sample, Vector, Vector]]
) -> Iterable[FeatureRow]:
    language = {each.clip: split.language for split in data.splits for each in split.samples}
    made = replace(ENCODERS, polysim=data.version).to_json()
    for sample, face, voice in found:
        digest = hashlib.sha256()
        for vector, dim in ((face, FACE_DIM), (voice, VOICE_DIM)):
            digest.update((np.zeros(dim, np.float32) if vector is None else vector).tobytes())
        yield FeatureRow(
            clip=sample.clip,
            path=sample.voice,
            source_hash=digest.hexdigest(),
            extractor=made,
            speaker=sample.speaker,
            language=language[sample.clip],
            recording=sample.recording,
            face=face,
            face_reason="no_face" if face is None else None,
            voice=voice,
            voice_reason="no_audio" if voice is None else None,
        )


_STATE = ("source_hash", "extractor", "path", "speaker", "language", "recording")


def _state(row: FeatureRow) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _STATE)


def _known(table: FeatureTable) -> dict[str, tuple[Any, ...]]:
    """The state of each row of the table. Raises UsageError where vectors are of other encoders."""
    if table.is_empty:
        return {}
    # The vectors are not needed, but a part in which they are damaged must not pass as unchanged.
    columns = table.read().select(["clip", *_STATE]).to_pydict()
    for made in map(Fingerprint.from_json, sorted(set(columns["extractor"]))):
        if replace(made, polysim=None) != ENCODERS:
            raise UsageError(
                f"{table.folder}: the table holds vectors made with {made}; those of the challenge "
                f"({ENCODERS}) cannot be compared with them. Import into another workspace (-w)."
            )
    states = zip(*(columns[name] for name in _STATE), strict=True)
    return dict(zip(columns["clip"], states, strict=True))


def _index(data: PolysimData, rows: Mapping[str, FeatureRow]) -> PolysimIndex:
    return PolysimIndex(
        data.version, data.labels, tuple(_indexed(split, rows) for split in data.splits)
    )


def _indexed(split: SplitFile, rows: Mapping[str, FeatureRow]) -> IndexedSplit:
    samples = split.samples
    theirs = [rows[sample.clip] for sample in samples]
    # The same video may show two speakers: it counts for each, as in the paper.
    videos = {(each.speaker, each.recording) for each in samples if each.recording}
    count = SplitCount(
        split.language,
        split.split,
        len(videos) or None,
        len(samples),
        len({each.speaker for each in samples if each.speaker}) or None,
        sum(row.face is None for row in theirs),
        sum(row.voice is None for row in theirs),
    )
    keys = tuple(each.key for each in samples if each.key is not None)
    clips = tuple(each.clip for each in samples)
    return IndexedSplit(count, clips, keys if len(keys) == len(clips) else None)


def _write_index(folder: Path, index: PolysimIndex) -> None:
    path = folder / f"_polysim-{index.version}.json"
    splits = [asdict(s.count) | {"clips": s.clips, "keys": s.keys} for s in index.splits]
    whole = {"format": _FORMAT, "labels": dict(index.labels), "splits": splits}
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(json.dumps(whole, ensure_ascii=False) + "\n", "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from None


def _read_index(path: Path, version: str) -> PolysimIndex:
    try:
        whole = json.loads(path.read_text("utf-8"))
        if whole["format"] != _FORMAT:
            raise ValueError(f"format {whole['format']}, expected {_FORMAT}")
        labels = {str(speaker): int(label) for speaker, label in whole["labels"].items()}
        if sorted(labels.values()) != list(range(len(labels))):
            raise ValueError("labels that are not 0 to C - 1")
        return PolysimIndex(version, labels, tuple(_split(each) for each in whole["splits"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise MrafError(
            f"{path}: this index cannot be read ({reason}). To have it made anew, "
            f"{_command(version)} again."
        ) from None


def _split(entry: dict[str, Any]) -> IndexedSplit:
    clips, keys = entry.pop("clips"), entry.pop("keys")
    split = IndexedSplit(SplitCount(**entry), _texts(clips), None if keys is None else _texts(keys))
    if not len(split.clips) == split.count.samples == len(split.keys or split.clips):
        raise ValueError(f"{split.count.samples} samples, {len(split.clips)} clips")
    return split


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValueError("a list that is not one of texts")
    return tuple(values)
