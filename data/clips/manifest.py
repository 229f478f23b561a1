"""Which clips there are: found below folders, or read from a CSV manifest."""

import csv
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from mraf.data.clips.clip import Clip
from mraf.data.clips.languages import canonical, is_language
from mraf.data.clips.listing import AUDIO_SUFFIXES, VIDEO_SUFFIXES, Listing, list_clips, mode_of
from mraf.data.clips.names import as_text, is_same_file
from mraf.errors import UsageError

# A manifest's column, and the other names under which it is understood.
COLUMNS: dict[str, tuple[str, ...]] = {
    "clip": ("id", "key"),
    "video": ("video_path", "path", "file"),
    "audio": ("audio_path", "wav"),
    "image": ("face_path", "image_path", "face"),
    "speaker": ("identity", "name"),
    "language": ("lang",),
    "recording": ("video_id", "session"),
}


_DELIMITERS = ",;\t"  # a German or French Excel writes semicolons
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


@dataclass(frozen=True)
class Found:
    """Clips, sorted by id, and what else lay where they were looked for.

    `left_out` counts files that are no clips by ending (in lower case, "" for none), `unreadable`
    gives each folder that cannot be listed, with the reason.
    """

    clips: list[Clip]
    left_out: dict[str, int] = field(default_factory=dict)
    unreadable: tuple[tuple[str, str], ...] = ()

    def beside(self) -> dict[str, Any]:
        """What is no clip, as `mraf extract --json` prints it."""
        folders = [{"folder": folder, "reason": reason} for folder, reason in self.unreadable]
        return {"left_out": self.left_out, "unreadable": folders}


def survey(paths: Iterable[Path]) -> Found:
    """Clips at and below some files and folders, and what else is there.

    The folders above a clip name its speaker, language and recording:
    `<speaker>/<language>/<recording>/<clip>.mp4`, or fewer of them (see `describe_path`). Files that
    carry the ending of a video or sound file count, hidden ones do not; a file that is named itself
    counts whatever its ending. In an id or label that comes from a name that is no UTF-8, the bytes
    that do not fit are escaped (see `mraf.data.clips.names.as_text`).

    Raises UsageError where a path does not exist, holds no clip, or two files would have the same id.
    """
    clips: dict[str, Clip] = {}
    others: dict[str, Counter[str]] = {}  # by folder, so that one named twice counts once
    unreadable: dict[str, str] = {}
    for path in paths:
        listing = _list(path)
        for clip in map(partial(_clip_at, root=path.absolute()), listing.files):
            _add(clips, clip)
        others |= listing.others
        unreadable |= listing.unreadable
    left_out: Counter[str] = sum(others.values(), Counter())
    return Found(
        [clips[key] for key in sorted(clips)],
        dict(left_out.most_common()),
        tuple(sorted(unreadable.items())),
    )


def find_clips(paths: Iterable[Path]) -> list[Clip]:
    """The clips of `survey`, which says how they are found and what it raises."""
    return survey(paths).clips


def clip_files(path: Path) -> tuple[list[Path], dict[str, str]]:
    """The clips at and below a path, sorted, as absolute paths; and the folders that cannot be listed.

    Each of those comes with the reason. Raises UsageError as `survey` does.
    """
    listing = _list(path)
    return listing.files, listing.unreadable


def describe_path(path: Path, root: Path) -> tuple[str | None, str | None, str | None]:
    """Speaker, language and recording of a clip, from the folders it lies in.

    A folder with the English name of a language tells its neighbours: the speaker stands above it,
    the recording below. It is looked for above `root` too, so that `videos/`, `videos/ann/` and
    `videos/ann/English/` give the same answer. Without one, the folders between `root` and the clip
    count: the last three as speaker, language and recording, two as speaker and recording, one as
    the speaker.
    """
    folders = path.parent.parts
    below = path.relative_to(root).parent.parts if path != root else ()
    for index in range(len(folders) - 1, 0, -1):
        inside_root = len(folders) - index <= len(below)
        # Far above the root a folder may be called "german" for reasons of its own.
        near_root = len(folders) - index <= len(below) + 2
        if is_language(folders[index]) and (inside_root or near_root):
            recording = "/".join(folders[index + 1 :]) or None
            return folders[index - 1], canonical(folders[index]), recording
    if len(below) >= 3:
        return below[-3], below[-2], below[-1]
    if len(below) == 2:
        return below[0], None, below[1]
    return (below[0] if below else None), None, None


def read_manifest(csv_path: Path, root: Path | None = None) -> list[Clip]:
    """Clips from a CSV file with a header row.

    Columns (any order, others are ignored): `video`, or `audio` and/or `image`; `speaker`,
    `language`, `recording`, `clip` (an id; by default made from the path). POLY-SIM's names
    (`audio_path`, `face_path`, `identity`, `key`) are understood, and either kind of slash.
    Semicolons and tabs separate as commas do; the text is UTF-8, or UTF-16 with its mark. Paths
    start from `root`, by default the manifest's own folder, and must stay inside it.

    Raises UsageError naming the file and line where it cannot be read.
    """
    root_folder = _Root(root or csv_path.parent)
    clips: dict[str, Clip] = {}
    with _open(csv_path) as file:
        reader = csv.reader(file)
        try:
            reader = csv.reader(file, delimiter=_delimiter(file))
            header = next(reader, [])
            columns = _match_columns(csv_path, header)
            for row in reader:
                if row:
                    where = f"{csv_path}, line {reader.line_num}"
                    cells = _cells_of_row(row, header, columns, where)
                    _add(clips, _clip_of_cells(cells, header, columns, root_folder, where), where)
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


