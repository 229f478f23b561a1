"""Layouts that people write: patterns such as `{speaker}/{language}/{recording}/{clip}`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mraf.data.clips.labels.layout import Folders, Labels
from mraf.errors import UsageError
from mraf.languages import canonical

FIELDS = ("speaker", "language", "recording", "clip")
EXAMPLE = '--layout "{speaker}/{language}/{recording}/{clip}"'
_TOKEN = re.compile(r"\{([^{}]*)\}|(\*+)|([{}])|([^*{}]+)")
_ENDING = re.compile(r"\.\w{1,6}")


@dataclass(frozen=True)
class PatternLayout:
    """A layout that says outright what each part of a path names.

    Parts between slashes stand for the folders below the named one, the last for the file, without its
    ending unless the pattern has one. `{speaker}`, `{language}`, `{recording}` and `{clip}` take a part
    or a piece of it, `{}`, `{_}` and `*` skip one, `**` skips any number of folders; other text stands
    for itself. Of several ways to read a name, earlier fields are as short as possible. Where
    `{recording}` occurs more than once, the pieces are joined by slashes.

    Making one raises UsageError for a pattern that cannot be read.
    """

    pattern: str
    root_speaker: str | None = None  # for patterns with labels, but without `{speaker}`

    def __post_init__(self) -> None:
        _ = self._short

    def labels(self, folders: Folders, file: str) -> Labels | None:
        """Return the labels of a file in some folders; None where its path does not fit."""
        match = self._short.fullmatch(self._path(folders, file))
        return self._labels(match) if match else None

    def is_clear(self, folders: Folders, file: str) -> bool:
        """Return False where the pattern fits a path in two ways that give different labels."""
        path = self._path(folders, file)
        short, long = self._short.fullmatch(path), self._long.fullmatch(path)
        return not (short and long) or self._labels(short) == self._labels(long)

    def describe(self, folders: Folders) -> str:
        """Return the pattern."""
        return self.pattern

    @cached_property
    def _short(self) -> re.Pattern[str]:
        return _compile(self._in_lower_ending, field="[^/]+?")

    @cached_property
    def _long(self) -> re.Pattern[str]:
        return _compile(self._in_lower_ending, field="[^/]+")

    @cached_property
    def _has_ending(self) -> bool:
        return bool(_ENDING.fullmatch(self.pattern[max(self.pattern.rfind("."), 0) :]))

    @property
    def _in_lower_ending(self) -> str:
        if not self._has_ending:
            return self.pattern
        dot = self.pattern.rfind(".")
        return self.pattern[:dot] + self.pattern[dot:].lower()

    @property
    def names_nothing(self) -> bool:
        """True for patterns without any label, such as `{clip}`: not even the named folder says who it is."""
        return not any(f"{{{name}}}" in self.pattern for name in FIELDS[:3])

    @property
    def depth(self) -> int | None:
        """Number of folders above a clip; None for any."""
        return None if "**" in self.pattern else self.pattern.strip("/").count("/")

    def _path(self, folders: Folders, file: str) -> str:
        stem, dot, ending = file.rpartition(".")
        name = file if self._has_ending or not stem else stem
        return "/".join(
            [*folders, name if not self._has_ending else f"{stem}{dot}{ending.lower()}"]
        )

    def _labels(self, match: re.Match[str]) -> Labels:
        found: dict[str, list[str]] = {}
        for name, value in match.groupdict().items():
            if value.strip():
                found.setdefault(name.rpartition("_")[0], []).append(value.strip())
        speaker, language, recording = ("/".join(found.get(n, ())) or None for n in FIELDS[:3])
        if "{speaker}" not in self.pattern:
            speaker = self.root_speaker
        return Labels(speaker, language and canonical(language), recording)


def example_for(rule: str, name: str) -> str:
    """Return a layout that a file's path may have.

    Args:
        rule: a pattern of the path's depth; its `*` are kept where it has nothing else.
        name: of the file, which may be made of labels: `ann_talk_01.mp4`.
    """
    *folders, _ = rule.split("/")
    if any(part != "*" for part in folders):
        fields = ["{speaker}", "{language}", "{recording}"] if len(folders) > 2 else []
        fields = fields or ["{speaker}", "{recording}"][: len(folders)]
        return "/".join([*fields, *["{recording}"] * (len(folders) - 3), "{clip}"])
    stem = name.rpartition("/")[2].rpartition(".")[0]
    mark = next((mark for mark in ("_", "-", " ", ".") if mark in stem), "_")
    fields = (
        ["{speaker}", "{recording}", "{clip}"] if stem.count(mark) > 1 else ["{speaker}", "{clip}"]
    )
    return "/".join([*folders, mark.join(fields)])


def no_fit(
    layout: PatternLayout, root: object, folders: Folders, name: str, names: Sequence[str]
) -> UsageError:
    """Return the error for a layout that fits no clip.

    Args:
        layout: the layout.
        root: the folder that was named.
        folders: the folders of the first clip.
        name: of the first clip.
        names: of more clips.
    """
    path = "/".join([*folders, name])
    if layout.depth not in (None, len(folders)):
        in_folders = f"{layout.depth} folder{'' if layout.depth == 1 else 's'}"
        why = f"It stands for a file in {in_folders} below this one; the first clip lies in {len(folders)}: {path}."
    else:
        last = layout.pattern.strip("/").rpartition("/")[2]
        literals = [each for each in re.split(r"\{[^{}]*\}|\*", last) if each]
        absent = [each for each in literals if not any(each.lower() in n.lower() for n in names)]
        told = f"No file's name has '{absent[0]}' in it. " if absent else ""
        why = f"{told}The first clip is {path}."
    example = example_for("/".join(["{}"] * len(folders) + ["{clip}"]), name)
    return UsageError(
        f"{root}: no clip fits --layout '{layout.pattern}'. {why} For example: --layout \"{example}\"."
    )


def _compile(pattern: str, *, field: str) -> re.Pattern[str]:
    """Return the expression for a path. Raises UsageError for a pattern that cannot be read."""
    text = pattern.strip().strip("/")
    if not text:
        raise _wrong(pattern, "it is empty")
    parts = [_expression(part, pattern=pattern, field=field) for part in text.split("/")]
    named = re.findall(r"\{(\w+)\}", text)
    for name in ("speaker", "language", "clip"):
        if named.count(name) > 1:
            raise _wrong(pattern, f"{{{name}}} occurs more than once")
    if not named or not set(named) & set(FIELDS):
        raise _wrong(pattern, "it names no field")
    if "clip" in named and "{clip}" not in text.rpartition("/")[2]:
        raise _wrong(pattern, "{clip} is the name of the file, so it belongs into the last part")
    if text.endswith("**"):
        raise _wrong(pattern, "the last part stands for the file: write * or {clip}")
    whole = "/".join(parts).replace("(?:[^/]+/)*/", "(?:[^/]+/)*")
    numbers = iter(range(len(whole)))  # a field may occur again, a group of an expression may not
    return re.compile(re.sub(r"\?P<(\w+)>", lambda m: f"?P<{m[1]}_{next(numbers)}>", whole))


def _expression(part: str, *, pattern: str, field: str) -> str:
    if not part:
        raise _wrong(pattern, "a part between two slashes is empty")
    if part == "**":
        return "(?:[^/]+/)*"
    pieces, was_field = [], False
    for match in _TOKEN.finditer(part):
        name, stars, brace, literal = match.groups()
        if brace:
            raise _wrong(pattern, f"a {brace} has no partner")
        if stars and len(stars) > 1:
            raise _wrong(pattern, "** stands alone between slashes, for any number of folders")
        if literal:
            pieces.append(re.escape(literal))
        elif was_field:
            raise _wrong(pattern, "two fields touch: nothing says where the one ends")
        elif stars or name in ("", "_"):
            pieces.append(field)
        elif name in FIELDS:
            pieces.append(f"(?P<{name}>{field})")
        else:
            raise _wrong(pattern, f"{{{name}}} is no field")
        was_field = not literal
    return "".join(pieces)


def _wrong(pattern: str, why: str) -> UsageError:
    return UsageError(
        f"--layout '{pattern}': {why}. Fields are {{speaker}}, {{language}}, {{recording}} and {{clip}}, and * for "
        f'what does not matter. For example: {EXAMPLE}, or --layout "{{speaker}}_{{recording}}_{{clip}}" for '
        "files called ann_talk_01.mp4."
    )
