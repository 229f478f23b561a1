"""The rows of a feature table as a run finds them, by clip, by file and by content."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.clips.names import as_text
from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.data.table.renames import plain
from mraf.pipeline.extraction.turns.stored import StoredTurns


class Known(NamedTuple):
    """A row of the table without its vectors."""

    clip: str
    path: str
    speaker: str | None
    language: str | None
    recording: str | None
    source_hash: str
    extractor: str
    face_reason: str | None
    voice_reason: str | None
    error: str | None
    note: str | None
    seconds: float | None
    seconds_read: float | None
    enrolled: bool | None  # a person gave the name, which no later run takes back
    start: float | None
    end: float | None
    turn_of: str | None
    turns: int | None
    person: int | None
    voice_seconds: float


class KnownRows:
    """The rows of a table at the start of a run, without their vectors."""

    def __init__(self, table: FeatureTable) -> None:
        self._folder = table.folder
        self._snapshot = None if table.is_empty else table.snapshot()
        rows = self._snapshot.table(Known._fields).combine_chunks() if self._snapshot else None
        columns = [column.combine_chunks() for column in rows.columns] if rows else []
        self._columns = dict(zip(Known._fields, columns, strict=bool(rows)))
        self._rows = {clip: i for i, clip in enumerate(rows["clip"].to_pylist())} if rows else {}
        self._turns = StoredTurns(self._columns)

    def __getitem__(self, row: int) -> Known:
        return Known(*(self._cell(row, name) for name in Known._fields))

    def file_of(self, row: int) -> str:
        """Return the id of the clip of a row; of a turn, that of its file."""
        return self._turns.file_of(row)

    def others(self, clip: Clip, digest: str) -> list[int]:
        """Return the rows of a clip's content that have other ids, whoever made them."""
        rows = list(self._with_content(digest))
        rows += [row for of in self._turns.of_content(digest).values() for row in of]
        return [row for row in dict.fromkeys(rows) if self.file_of(row) != clip.id]

    def replaced_by(self, clip: Clip, rows: Sequence[FeatureRow]) -> list[str]:
        """Return the ids of the rows of a clip that go when it gets new rows."""
        new = {row.clip for row in rows}
        of_turns = any(row.turn_of for row in rows)
        old = [self._rows[clip.id]] if clip.id in self._rows else []
        old = [] if of_turns and self._is_enrolled_whole(clip.id) else old
        ids = [self._cell(row, "clip") for row in (*old, *self._turns.of_file(clip.id))]
        return [each for each in dict.fromkeys(ids) if each not in new]

    def as_enrolled_whole(self, clip: Clip) -> Clip:
        """Return a clip under the name that a person gave to it as a whole, if one did, and of that recording."""
        if not self._is_enrolled_whole(clip.id):
            return clip
        row = self._rows[clip.id]
        names = {name: self._cell(row, name) for name in ("speaker", "recording")}
        return replace(clip, **names)

    def as_enrolled(self, row: FeatureRow) -> FeatureRow:
        """Return a new row of a clip under the name that a person gave to its file before, if one did."""
        old = self._enrolled(row.clip, row.path, row.source_hash)
        if old is None and row.turn_of and row.start is not None and row.end is not None:
            old = self._turns.enrolled_before(row.file_id, row.start, row.end)
        if old is None:
            return row
        names = {n: self._cell(old, n) for n in ("speaker", "language", "recording")}
        return replace(row, enrolled=True, **names)

    def otherwise_named(self, row: int, clip: Clip) -> str | None:
        """Return a warning where a person has given the content of a clip, at another place, another name."""
        name, path = self._cell(row, "speaker"), self._cell(row, "path")
        if not self._cell(row, "enrolled") or clip.speaker is None or path == path_of(clip):
            return None
        if plain(name or "") == plain(clip.speaker):
            return None
        return (
            f"{clip.id} is of '{clip.speaker}' by its folder or manifest, and the same content, {path}, was enrolled "
            f"as '{name}'. The enrolled name counts in `mraf train`; `mraf rename` makes one speaker of two."
        )

    def beside(self, ids: Collection[str]) -> tuple[list[str], list[str]]:
        """Return ids and paths of the rows of all clips but some, without those that were enrolled."""
        rows = [
            (clip, row)
            for clip, row in self._rows.items()
            if clip not in ids
            and not self._cell(row, "enrolled")
            and (self._is_whole(row) or self.file_of(row) not in ids)
        ]
        return [clip for clip, _ in rows], [self._cell(row, "path") for _, row in rows]

    def _own(self, clip: Clip) -> int | None:
        """Return a row of a clip by its id; None where the table has none."""
        row = self._rows.get(clip.id)
        return row if row is not None else next(iter(self._turns.of_file(clip.id)), None)

    def _content_of(self, row: int) -> str:
        content: str = self._cell(row, "turn_of") or self._cell(row, "source_hash")
        return content

    def _is_whole(self, row: int) -> bool:
        return self._cell(row, "turn_of") is None

    def _is_enrolled_whole(self, clip: str) -> bool:
        row = self._rows.get(clip)
        return row is not None and self._is_whole(row) and bool(self._cell(row, "enrolled"))

    def _enrolled(self, clip: str, path: str, digest: str) -> int | None:
        """Return the row of an id, or of a content at a path, that was enrolled."""
        own = self._rows.get(clip)
        if own is not None and self._cell(own, "enrolled"):
            return own
        for row in self._with_content(digest) if digest else ():
            if self._cell(row, "enrolled") and self._cell(row, "path") == path:
                return row
        return None

    def _with_content(self, digest: str) -> list[int]:
        """Return the rows of a content."""
        digests, rows = self._by_content
        wanted = np.array([bytes.fromhex(digest)], "S16")
        first, last = (int(np.searchsorted(digests, wanted, side)[0]) for side in ("left", "right"))
        return sorted(rows[first:last].tolist())

    @cached_property
    def _by_content(self) -> tuple[np.ndarray, np.ndarray]:
        """The digests of all rows that have one, `[M]` of 16 bytes each and sorted, and the rows `[M]`."""
        hashes = self._columns["source_hash"].to_pylist() if self._columns else []
        rows = np.array([row for row, digest in enumerate(hashes) if digest], np.int64)
        digests = np.array([bytes.fromhex(hashes[row]) for row in rows], "S16")
        order = np.argsort(digests, kind="stable")
        return digests[order], rows[order]

    def _cell(self, row: int, name: str) -> Any:
        return self._columns[name][row].as_py()


def labels_of(clip: Clip) -> tuple[str | None, ...]:
    """Return id, path, speaker, language and recording: the first fields of `Known`."""
    return clip.id, path_of(clip), clip.speaker, clip.language, clip.recording


def path_of(clip: Clip) -> str:
    """Return the clip's file as the table stores it (see `mraf.data.clips.names.as_text`)."""
    return as_text(clip.files[0].absolute())
