"""Clips that are found at and below files and folders, labelled by their paths."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mraf.data.clips.clip import Clip, are_same
from mraf.data.clips.labels.inference import infer
from mraf.data.clips.labels.layout import Folders, Labels, Layout, TreeLayout
from mraf.data.clips.labels.pattern import PatternLayout, no_fit
from mraf.data.clips.labels.understood import Understanding, Understood
from mraf.data.clips.listing import LeftOut, each_clip, is_sound_name
from mraf.data.clips.names import as_label
from mraf.data.clips.trees import Tree, is_part, no_clips, trees_of
from mraf.data.clips.waste import Exclusion

SAMPLE = 50_000
"""Number of clips whose paths decide how all of them are read."""
_SAMPLE_OF_ONE = 100
UNFIT = "clips that do not fit --layout"
_NAMED = 3


class Search:
    """A search for the clips at and below some files and folders, which yields them as it finds them.

    The folders between a named one and a clip name its speaker, language and recording, as one layout
    says that is inferred from the whole tree (or its first clips, see `SAMPLE`), or as `layout` says.
    Nothing above the named folder counts; its own name is the speaker's where nothing below it is.
    Files that are named count as a tree below the folder that holds them all, and folders whose names may be
    people's as a tree of these. Two clips of the same path below two named folders are kept: their ids have
    the folder's name in front, or a number behind.

    Labels and ids are text in Unicode NFC: bytes of a name that are not UTF-8 are escaped (see
    `mraf.data.clips.names.as_label`).

    Iterating raises UsageError where a path does not exist or holds no clip, and where no clip fits `layout`,
    before the first clip is yielded. So does a `layout` or `exclude` that cannot be read.
    """

    def __init__(
        self, paths: Iterable[Path], *, layout: str | None = None, exclude: Sequence[str] = ()
    ) -> None:
        self._paths = list(paths)
        self._pattern = layout
        if layout is not None:
            PatternLayout(layout)
        self._exclusion = Exclusion(tuple(exclude))
        self._left_out: list[LeftOut] = []
        self._unfit: list[str] = []
        self._unclear = 0
        self._understanding = self._new_understanding()

    def __iter__(self) -> Iterator[Clip]:
        self._understanding = self._new_understanding()
        self._left_out.clear()
        self._unfit.clear()
        self._unclear = 0
        trees = trees_of(
            self._paths,
            exclusion=self._exclusion,
            left_out=self._left_out,
            one_of_people=self._pattern is None,
        )
        size = max(_SAMPLE_OF_ONE, SAMPLE // max(len(trees), 1))
        for tree in trees:
            tree.take_sample(size)
        if self._pattern is None:
            layouts: list[Layout] = [*_inferred(trees, self._understanding)]
        else:
            layouts = [self._outright(tree, self._pattern) for tree in trees]
        clips: dict[str, Clip] = {}
        apart = _clashing(trees)
        for tree, layout in zip(trees, layouts, strict=True):
            reader = _Reader(tree, layout, is_apart=id(tree) in apart)
            for file in tree.files:
                if clip := self._clip(file, reader):
                    yield from _added(clips, clip)
        for pattern in self._exclusion.unused:
            self._understanding.remark(f"--exclude '{pattern}' fits no file or folder.")
        if links := [link for each in self._left_out for link in each.links]:
            self._understanding.remark(_links_remark(links))

    def _clip(self, file: Path, reader: "_Reader") -> Clip | None:
        """Return a file as a clip; None where it does not fit the layout."""
        path, labels = reader.read(file)
        if labels is None:
            self._unfit.append(path if len(self._unfit) < _NAMED else "")
            self._understanding.remark(_unfit_remark(reader.rule, self._unfit), key=UNFIT)
            return None
        if not reader.is_clear(file):
            self._unclear += 1
            self._understanding.remark(
                f"{'1 name' if self._unclear == 1 else f'{self._unclear} names'} can be read in several ways (such as {path}: {_told(labels)}); earlier "
                "fields are as short as possible.",
                key="unclear",
            )
        self._understanding.add(labels, reader.prefix + path, reader.rule)
        is_sound = is_sound_name(file.name)
        return Clip(
            reader.prefix + path,
            None if is_sound else file,
            audio=file if is_sound else None,
            speaker=labels.speaker,
            language=labels.language,
            recording=labels.recording,
        )

    def _outright(self, tree: Tree, pattern: str) -> PatternLayout:
        """Return the layout that was said outright. Raises UsageError where nothing fits it."""
        layout = PatternLayout(pattern)
        if tree.is_person and not layout.names_nothing:
            layout = replace(layout, root_speaker=tree.name)
        tree.rise(layout.depth or 0)
        paths = [(tree.folders(file), as_label(file.name)) for file in tree.sample]
        if paths and not any(layout.labels(*path) for path in paths):
            folders, name = paths[0]
            raise no_fit(layout, tree.root, folders, name, [each for _, each in paths])
        return layout

    def _new_understanding(self) -> Understanding:
        return Understanding(
            is_unnamed=self._pattern is not None and "{speaker}" not in self._pattern
        )

    def understood(self, *, all_found: bool = True) -> Understood:
        """Return what has been understood of the labels so far."""
        return replace(
            self._understanding.summary(all_found=all_found),
            other_files=self.other_files,
            set_aside=self.set_aside,
            unreadable_folders=self.unreadable_folders,
        )

    @property
    def other_files(self) -> dict[str, int]:
        """Number of the other files by ending, "" for none, in the folders that have been searched."""
        counts: Counter[str] = Counter()
        for each in list(self._left_out):
            counts.update(sum(list(each.others.values()), Counter()))
        return dict(counts.most_common())

    @property
    def set_aside(self) -> dict[str, int]:
        """Number of files and folders that were left out for what they are, such as `@eaDir`."""
        counts: Counter[str] = Counter()
        for each in list(self._left_out):
            counts.update(dict(each.set_aside))
        if self._unfit:
            counts[UNFIT] = len(self._unfit)
        return dict(counts.most_common())

    @property
    def unreadable_folders(self) -> dict[str, str]:
        """Reason by folder."""
        found = [item for each in list(self._left_out) for item in list(each.unreadable.items())]
        return dict(sorted(found))


def find_clips(
    paths: Iterable[Path], *, layout: str | None = None, exclude: Sequence[str] = ()
) -> list[Clip]:
    """Return the clips at and below some paths, sorted by id. `Search` has the rules and the errors."""
    return sorted(Search(paths, layout=layout, exclude=exclude), key=lambda clip: clip.id)


def clip_files(path: Path) -> tuple[list[Path], dict[str, str]]:
    """Return the files of a `Search`, sorted and absolute, and the reason for each unreadable folder.

    Raises UsageError as it does.
    """
    left_out = LeftOut()
    files = sorted(each_clip(path, left_out))
    if not files:
        raise no_clips(path, left_out)
    return files, left_out.unreadable


def _inferred(trees: Sequence[Tree], understanding: Understanding) -> Iterator[TreeLayout]:
    """Yield the layout of each tree, and note what is a guess."""
    of_root: dict[str, None] = {}
    for tree in trees:
        paths = Counter(map(tree.folders, tree.sample))
        layout, remarks = infer(
            paths, name=tree.name, others=len(trees) - 1, is_of_named=bool(tree.members)
        )
        for remark in remarks:
            understanding.remark(remark)
        if layout.root_speaker:
            of_root[layout.root_speaker] = None
        elif tree.members:
            of_root.update(dict.fromkeys(layout.labels(folders).speaker or "" for folders in paths))
            if not {*of_root} <= {*map(as_label, tree.members.values())}:
                of_root.clear()
        if of_root:
            names = ", ".join([*of_root][:5]) + (", ..." if len(of_root) > 5 else "")
            understanding.remark(
                f"The speaker is the name of the folder that you named, since no folder in it names one: {names}. "
                'Say --layout "{clip}" if these are clips of several people whom nobody has named.',
                key="root",
            )
        yield layout


def _clashing(trees: Sequence[Tree]) -> set[int]:
    """Return the identities of trees that hold clips of the same path below their roots."""
    known: dict[tuple[str, ...], int] = {}
    found: set[int] = set()
    for tree in trees if len(trees) > 1 else ():
        for file in tree.sample:
            other = known.setdefault((*tree.folders(file), file.name), id(tree))
            if other != id(tree):
                found |= {other, id(tree)}
    return found


class _Reader:
    """Reads the labels of a tree's clips; those of one folder are read together.

    Attributes:
        prefix: comes before the path in the ids of the clips, so that they clash with no others.
        rule: the layout as it applied to the last clip.
    """

    def __init__(self, tree: Tree, layout: Layout, *, is_apart: bool = False) -> None:
        self._tree, self._layout = tree, layout
        self.prefix = f"{tree.name}/" if tree.name and is_apart else _prefix(tree, layout)
        self.rule = ""
        self._folder: Path | None = None
        self._folders: Folders = ()
        self._of_folder: Labels | None = None

    def read(self, file: Path) -> tuple[str, Labels | None]:
        """Return the path of a clip below the root, as a label, and the labels; None where it does not fit."""
        name = as_label(file.name)
        if file.parent != self._folder:
            self._folder, self._folders = file.parent, self._tree.folders(file)
            self.rule = self._layout.describe(self._folders)
            if (
                self._tree.members
            ):  # the names of the folders that were named are no part of a pattern
                self.rule = self.rule.partition("/")[2]
            self._of_folder = self._layout.labels(self._folders, name)
        labels = self._of_folder
        if isinstance(self._layout, PatternLayout):
            labels = self._layout.labels(self._folders, name)
        return "/".join([*self._folders, name]), labels

    def is_clear(self, file: Path) -> bool:
        """Return False where the path of a clip can be read in two ways. The clip was the last one read."""
        layout = self._layout
        return not isinstance(layout, PatternLayout) or layout.is_clear(
            self._folders, as_label(file.name)
        )


def _prefix(tree: Tree, layout: Layout) -> str:
    """Return what comes before the path in the ids of a tree's clips, so that they clash with no others."""
    if tree.name is None:
        return ""
    if isinstance(layout, TreeLayout):
        is_told = bool(layout.root_speaker or layout.root_language)
    else:
        is_told = isinstance(layout, PatternLayout) and "{speaker}" not in layout.pattern
    return f"{tree.name}/" if is_told or is_part(tree.name) else ""


