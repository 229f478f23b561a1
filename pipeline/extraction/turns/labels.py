"""The name of a file, which is that of a folder, and the turns of it that get that name."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow

CLEAR = 2 / 3
"""Share of a file's speech from which the person who speaks most is the one whom the file is named for."""


class Spoken(Protocol):
    """What of a turn's row is needed here."""

    @property
    def speaker(self) -> str | None:
        """The name that it has."""

    @property
    def person(self) -> int | None:
        """Number of the person in the file."""

    @property
    def voice_seconds(self) -> float:
        """Seconds of speech."""


def speech_of(rows: Iterable[Spoken]) -> dict[int, float]:
    """Return the seconds of speech of each person of a file."""
    speech: dict[int, float] = defaultdict(float)
    for row in rows:
        if row.person is not None:
            speech[row.person] += row.voice_seconds
    return dict(speech)


def main_person(rows: Iterable[Spoken]) -> int | None:
    """Return the person who speaks most in a file; None where that is not clear."""
    speech = speech_of(rows)
    if not speech:
        return None
    first = max(speech, key=speech.__getitem__)
    total = sum(speech.values())
    if len(speech) == 1 or (total and speech[first] >= CLEAR * total):
        return first
    return None


def with_name(rows: Sequence[FeatureRow], clip: Clip, person: int | None) -> list[FeatureRow]:
    """Return the rows of a file in which the turns of one person have its name, and those of others none.

    A row that is no turn has the name. All are of the file's recording.
    """
    return [
        replace(
            row,
            speaker=clip.speaker if row.person in (None, person) else None,
            recording=clip.recording or (row.recording if row.person is None else clip.id),
        )
        for row in rows
    ]


def named_only(rows: Sequence[FeatureRow], name: str, person: int | None) -> list[FeatureRow]:
    """Return the turns of a file in which those of one person have a name; enrolled rows keep theirs."""
    return [
        row if row.enrolled else replace(row, speaker=name if row.person == person else None)
        for row in rows
    ]


def said_of(rows: Sequence[Spoken], name: str | None) -> str | None:
    """Return what people should know of a file's turns: how many people speak, and who has no name."""
    turns = [row for row in rows if row.person is not None]
    if not turns:
        return None
    people = len({row.person for row in turns})
    said = f"{_count(len(turns), 'turn')} of {_count(people, 'person', 'people')}"
    nameless = sum(row.speaker is None for row in turns)
    if name is None or not nameless:
        return said
    if nameless == len(turns):
        return f"{said}; whether '{name}' is one of them is not clear, so none has a name"
    whose = "is another's and has" if nameless == 1 else "are of others and have"
    return f"{said}; {nameless} {whose} no name"


def _count(number: int, one: str, several: str = "") -> str:
    return f"{number} {one if number == 1 else several or one + 's'}"
