"""From jobs to rows of the feature table: the work of every worker process, wherever it runs."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow
from mraf.device import choose_device
from mraf.errors import BusyError, MediaError
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ClipExtractor, Extracted, ExtractOptions, Files
from mraf.extractors.turns.voices import in_words
from mraf.pipeline.extraction.hashing import Job
from mraf.pipeline.extraction.known import path_of
from mraf.pipeline.extraction.processes import JobError
from mraf.pipeline.extraction.turns.cutting import Cut, Cutter, Found
from mraf.pipeline.extraction.turns.features import digest_of_turn
from mraf.pipeline.extraction.turns.options import TurnOptions


class Result(NamedTuple):
    """What an engine makes of a clip."""

    clip: Clip
    digest: str | None  # of its content; None where it cannot be read
    # One row, or one a turn, which the table gets together; None: the table has those of this content.
    rows: Sequence[FeatureRow] | None


class Made(NamedTuple):
    """Fingerprints, as JSON: of clips that are embedded whole, and of turns where there may be some."""

    whole: str
    turns: str | None = None

    @classmethod
    def by(cls, options: ExtractOptions, pair: EncoderPair, turns: TurnOptions | None) -> "Made":
        """Return the fingerprints of what a pair of encoders makes with these options."""
        whole = options.fingerprint(pair)
        return cls(whole.to_json(), turns.fingerprint(whole).to_json() if turns else None)


def setup_worker(
    encoders: EncoderPair,
    options: ExtractOptions,
    device: str,
    decoders: int,
    precision: str = "auto",
    turns: TurnOptions | None = None,
) -> Callable[[list[Job]], list[Found]]:
    """Load the encoders in a worker; return the function that embeds clips.

    The rows that it returns lack the digest and the fingerprint, which `finished_rows` adds.
    """
    extractor = ClipExtractor(
        encoders,
        options,
        choose_device(device),
        threads=1,
        decoders=decoders,
        precision=precision,
    )

    def whole(jobs: list[Job]) -> list[Found]:
        clips = [job.clip for job in jobs]
        found = extractor.many(
            [Files(clip.video, clip.audio, clip.image, clip.start, clip.end) for clip in clips]
        )
        return [
            each if isinstance(each, MediaError) else row_of(clip, each)
            for clip, each in zip(clips, found, strict=True)
        ]

    if turns is None or turns.set_up is None:
        return whole
    # Its networks are loaded when there is a file to cut: most runs are of short clips.
    cutter = Cutter(turns, lambda set_up: set_up(encoders, options, turns, device, precision))
    return lambda jobs: cutter(jobs, whole)


def finished_rows(job: Job, outcome: object, made: Made) -> list[FeatureRow]:
    """Return the rows to store.

    Args:
        job: the clip and its digest.
        outcome: what the worker returned: a row, or a file's turns, without digest and fingerprint, or an error.
        made: the fingerprints.
    """
    if not isinstance(outcome, Cut):
        return [finished_row(job, outcome, made.whole)]
    assert made.turns is not None
    return [
        replace(
            row,
            source_hash=digest_of_turn(job.digest, row),
            extractor=made.turns,
            turn_of=job.digest,
            turns=len(outcome.rows),
            note=_utf_8(row.note),
        )
        for row in outcome.rows
    ]


def finished_row(job: Job, outcome: object, fingerprint: str) -> FeatureRow:
    """Return the row to store of a clip that was embedded whole, by its fingerprint; see `finished_rows`."""
    digest = job.digest
    if isinstance(outcome, FeatureRow):
        return replace(outcome, source_hash=digest, extractor=fingerprint)
    error = str(outcome).removeprefix(f"{job.clip.files[0].name}: ")  # the row names the clip
    if isinstance(outcome, JobError | BusyError):
        digest = ""  # the clip may be sound: the next run tries it again
    return failed_row(job.clip, error, fingerprint, digest=digest)


def failed_row(clip: Clip, error: str, fingerprint: str, *, digest: str = "") -> FeatureRow:
    """Return the row of a clip that cannot be read; without a digest the next run tries it again."""
    return FeatureRow(
        clip=clip.id,
        path=path_of(clip),
        source_hash=digest,
        extractor=fingerprint,
        speaker=clip.speaker,
        language=clip.language,
        recording=clip.recording,
        start=clip.start,
        end=clip.end,
        face_reason="decode_error",
        voice_reason="decode_error",
        error=_utf_8(error),
    )


def row_of(clip: Clip, found: Extracted) -> FeatureRow:
    """Return the row of a clip, which lacks the digest and the fingerprint."""
    face, voice = found.face, found.voice
    notes = filter(None, (face.problem or voice.problem, *in_words(voice), *found.notes))
    return FeatureRow(
        clip=clip.id,
        path=path_of(clip),
        source_hash="",
        extractor="",
        speaker=clip.speaker,
        language=clip.language,
        recording=clip.recording,
        start=clip.start,
        end=clip.end,
        seconds=found.seconds,
        seconds_read=found.seconds_read,
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
        note=_utf_8("; ".join(notes) or None),
    )


def _utf_8(text: str | None) -> str | None:
    """Write the bytes of a file's name that are no UTF-8 as `\\udce9`: Parquet holds UTF-8 only."""
    return None if text is None else text.encode("utf-8", "backslashreplace").decode()
