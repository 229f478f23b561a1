"""Index of an imported version of POLY-SIM.

The feature table holds the vectors and the names of the speakers. The index, a small JSON file in the
same folder, holds the rest: splits, the order of their samples, the keys of the challenge and the
numbers of the speakers.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mraf.data.polysim.layout import SPLITS
from mraf.data.table.features import FeatureTable
from mraf.data.table.labels import FeatureLabels
from mraf.errors import MissingError, MrafError, UsageError

_FORMAT = 1
# pandas and pyarrow skip files that begin with "_" when they read a folder.
_NAME = re.compile(r"_polysim-([A-Za-z0-9]+)\.json")
_CLIP = re.compile(rf"polysim/[A-Za-z0-9]+/({'|'.join(SPLITS)})/[^/]+/.+", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class SplitCount:
    """One line of Table 1."""

    language: str
    split: str
    videos: int | None  # None where the CSV file does not name them
    samples: int
    speakers: int | None  # None where the CSV file does not name them
    missing_faces: int
    missing_voices: int


@dataclass(frozen=True, kw_only=True)
class IndexedSplit:
    """Clips of one language and split, in the order of the challenge's CSV file."""

    count: SplitCount
    clips: tuple[str, ...]  # [N] ids in the feature table
    keys: tuple[str, ...] | None  # [N]; None where the CSV file has no keys

    def positions(self, labels: FeatureLabels) -> np.ndarray:
        """Return the positions of these clips in the table, `[N]` int64, in the order of the split.

        Raises MissingError where one is absent.
        """
        rows = {clip: row for row, clip in enumerate(labels.clip)}
        absent = [clip for clip in self.clips if clip not in rows]
        if absent:
            raise MissingError(
                f"{absent[0]}: not in the feature table, like {len(absent)} of the {len(self.clips)} "
                f"clips of {self.count.language} {self.count.split}. To import them again, {_command()}."
            )
        return np.array([rows[clip] for clip in self.clips], np.int64)


@dataclass(frozen=True, kw_only=True)
class PolysimIndex:
    """Labels and splits of one imported version."""

    version: str
    labels: Mapping[str, int]  # number of each speaker, 0 to C - 1
    splits: tuple[IndexedSplit, ...]  # train, val, test, and English first among each

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages, that of training first."""
        named = [each.count.language for each in self.splits]
        return tuple(dict.fromkeys([self.train_language, *sorted(named)]))

    @property
    def train_language(self) -> str:
        """Language of the training set: English, or the first other language that has one."""
        return self.splits[0].count.language

    def split(self, language: str, name: str) -> IndexedSplit:
        """Return the clips of one language and split. Raises UsageError where they were not imported."""
        found = {(each.count.language, each.count.split): each for each in self.splits}
        if (language, name) not in found:
            known = ", ".join(" ".join(each) for each in found) or "none"
            raise UsageError(
                f"{language} {name} of {self.version} has not been imported (there are: {known}). Add "
                f"its CSV file and its features to ROOT and {_command(self.version)}."
            )
        return found[language, name]


def read_index(folder: Path, version: str | None = None) -> PolysimIndex:
    """Read the index of a version in the folder of a feature table; by default of the only one.

    Raises:
        MissingError: nothing or another version has been imported, or the table is gone.
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
            f"{found[version]}: the feature table of this index (the files "
            f"part-*.parquet) is gone. To make it again, {_command(version)}."
        )
    return _read_index(found[version], version)


def write_index(folder: Path, index: PolysimIndex) -> None:
    """Write the index into the folder of its feature table. Raises UsageError where it cannot."""
    path = folder / f"_polysim-{index.version}.json"
    splits = [asdict(s.count) | {"clips": s.clips, "keys": s.keys} for s in index.splits]
    whole = {"format": _FORMAT, "labels": dict(index.labels), "splits": splits}
    temporary = path.with_suffix(".tmp")
    try:
        temporary.write_text(json.dumps(whole, ensure_ascii=False) + "\n", "utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from None


def imported_versions(folder: Path) -> dict[str, Path]:
    """Return the versions imported into the folder of a feature table, with their index files."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return {match[1]: path for path in files if (match := _NAME.fullmatch(path.name))}


def split_of(clip: str) -> str | None:
    """Return the split in a clip's id: "train", "val" or "test"; None for a clip of other data."""
    match = _CLIP.fullmatch(clip)
    return match[1] if match else None


def statistics(index: PolysimIndex) -> list[SplitCount]:
    """Return Table 1: videos, samples, missing faces and missing voices by language and split."""
    order = {language: number for number, language in enumerate(index.languages)}
    return sorted((each.count for each in index.splits), key=lambda c: order[c.language])


def _command(version: str | None = None) -> str:
    return f"run `mraf polysim import ROOT{f' --version {version}' if version else ''}`"


def _read_index(path: Path, version: str) -> PolysimIndex:
    try:
        whole = json.loads(path.read_text("utf-8"))
        if whole["format"] != _FORMAT:
            raise ValueError(f"format {whole['format']}, expected {_FORMAT}")
        labels = {str(speaker): int(label) for speaker, label in whole["labels"].items()}
        if sorted(labels.values()) != list(range(len(labels))):
            raise ValueError("labels that are not 0 to C - 1")
        splits = tuple(_split(each) for each in whole["splits"])
        return PolysimIndex(version=version, labels=labels, splits=splits)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise MrafError(
            f"{path}: this index cannot be read ({reason}). To make it again, {_command(version)}."
        ) from None


def _split(entry: dict[str, Any]) -> IndexedSplit:
    clips, keys = entry.pop("clips"), entry.pop("keys")
    split = IndexedSplit(
        count=SplitCount(**entry), clips=_texts(clips), keys=None if keys is None else _texts(keys)
    )
    if not len(split.clips) == split.count.samples == len(split.keys or split.clips):
        raise ValueError(f"{split.count.samples} samples, {len(split.clips)} clips")
    return split


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise ValueError("a list that is not one of texts")
    return tuple(values)
