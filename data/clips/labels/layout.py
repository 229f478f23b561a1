"""The layout of a tree of clips: which of its levels name speakers, languages and recordings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mraf.data.clips.labels.levels import is_month_or_day, kind_of
from mraf.languages import canonical

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

    Levels that are left aside (containers, splits, dates, groups) do not count in `speaker` and `language`.
    """

    aside: frozenset[tuple[int, str]] = frozenset()  # depth and kind of levels that name nothing
    speaker: int | None = None  # level of the speakers' names
    language: int | None = None
    root_speaker: str | None = None  # where no level names the speaker
    root_language: str | None = None  # where no level names the language
    whole_recordings: bool = False  # the split, date and group above a speaker count as well

    def labels(self, folders: Folders, file: str = "") -> Labels:
        """Return the labels of a file in some folders."""
        names, above = self.sorted(folders)
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
        names, above = self.sorted(folders)
        groups = names[: self.speaker] if self.speaker is not None else []
        return (*above, *(name for i, name in enumerate(groups) if i != self.language))

    def describe(self, folders: Folders) -> str:
        """Return the layout as a pattern for `--layout`."""
        parts, level = [], 0
        for _, kind in self.levels(folders):
            if kind:
                parts.append("*")
                continue
            is_above = self.speaker is not None and level < self.speaker
            known = {self.speaker: "{speaker}", self.language: "{language}"}
            parts.append(known.get(level, "*" if is_above else "{recording}"))
            level += 1
        return "/".join([*parts, "{clip}"])

    def sorted(self, folders: Folders) -> tuple[list[str], list[str]]:
        """Return the names of the levels that count, and those of the splits and dates."""
        names: list[str] = []
        above: list[str] = []
        for name, kind in self.levels(folders):
            if not kind:
                names.append(name)
            elif kind != "container":
                above.append(name)
        return names, above

    def levels(self, folders: Folders) -> Iterator[tuple[str, str | None]]:
        """Yield each folder with its kind, None where it counts."""
        is_leading, last = True, None
        for depth, name in enumerate(folders):
            kind = kind_below(name, last if is_leading else None)
            last = kind if (depth, kind) in self.aside else None
            is_leading = is_leading and last is not None
            yield name, last


def kind_below(name: str, above: str | None) -> str | None:
    """Return the kind of a folder, given the kind of the one that holds it: `05` in a year is a date."""
    if above == "date" and is_month_or_day(name):
        return "date"
    return kind_of(name)
