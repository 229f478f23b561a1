"""The layout of a tree of clips, inferred from all of its folders."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from mraf.data.clips.labels.doubts import Facts, doubts, repeat
from mraf.data.clips.labels.layout import Folders, Labels, TreeLayout, kind_below
from mraf.data.clips.labels.levels import (
    are_clearly_people,
    are_people,
    are_recordings,
    is_number,
    is_speaker_id,
    kind_of,
    may_be_person,
    may_be_recording,
    may_name_speaker,
)
from mraf.languages import canonical, is_language, is_only_code, may_be_given_name


def infer(
    tree: Mapping[Folders, int],
    *,
    name: str | None = None,
    others: int = 0,
    is_of_named: bool = False,
) -> tuple[TreeLayout, list[str]]:
    """Return the most plausible layout of a tree, and remarks on what is a guess.

    A level is one of languages where all names on it are languages, unless what lies below says that
    they are people. Levels of containers, splits, dates and groups above the speaker are left aside where
    all their siblings are such too, and may hold people.

    Args:
        tree: number of clips by the folders in which they lie, below the named folder.
        name: of the named folder; it may name the speaker where no folder below it does, and the language
            where it is no mere code. None where no folder was named, or several as one tree.
        others: number of other folders that were named beside this one.
        is_of_named: true where the first level are folders that were named.
    """
    paths = sorted(tree)
    read = TreeLayout(aside=_aside(paths))
    cores = [tuple(read.sorted(folders)[0]) for folders in paths]
    levels = [
        {core[i] for core in cores if len(core) > i} for i in range(max(map(len, cores), default=0))
    ]
    facts = Facts(
        read=read,
        paths=paths,
        cores=cores,
        levels=levels,
        counts=tree,
        is_of_named=is_of_named,
        name=name if name and may_name_speaker(name) else None,
    )
    language = _language_level(facts)
    speaker = _speaker_level(facts, language, others)
    if (speaker, language) == (0, None) and _is_wrapper(facts):
        speaker = 1
    layout = replace(read, speaker=speaker, language=language)
    if speaker is None:
        layout = replace(layout, root_speaker=facts.name)
    is_told = name is not None and is_language(name) and not is_only_code(name)
    if name is not None and is_told and language is None and not layout.root_speaker:
        layout = replace(layout, root_language=canonical(name))
    if _recordings_clash(layout, paths):
        layout = replace(layout, whole_recordings=True)
    return layout, doubts(layout, facts)


def _aside(paths: list[Folders]) -> frozenset[tuple[int, str]]:
    """Return depth and kind of the levels whose names are no labels.

    All siblings must be such, and so must be most other folders of the level: among `talk` and
    `interview` of other people, `film` is a recording. What lies in groups and dates must not look like
    recordings: these are not people by then.
    """
    found: set[tuple[int, str]] = set()
    for depth in range(max(map(len, paths), default=0)):
        read = TreeLayout(aside=frozenset(found))
        families: dict[Folders, set[str | None]] = {}
        for folders in {path[: depth + 1] for path in paths if len(path) > depth}:
            parents = [kind for _, kind in read.levels(folders[:depth])]
            is_leading = all(parents)
            kind = kind_below(folders[-1], parents[-1] if parents and is_leading else None)
            kind = None if kind in ("date", "group") and not is_leading else kind
            families.setdefault(folders[:depth], set()).add(kind)
        mixed = {kind for family in families.values() if None in family for kind in family}
        counts = Counter(kind for family in families.values() for kind in family if kind)
        most = {kind for kind, count in counts.items() if 2 * count >= len(families)}
        holders = {
            kind for kind in most if kind in ("date", "group") and not _holds(paths, depth, kind)
        }
        found |= {(depth, kind) for kind in most - mixed - holders}
    return frozenset(found)


def _holds(paths: list[Folders], depth: int, kind: str) -> bool:
    """Return True where the folders of a level of groups or dates may hold folders of people."""
    below = {path[depth + 1] for path in paths if len(path) > depth + 1}
    if not below:
        return kind == "date"
    if all(map(is_language, below)):
        return _holds(paths, depth + 1, kind)
    others = {name for name in below if kind_of(name) not in ("date", "container", "split")}
    if kind == "group":
        return bool(below) and not are_recordings(below)
    return not (others and are_recordings(others))


def _language_level(facts: Facts) -> int | None:
    """Return the level of the languages.

    All of its names are languages, and not people: these have languages or recordings below them, or names
    that may be people's initials as well.
    """
    levels = facts.levels
    found = [i for i, names in enumerate(levels) if all(map(is_language, names))]
    if not found or found[0] > 0:
        return found[0] if found else None
    rest = found[1] if len(found) > 1 else None
    if 1 in found:  # people called Danish and French
        return 1
    if all(map(may_be_given_name, levels[0])):
        is_cased = all(name.isupper() for name in levels[0])
        return 0 if is_cased and repeat(facts, 1) else rest
    first = _below_dates(levels, 1)
    is_of_people = len(levels) > first and are_recordings(levels[first])
    return rest if is_of_people and not facts.name else 0


def _below_dates(levels: list[set[str]], level: int) -> int:
    """Return the first level from one on that is not of dates."""
    while level + 1 < len(levels) and all(kind_of(each) == "date" for each in levels[level]):
        level += 1
    return level


def _speaker_level(facts: Facts, language: int | None, others: int) -> int | None:
    """Return the level of the speakers' names, None where it is the named folder or nobody."""
    levels = facts.levels
    ids = [i for i, names in enumerate(levels) if all(map(is_speaker_id, names))]
    if ids and ids[0] != language:
        return ids[0]
    first = 0 if language != 0 else 1
    if len(levels) <= first:
        return None
    if language:
        people = [i for i in range(language) if are_people(levels[i])]
        return people[0] if people and not are_clearly_people(levels[0]) else 0
    level = _below_dates(levels, first) if first else first
    if facts.name and _is_of_root(facts, level, language=language, others=others):
        return None
    is_group = not (are_clearly_people(levels[level]) or are_recordings(levels[level]))
    if is_group and len(levels) > level + 1 and are_people(levels[level + 1]):
        return level + 1
    return level


