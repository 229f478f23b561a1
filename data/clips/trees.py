"""Trees of clips: the files and folders that were named, each one once."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from mraf.data.clips.labels.levels import is_sure_group, kind_of, may_name_speaker
from mraf.data.clips.listing import VIDEO_SUFFIXES, LeftOut, each_clip, is_clip_name, mode_of
from mraf.data.clips.names import as_label
from mraf.data.clips.waste import Exclusion, is_waste
from mraf.errors import UsageError
from mraf.languages import is_language

Folders = tuple[str, ...]
_LOOKED_INTO = 1_000
"""Number of folders beyond the sample that are looked into for how they are built."""


@dataclass(kw_only=True)
class Tree:
    """Clips at or below one folder, which are read by one layout.

    Attributes:
        root: the folder, absolute; paths of clips count from here.
        name: label of the folder, None where nobody named it.
        files: the clips, found while they are asked for.
        is_folder: false for files that were named one by one.
        sample: the first of them, once `take_sample` was called.
        is_person: true where the name may be a speaker's.
        members: names of folders that were named, by their paths, where the tree is made of several;
            the clips lie in these folders, wherever these lie themselves.
        parts: the clips of each folder that was named; in place of `files`.
    """

    root: Path
    name: str | None
    files: Iterator[Path] = field(default_factory=lambda: iter(()))
    is_folder: bool = True
    is_person: bool = False
    sample: list[Path] = field(default_factory=list)
    members: dict[str, str] = field(default_factory=dict)
    parts: list[Iterator[Path]] = field(default_factory=list)
    search: Callable[[Path], Iterator[Path]] | None = None  # below one folder of the tree

    def take_sample(self, size: int) -> None:
        """Find the first clips; where there are more, one of each other folder below the root too."""
        if self.parts:
            share = max(size // len(self.parts), 1)
            self.sample = [path for part in self.parts for path in islice(part, share)]
            self.files = chain(self.sample, *self.parts)
            return
        self.sample = list(islice(self.files, size))
        self.files = chain(self.sample, self.files)
        if len(self.sample) < size or not self.search:
            return
        seen = {folders[0] for path in self.sample if (folders := self.raw_folders(path))}
        try:
            with os.scandir(self.root) as entries:
                names = sorted(e.name for e in islice(entries, 100 * _LOOKED_INTO) if e.is_dir())
        except OSError:
            return
        others = (n for n in names if n not in seen and not n.startswith(".") and not is_waste(n))
        for name in islice(others, _LOOKED_INTO):
            self.sample += islice(self.search(self.root / name), 1)

    def rise(self, depth: int) -> None:
        """Have clips of files that were named one by one lie in this many folders, if in fewer now."""
        file = self.sample[0] if self.sample else None
        if file and not self.is_folder and depth < len(file.parts):
            self.root = min(self.root, file.parents[depth], key=lambda path: len(path.parts))

    def raw_folders(self, file: Path) -> Folders:
        """Return the names of the folders between the root and a clip, as they are on the disk."""
        for number, parent in enumerate(file.parents if self.members else ()):
            if name := self.members.get(str(parent)):
                return (name, *(file.parts[-1 - number : -1] if number else ()))
        root = str(self.root).rstrip("/")
        return tuple(str(file)[len(root) + 1 :].split("/")[:-1])

    def folders(self, file: Path) -> Folders:
        """Return the labels of the folders between the root and a clip."""
        return tuple(map(as_label, self.raw_folders(file)))


def trees_of(
    paths: Sequence[Path],
    *,
    exclusion: Exclusion,
    left_out: list[LeftOut],
    one_of_people: bool = True,
) -> list[Tree]:
    """Return the trees at some files and folders, in each of which a clip has been found.

    A path that lies in another one counts once. Folders of splits, dates, groups and languages that lie
    side by side are one tree, below the folder that holds them; so are files. Folders whose names may be
    people's are one tree of these names, wherever they lie.

    Args:
        paths: files and folders.
        exclusion: what is set aside.
        left_out: what is left out is added, filled while the clips are found.
        one_of_people: false for a tree of each folder whose name may be a person's.

    Raises UsageError where a path does not exist or holds no clip.
    """
    is_folder = {p: stat.S_ISDIR(mode_of(p, "no such file or folder")) for p in paths}
    named = _outermost(is_folder)
    left_out.append(LeftOut())
    for path, is_one in is_folder.items():
        if is_one and path not in named and path.is_symlink():
            left_out[0].add_link(str(path))
    seen: set[tuple[int, int]] = set()

    def search(path: Path) -> Iterator[Path]:
        left_out.append(LeftOut())
        return _found(path, exclusion=exclusion, left_out=left_out[-1], seen=seen)

    def peek(path: Path) -> Iterator[Path]:
        return each_clip(path, LeftOut(), exclusion=exclusion, seen=set())

    folders = [path for path in named if is_folder[path]]
    people = _people(folders)
    are_one = one_of_people and len(people) > 1
    trees = [_tree_of_people(people, search)] if are_one else []
    for parent, family in _families(folders, people, alone=not are_one).items():
        if len(family) > 1:  # splits, years or languages side by side
            parts = [*map(search, map(_absolute, family))]
            trees.append(Tree(root=parent, name=None, parts=parts))
            continue
        root = family[0].absolute()
        name = as_label(_name(root)) or None
        is_person = family[0] in people
        tree = Tree(root=root, name=name, files=search(root), search=peek, is_person=is_person)
        trees.append(tree)
    if files := [path for path in named if not is_folder[path]]:
        trees.append(_tree_of_files(files))
    return trees


def _families(
    folders: Sequence[Path], people: Sequence[Path], *, alone: bool
) -> dict[Path, list[Path]]:
    """Return the folders of each tree by its root; those of people only where each is a tree `alone`."""
    families: dict[Path, list[Path]] = {}
    for path in folders:
        if path not in people:
            whole = Path(os.path.abspath(path))  # noqa: PTH100  # without ".."
            families.setdefault(whole.parent if is_part(whole.name) else whole, []).append(path)
    if alone:
        families.update({each: [each] for each in people})
    return families


def _tree_of_people(people: Sequence[Path], search: Callable[[Path], Iterator[Path]]) -> Tree:
    members = {str(each.absolute()): _name(each) for each in people}
    root = Path(os.path.commonpath([*members]))
    return Tree(root=root, name=None, parts=[*map(search, people)], members=members)


def is_part(name: str) -> bool:
    """Return True for a name of a part of a corpus: a split, a date, a language, a group."""
    kind = kind_of(name)
    is_group = is_sure_group(name) or (kind == "group" and name[-1:].isdigit())
    is_group = is_group and not may_name_speaker(name)
    return (
        kind in ("split", "date") or is_group or (is_language(name) and not may_name_speaker(name))
    )


def _people(folders: Sequence[Path]) -> list[Path]:
    """Return the folders whose names may be people's; beside such, `German` and `Val` may be too."""
    people = [path for path in folders if may_name_speaker(as_label(_name(path)))]
    beside = {os.path.abspath(path.parent) for path in people}  # noqa: PTH100
    return [
        path
        for path in folders
        if path in people or (is_part(_name(path)) and os.path.abspath(path.parent) in beside)  # noqa: PTH100
    ]