def _added(clips: dict[str, Clip], clip: Clip) -> Iterator[Clip]:
    """Add a clip to others and yield it, but not the same file a second time.

    Two folders that were named may hold clips of the same path, and names that differ in their Unicode
    form or in space around them are one: the second clip gets a number.
    """
    plain, number = clip.id, 2
    while (known := clips.get(clip.id)) and not are_same(known, clip):
        clip = replace(clip, id=f"{plain} ({number})")
        number += 1
    if known is None:
        clips[clip.id] = clip
        yield clip


def _told(labels: Labels) -> str:
    told = zip(labels._fields, labels, strict=True)
    return ", ".join(f"{field} {value}" for field, value in told if value)


def _links_remark(links: Sequence[str]) -> str:
    told = [f"{as_label(link)} leads to {as_label(os.path.realpath(link))}" for link in links]
    return (
        f"Some linked folders are searched under another name, so that their clips count once and not for the "
        f"link: {'; '.join(told[:_NAMED])}{'; ...' if len(told) > _NAMED else ''}."
    )


def _unfit_remark(pattern: str, unfit: Sequence[str]) -> str:
    named = ", ".join(unfit[:_NAMED]) + (", ..." if len(unfit) > _NAMED else "")
    clips = "1 clip" if len(unfit) == 1 else f"{len(unfit)} clips"
    return f"Left out, as --layout '{pattern}' does not fit: {clips} ({named})."
