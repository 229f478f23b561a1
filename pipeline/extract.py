"""Extract: from clips to rows of the feature table."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from data.features import FeatureRow, FeatureTable
from data.manifest import Clip
from extractors.clip import ClipExtractor, ExtractOptions, Files
from extractors.encoders import TABLES, EncoderPair, choose
from extractors.person import FaceResult
from extractors.voice import VoiceResult
from extractors.weights import Progress
from mraf.errors import BusyError, MediaError
from pipeline import workers
from pipeline.plan import plan
from pipeline.resume import Known, KnownClips, Reuse, labels_of, mixing, path_of
from pipeline.workspace import Workspace, encoders_of

FLUSH_SECONDS = 15.0
"""A killed run loses at most this much work and the clips in hand."""

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
    encoders: str
    seconds: float

    @property
    def clips_per_second(self) -> float:
        """Speed over the whole run, starting the workers included."""
        return self.clips / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """As `mraf extract --json` prints it."""
        return asdict(self) | {"clips_per_second": round(self.clips_per_second, 3)}


def extract(
    clips: Sequence[Clip],
    workspace: Workspace | Path | str | None,
    encoders: EncoderPair,
    options: ExtractOptions = ExtractOptions(),
    worker_count: int | None = None,
    device: str = "auto",
    on_progress: Callable[[ExtractProgress], None] | None = None,
) -> ExtractReport:
    """Embed clips into the workspace's feature table; what is there and current is re-used.

    A row is made anew when the content of its files, the encoders or the options change, not when
    a name or a date does. A clip that cannot be read becomes a row that says so, and the run goes
    on. Whatever way the run ends, what was embedded stays.

    Args:
        clips: from `find_clips` or `read_manifest`.
        workspace: a folder, by default `./mraf-workspace`.
        encoders: from `extractors.encoders.choose`.
        options: frames a clip and the like.
        worker_count: processes, by default one a core, or two where they share a GPU; 0 works in
            this process.
        device: "auto", "cpu" or "cuda".
        on_progress: called after each clip.

    Raises:
        UsageError: the table holds features of other encoders, or cannot be written.
        MissingError: weights that the encoders need are not there.
    """
    started = time.monotonic()
    table = Workspace.at(workspace).table
    fingerprint = f"{encoders.identity} {options.identity}"
    how = plan(device, worker_count)
    with table.writer() as writer:
        known = KnownClips(table, fingerprint)
        known.refuse_mixing(encoders.identity)
        known.refuse_namesakes(clips)
        run = _Run(clips, known, fingerprint, on_progress)
        flushed = time.monotonic()
        todo = run.without_current(writer.add)
        setup = (_setup_worker, encoders, options, how.device, how.decoders)
        count = min(how.workers, len(clips))
        # Closed at once when something is raised, so that no worker outlives the run.
        with closing(workers.run(todo, count, *setup, at_once=how.at_once)) as results:
            for (clip, digest), outcome in results:
                row = run.row(clip, digest, outcome)
                writer.add(row)
                run.count(row, embedded=True)
                if time.monotonic() - flushed > FLUSH_SECONDS:
                    writer.flush()
                    flushed = time.monotonic()
    return run.report(encoders.identity, time.monotonic() - started)


def choose_encoders(
    workspace: Workspace | Path | str | None,
    face: str = "auto",
    voice: str = "auto",
    weights_dir: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> EncoderPair:
    """Choose encoders for a workspace: "auto" keeps to those of the features it holds.

    See `extractors.encoders.choose`, which this calls.
    """
    table = Workspace.at(workspace).table
    known = next(iter(_encoders_in(table)), None)
    for name, value in (("face", face), ("voice", voice)):  # before anything is fetched
        if known and value in TABLES[name] and f"{name}={value}@" not in known:
            raise mixing(table.folder, known, f"{name}={value}")
    return choose(face, voice, known, weights_dir, offline, progress)


class _Run:
    """The state of one run: what is known from before, and the counts."""

    def __init__(
        self,
        clips: Sequence[Clip],
        known: KnownClips,
        fingerprint: str,
        on_progress: Callable[[ExtractProgress], None] | None,
    ) -> None:
        self._clips, self._known, self._fingerprint = clips, known, fingerprint
        self._on_progress = on_progress
        self._embedded = self._reused = 0
        self._reasons: dict[str, dict[str, int]] = {"face": {}, "voice": {}}
        self._failed: list[Failure] = []
        self._renamed: list[tuple[str, str]] = []

    def without_current(self, add: Callable[[FeatureRow], None]) -> Iterator[tuple[Clip, str]]:
        """The clips that have to be embedded, with their digests; the others are counted."""
        moved: list[tuple[Clip, Reuse]] = []
        for clip in self._clips:
            try:
                digest = clip.content_hash()
            except OSError as error:
                row = _failed_row(clip, "", self._fingerprint, _unreadable(clip, error))
                add(row)
                self.count(row, embedded=True)
                continue
            reuse = self._known.find(clip, digest, self._clips)
            if reuse is None:
                yield clip, digest
                continue
            if self._reuse(clip, reuse):
                moved.append((clip, reuse))
            if len(moved) == MOVED_AT_ONCE:
                self._move(moved, add)
        self._move(moved, add)

    def _reuse(self, clip: Clip, reuse: Reuse) -> bool:
        """Count a clip that is there; whether its row has to be written under new labels."""
        known = self._known[reuse.row]
        if reuse.replaces:
            self._renamed.append((reuse.replaces, clip.id))
        self.count(known._replace(clip=clip.id), embedded=False)
        labels = labels_of(clip)
        return known[: len(labels)] != labels

    def _move(self, moved: list[tuple[Clip, Reuse]], add: Callable[[FeatureRow], None]) -> None:
        if moved:
            for row in self._known.relabelled(moved):
                add(row)
            moved.clear()

    def row(self, clip: Clip, digest: str, outcome: object) -> FeatureRow:
        """The row of what a worker made of a clip."""
        if isinstance(outcome, FeatureRow):
            return replace(outcome, source_hash=digest, extractor=self._fingerprint)
        error = str(outcome).removeprefix(f"{clip.files[0].name}: ")  # the row names the clip
        if isinstance(outcome, workers.JobError | BusyError):
            digest = ""  # not the clip's fault, as far as we know: the next run tries again
        return _failed_row(clip, digest, self._fingerprint, error)

    def count(self, row: FeatureRow | Known, embedded: bool) -> None:
        self._embedded += embedded
        self._reused += not embedded
        for name in ("face", "voice"):
            reason = getattr(row, f"{name}_reason")
            if reason is not None:
                self._reasons[name][reason] = self._reasons[name].get(reason, 0) + 1
        if row.error is not None:
            self._failed.append(Failure(row.clip, row.error))
        if self._on_progress:
            self._on_progress(self._progress())

    def report(self, encoders: str, seconds: float) -> ExtractReport:
        face, voice = self._reasons["face"], self._reasons["voice"]
        return ExtractReport(
            len(self._clips),
            self._embedded,
            self._reused,
            tuple(self._renamed),
            sum(face.values()),
            sum(voice.values()),
            face,
            voice,
            tuple(self._failed),
            encoders,
            seconds,
        )

    def _progress(self) -> ExtractProgress:
        face, voice = (sum(self._reasons[name].values()) for name in ("face", "voice"))
        done = self._embedded + self._reused
        return ExtractProgress(len(self._clips), done, self._reused, face, voice, len(self._failed))


def _encoders_in(table: FeatureTable) -> list[str]:
    """The pairs of encoders that made a table; one, unless somebody mixed them by hand."""
    if table.is_empty:
        return []
    made = table.read(["extractor"])["extractor"].unique()
    return sorted({encoders_of(each.as_py()) for each in made})


def _setup_worker(
    encoders: EncoderPair, options: ExtractOptions, device: str, decoders: int
) -> Callable[[list[tuple[Clip, str]]], list[FeatureRow | MediaError]]:
    """In a worker: load the encoders once; the returned function turns clips into their rows."""
    from mraf.trainer import choose_device

    extractor = ClipExtractor(
        encoders, options, str(choose_device(device)), threads=1, decoders=decoders
    )

    def work(jobs: list[tuple[Clip, str]]) -> list[FeatureRow | MediaError]:
        clips = [clip for clip, _ in jobs]
        found = extractor.many([Files(clip.video, clip.audio, clip.image) for clip in clips])
        return [
            each if isinstance(each, MediaError) else _row(clip, *each)
            for clip, each in zip(clips, found, strict=True)
        ]

    return work


def _row(clip: Clip, face: FaceResult, voice: VoiceResult) -> FeatureRow:
    """What was found in a clip; its digest and the fingerprint are added where they are known."""
    return FeatureRow(
        clip.id,
        path_of(clip),
        "",
        "",
        clip.speaker,
        clip.language,
        clip.recording,
        face=face.vector,
        face_reason=face.reason,
        face_quality=face.quality,
        face_frames=face.frames,
        face_size=face.size,
        faces_seen=face.people,
        face_steadiness=face.steadiness,
        face_sharpness=face.sharpness,
        voice=voice.vector,
        voice_reason=voice.reason,
        voice_quality=voice.quality,
        voice_seconds=voice.seconds,
        voice_snr=voice.snr,
    )


def _failed_row(clip: Clip, digest: str, fingerprint: str, error: str) -> FeatureRow:
    labels = (clip.speaker, clip.language, clip.recording)
    row = FeatureRow(
        clip.id,
        path_of(clip),
        digest,
        fingerprint,
        *labels,
        face_reason="decode_error",
        voice_reason="decode_error",
    )
    return replace(row, error=error.encode("utf-8", "backslashreplace").decode())


def _unreadable(clip: Clip, error: OSError) -> str:
    name = Path(error.filename or clip.files[0]).name
    return f"{name} cannot be read ({error.strerror or error})"
