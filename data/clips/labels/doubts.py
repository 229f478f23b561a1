"""Doubts about an inferred layout, each with the other reading as a `--layout` to paste."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from mraf.data.clips.labels.layout import Folders, TreeLayout
from mraf.data.clips.labels.levels import (
    are_clearly_people,
    are_people,
    are_recordings,
    is_number,
    is_speaker_id,
    is_sure_group,
    kind_of,
    may_be_recording,
)
from mraf.languages import is_language


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A tree of folders as the inference sees it."""

    read: TreeLayout  # with the levels that are left aside
    paths: list[Folders]
    cores: list[Folders]  # the paths without what is left aside
    levels: list[set[str]]  # names by level of the cores
    counts: Mapping[Folders, int]  # clips by path
    name: str | None  # of the named folder, where it may be a speaker's
    is_of_named: bool = False  # the first level are folders that were named

    def example(self, level: int) -> Folders:
        """Return the path of most clips among those that reach a level."""
        reach = [p for p, c in zip(self.paths, self.cores, strict=True) if len(c) > level]
        return max(reach or self.paths, key=lambda path: self.counts[path], default=())


def repeat(facts: Facts, level: int) -> bool:
    """Return True where a name of a level that is no recording's occurs in several folders above it."""
    above: dict[str, set[Folders]] = {}
    for path, core in zip(facts.paths, facts.cores, strict=True):
        if len(core) > level and not may_be_recording(core[level]):
            above.setdefault(core[level], set()).add(path[: path.index(core[level])])
    return any(len(each) > 1 for each in above.values())


def doubts(layout: TreeLayout, facts: Facts) -> list[str]:
    """Return remarks on what is a guess in a layout."""
    return [
        *_root(layout, facts),
        *_languages(layout, facts),
        *_near_languages(layout, facts),
        *_groups(layout, facts),
        *_groups_aside(layout, facts),
        *([*_strays(layout, facts)] or _below(layout, facts)),
    ]


def _say(layout: TreeLayout, facts: Facts, level: int) -> str:
    pattern = layout.describe(facts.example(level))
    if layout.speaker is None:  # the root's
        pattern = pattern.replace("*", "{recording}")
    if facts.is_of_named:  # a pattern counts from the folders that were named
        pattern = pattern.partition("/")[2]
    return f'--layout "{pattern}"'


def _root(layout: TreeLayout, facts: Facts) -> Iterator[str]:
    """Yield what the named folder's own name says or may say."""
    if layout.root_language:
        yield (
            f"The language is that of the folder that you named: {layout.root_language}. If it is none, say "
            f"{_say(layout, facts, layout.speaker or 0)}."
        )
    if not facts.name or layout.speaker is None:
        return
    names = facts.levels[layout.speaker]
    if not are_clearly_people(names) or (
        layout.language == 0 and not repeat(facts, layout.speaker)
    ):
        other = replace(layout, speaker=None)
        yield (
            f"The folder that you named was not taken for a speaker, but {_some(names)} in it. If these are "
            f"recordings of '{facts.name}', say {_say(other, facts, layout.speaker)}."
        )


def _languages(layout: TreeLayout, facts: Facts) -> Iterator[str]:
    """Yield a remark where languages may be people, or the level above them may be."""
    if layout.language is None:
        return
    names, speaker = facts.levels[layout.language], layout.speaker
    if layout.language == 0 and speaker is not None:
        below = facts.levels[speaker]
        if not (repeat(facts, speaker) or all(map(is_speaker_id, below))):
            other = replace(layout, speaker=0, language=None)
            yield (
                f"Taken for {_noun(names, 'language')}: {_some(names)}. If that is wrong and these are people, say "
                f"{_say(other, facts, speaker)}."
            )
    between = range((speaker or 0) + 1, layout.language)
    if speaker is not None and between and not are_people(facts.levels[speaker]):
        inner = facts.levels[between[-1]]
        if not are_recordings(inner) and not all(map(is_speaker_id, facts.levels[speaker])):
            other = replace(layout, speaker=between[-1])
            yield (
                f"{_some(facts.levels[speaker])} were taken for speakers and {_some(inner)} for recordings. If the "
                f"latter are people, say {_say(other, facts, layout.language)}."
            )


