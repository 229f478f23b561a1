"""The challenge's layout on disk: which samples its CSV files list, and their vectors.

ROOT holds `csv_files/comp/<version>_<split>_<Language>.csv` and the vectors below `feats/`. Nothing
here is written to.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from mraf.data.clips.languages import canonical
from mraf.errors import UsageError

SPLITS = ("train", "val", "test")
FACE_DIM, VOICE_DIM = 512, 192
"""Lengths of a FaceNet and of an ECAPA-TDNN vector."""

LISTED = ("identity", "label", "facenet_feats_path", "ecappa_feats_path")
KEYED = ("key", "voices", "faces")
ASKED = ("key", *LISTED[2:])
"""The columns of a CSV that names its speakers, and of two that ask for them; others are ignored."""

_CSV = re.compile(r"([A-Za-z0-9]+)_(train|val|test)_([^\W\d_]+)\.csv")
_LABEL = re.compile(r"(\d{1,9})(\.0*)?")
_NAMED_IN_MESSAGE = 10

Vector = np.ndarray | None
Progress = Callable[[int, int], None]
"""Called with the number of samples done, and of all."""


class UnusableFilesError(UsageError):
    """Feature files that cannot be used; the message names the first of them, `problems` all."""

    def __init__(self, message: str, problems: tuple[str, ...]) -> None:
        super().__init__(message)
        self.problems = problems  # "<path from ROOT>: <what is wrong>", in the order of the samples


@dataclass(frozen=True)
class Sample:
    """One line of a CSV file. Paths start from ROOT; what the line does not say is None."""

    clip: str  # "polysim/v1/train/English/id0001/<video>/00000" or "polysim/v1/test/English/<key>"
    face: str
    voice: str
    key: str | None = None
    speaker: str | None = None
    recording: str | None = None  # the video


@dataclass(frozen=True)
class SplitFile:
    """The samples of one CSV file, in its order."""

    language: str
    split: str
    file: Path
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class PolysimData:
    """What one version of the challenge lists. `labels` holds each speaker's number, 0 to C - 1."""

    root: Path
    version: str
    splits: tuple[SplitFile, ...]  # train, val, test, and English first among each
    labels: Mapping[str, int]

    def __len__(self) -> int:
        return sum(len(split.samples) for split in self.splits)


def read_layout(root: Path, version: str = "v1") -> PolysimData:
    """The CSV files of one version, checked; no vector is read yet.

    Languages are those of the file names. Any set of columns, `LISTED`, `KEYED` or `ASKED`, will do
    for any split, the last two may carry `identity` or `label` too, and paths may have either slash.
    Outside of the training split `identity` and `label` may be empty: nobody is named then.

    Args:
        root: the folder with `csv_files` and `feats`, or its parent where it is called `polysim`.
        version: "v1" (English and Urdu), "v2" (Hindi), "v3" (German).

    Raises:
        UsageError: no such layout or version; a CSV with other columns, a line that cannot be used,
            a label out of range or of two speakers, a sample listed twice, a path that leaves ROOT.
    """
    root = _find_root(root)
    files = _find_files(root, version)
    labels = _Labels()
    splits = []
    for (split, language), file in files.items():
        reader = _Reader(file, f"polysim/{version}/{split}/{language}", labels, split == "train")
        splits.append(SplitFile(language, split, file, tuple(reader.samples())))
    return PolysimData(root, version, tuple(splits), labels.checked())


