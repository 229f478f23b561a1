"""Files of the challenge: its CSV files, by split and language, and the folder of its vectors.

ROOT holds `csv_files/comp/<version>_<split>_<Language>.csv` and the vectors below `feats/`. ROOT is
only read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mraf.data.polysim.entries import Entry, EntryReader, Labels
from mraf.errors import UsageError
from mraf.languages import canonical

SPLITS = ("train", "val", "test")

_CSV = re.compile(r"([A-Za-z0-9]+)_(train|val|test)_([^\W\d_]+)\.csv")
_NAMED_IN_MESSAGE = 10


@dataclass(frozen=True, kw_only=True)
class SplitFile:
    """Entries of one CSV file, in its order."""

    language: str
    split: str
    file: Path
    entries: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True)
class PolysimData:
    """Splits and labels of one version of the challenge."""

    root: Path
    version: str
    splits: tuple[SplitFile, ...]  # train, val, test, and English first among each
    labels: Mapping[str, int]  # number of each speaker, 0 to C - 1

    def __len__(self) -> int:
        return sum(len(split.entries) for split in self.splits)


def read_layout(root: Path, version: str = "v1") -> PolysimData:
    """Read and check the CSV files of one version, without the vectors.

    The file names give the languages. Each file has one of three sets of columns, `LISTED`, `KEYED`
    or `ASKED`; the last two may have `identity` or `label` too, and paths have slashes or
    backslashes. Outside the training split, `identity` and `label` may be empty: the speaker is
    unknown then.

    Args:
        root: the folder with `csv_files` and `feats`, or its parent where it is called `polysim`.
        version: "v1" (English and Urdu), "v2" (Hindi), "v3" (German).

    Raises:
        UsageError: no such layout or version; a CSV with other columns, a line that cannot be used,
            a label out of range or of two speakers, a sample listed twice, a path that leaves ROOT.
    """
    root = _find_root(root)
    files = _find_files(root, version)
    labels = Labels()
    splits = []
    for (split, language), file in files.items():
        prefix, is_train = f"polysim/{version}/{split}/{language}", split == "train"
        reader = EntryReader(file, prefix=prefix, labels=labels, is_train=is_train)
        entries = tuple(reader.entries())
        splits.append(SplitFile(language=language, split=split, file=file, entries=entries))
    return PolysimData(root=root, version=version, splits=tuple(splits), labels=labels.checked())


def _find_root(root: Path) -> Path:
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder. Name the one that holds csv_files and feats.")
    for folder in (root, root / "polysim"):
        if (folder / "csv_files" / "comp").is_dir():
            return folder
    found = ", ".join(sorted(path.name for path in root.iterdir())[:_NAMED_IN_MESSAGE]) or "nothing"
    raise UsageError(
        f"{root}: not the layout of the challenge: no folder csv_files/comp (found: {found}). Unpack "
        "the challenge's archive and name the folder that holds csv_files and feats."
    )


def _find_files(root: Path, version: str) -> dict[tuple[str, str], Path]:
    """Return the CSV files of a version by split and language, the training files first."""
    folder = root / "csv_files" / "comp"
    named = [(m, path) for path in sorted(folder.iterdir()) if (m := _CSV.fullmatch(path.name))]
    files: dict[tuple[str, str], Path] = {}
    for match, path in named:
        key = (match[2], canonical(match[3]))
        if match[1] == version and files.setdefault(key, path) != path:
            raise UsageError(f"{path}: {files[key].name} is the same split. Remove one of them.")
    if not files:
        known = ", ".join(sorted({match[1] for match, _ in named})) or "none"
        raise UsageError(
            f"{folder}: no file like {version}_train_English.csv, so there is no version "
            f"'{version}' (there are: {known})."
        )
    order = sorted(files, key=lambda key: (SPLITS.index(key[0]), key[1] != "English", key[1]))
    return {key: files[key] for key in order}
