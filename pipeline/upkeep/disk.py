"""The rows of a feature table whose files are there, and what to say of the others."""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mraf.data.table.features import FeatureTable
from mraf.data.table.presence import State, searched_folder, states_of, with_parents
from mraf.data.table.snapshot import Snapshot
from mraf.fingerprint import Fingerprint

PRUNE = "`mraf features prune` removes their rows"


@dataclass(frozen=True, kw_only=True)
class OnDisk:
    """A feature table and its files, as far as they can be looked for."""

    rows: Snapshot  # that count: all but those whose file is gone, and those that are `stale`
    gone: tuple[str, ...]  # ids of clips whose file is gone (see `mraf.data.table.presence`)
    away: tuple[str, ...]  # likewise, but nothing else is left of their folders
    silent: tuple[str, ...]  # their drive does not answer, or may not be looked at
    folder: str | None  # that clips of `away` and `silent` were found in; of most of them
    stale: int = 0  # rows that were enrolled with other options than all others were extracted with

    def notes(self) -> list[str]:
        """Return lines on the clips that do not count, and on those that cannot be looked for."""
        lines = (gone_line(self.gone), self._unreachable(), self._other_options())
        return [each for each in lines if each]

    def _other_options(self) -> str | None:
        if not self.stale:
            return None
        return (
            f"Left out: {'1 clip that was' if self.stale == 1 else f'{self.stale} clips that were'} enrolled with "
            "other options than the others were extracted with. Enrol again (`mraf enrol`)."
        )

    def _unreachable(self) -> str | None:
        number = len(self.away) + len(self.silent)
        if not number:
            return None
        of = "the file of 1 clip" if number == 1 else f"the files of {number} clips"
        return (
            f"Out of reach: {of}, in {self.folder}; is a drive not mounted? The features are there "
            "and count all the same."
        )


def gone_line(clips: Sequence[str]) -> str | None:
    """Return a line on clips whose files are gone; None where there is none."""
    if not clips:
        return None
    number = "1 clip whose file is" if len(clips) == 1 else f"{len(clips)} clips whose files are"
    first = clips[0] if len(clips) == 1 else f"the first: {clips[0]}"
    return f"Left out: {number} gone ({first}). {PRUNE}."


def look(table: FeatureTable) -> OnDisk:
    """Look for the files of a table's clips. Imported features have none.

    Those of clips that were enrolled are not looked for: a person stays enrolled, whatever becomes of the
    files.

    Raises MissingError where there is no table, MrafError naming a part that cannot be read.
    """
    snapshot = table.snapshot()
    columns = snapshot.table(["clip", "path", "extractor", "enrolled"])
    clips, paths = columns["clip"].to_pylist(), columns["path"].to_pylist()
    made = columns["extractor"].combine_chunks().dictionary_encode()
    imported = [_is_imported(text) for text in made.dictionary.to_pylist()]
    if any(imported):
        paths = [
            "" if imported[code] else path
            for code, path in zip(made.indices.to_pylist(), paths, strict=True)
        ]
    enrolled = columns["enrolled"].to_pylist()
    paths = ["" if kept else path for path, kept in zip(paths, enrolled, strict=True)]
    states = np.array(states_of(clips, paths), np.int8)
    stale = _stale(made, np.array(enrolled, bool))
    counts = (states != State.gone) & ~stale

    def those(*wanted: State) -> tuple[str, ...]:
        return tuple(clips[i] for i in np.flatnonzero(np.isin(states, wanted)))

    lost = np.flatnonzero(np.isin(states, (State.away, State.silent)))
    folders = Counter(searched_folder(clips[i], paths[i])[0] for i in lost)
    return OnDisk(
        rows=snapshot if counts.all() else snapshot.only(counts),
        stale=int(stale.sum()),
        gone=those(State.gone),
        away=those(State.away),
        silent=those(State.silent),
        folder=folders.most_common(1)[0][0] if folders else None,
    )


def _stale(made: pa.DictionaryArray, enrolled: np.ndarray) -> np.ndarray:
    """Return the rows [N] that were enrolled with other options than those of all others.

    Extraction with other options makes the rows of its folders anew, and not those of clips from elsewhere.
    """
    codes = np.asarray(made.indices)
    if not enrolled.any():
        return enrolled
    texts = [Fingerprint.from_json(text).of_any_track for text in made.dictionary.to_pylist()]
    others = {texts[code] for code in np.unique(codes[~enrolled]).tolist()}
    if len(others) != 1:
        return np.zeros(len(codes), bool)
    (wanted,) = others
    other = [each != wanted and each.shares_encoders(wanted) for each in texts]
    return enrolled & np.array(other, bool)[codes]


def gone_beside(
    clips: Sequence[str], paths: Sequence[str], folders: Collection[str]
) -> tuple[str, ...]:
    """Return the ids of clips whose file is gone, of those of the trees that hold some folders.

    Args:
        clips: [N], their ids.
        paths: [N], as the table stores them.
        folders: that hold other clips of the table.
    """
    held = set(with_parents(folders))
    rows = [i for i in range(len(clips)) if searched_folder(clips[i], paths[i])[0] in held]
    some = [clips[i] for i in rows]
    states = states_of(some, [paths[i] for i in rows], holding=folders)
    found = (clip for clip, state in zip(some, states, strict=True) if state == State.gone)
    return tuple(sorted(found))


def _is_imported(fingerprint: str) -> bool:
    try:
        return bool(json.loads(fingerprint).get("polysim"))
    except (ValueError, AttributeError):
        return False
