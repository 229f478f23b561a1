"""Which clips there are: found below folders, or read from a CSV manifest."""

import csv
import difflib
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.languages import canonical, is_language
from mraf.errors import UsageError

VIDEO_SUFFIXES = frozenset(
    ".3gp .asf .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm .wmv".split()
)
AUDIO_SUFFIXES = frozenset(".aac .aif .aiff .flac .m4a .mka .mp3 .oga .ogg .opus .wav .wma".split())

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


@dataclass(frozen=True)
class Clip:
    """One piece of someone talking: a video, or a sound file and a picture (either may be absent).

    `id` names the clip in the feature table. `speaker`, `language` and `recording` are None where
    they are not known.
    """

    id: str
    video: Path | None = None
    audio: Path | None = None
    image: Path | None = None
    speaker: str | None = None
    language: str | None = None
    recording: str | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise UsageError("A clip needs an id, found an empty one.")
        if self.video is None and self.audio is None and self.image is None:
            raise UsageError(f"Clip '{self.id}' names no video, sound file or picture.")
        if self.video is not None and (self.audio is not None or self.image is not None):
            raise UsageError(
                f"Clip '{self.id}' names a video and a separate sound or picture: give one or the other."
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """The files the clip is read from, in a fixed order."""
        return tuple(path for path in (self.video, self.audio, self.image) if path is not None)

    def content_hash(self) -> str:
        """BLAKE2b digest of what the files contain, whatever their names and dates.

        Raises OSError where a file cannot be read.
        """
        digest = hashlib.blake2b(digest_size=16)
        for role, path in (("video", self.video), ("audio", self.audio), ("image", self.image)):
            if path is None:
                continue
            with path.open("rb") as file:
                part = hashlib.file_digest(file, "blake2b").digest()
            digest.update(role.encode() + part)
        return digest.hexdigest()


def find_clips(paths: Iterable[Path]) -> list[Clip]:
    """Clips at and below some files and folders, sorted by id.

    The folders above a clip name its speaker, language and recording:
    `<speaker>/<language>/<recording>/<clip>.mp4`, or fewer of them (see `describe_path`). Files that
    carry the ending of a video or sound file count, hidden ones do not; a file that is named itself
    counts whatever its ending.

    Raises UsageError where a path does not exist, holds no clip, or two files would have the same id.
    """
    clips: dict[str, Clip] = {}
    for path in paths:
        for clip in _below(path):
            _add(clips, clip)
    return [clips[key] for key in sorted(clips)]


def clip_files(path: Path) -> list[Path]:
    """The clips at and below a path, sorted, as absolute paths. Raises UsageError as above."""
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder.{_nearest(path)}")
    root = path.absolute()
    if root.is_file():
        return [root]
    files = sorted(file for file in root.rglob("*") if _is_clip(file, root))
    if not files:
        raise UsageError(
            f"{path}: no video or sound file in this folder or below it. "
            f"Looked for {', '.join(sorted(VIDEO_SUFFIXES))} and sound files."
        )
    return files


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
    (`audio_path`, `face_path`, `identity`, `key`) are understood, and either kind of slash. Paths
    start from `root`, by default the manifest's own folder, and must stay inside it.

    Raises UsageError naming the file and line where it cannot be read.
    """
    text = _read_text(csv_path)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    base = (root or csv_path.parent).resolve()
    if not base.is_dir():
        raise UsageError(f"{root}: the root folder of the manifest does not exist.")
    clips: dict[str, Clip] = {}
    try:
        columns = _match_columns(csv_path, reader.fieldnames or [])
        for row in reader:
            where = f"{csv_path}, line {reader.line_num}"
            _add(clips, _clip_of_row(row, columns, base, where), where)
    except csv.Error as error:
        raise UsageError(f"{csv_path}, line {reader.line_num}: not a CSV file ({error}).") from None
    if not clips:
        raise UsageError(f"{csv_path}: the manifest has a header but no row.")
    return list(clips.values())


def _below(path: Path) -> Iterator[Clip]:
    root = path.absolute()
    for file in clip_files(path):
        speaker, language, recording = describe_path(file, root)
        clip_id = _id_of(file, (speaker, language, recording))
        yield _make(clip_id, file, speaker, language, recording)


def _is_clip(path: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not hidden and path.suffix.lower() in VIDEO_SUFFIXES | AUDIO_SUFFIXES and path.is_file()


def _make(
    clip_id: str, file: Path, speaker: str | None, language: str | None, recording: str | None
) -> Clip:
    is_sound = file.suffix.lower() in AUDIO_SUFFIXES
    video, audio = (None, file) if is_sound else (file, None)
    return Clip(clip_id, video, audio, None, speaker, language, recording)


def _id_of(file: Path, folders: tuple[str | None, ...]) -> str:
    return str(PurePosixPath(*[part for part in folders if part], file.name))


def _add(clips: dict[str, Clip], clip: Clip, where: str = "") -> None:
    known = clips.get(clip.id)
    if known is not None and known.files != clip.files:
        here = where or " and ".join(str(c.files[0]) for c in (known, clip))
        raise UsageError(
            f"{here}: two clips have the id '{clip.id}'. "
            "Rename one, or name every clip yourself in a manifest (--manifest)."
        )
    if known is not None and where:
        raise UsageError(f"{where}: the id '{clip.id}' stands in an earlier line too.")
    clips[clip.id] = clip


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    near = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], 1)
    return f" Did you mean {path.with_name(near[0])}?" if near else ""


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise UsageError(f"{path}: no such manifest.{_nearest(path)}")
    raw = path.read_bytes()
    if b"\0" in raw and not raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UsageError(f"{path}: not a text file (it holds NUL bytes).")
    encoding = "utf-16" if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: not {encoding} text (byte {error.start}). Save the manifest as UTF-8."
        ) from None


def _match_columns(path: Path, header: Iterable[str]) -> dict[str, str]:
    names = {name.strip().lower(): name for name in header if name}
    found = {
        column: names[alias]
        for column, aliases in COLUMNS.items()
        for alias in (*reversed(aliases), column)
        if alias in names
    }
    if not found.keys() & {"video", "audio", "image"}:
        have = ", ".join(names) or "nothing"
        raise UsageError(
            f"{path}: no column named 'video', 'audio' or 'image' (found: {have}). "
            "The first line of a manifest names its columns."
        )
    return found


def _clip_of_row(row: dict[str, str], columns: dict[str, str], base: Path, where: str) -> Clip:
    def cell(name: str) -> str | None:
        return (row.get(columns[name]) or "").strip() or None if name in columns else None

    paths = {
        name: _inside(base, value, where)
        for name in ("video", "audio", "image")
        if (value := cell(name)) is not None
    }
    if not paths:
        raise UsageError(f"{where}: the row names no video, sound file or picture.")
    first = next(iter(paths.values()))
    clip_id = cell("clip") or first.relative_to(base).as_posix()
    language, recording = cell("language"), cell("recording")
    language = canonical(language) if language else None
    if "clip" in columns and language and columns["clip"].lower() == "key":
        # In POLY-SIM the same key names different samples in different languages.
        clip_id = f"{language}/{clip_id}"
    try:
        return Clip(
            clip_id, **paths, speaker=cell("speaker"), language=language, recording=recording
        )
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def _inside(base: Path, value: str, where: str) -> Path:
    path = base / PurePosixPath(value.replace("\\", "/"))  # an absolute path stays itself
    if not path.resolve().is_relative_to(base):
        raise UsageError(
            f"{where}: the path '{value}' leaves the root folder {base}. "
            "Give a --root that holds all the files."
        )
    return path
