"""One run of an extraction: it writes the rows, counts them, and reports."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from mraf.data.table.features import FeatureRow, FeatureWriter
from mraf.pipeline.extraction.reuse import Known, KnownClips, Reuse, labels_of

FLUSH_SECONDS = 15.0
"""A killed run loses at most this much work and the clips in hand."""
RELABELLED_AT_ONCE = 4096
"""Rows whose vectors are in memory together while they are written under another name."""
_PROGRESS_SECONDS = 0.1  # between two reports of progress while clips are hashed


@dataclass(frozen=True, kw_only=True)
class ExtractProgress:
    """Counts of a run in progress."""

    clips: int
    hashed: int = 0  # while clips are hashed, before the first is done
    done: int
    reused: int
    face_missing: int
    voice_missing: int
    failed: int


@dataclass(frozen=True)
class Failure:
    """A clip that cannot be read, and the reason."""

    clip: str
    error: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A clip without a face or a voice, and the reasons: None for the one that it has."""

    clip: str
    face: str | None  # the row's `face_reason`
    voice: str | None
    detail: str | None  # why it cannot be read or decoded, in words


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
    other_files: dict[str, int] = field(default_factory=dict)  # by ending, in the folders named
    unreadable_folders: dict[str, str] = field(default_factory=dict)  # reason by folder

    @property
    def clips_per_second(self) -> float:
        """Speed over the whole run, the start of the workers included."""
        return self.clips / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf extract --json` prints."""
        values = asdict(self) | {"clips_per_second": round(self.clips_per_second, 3)}
        folders = values.pop("unreadable_folders")
        values["left_out"] = values.pop("other_files")
        values["unreadable"] = [{"folder": name, "reason": why} for name, why in folders.items()]
        return values


class ExtractionRun:
    """The only writer of a run's rows; it counts them too.

    Args:
        clips: number of clips in the run.
        writer: of the table.
        known: the rows of the table as the run began.
        on_progress: called after each clip.
    """

    def __init__(
        self,
        clips: int,
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
        self._renamed: list[tuple[str, str]] = []
        self._to_relabel: list[Reuse] = []
        self._flushed = self._shown = time.monotonic()

    def hashed(self, count: int) -> None:
        """Report that `count` clips have been hashed."""
        now = time.monotonic()
        if self._on_progress and now - self._shown > _PROGRESS_SECONDS:
            self._shown = now
            self._on_progress(self._progress(hashed=count))

    def add(self, row: FeatureRow) -> None:
        """Write the row of a clip that was read in this run."""
        self._writer.add(row)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._writer.flush()
            self._flushed = time.monotonic()
        self._embedded += 1
        self._count(row)

    def reuse(self, reuse: Reuse) -> None:
        """Count a clip that a row of the table serves.

        Where the clip has another name or other labels now, `write_relabelled` writes the row anew.
        """
        row = self._known[reuse.row]
        if reuse.replaces:
            self._renamed.append((reuse.replaces, reuse.clip.id))
        labels = labels_of(reuse.clip)
        if row[: len(labels)] != labels:
            self._to_relabel.append(reuse)
        self._reused += 1
        self._count(row._replace(clip=reuse.clip.id))

    def write_relabelled(self) -> None:
        """Write the re-used rows whose clips have other names or labels now."""
        for start in range(0, len(self._to_relabel), RELABELLED_AT_ONCE):
            some = self._to_relabel[start : start + RELABELLED_AT_ONCE]
            for row in self._known.relabelled(some):
                self._writer.add(row)
        self._to_relabel.clear()

    def report(self, encoders: str, seconds: float) -> ExtractReport:
        """Return the counts."""
        face, voice = self._reasons["face"], self._reasons["voice"]
        return ExtractReport(
            clips=self._clips,
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
        )

    def _count(self, row: FeatureRow | Known) -> None:
        for name in ("face", "voice"):
            reason = getattr(row, f"{name}_reason")
            if reason is not None:
                self._reasons[name][reason] = self._reasons[name].get(reason, 0) + 1
        if row.face_reason is not None or row.voice_reason is not None:
            self._missing.append(_missing(row))
        if row.error is not None:
            self._failed.append(Failure(row.clip, row.error))
        if self._on_progress:
            self._on_progress(self._progress())

    def _progress(self, hashed: int = 0) -> ExtractProgress:
        face, voice = (sum(self._reasons[name].values()) for name in ("face", "voice"))
        return ExtractProgress(
            clips=self._clips,
            hashed=hashed,
            done=self._embedded + self._reused,
            reused=self._reused,
            face_missing=face,
            voice_missing=voice,
            failed=len(self._failed),
        )


def _missing(row: FeatureRow | Known) -> Missing:
    # Interned: where a million clips lack a face for the same reason, one text is kept.
    texts = (row.face_reason, row.voice_reason, row.error or row.note)
    return Missing(row.clip, *(text and sys.intern(text) for text in texts))