def read_vectors(
    data: PolysimData, progress: Progress | None = None
) -> list[tuple[Sample, Vector, Vector]]:
    """Every sample with its face `[512]` and its voice `[192]`, float32; None where all zero.

    Raises UnusableFilesError where files are absent, damaged, of another shape or not finite.
    """
    samples = [sample for split in data.splits for sample in split.samples]
    problems: list[str] = []

    def load(path: str, dim: int) -> Vector:
        try:
            return _load(data.root / path, dim)
        except (OSError, ValueError, MemoryError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            problems.append(f"{path}: {reason or type(error).__name__}")
            return None

    found = []
    # One thread: the files are so small that more threads only wait for the interpreter.
    for done, sample in enumerate(samples, 1):
        found.append((sample, load(sample.face, FACE_DIM), load(sample.voice, VOICE_DIM)))
        if progress:
            progress(done, len(samples))
    if problems:
        raise _unusable(data.root, tuple(dict.fromkeys(problems)))
    return found


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
    """CSV files of a version by split and language; the speakers' numbers come with the first."""
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
    return {key: files[key] for key in sorted(files, key=_order)}


def _order(split: tuple[str, str]) -> tuple[int, bool, str]:
    return SPLITS.index(split[0]), split[1] != "English", split[1]


class _Labels:
    """Which speaker has which number, over all CSV files of a version."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[int, str]] = {}  # the label, and the line that first said so
        self._speaker: dict[int, tuple[str, str]] = {}

    def add(self, speaker: str, text: str, where: str) -> None:
        label = self._parse(text, where)
        known, line = self._of.setdefault(speaker, (label, where))
        if known != label:
            raise UsageError(
                f"{where}: {speaker} has the label {label} here and {known} in {line}. A speaker has "
                "one label in all CSV files of a version."
            )
        owner, line = self._speaker.setdefault(label, (speaker, where))
        if owner != speaker:
            raise UsageError(
                f"{where}: the label {label} is {speaker}'s here and {owner}'s in {line}. A label is "
                "one speaker's in all CSV files of a version."
            )

    def known(self, speaker: str | None, text: str | None, where: str) -> str | None:
        """The speaker whom a line names by identity, by label, by both or not at all."""
        if speaker and text:
            self.add(speaker, text, where)
        if speaker is None and text:
            label = self._parse(text, where)
            speaker = self._speaker.get(label, (None, ""))[0]
            if speaker is None:
                raise UsageError(f"{where}: no speaker of the training CSV has the label {label}.")
        if speaker and speaker not in self._of:
            raise UsageError(f"{where}: no training CSV gives a label to '{speaker}'.")
        return speaker

    def checked(self) -> dict[str, int]:
        """Label by speaker, in order of the labels. Raises UsageError where one is too high."""
        count = len(self._of)
        for speaker, (label, where) in self._of.items():
            if label >= count:
                raise UsageError(
                    f"{where}: the label {label} of {speaker} is out of range: {count} speakers have "
                    f"the labels 0 to {count - 1}. Get the CSV files again."
                )
        return {self._speaker[label][0]: label for label in sorted(self._speaker)}

    def _parse(self, text: str, where: str) -> int:
        match = _LABEL.fullmatch(text)
        if match is None:
            raise UsageError(f"{where}: the label '{text}' is not a whole number from 0 up.")
        return int(match[1])


class _Reader:
    """Reads one CSV file into samples."""

    def __init__(self, file: Path, prefix: str, labels: _Labels, is_train: bool) -> None:
        self._file, self._prefix, self._labels, self._is_train = file, prefix, labels, is_train

    def samples(self) -> Iterator[Sample]:
        """The lines in their order. Raises UsageError naming the file and the line."""
        reader = csv.DictReader(io.StringIO(_read_text(self._file), newline=""))
        lines: dict[str, str] = {}  # where a clip was listed first
        try:
            read = self._reader_of([name.strip() for name in reader.fieldnames or []])
            for row in reader:
                where = f"{self._file}, line {reader.line_num}"
                cells = {(n or "").strip(): v.strip() for n, v in row.items() if isinstance(v, str)}
                sample = read(cells, where)
                if lines.setdefault(sample.clip, where) != where:
                    raise UsageError(
                        f"{where}: '{sample.key or sample.voice}' stands in {lines[sample.clip]} too. "
                        "Each sample is listed once."
                    )
                yield sample
        except csv.Error as error:
            raise UsageError(
                f"{self._file}, line {reader.line_num}: not a CSV file ({error})."
            ) from None
        if not lines:
            raise UsageError(f"{self._file}: a header but no sample below it. Get the file again.")

    def _reader_of(self, header: Iterable[str]) -> Callable[[dict[str, str], str], Sample]:
        names = set(header)
        if names.issuperset(LISTED):
            return self._listed
        if names.issuperset(KEYED):
            return self._keyed
        if names.issuperset(ASKED):
            return self._asked
        sets = ", or ".join(", ".join(each) for each in (LISTED, KEYED, ASKED))
        raise UsageError(
            f"{self._file}: found the columns {', '.join(header) or '(none)'}; expected {sets}. "
            "Get the challenge's CSV file again."
        )

    def _listed(self, cells: dict[str, str], where: str) -> Sample:
        _need(cells, LISTED if self._is_train else LISTED[2:], where)
        face, voice = (_relative(cells[name], where) for name in LISTED[2:])
        speaker, recording, key = self._speaker(cells, where), None, cells.get("key") or None
        name = str(voice.with_suffix(""))
        # The folder is a video's where a speaker is named: hidden samples lie together in one.
        if speaker:
            if len(voice.parts) < 2:
                raise UsageError(f"{where}: no video's folder in the path '{voice}'.")
            recording = voice.parts[-2]
            name = f"{speaker}/{recording}/{voice.stem}"
        clip = f"{self._prefix}/{key or name}"
        return Sample(clip, f"feats/{face}", f"feats/{voice}", key, speaker, recording)

    def _keyed(self, cells: dict[str, str], where: str) -> Sample:
        _need(cells, KEYED, where)
        voice, face = (_relative(cells[name], where).with_suffix(".npy") for name in KEYED[1:])
        return self._by_key(cells, where, face, voice)

    def _asked(self, cells: dict[str, str], where: str) -> Sample:
        _need(cells, ASKED, where)
        face, voice = (_relative(cells[name], where) for name in ASKED[1:])
        return self._by_key(cells, where, face, voice)

    def _by_key(self, cells: dict[str, str], where: str, *paths: PurePosixPath) -> Sample:
        (face, voice), speaker, key = paths, self._speaker(cells, where), cells["key"]
        return Sample(f"{self._prefix}/{key}", f"feats/{face}", f"feats/{voice}", key, speaker)

    def _speaker(self, cells: dict[str, str], where: str) -> str | None:
        return self._labels.known(cells.get("identity") or None, cells.get("label") or None, where)


def _read_text(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: not UTF-8 text (byte {error.start}). Get it again.") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}).") from None


def _need(cells: dict[str, str], names: Iterable[str], where: str) -> None:
    empty = [name for name in names if not cells.get(name)]
    if empty:
        raise UsageError(f"{where}: nothing under {', '.join(empty)}. Get the CSV file again.")


def _relative(value: str, where: str) -> PurePosixPath:
    path = PurePosixPath(value.replace("\\", "/"))
    outside = path.is_absolute() or ".." in path.parts or "\0" in value
    if outside or re.match(r"[A-Za-z]:", value) or not path.name:
        raise UsageError(f"{where}: the path '{value}' does not stay inside the folder feats.")
    return path


def _load(path: Path, dim: int) -> Vector:
    """A vector of `dim` numbers, None for zeros. Raises OSError or ValueError saying what is wrong."""
    array = _read_array(path.read_bytes())
    if array.dtype.kind != "f" or array.squeeze().shape != (dim,):
        raise ValueError(
            f"{array.dtype} of shape {list(array.shape)}, expected {dim} floating-point numbers"
        )
    with np.errstate(over="ignore"):  # what is too big for float32 is not finite then
        vector = array.ravel().astype(np.float32)
    if not np.isfinite(vector).all():
        raise ValueError("holds NaN or infinity")
    return vector if vector.any() else None


def _read_array(content: bytes) -> np.ndarray:
    try:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    # A header is Python source that numpy parses: damaged, it ends in errors of the tokenizer, the
    # compiler, the allocation and others of which numpy documents only ValueError.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"damaged, or not an .npy file ({reason})") from None


def _unusable(root: Path, problems: tuple[str, ...]) -> UnusableFilesError:
    shown = "\n".join(f"  {line}" for line in problems[:_NAMED_IN_MESSAGE])
    more = len(problems) - _NAMED_IN_MESSAGE
    count = f"{len(problems)} feature file{'s' if len(problems) > 1 else ''}"
    rest = f"\n  and {more} more" if more > 0 else ""
    message = (
        f"{root}: {count} cannot be used; expected .npy files of {FACE_DIM} "
        f"numbers a face and {VOICE_DIM} a voice.\n{shown}{rest}\n"
        "Nothing was imported. Get these files again, or unpack the challenge's archive again."
    )
    return UnusableFilesError(message, problems)
