"""The layout of a tree of clips: which of its levels name speakers, languages and recordings."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from mraf.data.clips.labels.levels import (
    is_month_or_day,
    is_number,
    is_speaker_id,
    kind_of,
    may_be_recording,
    may_name_speaker,
)
from mraf.languages import canonical, is_language, may_be_person

Folders = tuple[str, ...]
"""Names of the folders from the named one down to a clip."""


class Labels(NamedTuple):
    """Labels of a clip, None where its path does not tell them."""

    speaker: str | None = None
    language: str | None = None
    recording: str | None = None


class Layout(Protocol):
    """A rule that reads labels off the path of a clip."""

    def labels(self, folders: Folders, file: str) -> Labels | None:
        """Return the labels of a file in some folders; None where its path does not fit the rule."""

    def describe(self, folders: Folders) -> str:
        """Return the rule as a pattern for `--layout`, as it applies to clips in these folders."""


@dataclass(frozen=True, kw_only=True)
class TreeLayout:
    """One reading of a whole tree.

    Levels that are left aside (containers, splits, dates) do not count in `speaker` and `language`.
    """

    aside: frozenset[tuple[int, str]] = frozenset()  # depth and kind of levels that name nothing
    speaker: int | None = None  # level of the speakers' names
    language: int | None = None
    root_speaker: str | None = None  # where no level names the speaker
    root_language: str | None = None  # where no level names the language
    whole_recordings: bool = False  # the split, date and group above a speaker count as well

    def labels(self, folders: Folders, file: str = "") -> Labels:
        """Return the labels of a file in some folders."""
        names, above = self._sorted(folders)
        speaker, language = self.root_speaker, self.root_language
        first = 0
        if self.speaker is not None:
            speaker = names[self.speaker] if len(names) > self.speaker else None
            first = self.speaker + 1
            above += [name for i, name in enumerate(names[: self.speaker]) if i != self.language]
        if self.language is not None:
            language = canonical(names[self.language]) if len(names) > self.language else None
        parts = [name for i, name in enumerate(names) if i >= first and i != self.language]
        if self.speaker is None and not parts:  # of one person, by date
            parts = [name for name in above if kind_of(name) == "date"]
        elif self.whole_recordings and parts:
            parts = above + parts
        return Labels(speaker, language, "/".join(parts) or None)

    def context(self, folders: Folders) -> Folders:
        """Return the splits, dates and groups that a clip lies in, above its recording."""
        names, above = self._sorted(folders)
        groups = names[: self.speaker] if self.speaker is not None else []
        return (*above, *(name for i, name in enumerate(groups) if i != self.language))

    def describe(self, folders: Folders) -> str:
        """Return the layout as a pattern for `--layout`."""
        parts, level = [], 0
        for _, kind in self._levels(folders):
            if kind:
                parts.append("*")
                continue
            is_above = self.speaker is not None and level < self.speaker
            known = {self.speaker: "{speaker}", self.language: "{language}"}
            parts.append(known.get(level, "*" if is_above else "{recording}"))
            level += 1
        return "/".join([*parts, "{clip}"])

    def _sorted(self, folders: Folders) -> tuple[list[str], list[str]]:
        """Return the names of the levels that count, and those of the splits and dates."""
        names: list[str] = []
        above: list[str] = []
        for name, kind in self._levels(folders):
            if not kind:
                names.append(name)
            elif kind != "container":
                above.append(name)
        return names, above

    def _levels(self, folders: Folders) -> Iterator[tuple[str, str | None]]:
        """Yield each folder with its kind, None where it counts."""
        is_leading, last = True, None
        for depth, name in enumerate(folders):
            kind = _kind(name, last if is_leading else None)
            last = kind if (depth, kind) in self.aside else None
            is_leading = is_leading and last is not None
            yield name, last


def infer(
    tree: Mapping[Folders, int], *, name: str | None = None, others: int = 0
) -> tuple[TreeLayout, list[str]]:
    """Return the most plausible layout of a tree, and remarks on what is a guess.

    A level is one of languages where all names on it are languages. Levels of containers, splits and
    dates above the speaker are left aside where all their siblings are such too.

    Args:
        tree: number of clips by the folders in which they lie, below the named folder.
        name: of the named folder; it may name the speaker where no folder below it does. None where no
            folder was named.
        others: number of other folders that were named beside this one.
    """
    paths = sorted(tree)
    aside = _aside(paths)
    read = TreeLayout(aside=aside)
    cores = [tuple(read._sorted(folders)[0]) for folders in paths]
    levels = [
        {core[i] for core in cores if len(core) > i} for i in range(max(map(len, cores), default=0))
    ]
    language = _language_level(levels)
    guess = _speaker_level(levels, cores, language=language, name=name, others=others)
    if guess == _Guess(0, None) and _is_wrapper(read, paths, levels):
        guess = _Guess(1, None)
    layout = replace(read, speaker=guess.level, language=guess.language)
    if guess.level is None and name is not None and may_name_speaker(name):
        layout = replace(layout, root_speaker=name)
    if (
        layout.language is None
        and name is not None
        and is_language(name)
        and not layout.root_speaker
    ):
        layout = replace(layout, root_language=canonical(name))
    if _recordings_clash(layout, paths):
        layout = replace(layout, whole_recordings=True)
    return layout, [*guess.remarks, *_near_languages(levels, layout)]


class _Guess(NamedTuple):
    level: int | None
    language: int | None
    remarks: tuple[str, ...] = ()


def _kind(name: str, above: str | None) -> str | None:
    if above == "date" and is_month_or_day(name):
        return "date"
    return kind_of(name)


def _aside(paths: list[Folders]) -> frozenset[tuple[int, str]]:
    """Return depth and kind of the levels whose names are no labels.

    All siblings must be such, and so must be most other folders of the level: among `talk` and
    `interview` of other people, `film` is a recording.
    """
    found: set[tuple[int, str]] = set()
    for depth in range(max(map(len, paths), default=0)):
        read = TreeLayout(aside=frozenset(found))
        families: dict[Folders, set[str | None]] = {}
        for folders in {path[: depth + 1] for path in paths if len(path) > depth}:
            parents = [kind for _, kind in read._levels(folders[:depth])]
            is_leading = all(parents)
            kind = _kind(folders[-1], parents[-1] if parents and is_leading else None)
            kind = None if kind == "date" and not is_leading else kind
            families.setdefault(folders[:depth], set()).add(kind)
        mixed = {kind for family in families.values() if None in family for kind in family}
        counts = Counter(kind for family in families.values() for kind in family if kind)
        most = {kind for kind, count in counts.items() if 2 * count >= len(families)}
        found |= {(depth, kind) for kind in most - mixed}
    return frozenset(found)


def _language_level(levels: list[set[str]]) -> int | None:
    """Return the level all names of which are languages: the second, where the first two are such."""
    found = [i for i, names in enumerate(levels) if all(map(is_language, names))]
    if found and found[0] == 0 and (1 in found or all(map(may_be_person, levels[0]))):
        found = found[1:]  # people called Dan and Ben, or Danish and French
    return found[0] if found else None


def _speaker_level(
    levels: list[set[str]],
    cores: list[Folders],
    *,
    language: int | None,
    name: str | None,
    others: int,
) -> _Guess:
    """Return the level of the speakers' names, None where it is the named folder or nobody."""
    if not levels:
        return _Guess(None, None)
    ids = [i for i, names in enumerate(levels) if all(map(is_speaker_id, names))]
    if ids and ids[0] != language:
        return _Guess(ids[0], language)
    if language is not None and language > 0:
        is_recording = language > 1 and all(map(may_be_recording, levels[language - 1]))
        return _Guess(language - 2 if is_recording else language - 1, language)
    first = 0 if language is None else 1
    if len(levels) <= first:
        return _Guess(None, language)
    return _below_root(levels, cores, first=first, language=language, name=name, others=others)


