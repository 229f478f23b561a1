"""Re-use: the rows of a feature table that serve the clips of a run."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.clips.names import as_name, is_same_file
from mraf.data.table.features import FeatureRow, FeatureTable, rows_of
from mraf.data.table.presence import State, states_of
from mraf.errors import UsageError
from mraf.fingerprint import Fingerprint
from mraf.pipeline.extraction.known import KnownRows, path_of
from mraf.pipeline.extraction.turns.features import clip_of_turn
from mraf.pipeline.extraction.turns.labels import main_person
from mraf.pipeline.extraction.turns.options import TurnOptions
from mraf.pipeline.fingerprints import mixing

LOOK_SECONDS = 60.0
"""Time that a drive has to tell whether a video is still where it was in an earlier run."""


class Reuse(NamedTuple):
    """A clip that a row of the table serves."""

    clip: Clip
    row: int
    replaces: str | None  # id of the row where the clip had another name then
    of: Clip  # the clip, or the file whose turn it is


class NamesakeError(UsageError):
    """A clip whose id is that of another video in the table."""


class KnownClips(KnownRows):
    """The rows of a table at the start of a run; their vectors are read on demand.

    A row serves a clip of the same content where the same encoders and options made it; of a long file, that
    is cut into turns, all rows together.

    Args:
        table: the table.
        fingerprint: of clips that are embedded whole.
        turns: the files that are cut into turns, and by what; None: every file stays one row.
    """

    def __init__(
        self, table: FeatureTable, fingerprint: Fingerprint, turns: TurnOptions | None = None
    ) -> None:
        super().__init__(table)
        self._patience = LOOK_SECONDS
        self._wanted, self._stored_as = fingerprint, fingerprint.to_json()
        self._cut = turns
        self._moved: set[int] = set()  # rows whose clips have been found under another name
        self._kept: set[int] = set()  # rows whose files are there, or on a drive that hangs

    def refuse_mixing(self) -> None:
        """Raise UsageError where other encoders made a row of the table, or where it was imported."""
        made = self._columns["extractor"].unique().to_pylist() if self._columns else []
        for each in map(Fingerprint.from_json, sorted(made)):
            if each.polysim or not each.shares_encoders(self._wanted):
                raise mixing(self._folder, each, self._wanted.encoders)

    def may_have_namesake(self, clip: Clip) -> bool:
        """Return True where the id of a clip belongs to a row of another file."""
        row = self._own(clip)
        return row is not None and self._cell(row, "path") != path_of(clip)

    def refuse_namesake(self, clip: Clip, digest: str | None) -> None:
        """Raise NamesakeError where the id of a clip belongs to another video.

        It must be there, or out of reach: its drive may only not be mounted. A row whose file is gone
        makes room.
        """
        row = self._own(clip)
        if row is None or not digest or self._content_of(row) in ("", digest):
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

    def find(self, clip: Clip, digest: str) -> list[Reuse]:
        """Return the row that serves a clip, or those of its turns: of its id first, then any of its content.

        Its digest is among `digests`. The rows that they replace must stay where another clip of the
        run has their id.
        """
        return self._find_turns(clip, digest) or [self._find_whole(clip, digest)]

    def _find_turns(self, clip: Clip, digest: str) -> list[Reuse]:
        """Return the turns that serve a clip; none where there are none."""
        files = {
            name: rows
            for name, rows in self._turns.of_content(digest).items()
            if self._are_served(rows)
        }
        if not files:
            return []
        moved = (
            n
            for n, rows in files.items()
            if rows[0] not in self._moved and self._is_gone(rows[0], clip)
        )
        name = clip.id if clip.id in files else next(moved, None)
        rows = files[name or next(reversed(files))]
        if name not in (None, clip.id):
            self._moved.add(rows[0])
        found = [self[row] for row in rows]
        named = {each.person for each in found if each.speaker and not each.enrolled}
        person = named.pop() if len(named) == 1 else main_person(found)
        named_clip = self.as_enrolled_whole(clip)
        return [
            Reuse(
                clip_of_turn(
                    named_clip,
                    each.start,
                    each.end,
                    named_clip.speaker if each.person == person else None,
                ),
                row,
                None if name in (None, clip.id) else each.clip,
                clip,
            )
            for row, each in zip(rows, found, strict=True)
        ]

    def _find_whole(self, clip: Clip, digest: str) -> Reuse:
        """Return the row that serves a clip as a whole."""
        rows = [row for row in self._with_content(digest) if self._serves(row, digest)]
        own = self._rows.get(clip.id)
        named = self._enrolled(clip.id, path_of(clip), digest)
        if named in rows and named != own:  # the very file, which a person has named
            self._moved.add(named)
            return Reuse(clip, named, self._cell(named, "clip"), clip)
        if own is not None and self._serves(own, digest):
            return Reuse(clip, own, None, clip)
        for row in rows:
            # The same file, or one that has been moved, has a new name; a copy is another clip.
            if row not in self._moved and self.is_left(row, clip):
                self._moved.add(row)
                return Reuse(clip, row, self._cell(row, "clip"), clip)
        return Reuse(clip, rows[-1], None, clip)

    def is_left(self, row: int, clip: Clip) -> bool:
        """Return True where the file of a row is a clip's own, or is not there any more.

        A row that was enrolled stays, whatever becomes of its file, until the clip has its name.
        """
        if self._cell(row, "enrolled") and self._cell(row, "path") != path_of(clip):
            return False
        return self._is_gone(row, clip)

    def _is_gone(self, row: int, clip: Clip) -> bool:
        """Return True where the file of a row is a clip's own, or is not there any more."""
        path = self._cell(row, "path")
        if path == path_of(clip):
            return True
        if row not in self._kept and self._look(lambda: _is_there(path)):
            self._kept.add(row)
        return row not in self._kept

    def digests(self) -> np.ndarray:
        """Return the digests of the rows that can be re-used: `[M]` of 16 bytes each, sorted."""
        hashes = (self._cell(row, "source_hash") for row in self._rows.values())
        serving = {d for row, d in enumerate(hashes) if self._serves(row, d)}
        serving |= {d for d, _, rows in self._turns.complete() if self._are_served(rows)}
        return np.sort(np.array([bytes.fromhex(digest) for digest in serving], "S16"))

    def relabelled(self, reused: Sequence[Reuse]) -> Iterator[FeatureRow]:
        """Yield whole rows under the names and labels that their clips have now."""
        assert self._snapshot is not None
        wanted = np.unique([reuse.row for reuse in reused])
        rows = dict(zip(wanted.tolist(), rows_of(self._snapshot.only(wanted)), strict=True))
        for clip, row, replaces, _ in reused:
            old = rows[row]
            if old.enrolled and replaces:  # a turn of a file that was moved keeps the name
                yield replace(old, clip=clip.id, path=path_of(clip), replaces=replaces)
                continue
            found = replace(
                old,
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

    def uncut(self, files: int) -> tuple[str, ...]:
        """Return a warning on so many long files that this run could not cut into turns, if there are any."""
        if not files or self._cut is None or self._cut.set_up is not None:
            return ()
        which = (
            "1 file of over two minutes was"
            if files == 1
            else f"{files} files of over two minutes were"
        )
        return (
            f"{which} not cut into turns, and only the beginning was read: the weights of 'segmentation' are not "
            "here. `mraf weights get segmentation` fetches them (6 MB); then extract again.",
        )

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

    def _serves(self, row: int, digest: str | None) -> bool:
        made = (self._cell(row, "source_hash"), self._cell(row, "extractor"))
        return bool(digest) and made == (digest, self._stored_as) and not self._is_to_be_cut(row)

    def _is_to_be_cut(self, row: int) -> bool:
        """Return True for a row of a whole file that this run cuts into turns."""
        cut = self._cut
        if cut is None or cut.set_up is None or self._cell(row, "error") is not None:
            return False
        is_part = self._cell(row, "start") is not None or self._cell(row, "end") is not None
        return not is_part and (cut.always or self._cell(row, "seconds_read") is not None)

    def _are_served(self, rows: list[int]) -> bool:
        """Return True where the rows of a file by turns are all there, and made as this run would."""
        if self._cut is None or not self._turns.is_complete(rows):
            return False
        made = self._cell(rows[0], "extractor")
        if self._cut.set_up is None:  # this run could make none
            return replace(Fingerprint.from_json(made), turns=None) == self._wanted
        return bool(made == self._cut.fingerprint(self._wanted).to_json())


def _is_there(path: str) -> bool:
    """Return True where the file of a path that `path_of` returned is there, and may be looked at."""
    try:
        return Path(as_name(path)).is_file()
    except OSError:
        return False