def _list(path: Path) -> Listing:
    listing = list_clips(path)
    if not listing.files:
        closed = [
            f"; {folder} cannot be listed ({why})" for folder, why in listing.unreadable.items()
        ]
        raise UsageError(
            f"{path}: no video or sound file in this folder or below it{''.join(closed[:3])}. "
            f"Looked for {', '.join(sorted(VIDEO_SUFFIXES))} and sound files."
        )
    return listing


def _clip_at(file: Path, root: Path) -> Clip:
    speaker, language, recording = (each and as_text(each) for each in describe_path(file, root))
    clip_id = _id_of(as_text(file.name), (speaker, language, recording))
    return _make(clip_id, file, speaker, language, recording)


def _make(
    clip_id: str, file: Path, speaker: str | None, language: str | None, recording: str | None
) -> Clip:
    is_sound = file.suffix.lower() in AUDIO_SUFFIXES
    video, audio = (None, file) if is_sound else (file, None)
    return Clip(clip_id, video, audio, None, speaker, language, recording)


def _id_of(name: str, folders: tuple[str | None, ...]) -> str:
    return str(PurePosixPath(*[part for part in folders if part], name))


def _add(clips: dict[str, Clip], clip: Clip, where: str = "") -> None:
    known = clips.setdefault(clip.id, clip)
    if known is clip:
        return
    if where and known.files == clip.files:
        raise UsageError(f"{where}: the id '{clip.id}' stands in an earlier line too.")
    if where or not _are_same(known, clip):
        here = where or " and ".join(str(c.files[0]) for c in (known, clip))
        raise UsageError(
            f"{here}: two clips have the id '{clip.id}'. "
            "Rename one, or name every clip yourself in a manifest (--manifest)."
        )


def _are_same(one: Clip, other: Clip) -> bool:
    """Whether the clips are of the very same files, perhaps reached by other ways."""
    pairs = zip(one.files, other.files, strict=False)
    return len(one.files) == len(other.files) and all(is_same_file(*pair) for pair in pairs)


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
    """What stands between the columns: that which makes the most known names of the first line."""
    header = file.readline(1 << 16)
    file.seek(0)
    names = {*COLUMNS, *(alias for aliases in COLUMNS.values() for alias in aliases)}

    def known(delimiter: str) -> int:
        return sum(name.strip(' "\r\n').lower() in names for name in header.split(delimiter))

    return max(_DELIMITERS, key=known)  # the first of equals


def _match_columns(path: Path, header: Iterable[str]) -> dict[str, int]:
    """Where each column stands."""
    names = {name.strip().lower(): index for index, name in enumerate(header) if name.strip()}
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


def _cells_of_row(
    row: list[str], header: list[str], columns: dict[str, int], where: str
) -> dict[str, str]:
    """The cells that are not empty, by the column's name."""
    if len(row) > len(header) and any(row[len(header) :]):
        raise UsageError(
            f"{where}: {len(row)} cells, but the first line names {len(header)} columns. Put quotes "
            "around a cell that holds a separator."
        )
    cells = {name: row[i].strip() for name, i in columns.items() if i < len(row)}
    for name, cell in cells.items():
        if _CONTROL.search(cell):
            raise UsageError(
                f"{where}: the {name} {cell[:60]!r} holds a line break, NUL or control character. "
                "Perhaps a quote is not closed."
            )
    return {name: cell for name, cell in cells.items() if cell}


def _clip_of_cells(
    cells: dict[str, str], header: list[str], columns: dict[str, int], root: "_Root", where: str
) -> Clip:
    media = [name for name in ("video", "audio", "image") if name in cells]
    if not media:
        raise UsageError(f"{where}: the row names no video, sound file or picture.")
    paths = {name: root.inside(cells[name], where) for name in media}
    clip_id = cells.get("clip")
    language = canonical(cells["language"]) if "language" in cells else None
    if clip_id is None:
        clip_id = root.relative(paths[media[0]])
    elif language and header[columns["clip"]].strip().lower() == "key":
        # In POLY-SIM the same key names different samples in different languages.
        clip_id = f"{language}/{clip_id}"
    video, audio, image = (paths.get(name) for name in ("video", "audio", "image"))
    speaker, recording = cells.get("speaker"), cells.get("recording")
    try:
        return Clip(clip_id, video, audio, image, speaker, language, recording)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


class _Root:
    """The folder that the paths of a manifest start from and must stay in."""

    def __init__(self, folder: Path) -> None:
        absent = "the root folder of the manifest does not exist"
        if not stat.S_ISDIR(mode_of(folder, absent)):
            raise UsageError(f"{folder}: the root of the manifest is no folder.")
        self._folder = folder.resolve()
        self._prefix = f"{self._folder}/".replace("//", "/")
        # Following links takes long: once a folder. None where it leads out.
        self._inside: dict[str, Path | None] = {}

    def inside(self, value: str, where: str) -> Path:
        """The path that a cell names. Raises UsageError where it leads out of the folder."""
        if _DRIVE.match(value) or value.startswith("\\\\"):
            raise UsageError(
                f"{where}: '{value}' is a path of another machine. Give paths from the root folder "
                f"{self._folder} on."
            )
        path = os.path.join(self._folder, value.replace("\\", "/"))  # noqa: PTH118  # many rows
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
        """The path from the folder on."""
        text = str(path)
        if not text.startswith(self._prefix):  # it came here through a link
            text = os.path.realpath(path)
        return text.removeprefix(self._prefix)

    def _holds(self, path: str) -> bool:
        return f"{os.path.realpath(path)}/".startswith(self._prefix)
