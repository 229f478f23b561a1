"""The files that get a timeline, and the folder of outputs of each."""

import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
"""Bytes of that file that hold the path of the video."""
_PATH = re.compile(rb'\s*\{\s*(?:"version":\s*\d+,\s*)?"path":\s*("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True, kw_only=True)
class Place:
    """A file, and the folder of its outputs."""

    path: Path  # as it was given, or absolute where a folder was
    folder: Path


def places_of(
    paths: Iterable[Path | str], out: Path | str | None = None
) -> tuple[list[Place], dict[str, str]]:
    """Return a place for each video and sound file at and below paths, and the reason for each closed folder.

    The folder of a file is the one that has its outputs already, whatever it is called. Else it is called as
    the file without its ending, below the folders that lead to it from the one that was named; where two would
    have one name, endings or the named folders tell them apart. Folders of outputs are not searched.

    Raises UsageError where a path is not there, or holds no such file.
    """
    root = Path(out) if out is not None else Path(OUT)
    found, unreadable = _files(paths, root)
    names = _names([candidates for _, candidates in found])
    own = _folders_of([file for file, _ in found], root)
    taken = {_key(folder) for folder in own if folder is not None}
    places = []
    for (file, _), name, folder in zip(found, names, own, strict=True):
        if folder is None:
            folder = _free(root / name, file, taken)
            taken.add(_key(folder))
        places.append(Place(path=file, folder=folder))
    return places, unreadable


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
    (folder,) = _folders_of([path], root)
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
    try:
        path = _path_in(folder / SOURCE)
        if not isinstance(path, str) or not path:
            return None
        return Path(os.path.normpath(Path(os.path.realpath(folder), path)))
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return None


def _path_in(file: Path) -> object:
    """Return the path that a `timeline.json` names, of whose tens of megabytes only the head is read.

    Raises what `json.loads` raises, KeyError and TypeError for another file, and OSError.
    """
    with file.open("rb") as opened:
        found = _PATH.match(opened.read(_HEAD))
    if found:
        return json.loads(found[1])
    return json.loads(file.read_text("utf-8"))["path"]


def _folders_of(files: Sequence[Path], root: Path) -> list[Path | None]:
    """Return the folder below a root that has the outputs of each file; None where there is none.

    Of several it is one in which somebody has made corrections, else the one nearest to the root.
    """
    wanted = {os.path.realpath(file): i for i, file in enumerate(files)}
    found: list[list[Path]] = [[] for _ in files]
    for folder, folders, names in os.walk(root):
        folders.sort()
        if SOURCE in names and (source := source_of(Path(folder))) is not None:
            i = wanted.get(os.path.realpath(source))
            if i is not None:
                found[i].append(Path(folder))
    return [min(each, key=_rank, default=None) for each in found]


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
    return inside or (file.parent / SOURCE).is_file()


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
    """Return True for a folder with the outputs of another file that is still there."""
    if not folder.is_dir():
        return folder.exists()
    source = source_of(folder)
    return source is not None and source.exists() and not _same(source, file)


def _same(a: Path | None, b: Path) -> bool:
    return a is not None and os.path.realpath(a) == os.path.realpath(b)


def _key(path: PurePath) -> str:
    """Return a path as file systems compare it that tell neither case nor Unicode forms apart."""
    return unicodedata.normalize("NFC", str(path)).casefold()