def _below_root(
    levels: list[set[str]],
    cores: list[Folders],
    *,
    first: int,
    language: int | None,
    name: str | None,
    others: int,
) -> _Guess:
    """Decide between the named folder and the first level below it that is not one of languages."""
    level = first
    while level + 1 < len(levels) and all(kind_of(each) == "date" for each in levels[level]):
        level += 1  # years below languages
    names, inside = levels[level], _Guess(level, language)
    if name is None or not may_name_speaker(name):
        return inside
    of_root = _Guess(None, language)
    deepest = max(map(len, cores))
    if all(map(may_be_recording, names)):
        return of_root
    if others and (deepest == first + 1 or language == 0):
        return of_root
    if others and all(map(is_number, names)):
        return of_root
    if language == 0 and not _repeat(cores, first):
        pattern = "{language}/" + "/".join(["{recording}"] * (deepest - 1)) + "/{clip}"
        return inside._replace(
            remarks=(
                f"The folders of languages hold {_some(names)}, taken for speakers; if they are recordings of "
                f"'{name}', say --layout \"{pattern}\".",
            )
        )
    return inside


def _is_wrapper(read: TreeLayout, paths: list[Folders], levels: list[set[str]]) -> bool:
    """Return True where the first level is one folder that holds splits of people, as `corpus/train/ann`."""
    kinds = [[kind for _, kind in read._levels(folders)] for folders in paths]
    is_split = all(each[:2] == [None, "split"] for each in kinds)
    is_one = len(levels) > 1 and len(levels[0]) == 1
    return is_one and is_split and not all(map(may_be_recording, levels[1]))


def _repeat(cores: list[Folders], level: int) -> bool:
    """Return True where a name of a level occurs in several folders above it."""
    above: dict[str, set[Folders]] = {}
    for core in cores:
        if len(core) > level:
            above.setdefault(core[level], set()).add(core[:level])
    return any(len(each) > 1 for each in above.values())


def _recordings_clash(layout: TreeLayout, paths: list[Folders]) -> bool:
    """Return True where two recordings of one name lie in different splits, dates or groups."""
    seen: dict[Labels, Folders] = {}
    for folders in paths:
        labels = layout.labels(folders)
        context = layout.context(folders)
        if labels.recording and context and seen.setdefault(labels, context) != context:
            return True
    return False


def _near_languages(levels: list[set[str]], layout: TreeLayout) -> list[str]:
    """Return a remark for each level on which most names are languages, but not all."""
    remarks = []
    for level, names in enumerate(levels):
        some = {each for each in names if is_language(each)}
        if level != layout.language and 1 < 2 * len(some) >= len(names) > len(some):
            as_what = "speakers" if level == layout.speaker else "recordings"
            remarks.append(
                f"{_some(some)}: named like languages, but {_some(names - some)} on the same level is none, so "
                f"all are taken for {as_what}. --layout says outright what is what."
            )
    return remarks


def _some(names: set[str]) -> str:
    listed = sorted(names)
    return ", ".join(f"'{name}'" for name in listed[:3]) + (", ..." if len(listed) > 3 else "")
