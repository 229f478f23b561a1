"""What was understood of the labels of clips: numbers, examples, and what looks wrong."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mraf.data.clips.clip import Clip
from mraf.data.clips.labels.layout import Labels
from mraf.data.clips.labels.levels import strange_for_speaker
from mraf.data.clips.labels.pattern import example_for
from mraf.data.clips.names import as_text, look_alike

SINGLES = 100
"""Number of speakers with one clip each from which on recordings may have been taken for speakers."""
_EXAMPLES = 3
_GROUPS = 10
_HINT = "\0"  # where a warning may say what to do
_HINT_OF_MANIFEST = " Check the columns 'speaker', 'language' and 'recording' of the manifest."


@dataclass(frozen=True, kw_only=True)
class Example:
    """A clip and its labels."""

    path: str  # below the named folder, with its name in front where that is the speaker's
    speaker: str | None
    language: str | None
    recording: str | None


@dataclass(frozen=True, kw_only=True)
class Understood:
    """The labels of the clips that have been found so far."""

    clips: int
    speakers: tuple[str, ...] = ()  # sorted
    languages: tuple[str, ...] = ()  # sorted
    recordings: int = 0
    without_speaker: int = 0  # clips
    layouts: tuple[str, ...] = ()  # patterns, by number of clips
    examples: tuple[Example, ...] = ()
    warnings: tuple[str, ...] = ()
    other_files: dict[str, int] = field(default_factory=dict)  # by ending, in the folders named
    set_aside: dict[str, int] = field(default_factory=dict)  # files and folders by what they are
    unreadable_folders: dict[str, str] = field(default_factory=dict)  # reason by folder
    all_found: bool = True

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf extract --dry-run --json` prints."""
        return with_left_out(asdict(self))


def with_left_out(values: dict[str, Any]) -> dict[str, Any]:
    """Return a report as a dictionary in which the left out stand together, and folders in a list."""
    kept = dict(values)
    kept["left_out"] = {**kept.pop("other_files"), **kept.pop("set_aside")}
    folders = kept.pop("unreadable_folders")
    kept["unreadable"] = [{"folder": name, "reason": why} for name, why in folders.items()]
    return kept


