"""From clips to rows of the feature table: what every worker does, wherever it runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow
from mraf.errors import BusyError, MediaError
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ClipExtractor, ExtractOptions, Files
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.voice.embed import VoiceResult
from mraf.pipeline.extraction.processes import JobError
from mraf.pipeline.extraction.reuse import path_of

Job = tuple[Clip, str]
"""A clip and the digest of its content."""


def setup_worker(
    encoders: EncoderPair, options: ExtractOptions, device: str, decoders: int
) -> Callable[[list[Job]], list[FeatureRow | MediaError]]:
    """In a worker: load the encoders once; the returned function turns clips into their rows."""
    from mraf.network.loop import choose_device

    extractor = ClipExtractor(
        encoders, options, str(choose_device(device)), threads=1, decoders=decoders
    )

    def work(jobs: list[Job]) -> list[FeatureRow | MediaError]:
        clips = [clip for clip, _ in jobs]
        found = extractor.many([Files(clip.video, clip.audio, clip.image) for clip in clips])
        return [
            each if isinstance(each, MediaError) else _row(clip, *each)
            for clip, each in zip(clips, found, strict=True)
        ]

    return work


def finished_row(clip: Clip, digest: str, fingerprint: str, outcome: object) -> FeatureRow:
    """The row of what a worker made of a clip: a row without its origin, or an error."""
    if isinstance(outcome, FeatureRow):
        return replace(outcome, source_hash=digest, extractor=fingerprint)
    error = str(outcome).removeprefix(f"{clip.files[0].name}: ")  # the row names the clip
    if isinstance(outcome, JobError | BusyError):
        digest = ""  # not the clip's fault, as far as we know: the next run tries again
    return failed_row(clip, digest, fingerprint, error)


def failed_row(clip: Clip, digest: str, fingerprint: str, error: str) -> FeatureRow:
    """The row of a clip of which nothing could be read; without a digest it is tried again."""
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
    return replace(row, error=_utf_8(error))


def digest_of(clip: Clip, fingerprint: str) -> str | FeatureRow:
    """The digest of a clip's content, or the row of a clip whose files cannot be read."""
    try:
        return clip.content_hash()
    except OSError as error:
        name = Path(error.filename or clip.files[0]).name
        said = f"{name} cannot be read ({error.strerror or error})"
        return failed_row(clip, "", fingerprint, said)


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
        note=_utf_8(face.problem or voice.problem),
    )


def _utf_8(said: str | None) -> str | None:
    """What a message says, bytes of a file's name that are no UTF-8 written as `\\udce9`."""
    return None if said is None else said.encode("utf-8", "backslashreplace").decode()
