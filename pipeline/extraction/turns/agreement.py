"""The person for whom files are named, by who is in all of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.data.table.row import file_id
from mraf.data.table.snapshot import Snapshot
from mraf.pipeline.extraction.turns.labels import main_person, named_only
from mraf.recognition.clusters import CUT, Looks
from mraf.recognition.pairs import Pairs

MOST = 256
"""Clips with a name that the people of files are compared with, at most."""


@dataclass(frozen=True, kw_only=True)
class _Rows:
    """Rows of a table that bear on one name: those of its files, then clips that have the name."""

    files: dict[str, list[int]]  # rows by the file's id
    named: list[int]


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
            found[named[of]].files.setdefault(of, []).append(i)
        elif speaker in wanted:
            found[speaker].named.append(i)
    return found


def _of_name(
    table: FeatureTable, snapshot: Snapshot, name: str, rows: _Rows, pairs: Pairs
) -> dict[str, list[FeatureRow]]:
    clips = rows.named
    if len(clips) > MOST:
        clips = [clips[i] for i in np.linspace(0, len(clips) - 1, MOST).astype(int)]
    files = {of: _read(snapshot, some) for of, some in rows.files.items()}
    people = [(of, person) for of, some in files.items() for person in _people(some)]
    number = {each: i for i, each in enumerate(people)}
    index = np.array([*(i for some in rows.files.values() for i in some), *clips])
    group = [number[of, row.person] for of, some in files.items() for row in some]  # type: ignore[index]
    labels = table.labels(snapshot)
    looks = Looks.of(
        labels.vectors("face", index),
        labels.face_present[index],
        labels.vectors("voice", index),
        labels.voice_present[index],
    ).means(np.array([*group, *range(len(people), len(people) + len(clips))]))
    odds = np.nan_to_num(looks.take(slice(0, len(people))).odds(looks, pairs), nan=-np.inf)
    sources = np.array(
        [*(list(files).index(of) for of, _ in people), *range(len(files), len(files) + len(clips))]
    )
    agree = _in_sources(odds > CUT, sources)
    changed = {}
    for of, some in files.items():
        own = [number[of, person] for person in _people(some)]
        best = _best(agree[own], int(sources[own[0]]))
        person = main_person(some) if best is None else people[own[best]][1]
        after = named_only(some, name, person)
        if [row.speaker for row in after] != [row.speaker for row in some]:
            changed[of] = [replace(row, replaces=None) for row in after]
    return changed


def _best(agree: np.ndarray, own: int) -> int | None:
    """Return who of a file's people `[P, S]` is in most other sources; None where that is not clear."""
    others = np.delete(agree, own, axis=1)
    count = others.sum(axis=1)
    order = np.argsort(-count, kind="stable")
    first = int(order[0])
    if 2 * count[first] <= others.shape[1]:
        return None
    is_clear = len(order) == 1 or count[first] > count[order[1]]
    return first if is_clear else None


def _in_sources(alike: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Return `[P, S]` bool: whether a person is like anybody in a source; `alike` is `[P, N]`."""
    found = np.zeros((len(alike), int(sources.max()) + 1), bool)
    for column, source in enumerate(sources.tolist()):
        found[:, source] |= alike[:, column]
    return found


def _people(rows: Sequence[FeatureRow]) -> list[int]:
    return list(dict.fromkeys(row.person for row in rows if row.person is not None))


def _read(snapshot: Snapshot, rows: Sequence[int]) -> list[FeatureRow]:
    return list(rows_of(snapshot.only(np.array(rows))))