class Understanding:
    """Collects the labels of clips as they are found, in memory that grows with the labels only.

    One thread may add while another asks for the summary. `hint` says in the first warning
    what to do; by default, to give a layout, or, where one without `{speaker}` was given, to group the clips.
    """

    def __init__(self, hint: str | None = None, *, is_unnamed: bool = False) -> None:
        self._fixed_hint = hint
        self._is_unnamed = is_unnamed
        self._lock = threading.Lock()
        self._speakers: Counter[str | None] = Counter()
        self._languages: Counter[str] = Counter()
        self._recordings: set[int] = set()  # hashes of labels
        self._kinds: dict[tuple[bool, ...], list[Any]] = {}  # count and first path by what is named
        self._layouts: Counter[str] = Counter()
        self._examples: list[Example] = []
        self._remarks: dict[str, str] = {}
        self.clips = 0

    def add(self, labels: Labels, path: str, layout: str = "") -> None:
        """Count a clip with its path and the layout by which it was read."""
        with self._lock:
            self.clips += 1
            is_new = labels.speaker not in self._speakers
            self._speakers[labels.speaker] += 1
            if labels.language:
                self._languages[labels.language] += 1
            if labels.recording:
                self._recordings.add(hash(labels))
            kind = self._kinds.setdefault(tuple(map(bool, labels)), [0, path])
            kind[0] += 1
            if layout:
                self._layouts[layout] += 1
            if len(self._examples) < _EXAMPLES if is_new else kind[0] == 1 < self.clips:
                self._examples.append(Example(path=path, **labels._asdict()))

    def remark(self, text: str, *, key: str | None = None) -> None:
        """Note a warning, in place of the one before of the same key."""
        with self._lock:
            self._remarks[key or text] = text

    def summary(
        self, *, all_found: bool = True, left_out: dict[str, int] | None = None
    ) -> Understood:
        """Return what has been understood so far."""
        with self._lock:
            named = sorted(name for name in self._speakers if name is not None)
            return Understood(
                clips=self.clips,
                speakers=tuple(named),
                languages=tuple(sorted(self._languages)),
                recordings=len(self._recordings),
                without_speaker=self._speakers[None],
                layouts=tuple(name for name, _ in self._layouts.most_common()),
                examples=tuple(self._examples),
                warnings=(*self._remarks.values(), *self._with_hint(self._warnings(named))),
                all_found=all_found,
            )

    def _with_hint(self, warnings: Iterable[str]) -> Iterator[str]:
        """Yield warnings; the first that asks for it says what to do."""
        hint = self._fixed_hint
        if hint is None and self._is_unnamed:
            hint = " The layout has none; `mraf cluster` groups such clips by person."
        elif hint is None:
            read = next((name for name, _ in self._layouts.most_common(1)), "")
            known = f'The paths were read as --layout "{read}"; say yours if that is wrong.'
            path = next((each.path for each in self._examples), "")
            example = f'Say what the paths name, as in --layout "{example_for(read, path)}".'
            is_known = "{speaker}" in read or ("/" in read and any(self._speakers))
            hint = " " + (known if is_known else example)
        for warning in warnings:
            yield warning.replace(_HINT, hint)
            hint = "" if _HINT in warning else hint

    def _warnings(self, speakers: Sequence[str]) -> Iterator[str]:
        if not self.clips:
            return
        if not speakers:
            yield f"No speaker is named.{_HINT}"
        elif self._speakers[None]:
            path = self._kinds[next(kind for kind in self._kinds if not kind[0])][1]
            yield f"{self._speakers[None]} of {self.clips} clips without a speaker (the first: {path}).{_HINT}"
        if len(speakers) == 1:
            yield f"Only one speaker: {speakers[0]}.{_HINT}"
        yield from _strange(speakers)
        what = "folders" if self._fixed_hint is None else "cells of the manifest"
        yield from _alike("Speakers", speakers, what)
        yield from _alike("Languages", self._languages, what)
        singles = [name for name in speakers if self._speakers[name] == 1]
        if len(singles) >= SINGLES and 2 * len(singles) > len(speakers):
            yield (
                f"{len(singles)} of {len(speakers)} speakers have a single clip ({_listed(singles)}): perhaps these "
                f"are recordings or clips, not people.{_HINT}"
            )
        yield from self._ragged()

    def _ragged(self) -> Iterator[str]:
        """Yield a warning where the paths of some clips name more than those of others."""
        with_speaker = {kind: each for kind, each in self._kinds.items() if kind[0]}
        if len(with_speaker) < 2:
            return
        words = ("speaker", "language", "recording")
        told = [
            f"{' and '.join(w for w, is_there in zip(words, kind, strict=True) if is_there)}: {number}, such as {path}"
            for kind, (number, path) in sorted(with_speaker.items(), key=lambda each: -each[1][0])
        ]
        yield f"The paths do not all tell the same: {'; '.join(told)}."


def understand(clips: Iterable[Clip], *, look: bool = False) -> Understanding:
    """Return what is understood of clips whose labels are known, as from a manifest.

    With `look`, a warning names files that are not there.
    """
    understanding = Understanding(_HINT_OF_MANIFEST)
    absent: list[Path] = []
    for clip in clips:
        labels = Labels(clip.speaker, clip.language, clip.recording)
        understanding.add(labels, as_text(clip.id))
        if look:
            absent += [path for path in clip.files if not path.exists()]
    if absent:
        files = "A file is" if len(absent) == 1 else f"{len(absent)} files are"
        understanding.remark(f"{files} not there: {_listed([as_text(p) for p in absent])}.")
    return understanding


def _strange(speakers: Sequence[str]) -> Iterator[str]:
    """Yield a warning for the speakers that are named like something else."""
    found: dict[str, list[str]] = {}
    for name in speakers:
        if what := strange_for_speaker(name):
            found.setdefault(what, []).append(name)
    for what, names in found.items():
        noun = "Speaker" if len(names) == 1 else f"{len(names)} speakers"
        yield f"{noun} named like {what}: {_listed(names)}.{_HINT}"


def _alike(noun: str, names: Iterable[str], what: str) -> Iterator[str]:
    """Yield a warning for names that differ in case, spaces, underscores or accents alone."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        found.setdefault(look_alike(name), []).append(name)
    groups = [group for group in found.values() if len(group) > 1]
    if groups:
        told = "; ".join(" and ".join(group) for group in groups[:_GROUPS])
        more = f"; and {len(groups) - _GROUPS} more" if len(groups) > _GROUPS else ""
        yield (
            f"{noun} whose names differ in case, spaces, underscores or accents alone count as different: "
            f"{told}{more}. If they are the same, give the {what} the same name."
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