def _is_of_root(facts: Facts, level: int, *, language: int | None, others: int) -> bool:
    """Return True where the named folder is a speaker's rather than those of a level below it."""
    names = facts.levels[level]
    if all(map(may_be_recording, names)):
        return True
    if are_people(names) or (len(facts.levels) > level + 1 and are_people(facts.levels[level + 1])):
        return others > 0 and (len(facts.levels) == level + 1 or language == 0)
    if are_recordings(names) or may_be_person(facts.name or ""):
        return True
    is_dated = (0, "date") in facts.read.aside and len(facts.levels) == level + 1
    if is_dated and not repeat(facts, level):
        return True
    is_last = len(facts.levels) == level + 1
    return others > 0 and (is_last or language == 0 or all(map(is_number, names)))


def _is_wrapper(facts: Facts) -> bool:
    """Return True where the first level is one folder that holds splits of people, as `corpus/train/ann`."""
    kinds = [[kind for _, kind in facts.read.levels(folders)] for folders in facts.paths]
    is_split = all(each[:2] == [None, "split"] for each in kinds)
    levels = facts.levels
    is_one = len(levels) > 1 and len(levels[0]) == 1
    return is_one and is_split and not all(map(may_be_recording, levels[1]))


def _recordings_clash(layout: TreeLayout, paths: list[Folders]) -> bool:
    """Return True where two recordings of one name lie in different splits, dates or groups."""
    seen: dict[Labels, Folders] = {}
    for folders in paths:
        labels = layout.labels(folders)
        context = layout.context(folders)
        if labels.recording and context and seen.setdefault(labels, context) != context:
            return True
    return False
