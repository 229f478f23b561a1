"""What a feature table already knows of the clips of a run, and which of its rows can be re-used."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.clips.names import as_name, as_text, is_same_file
from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.errors import UsageError
from mraf.pipeline.workspace import encoders_of


class Known(NamedTuple):
    """What a row says without its vectors."""

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


class Reuse(NamedTuple):
    """A row that serves a clip: which, and the id that it takes the place of, if any."""

    row: int
    replaces: str | None


class KnownClips:
    """The rows of a table as they stood when a run began; vectors are read when they are needed.

    A row can be re-used where the same encoders and options made it, of the same content.
    """

    def __init__(self, table: FeatureTable, fingerprint: str) -> None:
        self._folder, self._fingerprint = table.folder, fingerprint
        self._snapshot = None if table.is_empty else table.snapshot()
        rows = self._snapshot.table(Known._fields).combine_chunks() if self._snapshot else None
        columns = [column.combine_chunks() for column in rows.columns] if rows else []
        self._columns = dict(zip(Known._fields, columns, strict=bool(rows)))
        self._rows = {clip: i for i, clip in enumerate(rows["clip"].to_pylist())} if rows else {}

    def __getitem__(self, row: int) -> Known:
        return Known(*(self._cell(row, name) for name in Known._fields))

    def refuse_mixing(self, encoders: str) -> None:
        """Raise UsageError where other encoders made a row of the table."""
        made = self._columns["extractor"].unique() if self._columns else []
        others = sorted({encoders_of(each.as_py()) for each in made} - {encoders})
        if others:
            raise mixing(self._folder, others[0], encoders)

    def refuse_namesakes(self, clips: Sequence[Clip]) -> None:
        """Raise UsageError where the id of a clip belongs to another video that is still there."""
        for clip in clips:
            row = self._rows.get(clip.id)
            if row is None:
                continue
            path, digest = self._cell(row, "path"), self._cell(row, "source_hash")
            if path == path_of(clip) or not digest:
                continue
            is_there = _is_there(path) and all(map(_exists, clip.files))
            is_other = is_there and not _leads_to(path, clip.files[0])
            if is_other and _content(clip) not in (digest, None):
                raise UsageError(
                    f"{clip.files[0]}: the table already has another video called '{clip.id}', "
                    f"{path}. Extract into another workspace (-w), or name the clips in a "
                    "manifest (--manifest)."
                )

    def find(self, clip: Clip, digest: str, taken: Sequence[Clip]) -> Reuse | None:
        """The row to re-use for a clip, that of another name where the file was renamed.

        `taken` are the clips of the run: the row of none of them is replaced.
        """
        row = self._rows.get(clip.id)
        if row is not None and self._serves(row, digest):
            return Reuse(row, None)
        row = self._by_hash.get(digest)
        if row is None:
            return None
        known = self[row]
        # The same file, or one that has been moved, has a new name; a copy is another clip.
        renamed = known.path == path_of(clip) or not _is_there(known.path)
        if renamed and self._ids is None:
            self._ids = {each.id for each in taken}
        return Reuse(row, known.clip if renamed and known.clip not in (self._ids or ()) else None)

    def digests(self) -> np.ndarray:
        """Digests of the rows that can be re-used: `[M]` of 16 bytes each, sorted."""
        return np.sort(np.array([bytes.fromhex(digest) for digest in self._by_hash], "S16"))

    def relabelled(self, found: Sequence[tuple[Clip, Reuse]]) -> Iterator[FeatureRow]:
        """Whole rows under the names and labels that their clips have now."""
        assert self._snapshot is not None
        wanted = np.unique([reuse.row for _, reuse in found])
        rows = dict(zip(wanted.tolist(), rows_of(self._snapshot.only(wanted)), strict=True))
        for clip, reuse in found:
            yield replace(
                rows[reuse.row],
                clip=clip.id,
                path=path_of(clip),
                speaker=clip.speaker,
                language=clip.language,
                recording=clip.recording,
                replaces=reuse.replaces,
            )

    _ids: set[str] | None = None

    @cached_property
    def _by_hash(self) -> dict[str, int]:
        rows = ((self._cell(row, "source_hash"), row) for row in self._rows.values())
        return {digest: row for digest, row in rows if self._serves(row, digest)}

    def _serves(self, row: int, digest: str) -> bool:
        made = (self._cell(row, "source_hash"), self._cell(row, "extractor"))
        return bool(digest) and made == (digest, self._fingerprint)

    def _cell(self, row: int, name: str) -> Any:
        return self._columns[name][row].as_py()


def labels_of(clip: Clip) -> tuple[str | None, ...]:
    """What a row says of a clip beside its vectors: id, path, speaker, language, recording."""
    return clip.id, path_of(clip), clip.speaker, clip.language, clip.recording


def _exists(path: Path) -> bool:
    """Whether a file is there and may be seen."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_there(path: str) -> bool:
    """The same of a path as `path_of` wrote it."""
    return any(map(_exists, _readings(path)))


def _leads_to(path: str, file: Path) -> bool:
    """Whether a path as `path_of` wrote it is another way to a file."""
    return any(is_same_file(each, file) for each in _readings(path))


def _readings(path: str) -> tuple[Path, Path]:
    """What a path of the table may mean: older rows have backslashes as they are."""
    return Path(path), Path(as_name(path))


def _content(clip: Clip) -> str | None:
    """The digest of a clip; None where it cannot be read, which is told when its turn comes."""
    try:
        return clip.content_hash()
    except OSError:
        return None


def path_of(clip: Clip) -> str:
    """The file of a clip as it stands in the table (see `mraf.data.clips.names.as_text`)."""
    return as_text(clip.files[0].absolute())


def mixing(folder: Path, made: str, wanted: str) -> UsageError:
    """The refusal to put vectors of different encoders into one table."""
    flags = " ".join(f"--{part.split('@')[0].replace('=', ' ')}" for part in made.split())
    return UsageError(
        f"{folder}: these features were made with {made}, this run would use {wanted}. "
        f"Vectors of different encoders cannot be compared. Go on with {flags}, or extract "
        "everything into another workspace (-w)."
    )
