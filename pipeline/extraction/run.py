"""One run of an extraction: it writes the rows, counts them, and reports."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from mraf.data.clips.clip import Clip
from mraf.data.clips.labels.understood import with_left_out
from mraf.data.table.features import FeatureRow, FeatureTable, FeatureWriter
from mraf.errors import UsageError
from mraf.pipeline.answers.words import first_part
from mraf.pipeline.extraction.known import Known, labels_of, path_of
from mraf.pipeline.extraction.reuse import KnownClips, NamesakeError, Reuse
from mraf.pipeline.extraction.rows import Result
from mraf.pipeline.extraction.stream import ClipStream
from mraf.pipeline.extraction.turns.agreement import agreed
from mraf.pipeline.extraction.turns.cutting import Underway
from mraf.pipeline.extraction.turns.labels import main_person, said_of, with_name
from mraf.pipeline.upkeep.disk import gone_beside
from mraf.recognition.pairs import Pairs

FLUSH_SECONDS = 15.0
"""A killed run loses at most this much work and the clips in hand."""
RELABELLED_AT_ONCE = 4096
"""Rows whose vectors are in memory together while they are written under another name."""
KEPT = "What was embedded before stays in the table."
"""The end of the message where a run stops for something that was found late."""


@dataclass(frozen=True, kw_only=True)
class ExtractProgress:
    """Counts of a run in progress."""

    clips: int  # found so far
    all_found: bool
    done: int = 0
    reused: int = 0
    face_missing: int = 0
    voice_missing: int = 0
    failed: int = 0
    underway: Underway | None = None  # a long file that was looked at last


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A clip that cannot be read, and the reason."""

    clip: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A clip without a face or a voice, and the reasons: None for the one that it has."""

    clip: str
    face: str | None  # the row's `face_reason`
    voice: str | None
    detail: str | None  # why it cannot be read or decoded, in words
    seconds: float | None = None  # length of the clip, where it is known
    seconds_read: float | None = None  # of a long clip's beginning; None where all was read


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A clip with both a face and a voice, and what is worth knowing of it."""

    clip: str
    note: str
    turns: bool = False  # of a file that was cut into turns, whoever is seen and heard


