"""One run of an extraction: it writes the rows, counts them, and reports."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from mraf.data.clips.clip import Clip
from mraf.data.clips.labels.understood import with_left_out
from mraf.data.table.features import FeatureRow, FeatureWriter
from mraf.errors import UsageError
from mraf.pipeline.answers.words import first_part
from mraf.pipeline.extraction.reuse import (
    Known,
    KnownClips,
    NamesakeError,
    Reuse,
    labels_of,
    path_of,
)
from mraf.pipeline.extraction.rows import Result
from mraf.pipeline.extraction.stream import ClipStream
from mraf.pipeline.upkeep.disk import gone_beside

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


@dataclass(frozen=True, kw_only=True)
class ExtractReport:
    """Counts of a finished run. `failed` clips have rows too, with neither face nor voice."""

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
        self._undecided: list[Reuse] = []  # until all clips of the run are known
        self._to_relabel: list[Reuse] = []
        self._same: dict[int, Clip] = {}  # by row of the table: a clip of its content
        self._warnings: list[str] = []  # on contents of two names
        self._replaced: set[str] = set()  # ids of rows that are other clips' now
        self._folders: set[str] = set()  # that hold clips of this run
        self._flushed = time.monotonic()

    def found(self) -> None:
        """Report that clips have been found."""
        if self._on_progress:
            self._on_progress(self._progress())

    def take(self, result: Result) -> None:
        """Write the row of a clip, or count it where the table has a row of its content.

        Raises UsageError where the clip's id is that of another video in the table.
        """
        clip, digest, row = result
        self._known.refuse_namesake(clip, digest)
        if digest:
            self._folders.add(os.path.dirname(path_of(clip)))  # noqa: PTH120  # faster than Path
            self._same.update(dict.fromkeys(self._known.others(clip, digest), clip))
        if row is not None:
            self._add(row)
            return
        assert digest is not None
        reuse = self._known.find(clip, digest)
        if reuse.replaces and not self._clips.is_complete:
            self._undecided.append(reuse)
        else:
            self._reuse(reuse)

    def stopped_by(self, error: UsageError) -> UsageError:
        """Return the error that stops the run, which says what is kept where the clips are at fault."""
        is_of_clips = error is self._clips.error or isinstance(error, NamesakeError)
        return UsageError(f"{error} {KEPT}") if is_of_clips and self._embedded else error

    def finish(self) -> None:
        """Write what waited for the end of the run."""
        for reuse in self._undecided:
            self._reuse(reuse)
        self._undecided.clear()
        self._write_relabelled()
        for number, clip in self._same.items():
            old = self._known[number].clip
            if warning := self._known.otherwise_named(number, clip):
                self._warnings.append(warning)
            is_named = old in self._clips.ids or old in self._replaced
            if not is_named and self._known.is_left(number, clip):
                self._writer.drop(old)
                self._note_renamed(old, clip.id)

    def _add(self, row: FeatureRow) -> None:
        self._writer.add(self._known.as_enrolled(row))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._writer.flush()
            self._flushed = time.monotonic()
        self._embedded += 1
        self._count(row)

    def _reuse(self, reuse: Reuse) -> None:
        """Count a clip that a row of the table serves; write it anew under another name or labels."""
        if reuse.replaces in self._clips.ids:  # that row is another clip's now
            reuse = reuse._replace(replaces=None)
        row = self._known[reuse.row]
        if reuse.replaces:
            self._note_renamed(reuse.replaces, reuse.clip.id)
        labels = labels_of(reuse.clip)
        compared = 2 if row.enrolled and row.clip == reuse.clip.id else len(labels)
        if row[:compared] != labels[:compared]:
            self._to_relabel.append(reuse)
        if len(self._to_relabel) == RELABELLED_AT_ONCE:
            self._write_relabelled()
        self._reused += 1
        self._count(row._replace(clip=reuse.clip.id))

    def _note_renamed(self, old: str, new: str) -> None:
        self._renamed.append((old, new))
        self._replaced.add(old)

    def _write_relabelled(self) -> None:
        for row in self._known.relabelled(self._to_relabel) if self._to_relabel else ():
            self._writer.add(row)
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
            warnings=tuple(self._warnings),
            gone=self.gone(),
        )

    def _count(self, row: FeatureRow | Known) -> None:
        for name in ("face", "voice"):
            reason = getattr(row, f"{name}_reason")
            if reason is not None:
                self._reasons[name][reason] = self._reasons[name].get(reason, 0) + 1
        if row.face_reason is not None or row.voice_reason is not None:
            self._missing.append(_missing(row))
        elif note := _note(row):
            self._noted.append(Noted(clip=row.clip, note=sys.intern(note)))
        if row.error is not None:
            self._failed.append(Failure(clip=row.clip, error=row.error))
        if self._on_progress:
            self._on_progress(self._progress())

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
