"""The turns of a file as rows of the feature table."""

import hashlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.clips.names import as_text
from mraf.data.clips.times import part_of_id
from mraf.data.table.features import FeatureRow

LONGEST = 30.0
"""Seconds of a row: a longer turn is cut."""
LEAST_SPEECH = 2.0
"""Seconds of speech below which a voice names nobody reliably: such a turn has no voice."""
NOT_SPEAKING = "not_seen_speaking"
"""The reason for a missing face where nobody who is seen speaks."""
TOO_SHORT = "turn_too_short"
"""The reason for a missing voice where a turn has less speech than `LEAST_SPEECH`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TurnFeatures:
    """The features of a turn; a vector is None where there is none, and a reason says why.

    The face is that which is seen speaking.
    """

    start: float  # s from the beginning of the file
    end: float
    person: int  # number of the person in the file, from 0
    face: np.ndarray | None = None  # [Df] float32
    face_reason: str | None = None
    face_quality: float | None = None  # as in `FeatureRow`, those below too
    face_frames: int = 0
    face_size: float | None = None
    face_steadiness: float | None = None
    voice: np.ndarray | None = None  # [Dv] float32
    voice_reason: str | None = None
    voice_quality: float | None = None
    voice_seconds: float = 0.0
    voice_snr: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class FileTurns:
    """The turns of a file in the order of time, and notes on the file for people."""

    turns: tuple[TurnFeatures, ...]
    notes: tuple[str, ...] = ()


def turn_rows(clip: Clip, found: FileTurns) -> list[FeatureRow]:
    """Return a row for each turn of a clip that says something of who speaks.

    The rows have no speaker and lack digest and fingerprint; all are of one recording. A voice of less speech
    than `LEAST_SPEECH` is left out, and so is a turn with neither face nor voice.
    """
    rows: dict[str, FeatureRow] = {}
    for turn in found.turns:
        row = _row(clip, turn)
        while row.clip in rows:  # two voices that begin and end together
            row = _row(clip, turn, end=(row.end or 0.0) + 0.001)
        if row.face is not None or row.voice is not None:
            rows[row.clip] = row
    return list(rows.values())


def clip_of_turn(clip: Clip, start: float | None, end: float | None, speaker: str | None) -> Clip:
    """Return the turn of a clip as a clip."""
    if start is None and end is None:
        return replace(clip, speaker=speaker)
    return replace(
        clip,
        id=clip.id + part_of_id(start, end),
        speaker=speaker,
        recording=clip.recording or clip.id,
        start=start,
        end=end,
    )


def digest_of_turn(digest: str, row: FeatureRow) -> str:
    """Return the digest of the content of a turn, of that of its file."""
    if row.start is None and row.end is None:
        return digest
    text = f"{digest} turn from {row.start or 0.0!r} to {row.end!r}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def pieces(start: float, end: float, longest: float = LONGEST) -> Iterator[tuple[float, float]]:
    """Yield the equal pieces, of `longest` seconds at most, that a turn is cut into."""
    count = max(1, math.ceil((end - start) / longest - 1e-6))
    edges = [start + (end - start) * i / count for i in range(count + 1)]
    yield from itertools.pairwise(edges)


def _row(clip: Clip, turn: TurnFeatures, *, end: float | None = None) -> FeatureRow:
    start = round(turn.start, 3)
    end = round(max(turn.end, start + 0.01) if end is None else end, 3)
    voice, reason = turn.voice, turn.voice_reason
    if voice is not None and turn.voice_seconds < LEAST_SPEECH:
        voice, reason = None, TOO_SHORT
    return FeatureRow(
        clip=clip.id + part_of_id(start, end),
        path=as_text(clip.files[0].absolute()),
        source_hash="",
        extractor="",
        language=clip.language,
        recording=clip.recording or clip.id,
        face=turn.face,
        face_reason=turn.face_reason,
        face_quality=turn.face_quality,
        face_frames=turn.face_frames,
        face_size=turn.face_size,
        face_steadiness=turn.face_steadiness,
        voice=voice,
        voice_reason=reason,
        voice_quality=turn.voice_quality,
        voice_seconds=turn.voice_seconds,
        voice_snr=turn.voice_snr,
        start=start,
        end=end,
        seconds=round(end - start, 3),
        person=turn.person,
    )
