"""Clips that are listed in a CSV manifest."""

import csv
import difflib
import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO
from unicodedata import normalize

from mraf.data.clips.clip import Clip, add_clip
from mraf.data.clips.listing import mode_of
from mraf.data.clips.times import part_of_id, seconds_of
from mraf.errors import UsageError
from mraf.languages import canonical

COLUMNS: dict[str, tuple[str, ...]] = {
    "clip": ("id", "key"),
    "video": ("video_path", "path", "file"),
    "audio": ("audio_path", "wav"),
    "image": ("face_path", "image_path", "face"),
    "speaker": ("identity", "name"),
    "language": ("lang",),
    "recording": ("video_id", "session"),
    "start": ("start_time", "from"),
    "end": ("end_time", "to"),
}
"""Columns of a manifest, each with other names for it."""

_LABELS = ("speaker", "language", "recording")
_DELIMITERS = ",;\t"  # Excel in German or French writes semicolons
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


def read_manifest(
    csv_path: Path, root: Path | None = None, *, on_note: Callable[[str], None] | None = None
) -> list[Clip]:
    """Return the clips of a CSV file with a header row.

    Columns, in any order: `video`, or `audio` and/or `image`; `speaker`, `language`, `recording`;
    `start` and `end` of a part of the file (see `mraf.data.clips.times`); `clip`, an id, by default the
    path, and the times of a part. The names that POLY-SIM uses (`audio_path`, `face_path`,
    `identity`, `key`) work too. `on_note` is called with a line that names the other columns. Cells are separated by commas,
    semicolons or tabs; the text is UTF-8, or UTF-16 with a byte order mark. Paths are relative to
    `root`, by default the folder of the manifest, with slashes or backslashes, and must stay inside.

    Raises UsageError naming the file and the line.
    """
    root_folder = _Root(root or csv_path.parent)
    clips: dict[str, Clip] = {}
    with _open(csv_path) as file:
        reader = csv.reader(file)
        try:
            reader = csv.reader(file, delimiter=_delimiter(file))
            header = next(reader, [])
            columns = _match_columns(csv_path, header)
            if on_note and (note := _unused(csv_path, header, columns)):
                on_note(note)
            for row in reader:
                if row:
                    where = f"{csv_path}, line {reader.line_num}"
                    cells = _cells_of_row(row, header=header, columns=columns, where=where)
                    is_key = "clip" in columns and header[columns["clip"]].strip().lower() == "key"
                    clip = _clip_of_cells(cells, root=root_folder, is_key=is_key, where=where)
                    add_clip(clips, clip, where)
        except csv.Error as error:
            where = f"{csv_path}, line {reader.line_num}"
            raise UsageError(f"{where}: not a CSV file ({error}).") from None
        except UnicodeError:
            raise UsageError(
                f"{csv_path}: not {file.encoding} text (after line {reader.line_num}). Save the "
                "manifest as UTF-8."
            ) from None
    if not clips:
        raise UsageError(f"{csv_path}: the manifest has a header but no row.")
    return list(clips.values())


def _open(path: Path) -> TextIO:
    if not stat.S_ISREG(mode_of(path, "no such manifest")):
        raise UsageError(f"{path}: no such manifest, it is no file.")
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16)
    except OSError as error:
        raise UsageError(f"{path}: the manifest cannot be read ({error.strerror}).") from None
    is_wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in start and not is_wide:
        raise UsageError(f"{path}: not a text file (it holds NUL bytes). Save it as UTF-8.")
    return path.open(encoding="utf-16" if is_wide else "utf-8-sig", newline="")


def _delimiter(file: TextIO) -> str:
    """Return the delimiter that splits the first line into the most known column names."""
    header = file.readline(1 << 16)
    file.seek(0)
    names = {*COLUMNS, *(alias for aliases in COLUMNS.values() for alias in aliases)}

    def known(delimiter: str) -> int:
        return sum(name.strip(' "\r\n').lower() in names for name in header.split(delimiter))

    return max(_DELIMITERS, key=known)  # the first of equals


def _match_columns(path: Path, header: Iterable[str]) -> dict[str, int]:
    titles = [name.strip().lower() for name in header]
    names = {name: index for index, name in enumerate(titles) if name}
    for column, aliases in COLUMNS.items():
        same = [name for name in titles if name in (column, *aliases)]
        if len(same) > 1:
            raise UsageError(
                f"{path}: the columns '{same[0]}' and '{same[1]}' both name the {column}. Remove one or give it "
                "another name."
            )
    found = {
        column: names[alias]
        for column, aliases in COLUMNS.items()
        for alias in (*reversed(aliases), column)
        if alias in names
    }
    if not found.keys() & {"video", "audio", "image"}:
        have = ", ".join(names) or "nothing"
        raise UsageError(
            f"{path}: no column named 'video', 'audio' or 'image' (found: {have[:200]}). "
            "The first line of a manifest names its columns."
        )
    return found


