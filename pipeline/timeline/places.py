"""The files that get a timeline, and the folder of outputs of each."""

import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path, PurePath

from mraf.data.clips.listing import LeftOut, each_clip
from mraf.errors import UsageError
from mraf.pipeline.timeline.corrections.stored import FILE as CORRECTIONS

OUT = "timelines"
"""Folder of the outputs, in the current one."""
SOURCE = "timeline.json"
"""File of a folder of outputs from which the others are written."""
_HEAD = 1 << 14
"""Bytes of that file that hold the path of the video, and the digest of what it holds."""
_PATH = re.compile(
    rb'\s*\{\s*(?:"version":\s*\d+,\s*)?"path":\s*("(?:[^"\\]|\\.)*")(?:,\s*"content":\s*"(\w+)")?'
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file, and the folder of its outputs."""

    path: Path  # as it was given, or absolute where a folder was
    folder: Path
    # Of a file that has no outputs yet: folders of files that are not there, by the digest of what these held.
    gone: Mapping[str, Path] = field(default_factory=dict, repr=False)
    remarks: tuple[str, ...] = ()  # on a folder that it had under another path


def places_of(
    paths: Iterable[Path | str], out: Path | str | None = None
) -> tuple[list[Place], dict[str, str]]:
    """Return a place for each video and sound file at and below paths, and the reason for each closed folder.

    The folder of a file is the one that has its outputs already, whatever it is called. Else it is called as
    the file without its ending, below the folders that lead to it from the one that was named; where two would
    have one name, endings, the named folders or a number tell them apart. Outputs are no files of these. That of a file
    which was moved or renamed is not known before it was read, see `settled`.

    Raises UsageError where a path is not there, or holds no such file.
    """
    root = Path(out) if out is not None else Path(OUT)
    found, unreadable = _files(paths, root)
    names = _names([candidates for _, candidates in found])
    own, gone = _folders_of([file for file, _ in found], root)
    taken = {_key(folder) for folder in own if folder is not None}
    places = []
    for (file, _), name, folder in zip(found, names, own, strict=True):
        if folder is not None:
            places.append(Place(path=file, folder=folder))
            continue
        free = _free(root / name, file, taken)
        taken.add(_key(free))
        places.append(Place(path=file, folder=free, gone=gone))
    return places, unreadable


def settled(place: Place, content: str) -> Place:
    """Return the place of a file that was read: the folder it had under another path, if it was moved or renamed.

    Args:
        place: of the file.
        content: digest of what it holds.
    """
    folder = place.gone.get(content)
    source = None if folder is None else source_of(folder)
    # Another file of the same content may have it by now.
    if folder is None or source is None or _is_there(source):
        return place
    remark = f"it has the outputs and corrections of {source}, which held the same and is not there any more: {folder}"
    return replace(place, folder=folder, remarks=(remark,))


def folder_of(path: Path | str, out: Path | str | None = None) -> Path:
    """Return the folder of outputs that a video, its `timeline.json` or the folder itself stands for.

    Raises UsageError where there is none.
    """
    path, root = Path(path), Path(out) if out is not None else Path(OUT)
    if path.name == SOURCE and path.is_file():
        return path.parent
    if (path / SOURCE).is_file():
        return path
    if path.is_dir():
        raise UsageError(
            f"{path}: there is no {SOURCE} in this folder. Name the folder of one video."
        )
    (folder,), _ = _folders_of([path], root)
    if folder is not None:
        return folder
    raise UsageError(
        f"{path}: {root} has no timeline of this file. Run `mraf timeline` on it first, or name the folder "
        f"that holds its {SOURCE}."
    )


def source_of(folder: Path) -> Path | None:
    """Return the file that a folder of outputs is of, as far as its `timeline.json` can be read.

    Its path there is relative to the folder.
    """
    return _source_of(folder)[0]


def _source_of(folder: Path) -> tuple[Path | None, str]:
    """Return the file that a folder of outputs is of, and the digest of what it held; empty: not known."""
    try:
        path, content = _head_of(folder / SOURCE)
        if not isinstance(path, str) or not path:
            return None, ""
        source = Path(os.path.normpath(Path(os.path.realpath(folder), path)))
        return source, content if isinstance(content, str) else ""
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None, ""


def _head_of(file: Path) -> tuple[object, object]:
    """Return the path and the digest that a `timeline.json` names, of whose tens of megabytes only the head is read.

    Raises what `json.loads` raises, KeyError and TypeError for another file, and OSError.
    """
    with file.open("rb") as opened:
        found = _PATH.match(opened.read(_HEAD))
    if found:
        return json.loads(found[1]), (found[2] or b"").decode()
    stored = json.loads(file.read_text("utf-8"))
    return stored["path"], stored.get("content")


def _folders_of(files: Sequence[Path], root: Path) -> tuple[list[Path | None], dict[str, Path]]:
    """Return the folder below a root that has the outputs of each file, and those of files that are not there.

    Of several it is one in which somebody has made corrections, else the one nearest to the root. The first are
    None where there is none, the others by the digest of what the file held.
    """
    wanted = {os.path.realpath(file): i for i, file in enumerate(files)}
    found: list[list[Path]] = [[] for _ in files]
    gone: dict[str, list[Path]] = {}
    for folder, source, content in _outputs_below(root):
        i = wanted.get(os.path.realpath(source))
        if i is not None:
            found[i].append(folder)
        elif content and not _is_there(source):
            gone.setdefault(content, []).append(folder)
    own = [min(each, key=_rank, default=None) for each in found]
    return own, {content: min(each, key=_rank) for content, each in gone.items()}


def _outputs_below(root: Path) -> Iterator[tuple[Path, Path, str]]:
    """Yield each folder of outputs, the file that it is of, and the digest of what that held."""
    for folder, folders, names in os.walk(root):
        folders.sort()
        if SOURCE in names:
            source, content = _source_of(Path(folder))
            if source is not None:
                yield Path(folder), source, content


def _rank(folder: Path) -> tuple[bool, int, str]:
    return not (folder / CORRECTIONS).is_file(), len(folder.parts), str(folder)


def _files(
    paths: Iterable[Path | str], out: Path
) -> tuple[list[tuple[Path, tuple[PurePath, ...]]], dict[str, str]]:
    """Return each file once, with the names that its folder may have, and the closed folders."""
    left_out = LeftOut()
    found: dict[str, tuple[Path, tuple[PurePath, ...]]] = {}
    for path in map(Path, paths):
        root = path.absolute()
        files = sorted(each_clip(path, left_out))
        if files == [root]:  # as it was given
            files, below = [path], root.parent
        else:
            files = [each for each in files if not _is_output(each, root, out)]
            below = root
        if not files and str(root) not in left_out.unreadable:
            raise UsageError(f"{path}: no videos or sound files in this folder.")
        for file in files:
            relative = PurePath(os.path.relpath(file.absolute(), below))
            # Of `..mp4` and the like, the stem is no name of a folder.
            plain = relative.with_name(file.stem if file.stem.strip(".") else f"_{file.name}")
            deeper = (PurePath(below.name) / plain, PurePath(below.name) / relative)
            found.setdefault(os.path.realpath(file), (file, (plain, relative, *deeper)))
    return list(found.values()), left_out.unreadable


def _is_output(file: Path, root: Path, out: Path) -> bool:
    """Return True for a file that lies among outputs, as an annotated video does."""
    inside = root in out.absolute().parents and out.absolute() in file.parents
    # Others that lie beside a timeline.json have their outputs with them.
    is_ours = file.name in ("timeline.mp4", "timeline.old.mp4")
    return inside or (is_ours and (file.parent / SOURCE).is_file())


def _names(candidates: Sequence[tuple[PurePath, ...]]) -> list[PurePath]:
    """Return the first candidate of each that no other shares; a number tells apart what nothing else does."""
    names: list[PurePath | None] = [None] * len(candidates)
    taken: set[str] = set()
    for level in range(4):
        left = [i for i, name in enumerate(names) if name is None]
        shared = Counter(_key(candidates[i][level]) for i in left)
        for i in left:
            key = _key(candidates[i][level])
            if shared[key] == 1 and key not in taken:
                names[i] = candidates[i][level]
        taken |= {_key(each[level]) for each in candidates}
    return [
        each[-1] if name is None else name for each, name in zip(candidates, names, strict=True)
    ]


def _free(folder: Path, file: Path, taken: set[str]) -> Path:
    """Return a folder that no other file has: the one of that name, else with a number."""
    for number in count(1):
        found = folder if number == 1 else folder.with_name(f"{folder.name} ({number})")
        if _key(found) not in taken and not _is_anothers(found, file):
            return found
    raise AssertionError("numbers end")


def _is_anothers(folder: Path, file: Path) -> bool:
    """Return True for a folder with the outputs of another file, which may be on a drive that is not at hand."""
    if not folder.is_dir():
        return folder.exists()
    source = source_of(folder)
    return source is not None and not _same(source, file)


def _is_there(file: Path) -> bool:
    """Return False for a file that is not there; one in a closed folder may be."""
    try:
        return file.exists()
    except OSError:
        return True


def _same(a: Path, b: Path) -> bool:
    return os.path.realpath(a) == os.path.realpath(b)


def _key(path: PurePath) -> str:
    """Return a path as file systems compare it that tell neither case nor Unicode forms apart."""
    return unicodedata.normalize("NFC", str(path)).casefold()
