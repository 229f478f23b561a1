"""Entries of the challenge's CSV files: samples with their keys, speakers and files."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from mraf.errors import UsageError

LISTED = ("identity", "label", "facenet_feats_path", "ecappa_feats_path")
KEYED = ("key", "voices", "faces")
ASKED = ("key", *LISTED[2:])
"""Columns of a CSV file with named speakers, and of two kinds without. Other columns are ignored."""

_LABEL = re.compile(r"(\d{1,9})(\.0*)?")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a CSV file. Paths start from ROOT; a value that the line lacks is None."""

    clip: str  # "polysim/v1/train/English/id0001/<video>/00000" or "polysim/v1/test/English/<key>"
    face: str
    voice: str
    picture: str | None = None  # the media that these are vectors of, below a folder of the media
    sound: str | None = None
    key: str | None = None
    speaker: str | None = None
    recording: str | None = None  # the video


class Labels:
    """Number of each speaker, over all CSV files of a version."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[int, str]] = {}  # label, and the first line with it
        self._speaker: dict[int, tuple[str, str]] = {}

    def add(self, speaker: str, text: str, where: str) -> None:
        """Add the label of a speaker. Raises UsageError where it contradicts an earlier line."""
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
        """Return the speaker of a line, named by identity, by label or by both; None where by neither.

        Raises UsageError where no earlier line of a training CSV names the speaker.
        """
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
        """Return label by speaker, in order of the labels. Raises UsageError where one is too high."""
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


class EntryReader:
    """Reader of one CSV file; `prefix` begins the id of each entry."""

    def __init__(self, file: Path, *, prefix: str, labels: Labels, is_train: bool) -> None:
        self._file, self._prefix, self._labels, self._is_train = file, prefix, labels, is_train

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in their order. Raises UsageError naming the file and the line."""
        reader = csv.DictReader(io.StringIO(_read_text(self._file), newline=""))
        lines: dict[str, str] = {}  # by clip: the line that lists it first
        try:
            read = self._reader_of([name.strip() for name in reader.fieldnames or []])
            for row in reader:
                where = f"{self._file}, line {reader.line_num}"
                cells = {(n or "").strip(): v.strip() for n, v in row.items() if isinstance(v, str)}
                entry = read(cells, where)
                if lines.setdefault(entry.clip, where) != where:
                    raise UsageError(
                        f"{where}: '{entry.key or entry.voice}' stands in {lines[entry.clip]} too. "
                        "Each sample is listed once."
                    )
                yield entry
        except csv.Error as error:
            raise UsageError(
                f"{self._file}, line {reader.line_num}: not a CSV file ({error})."
            ) from None
        if not lines:
            raise UsageError(f"{self._file}: a header but no sample below it. Get the file again.")

    def _reader_of(self, header: Iterable[str]) -> Callable[[dict[str, str], str], Entry]:
        names = set(header)
        if names.issuperset(LISTED):
            return self._listed
        for columns in (KEYED, ASKED):
            if names.issuperset(columns):
                return partial(self._by_key, columns)
        sets = ", or ".join(", ".join(each) for each in (LISTED, KEYED, ASKED))
        raise UsageError(
            f"{self._file}: found the columns {', '.join(header) or '(none)'}; expected {sets}. "
            "Get the challenge's CSV file again."
        )

    def _listed(self, cells: dict[str, str], where: str) -> Entry:
        _need(cells, LISTED if self._is_train else LISTED[2:], where)
        face, voice = (_relative(cells[name], where) for name in LISTED[2:])
        speaker, recording, key = self._speaker(cells, where), None, cells.get("key") or None
        name = str(voice.with_suffix(""))
        # The folder of a named speaker's sample is its video; unnamed samples share one folder.
        if speaker:
            if len(voice.parts) < 2:
                raise UsageError(f"{where}: no video's folder in the path '{voice}'.")
            recording = voice.parts[-2]
            name = f"{speaker}/{recording}/{voice.stem}"
        clip = f"{self._prefix}/{key or name}"
        return Entry(
            clip=clip,
            face=f"feats/{face}",
            voice=f"feats/{voice}",
            picture=_media(cells, "face_path"),
            sound=_media(cells, "audio_path"),
            key=key,
            speaker=speaker,
            recording=recording,
        )

    def _by_key(self, columns: tuple[str, ...], cells: dict[str, str], where: str) -> Entry:
        _need(cells, columns, where)
        paths = [_relative(cells[name], where) for name in columns[1:]]
        if columns == KEYED:  # the voice comes first, and both are names of media
            paths = [path.with_suffix(".npy") for path in reversed(paths)]
        face, voice = paths
        return Entry(
            clip=f"{self._prefix}/{cells['key']}",
            face=f"feats/{face}",
            voice=f"feats/{voice}",
            picture=_media(cells, "faces", "face_path"),
            sound=_media(cells, "voices", "audio_path"),
            key=cells["key"],
            speaker=self._speaker(cells, where),
        )

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
    path = _inside(value)
    if path is None:
        raise UsageError(f"{where}: the path '{value}' does not stay inside the folder feats.")
    return path


def _inside(value: str) -> PurePosixPath | None:
    """Return a path with slashes; None where it leaves the folder in which it starts."""
    path = PurePosixPath(value.replace("\\", "/"))
    outside = path.is_absolute() or ".." in path.parts or "\0" in value
    return None if outside or re.match(r"[A-Za-z]:", value) or not path.name else path


def _media(cells: dict[str, str], *names: str) -> str | None:
    """Return the path in the first of some columns that the line has; None where it is of no use."""
    value = next((cells[name] for name in names if cells.get(name)), "")
    path = _inside(value)  # an import does not need it: a bad one is no error
    return None if path is None else str(path)
