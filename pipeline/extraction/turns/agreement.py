"""The person for whom files are named, by who is in all of them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.data.table.row import file_id
from mraf.data.table.snapshot import Snapshot
from mraf.pipeline.extraction.turns.labels import main_person, named_only
from mraf.recognition.clusters import CUT, Looks
from mraf.recognition.pairs import Pairs

MOST = 256
"""Files, and clips, of a name that the people of each of its files are compared with, at most."""


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Rows of a table that bear on one name: those of its files, then clips that have the name."""

    files: dict[str, dict[int, int]]  # the person of each row, by the file's id
    named: list[int]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Compared:
    """The people of files and clips of one name, with whom those of each file are compared."""

    looks: Looks  # Q of them, those of a source one after another
    files: dict[str, int]  # the sources that are files, by their ids
    first: np.ndarray  # [S], the first of each source

    def agree(self, own: Looks, file: str, pairs: Pairs) -> np.ndarray:
        """Return `[P, S']` bool: whether a person of a file is like anybody in a source that is not this file."""
        odds = np.nan_to_num(own.odds(self.looks, pairs), nan=-np.inf)
        alike: np.ndarray = np.logical_or.reduceat(odds > CUT, self.first, axis=1)
        return np.delete(alike, self.files[file], axis=1) if file in self.files else alike


def agreed(
    table: FeatureTable, named: Mapping[str, str], pairs: Pairs
) -> dict[str, list[FeatureRow]]:
    """Return the rows of files whose name goes to others than who speaks most in them.

    The person is the one who is in most of the other files and clips of this name, and in more of them
    than anybody else in the file. Nothing is returned of files in which the names are right already.

    Args:
        table: the table, which has the turns of these files.
        named: name by the file's id.
        pairs: log odds of the encoders.
    """
    if not named:
        return {}
    snapshot = table.snapshot()
    found: dict[str, list[FeatureRow]] = {}
    for name, rows in _by_name(snapshot, named).items():
        if len(rows.files) + len(rows.named) > 1:
            found |= _of_name(table, snapshot, name, rows, pairs)
    return found


def _by_name(snapshot: Snapshot, named: Mapping[str, str]) -> dict[str, _Rows]:
    names = ("clip", "turn_of", "start", "end", "person", "speaker")
    columns = snapshot.table(names).to_pydict()
    found: dict[str, _Rows] = defaultdict(lambda: _Rows(files={}, named=[]))
    wanted = set(named.values())
    for i, (*place, person, speaker) in enumerate(zip(*columns.values(), strict=True)):
        of = file_id(*place)
        if of in named and person is not None:
            found[named[of]].files.setdefault(of, {})[i] = person
        elif speaker in wanted:
            found[speaker].named.append(i)
    return found


def _of_name(
    table: FeatureTable, snapshot: Snapshot, name: str, rows: _Rows, pairs: Pairs
) -> dict[str, list[FeatureRow]]:
    people = {of: list(dict.fromkeys(some.values())) for of, some in rows.files.items()}
    looks, compared = _looks(table, snapshot, rows, people)
    changed: dict[str, list[FeatureRow]] = {}
    at = 0
    for of, own in people.items():
        here = looks.take(slice(at, at + len(own)))
        at += len(own)
        best = _best(compared.agree(here, of, pairs))
        some = list(rows_of(snapshot.only(np.array(list(rows.files[of])))))
        person = main_person(some) if best is None else own[best]
        after = named_only(some, name, person)
        if [row.speaker for row in after] != [row.speaker for row in some]:
            changed[of] = [replace(row, replaces=None) for row in after]
    return changed


def _looks(
    table: FeatureTable, snapshot: Snapshot, rows: _Rows, people: dict[str, list[int]]
) -> tuple[Looks, _Compared]:
    """Return the people of all files in their order, and those with whom they are compared.

    Of more than `MOST` files, or clips, only so many are taken: the work is linear in the number of files.
    """
    clips = _spread(rows.named)
    first = dict(zip(people, np.cumsum([0, *map(len, people.values())]).tolist(), strict=False))
    group = [
        first[of] + people[of].index(person)
        for of, some in rows.files.items()
        for person in some.values()
    ]
    number = sum(map(len, people.values()))
    index = np.array([*(row for some in rows.files.values() for row in some), *clips])
    labels = table.labels(snapshot)
    looks = Looks.of(
        labels.vectors("face", index),
        labels.face_present[index],
        labels.vectors("voice", index),
        labels.voice_present[index],
    ).means(np.array([*group, *range(number, number + len(clips))]))
    files = _spread(list(people))
    theirs = [range(first[of], first[of] + len(people[of])) for of in files]
    sources = [*theirs, *([number + i] for i in range(len(clips)))]
    compared = _Compared(
        looks=looks.take(np.array([each for source in sources for each in source])),
        files={of: i for i, of in enumerate(files)},
        first=np.cumsum([0, *map(len, sources)])[:-1],
    )
    return looks, compared


def _spread(some: list[Any]) -> list[Any]:
    """Return `MOST` of these at most, from beginning to end."""
    if len(some) <= MOST:
        return some
    return [some[i] for i in np.linspace(0, len(some) - 1, MOST).astype(int)]


def _best(agree: np.ndarray) -> int | None:
    """Return who of a file's people `[P, S]` is in most other sources; None where that is not clear."""
    count = agree.sum(axis=1)
    order = np.argsort(-count, kind="stable")
    first = int(order[0])
    if 2 * count[first] <= agree.shape[1]:
        return None
    is_clear = len(order) == 1 or count[first] > count[order[1]]
    return first if is_clear else None
