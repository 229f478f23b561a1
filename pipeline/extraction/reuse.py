"""Re-use: the rows of a feature table that serve the clips of a run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.clips.names import as_name, as_text, is_same_file
from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.errors import UsageError
from mraf.extractors.encoders import gone
from mraf.fingerprint import Fingerprint
from mraf.pipeline.extraction.hashing import Job, Unreadable, hash_clips


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


class Reuse(NamedTuple):
    """A clip that a row of the table serves."""

    clip: Clip
    row: int
    replaces: str | None  # id of the row where the clip had another name then


@dataclass(frozen=True, kw_only=True)
class Partition:
    """The clips of a run in three lists."""

    todo: list[Job]
    at_hand: list[Reuse] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)


class KnownClips:
    """The rows of a table at the start of a run of `clips`; their vectors are read on demand.

    A row serves a clip of the same content where the same encoders and options made it.
    """

    def __init__(
        self, table: FeatureTable, fingerprint: Fingerprint, clips: Sequence[Clip]
    ) -> None:
        self._folder, self._clips = table.folder, clips
        self._wanted, self._stored_as = fingerprint, fingerprint.to_json()
        self._snapshot = None if table.is_empty else table.snapshot()
        rows = self._snapshot.table(Known._fields).combine_chunks() if self._snapshot else None
        columns = [column.combine_chunks() for column in rows.columns] if rows else []
        self._columns = dict(zip(Known._fields, columns, strict=bool(rows)))
        self._rows = {clip: i for i, clip in enumerate(rows["clip"].to_pylist())} if rows else {}

    def __getitem__(self, row: int) -> Known:
        return Known(*(self._cell(row, name) for name in Known._fields))

    def refuse_mixing(self) -> None:
        """Raise UsageError where other encoders made a row of the table, or where it was imported."""
        made = self._columns["extractor"].unique().to_pylist() if self._columns else []
        for each in map(Fingerprint.from_json, sorted(made)):
            if each.polysim or not each.shares_encoders(self._wanted):
                raise mixing(self._folder, each, self._wanted.encoders)

    def refuse_namesakes(self) -> None:
        """Raise UsageError where the id of a clip belongs to another video that is still there."""
        for clip in self._clips:
            row = self._rows.get(clip.id)
            if row is None:
                continue
            path, digest = self._cell(row, "path"), self._cell(row, "source_hash")
            if path == path_of(clip) or not digest:
                continue
            is_there = _is_there(path) and all(map(_exists, clip.files))
            is_other = is_there and not is_same_file(Path(as_name(path)), clip.files[0])
            if is_other and _content(clip) not in (digest, None):
                raise UsageError(
                    f"{clip.files[0]}: the table already has another video called '{clip.id}', "
                    f"{path}. Extract into another workspace (-w), or name the clips in a "
                    "manifest (--manifest)."
                )

    def partition(self, on_hashed: Callable[[int], None]) -> Partition:
        """Hash the clips and split them; `on_hashed` is called with the number hashed so far."""
        parts = Partition(todo=[])
        for number, each in enumerate(hash_clips(self._clips), 1):
            if isinstance(each, Unreadable):
                parts.unreadable.append(each)
            elif reuse := self._find(each):
                parts.at_hand.append(reuse)
            else:
                parts.todo.append(each)
            on_hashed(number)
        return parts

    def reuse(self, job: Job) -> Reuse:
        """Return the row that serves a job whose digest is among `digests`."""
        reuse = self._find(job)
        assert reuse is not None, job.digest
        return reuse

    def digests(self) -> np.ndarray:
        """Return the digests of the rows that can be re-used: `[M]` of 16 bytes each, sorted."""
        return np.sort(np.array([bytes.fromhex(digest) for digest in self._by_hash], "S16"))

    def relabelled(self, reused: Sequence[Reuse]) -> Iterator[FeatureRow]:
        """Yield whole rows under the names and labels that their clips have now."""
        assert self._snapshot is not None
        wanted = np.unique([reuse.row for reuse in reused])
        rows = dict(zip(wanted.tolist(), rows_of(self._snapshot.only(wanted)), strict=True))
        for clip, row, replaces in reused:
            yield replace(
                rows[row],
                clip=clip.id,
                path=path_of(clip),
                speaker=clip.speaker,
                language=clip.language,
                recording=clip.recording,
                replaces=replaces,
            )

    def _find(self, job: Job) -> Reuse | None:
        """Find the row that serves a job: that of the clip's id first, then any of its content."""
        clip, digest = job
        row = self._rows.get(clip.id)
        if row is not None and self._serves(row, digest):
            return Reuse(clip, row, None)
        row = self._by_hash.get(digest or "")
        if row is None:
            return None
        known = self[row]
        # The same file, or one that has been moved, has a new name; a copy is another clip.
        is_renamed = known.path == path_of(clip) or not _is_there(known.path)
        # A row whose id a clip of this run has is not replaced.
        return Reuse(clip, row, known.clip if is_renamed and known.clip not in self._ids else None)

    @cached_property
    def _ids(self) -> set[str]:
        return {clip.id for clip in self._clips}

    @cached_property
    def _by_hash(self) -> dict[str, int]:
        rows = ((self._cell(row, "source_hash"), row) for row in self._rows.values())
        return {digest: row for digest, row in rows if self._serves(row, digest)}

    def _serves(self, row: int, digest: str | None) -> bool:
        made = (self._cell(row, "source_hash"), self._cell(row, "extractor"))
        return bool(digest) and made == (digest, self._stored_as)

    def _cell(self, row: int, name: str) -> Any:
        return self._columns[name][row].as_py()


def fingerprints_in(table: FeatureTable) -> list[Fingerprint]:
    """Return the fingerprints of a table's rows; none where it is empty."""
    if table.is_empty:
        return []
    made = table.read(["extractor"])["extractor"].unique().to_pylist()
    return [Fingerprint.from_json(each) for each in sorted(made)]


def labels_of(clip: Clip) -> tuple[str | None, ...]:
    """Return id, path, speaker, language and recording: the first fields of `Known`."""
    return clip.id, path_of(clip), clip.speaker, clip.language, clip.recording


def path_of(clip: Clip) -> str:
    """Return the clip's file as the table stores it (see `mraf.data.clips.names.as_text`)."""
    return as_text(clip.files[0].absolute())


def mixing(folder: Path, made: Fingerprint, wanted: str) -> UsageError:
    """Return the error for vectors of different encoders or origins in one table."""
    if made.polysim:
        return UsageError(
            f"{folder}: these features were imported from POLY-SIM {made.polysim}, and may have been "
            "extracted in another way than this run would. Extract into another workspace (-w); "
            "`mraf evaluate --model FOLDER` measures a model of these features on it."
        )
    if reason := gone(made):
        return UsageError(
            f"{folder}: these features were made with {made.encoders}, and {reason}. Extract everything into "
            "another workspace (-w) and train there."
        )
    return UsageError(
        f"{folder}: these features were made with {made.encoders}, this run would use {wanted}. "
        "Vectors of different encoders cannot be compared. Go on with "
        f"--face {made.face} --voice {made.voice}, or extract everything into another workspace (-w)."
    )


def _exists(path: Path) -> bool:
    """Return True for a file that is there and that this process may look at."""
    try:
        return path.is_file()
    except OSError:
        return False


def _is_there(path: str) -> bool:
    """Return True where the file of a path that `path_of` returned is there."""
    return _exists(Path(as_name(path)))


def _content(clip: Clip) -> str | None:
    """Return the digest of a clip; None if it cannot be read; its row gets the reason."""
    try:
        return clip.content_hash()
    except OSError:
        return None