def _near_languages(layout: TreeLayout, facts: Facts) -> Iterator[str]:
    """Yield a remark for each level on which most names are languages, but not all."""
    for level, names in enumerate(facts.levels):
        some = {each for each in names if is_language(each)}
        if level != layout.language and 1 < 2 * len(some) >= len(names) > len(some):
            as_what = "speakers" if level == layout.speaker else "recordings"
            speaker = layout.speaker if level != layout.speaker else level + 1
            other = replace(layout, language=level, speaker=speaker)
            yield (
                f"{_some(some)}: named like {_noun(some, 'language')}, but {_some(names - some)} on the same level is none, so "
                f"all are taken for {as_what}. If all are languages, say {_say(other, facts, level)}."
            )


def _groups(layout: TreeLayout, facts: Facts) -> Iterator[str]:
    """Yield a remark where people were found below folders that may be people's themselves."""
    speaker = layout.speaker
    if not speaker or layout.language == 0 or all(map(is_speaker_id, facts.levels[speaker])):
        return
    other = replace(layout, speaker=speaker - 1)
    yield (
        f"{_some(facts.levels[speaker])} were taken for people, and {_some(facts.levels[speaker - 1])} for groups of "
        f"them. If the latter are people, say {_say(other, facts, speaker)}."
    )


def _groups_aside(layout: TreeLayout, facts: Facts) -> Iterator[str]:
    """Yield a remark where folders were taken for groups that may be people."""
    depths = [depth for depth, kind in layout.aside if kind == "group"]
    if not depths or layout.speaker is None or are_people(facts.levels[layout.speaker]):
        return
    names = {path[depths[0]] for path in facts.paths if len(path) > depths[0]}
    if not all(map(is_sure_group, names)):
        kept = frozenset(each for each in layout.aside if each[1] != "group")
        other = replace(layout, aside=kept, speaker=0, language=None)
        yield (
            f"{_some(names)} were taken for groups of people; if they are people, say "
            f"{_say(other, facts, layout.speaker)}."
        )


def _strays(layout: TreeLayout, facts: Facts) -> Iterator[str]:
    """Yield a remark where a few folders beside splits, dates or groups are none."""
    names = {path[0] for path in facts.paths if path}
    kinds = {name: kind_of(name) for name in names}
    known = {
        name
        for name, kind in kinds.items()
        if kind in ("split", "date") or (kind and is_sure_group(name))
    }
    stray = {name for name, kind in kinds.items() if kind is None}
    inner = {p[1] for p in facts.paths if len(p) > 1 and p[0] in known}
    if (
        layout.speaker == 0
        and 1 < len(known) >= 2 * len(stray) > 0
        and inner
        and not are_recordings(inner)
    ):
        excluded = " ".join(f"--exclude '{name}'" for name in sorted(stray)[:3])
        yield (
            f"{_some(known)} hold several people by their names, but {_some(stray)} beside them "
            f"{'does' if len(stray) == 1 else 'do'} not, so all are taken for speakers. If they are none, say "
            f'{excluded}, or --layout "*/{{speaker}}/**/{{clip}}".'
        )


def _below(layout: TreeLayout, facts: Facts) -> Iterator[str]:
    """Yield a remark where the people may be on the level below that of the speakers."""
    speaker = layout.speaker
    if speaker is None or layout.language is not None or len(facts.levels) <= speaker + 1:
        return
    names, inner = facts.levels[speaker], facts.levels[speaker + 1]
    if len(names) < 2 or are_recordings(inner) or all(map(is_number, inner)):
        return
    if are_clearly_people(names):
        return
    is_deep = len(facts.levels) > speaker + 2
    if is_deep or are_people(inner) or repeat(facts, speaker + 1):
        other = replace(layout, speaker=speaker + 1)
        yield (
            f"{_some(names)} were taken for speakers. Perhaps the people are on the next level: {_some(inner)}. "
            f"Then say {_say(other, facts, speaker + 1)}."
        )


def _noun(names: Collection[str], noun: str) -> str:
    return f"a {noun}" if len(names) == 1 else f"{noun}s"


def _some(names: Collection[str]) -> str:
    listed = sorted(names)
    return ", ".join(f"'{name}'" for name in listed[:3]) + (", ..." if len(listed) > 3 else "")