@dataclass(frozen=True, kw_only=True)
class ExtractReport:
    """Counts of a finished run. `failed` clips have rows too, with neither face nor voice.

    Files that were cut into turns count as one clip each in `clips`, `embedded` and `reused`; faces and voices
    are counted by row. `missing` leaves turns out: whoever is not in the picture has no face.
    """

    clips: int
    embedded: int
    reused: int
    renamed: tuple[tuple[str, str], ...]  # old and new id of clips known under another name
    face_missing: int
    voice_missing: int
    face_reasons: dict[str, int]  # clips without a face, by reason
    voice_reasons: dict[str, int]
    failed: tuple[Failure, ...]
    missing: tuple[Missing, ...]  # all clips without a face or a voice, those that failed included
    encoders: str
    seconds: float
    noted: tuple[Noted, ...] = ()  # clips of which something is worth knowing, without `missing`
    warnings: tuple[str, ...] = ()  # what looks wrong in the labels
    other_files: dict[str, int] = field(default_factory=dict)  # by ending, in the folders named
    set_aside: dict[str, int] = field(default_factory=dict)  # files and folders by what they are
    unreadable_folders: dict[str, str] = field(default_factory=dict)  # reason by folder
    # Ids of clips of the table whose files are gone (see `mraf.data.table.presence`), in the folders
    # that this run looked at.
    gone: tuple[str, ...] = ()
    renamed_speakers: dict[str, str] = field(default_factory=dict)  # by `mraf rename`: old to new
    files_by_turns: int = 0
    turns: int = 0  # rows of these files

    @property
    def clips_per_second(self) -> float:
        """Speed over the whole run, the start of the workers included."""
        return self.clips / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf extract --json` prints."""
        values = asdict(self) | {"clips_per_second": round(self.clips_per_second, 3)}
        return with_left_out(values)


class ExtractionRun:
    """The only writer of a run's rows; it counts them too.

    Args:
        clips: all clips of the run, as they are found.
        writer: of the table.
        known: the rows of the table as the run began.
        on_progress: called after each clip, and now and then while clips are found.
    """

    def __init__(
        self,
        clips: ClipStream,
        *,
        writer: FeatureWriter,
        known: KnownClips,
        on_progress: Callable[[ExtractProgress], None] | None = None,
    ) -> None:
        self._clips, self._writer, self._known = clips, writer, known
        self._on_progress = on_progress
        self._embedded = self._reused = 0
        self._reasons: dict[str, dict[str, int]] = {"face": {}, "voice": {}}
        self._failed: list[Failure] = []
        self._missing: list[Missing] = []
        self._noted: list[Noted] = []
        self._renamed: list[tuple[str, str]] = []
        self._undecided: list[list[Reuse]] = []  # until all clips of the run are known
        self._to_relabel: list[Reuse] = []
        self._same: dict[int, Clip] = {}  # by row of the table: a clip of its content
        self._warnings: list[str] = []  # on contents of two names
        self._replaced: set[str] = set()  # ids of rows that are other clips' now
        self._folders: set[str] = set()  # that hold clips of this run
        self._flushed = time.monotonic()
        self._by_turns = self._turns = 0  # files, and their rows
        self._beginnings = 0  # files of which the beginning was read
        self._cut: dict[str, str] = {}  # names by ids of files that were cut into turns
        self._underway: Underway | None = None

    def told(self, underway: Underway) -> None:
        """Report how far a worker is with a long file."""
        self._underway = underway
        self.found()

    def found(self) -> None:
        """Report that clips have been found."""
        if self._on_progress:
            self._on_progress(self._progress())

    def take(self, result: Result) -> None:
        """Write the rows of a clip, or count it where the table has those of its content.

        Raises UsageError where the clip's id is that of another video in the table.
        """
        clip, digest, rows = result
        self._known.refuse_namesake(clip, digest)
        if digest:
            self._folders.add(os.path.dirname(path_of(clip)))  # noqa: PTH120  # faster than Path
            self._same.update(dict.fromkeys(self._known.others(clip, digest), clip))
        if self._underway and self._underway.clip == clip.id:
            self._underway = None
        if rows is not None:
            self._add(clip, rows)
            return
        assert digest is not None
        found = self._known.find(clip, digest)
        if any(each.replaces for each in found) and not self._clips.is_complete:
            self._undecided.append(found)
        else:
            self._reuse(found)

    def stopped_by(self, error: UsageError) -> UsageError:
        """Return the error that stops the run, which says what is kept where the clips are at fault."""
        is_of_clips = error is self._clips.error or isinstance(error, NamesakeError)
        return UsageError(f"{error} {KEPT}") if is_of_clips and self._embedded else error

    def finish(self) -> None:
        """Write what waited for the end of the run."""
        for found in self._undecided:
            self._reuse(found)
        self._undecided.clear()
        self._write_relabelled()
        for number, clip in self._same.items():
            old, of = self._known[number].clip, self._known.file_of(number)
            if warning := self._known.otherwise_named(number, clip):
                self._warnings.append(warning)
            is_named = of in self._clips.ids or old in self._replaced
            if not is_named and self._known.is_left(number, clip):
                self._writer.drop(old)
                self._note_renamed(old, of, clip.id)

    def agree(self, table: FeatureTable, pairs: Pairs) -> None:
        """Give names to those who are in several files of a name, where speech alone does not tell whose it is."""
        self._writer.flush()
        for of, rows in agreed(table, self._cut, pairs).items():
            self._writer.add_together(rows)
            said = said_of(rows, self._cut[of])
            self._noted = [
                replace(each, note="; ".join(filter(None, (said, rows[0].note))))
                if each.turns and each.clip == of
                else each
                for each in self._noted
            ]

    def _add(self, clip: Clip, rows: Sequence[FeatureRow]) -> None:
        """Write the rows of a clip in place of those that it had."""
        if rows[0].turn_of:
            clip = self._known.as_enrolled_whole(clip)
            rows = with_name(rows, clip, main_person(rows))
            if clip.speaker and rows[0].person is not None:
                self._cut[clip.id] = clip.speaker
        rows = [self._known.as_enrolled(row) for row in rows]
        if gone := self._known.replaced_by(clip, rows):
            rows[0] = replace(rows[0], replaces="\0".join(gone))
            self._replaced.update(gone)
        self._writer.add_together(rows)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._writer.flush()
            self._flushed = time.monotonic()
        self._embedded += 1
        self._count(clip, rows)

    def _reuse(self, found: Sequence[Reuse]) -> None:
        """Count a clip that rows of the table serve; write them anew under another name or labels."""
        rows = []
        for reuse in found:
            if reuse.replaces and self._known.file_of(reuse.row) in self._clips.ids:
                reuse = reuse._replace(replaces=None)  # that row is another clip's now
            row = self._known[reuse.row]
            if reuse.replaces:
                self._note_renamed(reuse.replaces, self._known.file_of(reuse.row), reuse.of.id)
            labels = labels_of(reuse.clip)
            compared = 2 if row.enrolled and row.clip == reuse.clip.id else len(labels)
            if row[:compared] != labels[:compared]:
                self._to_relabel.append(reuse)
            rows.append(row._replace(clip=reuse.clip.id, speaker=reuse.clip.speaker))
        if len(self._to_relabel) >= RELABELLED_AT_ONCE:  # never between the turns of a file
            self._write_relabelled()
        self._reused += 1
        self._count(found[0].of, rows)

    def _note_renamed(self, old: str, of: str, new: str) -> None:
        """Note that a row has gone, of a file, which has another id now."""
        if (of, new) not in self._renamed[-1:]:  # a file's turns come one after another
            self._renamed.append((of, new))
        self._replaced.add(old)

    def _write_relabelled(self) -> None:
        if self._to_relabel:
            self._writer.add_together(list(self._known.relabelled(self._to_relabel)))
        self._to_relabel.clear()

    def gone(self) -> tuple[str, ...]:
        """Return the ids of the table's other clips whose files are gone, where this run found some."""
        clips, paths = self._known.beside(self._clips.ids | self._replaced)
        return gone_beside(clips, paths, self._folders)

    def report(self, encoders: str, seconds: float) -> ExtractReport:
        """Return the counts."""
        face, voice = self._reasons["face"], self._reasons["voice"]
        return ExtractReport(
            clips=self._clips.count,
            embedded=self._embedded,
            reused=self._reused,
            renamed=tuple(self._renamed),
            face_missing=sum(face.values()),
            voice_missing=sum(voice.values()),
            face_reasons=face,
            voice_reasons=voice,
            failed=tuple(sorted(self._failed, key=lambda each: each.clip)),
            missing=tuple(sorted(self._missing, key=lambda each: each.clip)),
            encoders=encoders,
            seconds=seconds,
            noted=tuple(sorted(self._noted, key=lambda each: each.clip)),
            warnings=(*self._warnings, *self._known.uncut(self._beginnings)),
            gone=self.gone(),
            files_by_turns=self._by_turns,
            turns=self._turns,
        )

    def _count(self, clip: Clip, rows: Sequence[FeatureRow | Known]) -> None:
        """Count the rows of a clip, and report."""
        if rows[0].person is not None:
            self._by_turns += 1
            self._turns += len(rows)
        if said := said_of(rows, self._known.as_enrolled_whole(clip).speaker):
            note = "; ".join(filter(None, (said, rows[0].note)))
            self._noted.append(Noted(clip=clip.id, note=note, turns=True))
        for row in rows:
            self._count_row(row)
        if self._on_progress:
            self._on_progress(self._progress())

    def _count_row(self, row: FeatureRow | Known) -> None:
        for name in ("face", "voice"):
            reason = getattr(row, f"{name}_reason")
            if reason is not None:
                self._reasons[name][reason] = self._reasons[name].get(reason, 0) + 1
        self._beginnings += bool(row.seconds_read)
        if row.person is not None:
            return
        if row.face_reason is not None or row.voice_reason is not None:
            self._missing.append(_missing(row))
        elif note := _note(row):
            self._noted.append(Noted(clip=row.clip, note=sys.intern(note)))
        if row.error is not None:
            self._failed.append(Failure(clip=row.clip, error=row.error))

    def _progress(self) -> ExtractProgress:
        face, voice = (sum(self._reasons[name].values()) for name in ("face", "voice"))
        return ExtractProgress(
            clips=self._clips.count,
            all_found=self._clips.is_complete,
            done=self._embedded + self._reused,
            reused=self._reused,
            face_missing=face,
            voice_missing=voice,
            failed=len(self._failed),
            underway=self._underway,
        )


def _missing(row: FeatureRow | Known) -> Missing:
    # Interned: where a million clips lack a face for the same reason, one text is kept.
    texts = (row.face_reason, row.voice_reason, row.error or row.note)
    face, voice, detail = (text and sys.intern(text) for text in texts)
    return Missing(
        clip=row.clip,
        face=face,
        voice=voice,
        detail=detail,
        seconds=row.seconds,
        seconds_read=row.seconds_read,
    )


def _note(row: FeatureRow | Known) -> str:
    from mraf.extractors.second_looks import SEARCHED

    part = first_part(row.seconds, row.seconds_read)
    only = "" if SEARCHED in (row.note or "") else "only "
    return "; ".join(filter(None, (f"{only}the {part} were read" if part else "", row.note)))
