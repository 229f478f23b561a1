"""Re-use: the rows of a feature table that serve the clips of a run."""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.clips.names import as_name, as_text, is_same_file
from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.data.table.presence import State, states_of
from mraf.data.table.renames import plain
from mraf.errors import UsageError
from mraf.extractors.encoders import gone
from mraf.fingerprint import Fingerprint

LOOK_SECONDS = 60.0
"""Time that a drive has to tell whether a video is still where it was in an earlier run."""


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


class Reuse(NamedTuple):
    """A clip that a row of the table serves."""

    clip: Clip
    row: int
    replaces: str | None  # id of the row where the clip had another name then


class NamesakeError(UsageError):
    """A clip whose id is that of another video in the table."""


class KnownClips:
    """The rows of a table at the start of a run; their vectors are read on demand.

    A row serves a clip of the same content where the same encoders and options made it.
    """

    def __init__(self, table: FeatureTable, fingerprint: Fingerprint) -> None:
        self._folder, self._patience = table.folder, LOOK_SECONDS
        self._wanted, self._stored_as = fingerprint, fingerprint.to_json()
        self._snapshot = None if table.is_empty else table.snapshot()
        rows = self._snapshot.table(Known._fields).combine_chunks() if self._snapshot else None
        columns = [column.combine_chunks() for column in rows.columns] if rows else []
        self._columns = dict(zip(Known._fields, columns, strict=bool(rows)))
        self._rows = {clip: i for i, clip in enumerate(rows["clip"].to_pylist())} if rows else {}
        self._moved: set[int] = set()  # rows whose clips have been found under another name
        self._kept: set[int] = set()  # rows whose files are there, or on a drive that hangs

    def __getitem__(self, row: int) -> Known:
        return Known(*(self._cell(row, name) for name in Known._fields))

    def refuse_mixing(self) -> None:
        """Raise UsageError where other encoders made a row of the table, or where it was imported."""
        made = self._columns["extractor"].unique().to_pylist() if self._columns else []
        for each in map(Fingerprint.from_json, sorted(made)):
            if each.polysim or not each.shares_encoders(self._wanted):
                raise mixing(self._folder, each, self._wanted.encoders)

    def may_have_namesake(self, clip: Clip) -> bool:
        """Return True where the id of a clip belongs to a row of another file."""
        row = self._rows.get(clip.id)
        return row is not None and self._cell(row, "path") != path_of(clip)

    def refuse_namesake(self, clip: Clip, digest: str | None) -> None:
        """Raise NamesakeError where the id of a clip belongs to another video.

        It must be there, or out of reach: its drive may only not be mounted. A row whose file is gone
        makes room.
        """
        row = self._rows.get(clip.id)
        if row is None or not digest or self._cell(row, "source_hash") in ("", digest):
            return
        path = self._cell(row, "path")
        old, new = Path(as_name(path)), clip.files[0]
        if path == path_of(clip):
            return
        if self._look(lambda: _is_there(path) and not is_same_file(old, new)):
            where, remedy = path, ""
        elif self._is_out_of_reach(row, clip):
            where = f"{path}, which is out of reach (is its drive not mounted?)"
            remedy = " If that one is gone for good, remove its row first (`mraf features drop`)."
        else:
            return
        raise NamesakeError(
            f"{new}: the table already has another video called '{clip.id}', {where}. Extract into "
            f"another workspace (-w), or name the clips in a manifest (--manifest).{remedy}"
        )

    def find(self, clip: Clip, digest: str) -> Reuse:
        """Return the row that serves a clip: that of its id first, then any of its content.

        Its digest is among `digests`. The row that it replaces must stay where another clip of the
        run has its id.
        """
        rows = [row for row in self._with_content(digest) if self._serves(row, digest)]
        own = self._rows.get(clip.id)
        named = self._enrolled(clip.id, path_of(clip), digest)
        if named in rows and named != own:  # the very file, which a person has named
            self._moved.add(named)
            return Reuse(clip, named, self._cell(named, "clip"))
        if own is not None and self._serves(own, digest):
            return Reuse(clip, own, None)
        for row in rows:
            # The same file, or one that has been moved, has a new name; a copy is another clip.
            if row not in self._moved and self.is_left(row, clip):
                self._moved.add(row)
                return Reuse(clip, row, self._cell(row, "clip"))
        return Reuse(clip, rows[-1], None)

    def others(self, clip: Clip, digest: str) -> list[int]:
        """Return the rows of a clip's content that have other ids, whoever made them."""
        own = self._rows.get(clip.id)
        return [row for row in self._with_content(digest) if row != own]

    def is_left(self, row: int, clip: Clip) -> bool:
        """Return True where the file of a row is a clip's own, or is not there any more.

        A row that was enrolled stays, whatever becomes of its file, until the clip has its name.
        """
        path = self._cell(row, "path")
        if path == path_of(clip):
            return True
        if self._cell(row, "enrolled"):
            return False
        if row not in self._kept and self._look(lambda: _is_there(path)):
            self._kept.add(row)
        return row not in self._kept

    def as_enrolled(self, row: FeatureRow) -> FeatureRow:
        """Return a new row of a clip under the name that a person gave to its file before, if one did."""
        old = self._enrolled(row.clip, row.path, row.source_hash)
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

    def _enrolled(self, clip: str, path: str, digest: str) -> int | None:
        """Return the row of an id, or of a content at a path, that was enrolled."""
        own = self._rows.get(clip)
        if own is not None and self._cell(own, "enrolled"):
            return own
        for row in self._with_content(digest) if digest else ():
            if self._cell(row, "enrolled") and self._cell(row, "path") == path:
                return row
        return None

    def beside(self, ids: Collection[str]) -> tuple[list[str], list[str]]:
        """Return ids and paths of the rows of all clips but some, without those that were enrolled."""
        rows = [
            (clip, row)
            for clip, row in self._rows.items()
            if clip not in ids and not self._cell(row, "enrolled")
        ]
        return [clip for clip, _ in rows], [self._cell(row, "path") for _, row in rows]

    def digests(self) -> np.ndarray:
        """Return the digests of the rows that can be re-used: `[M]` of 16 bytes each, sorted."""
        hashes = (self._cell(row, "source_hash") for row in self._rows.values())
        serving = {d for row, d in enumerate(hashes) if self._serves(row, d)}
        return np.sort(np.array([bytes.fromhex(digest) for digest in serving], "S16"))

    def relabelled(self, reused: Sequence[Reuse]) -> Iterator[FeatureRow]:
        """Yield whole rows under the names and labels that their clips have now."""
        assert self._snapshot is not None
        wanted = np.unique([reuse.row for reuse in reused])
        rows = dict(zip(wanted.tolist(), rows_of(self._snapshot.only(wanted)), strict=True))
        for clip, row, replaces in reused:
            found = replace(
                rows[row],
                clip=clip.id,
                path=path_of(clip),
                speaker=clip.speaker,
                language=clip.language,
                recording=clip.recording,
                start=clip.start,
                end=clip.end,
                enrolled=False,
                replaces=replaces,
            )
            yield self.as_enrolled(found)

    def _look(self, question: Callable[[], bool]) -> bool:
        """Return the answer to a question about another file; True where its drive hangs.

        Nothing is overwritten then. A thread asks, so that the run goes on.
        """
        answers: list[bool] = []
        thread = threading.Thread(target=lambda: answers.append(question()), daemon=True)
        thread.start()
        thread.join(self._patience)
        if not answers:
            self._patience = min(1.0, self._patience)  # for the next one on this drive
            return True
        return answers[0]

    def _with_content(self, digest: str) -> list[int]:
        """Return the rows of a content."""
        digests, rows = self._by_content
        wanted = np.array([bytes.fromhex(digest)], "S16")
        first, last = (int(np.searchsorted(digests, wanted, side)[0]) for side in ("left", "right"))
        return sorted(rows[first:last].tolist())

    def _is_out_of_reach(self, row: int, clip: Clip) -> bool:
        """Return True where the file of a row is neither there nor gone, also as a clip's folder tells."""
        if self._states[row] in (State.there, State.gone):
            return False
        beside = [str(clip.files[0].absolute().parent)]
        found = states_of([clip.id], [self._cell(row, "path")], holding=beside)
        return found[0] not in (State.there, State.gone)

    @cached_property
    def _states(self) -> dict[int, State]:
        """What the disk tells of the file of each row."""
        paths = self._columns["path"].to_pylist()
        states = states_of(list(self._rows), [paths[row] for row in self._rows.values()])
        return dict(zip(self._rows.values(), states, strict=True))

    @cached_property
    def _by_content(self) -> tuple[np.ndarray, np.ndarray]:
        """The digests of all rows that have one, `[M]` of 16 bytes each and sorted, and the rows `[M]`."""
        hashes = self._columns["source_hash"].to_pylist() if self._columns else []
        rows = np.array([row for row, digest in enumerate(hashes) if digest], np.int64)
        digests = np.array([bytes.fromhex(hashes[row]) for row in rows], "S16")
        order = np.argsort(digests, kind="stable")
        return digests[order], rows[order]

    def _serves(self, row: int, digest: str | None) -> bool:
        made = (self._cell(row, "source_hash"), self._cell(row, "extractor"))
        return bool(digest) and made == (digest, self._stored_as)

    def _cell(self, row: int, name: str) -> Any:
        return self._columns[name][row].as_py()


def fingerprints_in(
    table: FeatureTable, *, without_enrolled: Fingerprint | None = None
) -> list[Fingerprint]:
    """Return the fingerprints of a table's rows; none where it is empty.

    Those of rows that were enrolled with other options than `without_enrolled`, and the same encoders, are
    left out.
    """
    if table.is_empty:
        return []
    pairs = table.read(["extractor", "enrolled"]).group_by(["extractor", "enrolled"]).aggregate([])
    found: dict[str, Fingerprint] = {}
    for made, enrolled in sorted(
        zip(pairs["extractor"].to_pylist(), map(bool, pairs["enrolled"].to_pylist()), strict=True)
    ):
        each = Fingerprint.from_json(made)
        if not (enrolled and without_enrolled and each.shares_encoders(without_enrolled)):
            found[made] = each
    return list(found.values())


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


def _is_there(path: str) -> bool:
    """Return True where the file of a path that `path_of` returned is there, and may be looked at."""
    try:
        return Path(as_name(path)).is_file()
    except OSError:
        return False
