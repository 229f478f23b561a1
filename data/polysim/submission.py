"""Submission to the challenge: two CSV files, and a zip of both without folders.

The first holds the language of training (P3, P4), the second the other language (P5, P6).
"""

import csv
import io
import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mraf.data.polysim.index import IndexedSplit, PolysimIndex
from mraf.errors import MissingError, UsageError, choices

COLUMNS = (("p3", "p4"), ("p5", "p6"))
"""Columns of the two files: P3, P5 with face and voice, P4, P6 with the voice alone."""

SPLITS = ("val", "test")
"""Splits that can be submitted."""

DESCRIPTION = "submission.json"
"""File that describes each zip in its folder: mode, model and whatever the caller adds."""

_LABEL = re.compile(r"\d{1,9}")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Written files, and the number of samples of each language."""

    files: tuple[Path, Path]
    zip: Path
    samples: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class _Sheet:
    """Required content of one of the CSV files."""

    name: str
    language: str
    header: tuple[str, str, str]
    keys: tuple[str, ...]


def write_submission(
    out: Path,
    index: PolysimIndex,
    split: str,
    predictions: Mapping[str, tuple[np.ndarray, np.ndarray]],
    description: Mapping[str, Any] | None = None,
) -> Submission:
    """Write both CSV files and the zip into a folder; they are checked before they appear there.

    Args:
        out: the folder; made where it does not exist.
        index: index of the version, from `read_index`.
        split: "test" or "val".
        predictions: by language, labels `[N]` int of the samples in the order of the index: first with
            face and voice, then with the voice alone.
        description: how the predictions were made: "mode" and any other JSON values. It is written
            into `DESCRIPTION`, under the name of the zip, and not into the zip.

    Raises:
        UsageError: the split is not one of `SPLITS`, has no keys or not two languages, the
            predictions do not fit it, the folder holds a submission of another mode or cannot be
            written.
    """
    check_split(split)
    sheets = _sheets(index, split)
    texts = {sheet.name: _text(sheet, predictions[sheet.language]) for sheet in sheets}
    archive = f"submission_{index.version}_{split}.zip"
    described = _described(out, archive, description)
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".submission-", dir=out) as name:
            made = Path(name)
            for file, text in texts.items():
                (made / file).write_text(text, "utf-8", newline="")
            _write_zip(made / archive, texts)
            if described:
                (made / DESCRIPTION).write_text(described, "utf-8")
            check_submission(made, index, split)
            check_submission(made / archive, index, split)
            # The description goes first, so that a killed run leaves no files without their mode.
            for path in sorted(made.iterdir(), key=lambda each: each.name != DESCRIPTION):
                path.replace(out / path.name)
    except OSError as error:
        raise UsageError(f"{out}: the submission cannot be written ({error.strerror}).") from None
    first, second = (out / sheet.name for sheet in sheets)
    counts = {sheet.language: len(sheet.keys) for sheet in sheets}
    return Submission(files=(first, second), zip=out / archive, samples=counts)


def check_split(split: str) -> None:
    """Raise UsageError where the split is not one of `SPLITS`."""
    if split not in SPLITS:
        raise UsageError(f"'{split}' is no split to submit {choices(split, SPLITS)}")


def check_submission(path: Path, index: PolysimIndex, split: str) -> None:
    """Check a submission: both files, their headers, every key once and in order, every label.

    Args:
        path: the zip, which must hold the two files and nothing else, or a folder, which may hold
            other submissions too.
        index: index of the version, from `read_index`.
        split: "test" or "val".

    Raises:
        MissingError: `path` does not exist.
        UsageError: a line is wrong; the message names file and line.
    """
    check_split(split)
    sheets = _sheets(index, split)
    contents = _read(path, f"submission_{index.version}_{split}_*.csv")
    wanted = {sheet.name for sheet in sheets}
    if contents.keys() != wanted:
        found = ", ".join(sorted(contents)) or "nothing"
        raise UsageError(
            f"{path}: found {found}; expected exactly {' and '.join(sorted(wanted))}, in no folder."
        )
    for sheet in sheets:
        where = f"{path}: {sheet.name}"
        _check_sheet(sheet, contents[sheet.name], where=where, speakers=len(index.labels))


def _described(out: Path, archive: str, description: Mapping[str, Any] | None) -> str | None:
    """Return the text of `DESCRIPTION` with this submission added; None where there is none."""
    known = _read_description(out / DESCRIPTION)
    if known is None and description is None:
        return None
    mode = (description or {}).get("mode")
    for name, other in (known or {}).items():
        if other.get("mode") != mode:
            raise UsageError(
                f"{out}: holds {name}, made in the mode '{other.get('mode')}'; this submission's is "
                f"'{mode}'. Modes are not mixed: choose another folder. Nothing was written."
            )
    whole = (known or {}) | {archive: dict(description or {})}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _read_description(path: Path) -> dict[str, dict[str, Any]] | None:
    try:
        known = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({error}). Choose another folder.") from None
    if not isinstance(known, dict) or not all(isinstance(e, dict) for e in known.values()):
        raise UsageError(
            f"{path}: is not the description of a submission, an object for each zip. Choose another "
            "folder."
        )
    return known


def _sheets(index: PolysimIndex, split: str) -> tuple[_Sheet, _Sheet]:
    if not index.labels:
        raise UsageError(f"{index.version}: no imported CSV file names a speaker and a label.")
    first = index.split(index.train_language, split)
    others = [each for each in index.splits if each.count.split == split and each is not first]
    if len(others) != 1:
        named = ", ".join(each.count.language for each in others) or "none"
        raise UsageError(
            f"{index.version} {split}: a submission is of {index.train_language} and one other "
            f"language, and the other languages imported are: {named}."
        )
    return _sheet(index, first, COLUMNS[0]), _sheet(index, others[0], COLUMNS[1])


def _sheet(index: PolysimIndex, split: IndexedSplit, columns: tuple[str, str]) -> _Sheet:
    count = split.count
    if split.keys is None:
        raise UsageError(
            f"{count.language} {count.split} of {index.version} has no keys to submit: its CSV file "
            "has no column 'key'."
        )
    name = f"submission_{index.version}_{count.split}_{index.train_language}_{count.language}.csv"
    return _Sheet(name=name, language=count.language, header=("key", *columns), keys=split.keys)


def _text(sheet: _Sheet, columns: tuple[np.ndarray, np.ndarray]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(sheet.header)
    writer.writerows(zip(sheet.keys, *(each.tolist() for each in columns), strict=True))
    return text.getvalue()


def _write_zip(path: Path, texts: Mapping[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            # Fixed date and system, so that the same predictions give the same bytes.
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            entry.create_system = 3
            archive.writestr(entry, text.encode(), zipfile.ZIP_DEFLATED)


def _read(path: Path, pattern: str) -> dict[str, bytes]:
    """Return the content of the matching files of a folder, or of all files of a zip."""
    if not path.exists():
        raise MissingError(f"{path}: no submission here. Run `mraf polysim submit` first.")
    try:
        if path.is_dir():
            return {file.name: file.read_bytes() for file in path.glob(pattern)}
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(set(names)) < len(names):
                raise UsageError(f"{path}: holds a file twice ({', '.join(names)}).")
            return {name: archive.read(name) for name in names}
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:
        raise UsageError(f"{path}: cannot be read ({error}).") from None


def _check_sheet(sheet: _Sheet, content: bytes, *, where: str, speakers: int) -> None:
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{where}: not a CSV file ({error}).") from None
    if not rows or tuple(rows[0]) != sheet.header:
        found = ",".join(rows[0]) if rows else "nothing"
        raise UsageError(
            f"{where}, line 1: found {found}, expected the header {','.join(sheet.header)}."
        )
    for line, (row, key) in enumerate(zip(rows[1:], sheet.keys, strict=False), 2):
        if len(row) != 3 or row[0] != key:
            raise UsageError(
                f"{where}, line {line}: found {','.join(row) or 'nothing'}, expected the key '{key}' "
                "and two labels."
            )
        for name, text in zip(sheet.header[1:], row[1:], strict=True):
            if not _LABEL.fullmatch(text) or int(text) >= speakers:
                raise UsageError(
                    f"{where}, line {line}: the {name} '{text}' is no label from 0 to {speakers - 1}."
                )
    if len(rows) - 1 != len(sheet.keys):
        last = min(len(rows), len(sheet.keys) + 1) + 1
        raise UsageError(
            f"{where}, line {last}: {len(rows) - 1} samples, expected {len(sheet.keys)}."
        )
