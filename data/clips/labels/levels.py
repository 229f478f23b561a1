"""What the name of a folder says of its level: a container, a split, a date, a recording, a person."""

import re
from collections.abc import Collection
from datetime import date
from functools import cache
from typing import Literal

from mraf.data.clips.labels import words
from mraf.languages import is_language, is_only_code

Kind = Literal["container", "split", "date", "group"]
_FIRST_YEAR = 1950


def _key(name: str) -> str:
    return re.sub(r"[\s_.-]+", "_", name.casefold()).strip("_")


@cache
def kind_of(name: str) -> Kind | None:
    """Return what a folder holds by its name, where it is a word for that and no label.

    A group holds people, such as `male`, `team 1` and `A`, in case there are folders of people in it.
    """
    key = _key(name)
    if key in words.SPLITS or words.SPLIT.fullmatch(key):
        return "split"
    if key in words.CONTAINERS or words.CONTAINER.fullmatch(key):
        return "container"
    if match := words.DATE.fullmatch(key):
        year = int(match["year"] or _FIRST_YEAR)
        return "date" if _FIRST_YEAR <= year <= date.today().year + 1 else None
    is_group = key in words.GROUPS or words.GROUP.fullmatch(key) or words.BATCH.fullmatch(key)
    return "group" if is_group else None


def is_sure_group(name: str) -> bool:
    """Return True for a word that is the name of nobody, such as `male`; False for `A` and `team 1`."""
    key = _key(name)
    return key in words.GROUPS and len(key) > 1 and key not in words.GIVEN_NAMES


def is_month_or_day(name: str) -> bool:
    """Return True for a number that may be a month or a day, below the folder of a year."""
    return bool(words.MONTH_OR_DAY.fullmatch(_key(name)))


def is_number(name: str) -> bool:
    """Return True for a name of digits alone."""
    return _key(name).replace("_", "").isdecimal()


@cache
def may_be_recording(name: str) -> bool:
    """Return True for a name that recordings have rather than people: `talk`, `rec2`, a date, a video's id."""
    key = _key(name)
    if words.RECORDING.fullmatch(key) or words.DATE.fullmatch(key):
        return True
    kinds = (any(map(test, name)) for test in (str.islower, str.isupper, str.isdigit))
    is_video = bool(words.YOUTUBE.fullmatch(name)) and not is_speaker_id(name)
    return is_video and sum(kinds) + ("_" in name or "-" in name) >= 3


def are_recordings(names: Collection[str]) -> bool:
    """Return True where half of some names or more are of recordings."""
    return bool(names) and 2 * sum(map(may_be_recording, names)) >= len(names)


@cache
def may_be_person(name: str) -> bool:
    """Return True for an id, a common given name, alone or before others, and two words such as `Ann Lee`."""
    key = _key(name)
    first = key.partition("_")[0]
    if first in words.GIVEN_NAMES or is_speaker_id(name):
        return not may_be_recording(name)
    parts = re.split(r"[\s_]+", name.strip())
    is_titled = len(parts) in (2, 3) and all(p.isalpha() and p.istitle() for p in parts)
    return is_titled and not (may_be_recording(name) or kind_of(name) or is_language(name))


def are_people(names: Collection[str]) -> bool:
    """Return True where half of some names or more look like those of people."""
    return bool(names) and 2 * sum(map(may_be_person, names)) >= len(names)


def are_clearly_people(names: Collection[str]) -> bool:
    """Return True where some names look like people's, or are all ids such as `s1` and `84`."""
    return are_people(names) or all(
        is_speaker_id(name) or is_number(name) or words.SHORT_ID.fullmatch(_key(name))
        for name in names
    )


def is_speaker_id(name: str) -> bool:
    """Return True for an id such as `id10001`, `spk02` and `person 3`."""
    return bool(words.ID.fullmatch(_key(name)))


def may_name_speaker(name: str) -> bool:
    """Return True where a person's clips may lie in a folder of this name."""
    key = _key(name)
    return bool(key) and not (
        kind_of(name) in ("container", "split", "date")
        or is_sure_group(name)
        or key in words.PLACES
        or words.BATCH.fullmatch(key)
        or words.RECORDING.fullmatch(key)
        or (is_language(name) and not (is_only_code(name) and not name.islower()))
        or is_number(name)
        or any(word in words.CONTAINERS or word in words.SPLITS for word in key.split("_"))
    )


def strange_for_speaker(name: str) -> str | None:
    """Return what a speaker's name looks like where it does not look like a person's."""
    if is_language(name):
        return "a language"
    if is_number(name):
        return "a number"
    kind, key = kind_of(name), _key(name)
    if words.BATCH.fullmatch(key) or (not kind and key in words.PLACES and len(key) > 3):
        return "a folder of files"
    if kind and kind != "group":
        return {"container": "a folder of files", "split": "a split", "date": "a date"}[kind]
    if is_sure_group(name):
        return "a group of people"
    return "a recording" if may_be_recording(name) else None
