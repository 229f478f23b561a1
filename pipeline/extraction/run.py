"""One run of an extraction: which clips are there already, what was found in the others, the counts."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow
from mraf.pipeline.extraction.reuse import Known, KnownClips, Reuse, labels_of

MOVED_AT_ONCE = 4096
"""Rows whose vectors are held while they are written under another name."""


@dataclass(frozen=True)
class ExtractProgress:
    """How far a run has come, told after each clip."""

    clips: int
    done: int
    reused: int
    face_missing: int
    voice_missing: int
    failed: int


@dataclass(frozen=True)
class Failure:
    """A clip that could not be read, and why."""

    clip: str
    error: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A clip without a face or a voice, and why: None for the one that it has."""

    clip: str
    face: str | None  # the row's `face_reason`
    voice: str | None
    detail: str | None  # what could not be read or decoded, in words


@dataclass(frozen=True)
class ExtractReport:
    """What a run did. `failed` clips are rows of the table too, with neither face nor voice."""

    clips: int
    embedded: int
    reused: int
    renamed: tuple[tuple[str, str], ...]  # old and new id of clips known under another name
    face_missing: int
    voice_missing: int
    face_reasons: dict[str, int]  # how many clips lack a face, by reason
    voice_reasons: dict[str, int]
    failed: tuple[Failure, ...]
    missing: tuple[Missing, ...]  # all clips without a face or a voice, those that failed included
    encoders: str
    seconds: float

    @property
    def clips_per_second(self) -> float:
        """Speed over the whole run, starting the workers included."""
        return self.clips / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """As `mraf extract --json` prints it."""
        return asdict(self) | {"clips_per_second": round(self.clips_per_second, 3)}


class Run:
    """The state of a run: what is known from before, and the counts.

    Args:
        clips: all of the run.
        known: the rows of the table as the run began.
        fingerprint: of encoders and options, as it stands in the table.
        write: called with each row that goes into the table.
        on_progress: called after each clip.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        known: KnownClips,
        fingerprint: str,
        write: Callable[[FeatureRow], None],
        on_progress: Callable[[ExtractProgress], None] | None = None,
    ) -> None:
        self.clips, self.fingerprint = clips, fingerprint
        self._known, self._write, self._on_progress = known, write, on_progress
        self._embedded = self._reused = 0
        self._reasons: dict[str, dict[str, int]] = {"face": {}, "voice": {}}
        self._failed: list[Failure] = []
        self._missing: list[Missing] = []
        self._renamed: list[tuple[str, str]] = []
        self._moved: list[tuple[Clip, Reuse]] = []

    def reuse(self, clip: Clip, digest: str) -> bool:
        """Count a clip that the table has a current row of; False where it has none.

        Where the clip has another name or other labels now, the row is written with them.
        """
        reuse = self._known.find(clip, digest, self.clips)
        if reuse is None:
            return False
        known = self._known[reuse.row]
        if reuse.replaces:
            self._renamed.append((reuse.replaces, clip.id))
        self._count(known._replace(clip=clip.id), embedded=False)
        labels = labels_of(clip)
        if known[: len(labels)] != labels:
            self._moved.append((clip, reuse))
        if len(self._moved) == MOVED_AT_ONCE:
            self.finish()
        return True

    def reusable(self) -> np.ndarray:
        """Digests of all rows that `reuse` would take, `[M]` of 16 bytes each, sorted."""
        return self._known.digests()

    def add(self, row: FeatureRow) -> None:
        """Take the row of a clip that was looked at now."""
        self._write(row)
        self._count(row, embedded=True)

    def finish(self) -> None:
        """Write what is held back."""
        if self._moved:
            for row in self._known.relabelled(self._moved):
                self._write(row)
            self._moved.clear()

    def report(self, encoders: str, seconds: float) -> ExtractReport:
        """What was done so far."""
        face, voice = self._reasons["face"], self._reasons["voice"]
        return ExtractReport(
            len(self.clips),
            self._embedded,
            self._reused,
            tuple(self._renamed),
            sum(face.values()),
            sum(voice.values()),
            face,
            voice,
            tuple(sorted(self._failed, key=lambda each: each.clip)),
            tuple(sorted(self._missing, key=lambda each: each.clip)),
            encoders,
            seconds,
        )

    def _count(self, row: FeatureRow | Known, embedded: bool) -> None:
        self._embedded += embedded
        self._reused += not embedded
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

    def _progress(self) -> ExtractProgress:
        face, voice = (sum(self._reasons[name].values()) for name in ("face", "voice"))
        done = self._embedded + self._reused
        return ExtractProgress(len(self.clips), done, self._reused, face, voice, len(self._failed))


def _missing(row: FeatureRow | Known) -> Missing:
    # Few texts for many clips: of a million that say the same, one is kept.
    said = (row.face_reason, row.voice_reason, row.error or row.note)
    return Missing(row.clip, *(text and sys.intern(text) for text in said))