def _name(path: Path) -> str:
    return Path(os.path.abspath(path)).name  # noqa: PTH100


def _found(
    path: Path, *, exclusion: Exclusion, left_out: LeftOut, seen: set[tuple[int, int]]
) -> Iterator[Path]:
    """Return the clips at and below a path, of which one has been looked for already."""
    files = each_clip(path, left_out, exclusion=exclusion, seen=seen)
    for first in files:
        return chain([first], files)
    if any(what.startswith("links") for what in left_out.set_aside):
        return iter(())
    raise no_clips(path, left_out)


def no_clips(path: Path, left_out: LeftOut) -> UsageError:
    """Return the error for a folder without clips."""
    closed = [f"; {folder} cannot be listed ({why})" for folder, why in left_out.unreadable.items()]
    aside = ", ".join(f"{what} {number}" for what, number in left_out.set_aside.items())
    where = f"{path}: no video or sound file in this folder or below it{''.join(closed[:3])}."
    if left_out.set_aside:
        is_excluded = any("--exclude" in what for what in left_out.set_aside)
        advice = " Check --exclude." if is_excluded else ""
        return UsageError(f"{where} Left out: {aside}.{advice}")
    counts = sum(left_out.others.values(), Counter[str]()).most_common(5)
    found = ", ".join(f"{ending or 'no ending'} {number}" for ending, number in counts)
    return UsageError(
        f"{where} {f'Found other files only: {found}.' if found else 'It is empty.'} Videos end in .mp4, .mkv, "
        f".mov and {len(VIDEO_SUFFIXES) - 3} others, sound files in .wav, .mp3, .m4a and others."
    )


def _outermost(is_folder: dict[Path, bool]) -> list[Path]:
    """Return the paths that do not lie in others of them, each once."""
    real = {path: os.path.realpath(path) for path in is_folder}
    folders = {real[path] for path, is_one in is_folder.items() if is_one}
    kept: dict[str, Path] = {}
    for path, is_one in is_folder.items():
        # A link to a file is a clip of its own, named in its own folder.
        place = real[path] if is_one else f"{os.path.realpath(path.parent)}/{path.name}"
        if place not in kept and not _is_found_anyway(place, folders, is_folder=is_one):
            kept[place] = path
    return list(kept.values())


def _is_found_anyway(place: str, folders: set[str], *, is_folder: bool) -> bool:
    """Return True for what the search of one of some folders finds."""
    path = Path(place)
    if not is_folder and not is_clip_name(path.name):
        return False
    below = path
    while not (below.name.startswith(".") or is_waste(below.name)) and below != below.parent:
        below = below.parent
        if str(below) in folders:
            return True
    return False


def _tree_of_files(paths: Sequence[Path]) -> Tree:
    """Return the tree of files that were named one by one, below the folder that holds them all."""
    files = [_absolute(path) for path in paths]
    root = Path(os.path.commonpath([file.parent for file in files]))
    above = len(root.parts)
    is_named = all(
        len([part for part in path.parent.parts if part != ".."]) > len(file.parts) - 1 - above
        for path, file in zip(paths, files, strict=True)
    )
    name = as_label(root.name) if is_named else ""
    return Tree(
        root=root,
        name=name or None,
        files=iter(files),
        is_folder=False,
        is_person=may_name_speaker(name),
    )


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path)) if ".." in path.parts else path.absolute()  # noqa: PTH100