def _unused(path: Path, header: list[str], columns: dict[str, int]) -> str | None:
    """Return a line on the columns that are not read; None where there is no such column.

    The index that pandas writes has no name, or one like "Unnamed: 0": nobody misses it.
    """
    names = [*COLUMNS, *(alias for aliases in COLUMNS.values() for alias in aliases)]
    unused = []
    for index, title in enumerate(header):
        name = title.strip().lower()
        if not name or name.startswith("unnamed:") or index in columns.values():
            continue
        near = [] if name in names else difflib.get_close_matches(name, names, 1, 0.7)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        unused.append(f"'{title.strip()[:60]}'{hint}")
    if not unused:
        return None
    listed = ", ".join(unused[:8]) + (f" and {len(unused) - 8} more" if len(unused) > 8 else "")
    columns_are = "this column is" if len(unused) == 1 else "these columns are"
    return f"{path}: {columns_are} not used: {listed}. Those that are: {', '.join(COLUMNS)}."


def _cells_of_row(
    row: list[str], *, header: list[str], columns: dict[str, int], where: str
) -> dict[str, str]:
    if len(row) > len(header) and any(row[len(header) :]):
        raise UsageError(
            f"{where}: {len(row)} cells, but the first line names {len(header)} columns. Put quotes "
            "around a cell that holds a separator."
        )
    # Labels are compared in NFC; paths stay as they are written.
    cells = {
        name: normalize("NFC", row[i].strip()) if name in _LABELS else row[i].strip()
        for name, i in columns.items()
        if i < len(row)
    }
    for name, cell in cells.items():
        if _CONTROL.search(cell):
            raise UsageError(
                f"{where}: the {name} {cell[:60]!r} holds a line break, NUL or control character. "
                "Perhaps a quote is not closed."
            )
    return {name: cell for name, cell in cells.items() if cell}


def _clip_of_cells(cells: dict[str, str], *, root: "_Root", is_key: bool, where: str) -> Clip:
    media = [name for name in ("video", "audio", "image") if name in cells]
    if not media:
        raise UsageError(f"{where}: the row names no video, sound file or picture.")
    paths = {name: root.inside(cells[name], where) for name in media}
    clip_id = cells.get("clip")
    language = canonical(cells["language"]) if "language" in cells else None
    start, end = (
        seconds_of(cells[name], f"{where}: the {name}") if name in cells else None
        for name in ("start", "end")
    )
    start = start or None  # from the file's beginning: as if nothing were said
    part = part_of_id(start, end)
    file = root.relative(paths[media[0]])
    if clip_id is None:
        clip_id = file + part
    elif language and is_key:
        # In POLY-SIM the same key names different samples in different languages.
        clip_id = f"{language}/{clip_id}"
    try:
        return Clip(
            clip_id,
            paths.get("video"),
            audio=paths.get("audio"),
            image=paths.get("image"),
            speaker=cells.get("speaker"),
            language=language,
            # Parts of one file are of one recording, where nothing else is said.
            recording=cells.get("recording") or (file if part else None),
            start=start,
            end=end,
        )
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


class _Root:
    """The folder that the paths of a manifest are relative to and must stay in."""

    def __init__(self, folder: Path) -> None:
        absent = "the root folder of the manifest does not exist"
        if not stat.S_ISDIR(mode_of(folder, absent)):
            raise UsageError(f"{folder}: the root of the manifest is no folder.")
        self._folder = folder.resolve()
        self._prefix = f"{self._folder}/".replace("//", "/")
        # Resolving links is slow, so each folder is resolved once. None where it lies outside.
        self._inside: dict[str, Path | None] = {}

    def inside(self, value: str, where: str) -> Path:
        """Return the path that a cell names. Raises UsageError where it lies outside the folder."""
        if _DRIVE.match(value) or value.startswith("\\\\"):
            raise UsageError(
                f"{where}: '{value}' is a path of another machine. Give paths from the root folder "
                f"{self._folder} on."
            )
        path = os.path.join(self._folder, value.replace("\\", "/"))  # noqa: PTH118  # faster than Path, for many rows
        folder, _, name = path.rpartition("/")
        if folder not in self._inside:
            self._inside[folder] = Path(folder) if self._holds(folder) else None
        parent = self._inside[folder]
        plain = name not in ("", ".", "..") and not os.path.islink(path)  # noqa: PTH114
        if parent is None or not (plain or self._holds(path)):
            raise UsageError(
                f"{where}: the path '{value}' leaves the root folder {self._folder}. "
                "Give a --root that holds all the files."
            )
        return parent / name

    def relative(self, path: Path) -> str:
        """Return a path relative to the folder."""
        text = str(path)
        if not text.startswith(self._prefix):  # a link leads there
            text = os.path.realpath(path)
        return text.removeprefix(self._prefix)

    def _holds(self, path: str) -> bool:
        return f"{os.path.realpath(path)}/".startswith(self._prefix)
