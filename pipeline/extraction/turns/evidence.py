"""The face and the voice of each turn of a file, long turns cut into pieces."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mraf.extractors.streaming.parts import Observed
from mraf.extractors.turns.frames import FRAME, mean_of
from mraf.pipeline.extraction.turns.features import (
    NOT_SPEAKING,
    TOO_SHORT,
    FileTurns,
    TurnFeatures,
    pieces,
)
from mraf.pipeline.timeline.people.assembled import Assembled, Vectors
from mraf.pipeline.timeline.seen.tracks import WholeTrack, unit_mean
from mraf.pipeline.timeline.timeline import Turn
from mraf.recognition.pairs import Pairs

OWN = -1.9
"""Least log odds of a span of speech and the voice of the turn that it lies in, to be of that voice: a span is short."""


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sound:
    """The speech of a file."""

    spans: np.ndarray  # [P, 2] s, in order
    vectors: np.ndarray  # [P, D], NaN where a span is too short
    speech: (
        np.ndarray
    )  # [F] float32: probability of speech in frames of 17 ms from the file's beginning
    has_picture: bool

    @classmethod
    def of(cls, parts: Iterable[Observed]) -> "_Sound":
        spans: list[np.ndarray] = []
        vectors: list[np.ndarray] = []
        speech: list[np.ndarray] = []
        has_picture = False
        for part in parts:
            has_picture |= part.seen is not None
            count = round(part.stop / FRAME) - sum(len(each) for each in speech)
            frames = np.zeros(0, np.float32)
            if part.heard is not None:
                spans.append(part.heard.spans)
                vectors.append(part.heard.vectors)
                heard = part.heard
                frames = mean_of(heard.starts, heard.activity, part.start, part.stop).speech
            frames = frames[: max(0, count)]
            speech.append(np.pad(frames, (0, max(0, count - len(frames)))))
        return cls(
            spans=np.concatenate(spans) if spans else np.zeros((0, 2)),
            vectors=np.concatenate(vectors) if vectors else np.zeros((0, 1), np.float32),
            speech=np.concatenate(speech) if speech else np.zeros(0, np.float32),
            has_picture=has_picture,
        )

    def quality(self, start: float, end: float) -> float:
        """Return the mean probability of speech in a stretch."""
        some = self.speech[int(start / FRAME) : int(end / FRAME) + 1]
        return float(some.mean()) if len(some) else 0.0

    def voice(
        self, start: float, end: float, like: np.ndarray, pairs: Pairs
    ) -> tuple[np.ndarray | None, float]:
        """Return the mean voice `[D]` of spans in a stretch that are of a voice, and their seconds."""
        first = int(np.searchsorted(self.spans[:, 0], start - 5.0))
        last = int(np.searchsorted(self.spans[:, 0], end))
        spans, vectors = self.spans[first:last], self.vectors[first:last]
        middle = spans.mean(axis=1)
        own = (middle >= start) & (middle < end) & np.isfinite(vectors).all(axis=1)
        own[own] = pairs.voice(vectors[own] @ like) >= OWN
        if not own.any():
            return None, 0.0
        spans, vectors = spans[own], vectors[own]
        mean = unit_mean(vectors, spans[:, 1] - spans[:, 0])
        # Spans of running speech overlap.
        until = np.maximum.accumulate(np.concatenate([[start], spans[:-1, 1]]))
        seconds = np.maximum(np.minimum(spans[:, 1], end) - np.maximum(spans[:, 0], until), 0)
        return mean, float(seconds.sum())


def turns_of_file(found: Assembled, parts: Iterable[Observed], pairs: Pairs) -> FileTurns:
    """Return the turns of a file, those of over half a minute in pieces.

    Args:
        found: the timeline of the file and its vectors.
        parts: what was heard and seen; read once.
        pairs: log odds of the encoders that made the vectors.
    """
    sound = _Sound.of(parts)
    number = {person.name: i for i, person in enumerate(found.timeline.people)}
    turns: list[TurnFeatures] = []
    for turn, vectors in zip(found.timeline.turns, found.turns, strict=True):
        track = None if turn.track is None else found.tracks[turn.track]
        stretches = list(pieces(turn.start, turn.end))
        for start, end in stretches:
            turns.append(
                _piece(
                    turn,
                    vectors,
                    (start, end) if len(stretches) > 1 else None,
                    track=track,
                    late=found.late,
                    sound=sound,
                    pairs=pairs,
                    person=number[turn.speaker],
                )
            )
    return FileTurns(turns=tuple(turns), notes=found.timeline.notes)


def _piece(
    turn: Turn,
    vectors: Vectors,
    stretch: tuple[float, float] | None,
    *,
    track: WholeTrack | None,
    late: float,
    sound: _Sound,
    pairs: Pairs,
    person: int,
) -> TurnFeatures:
    """Return the features of a turn, or of a stretch of it, heard `late` s after it is seen."""
    start, end = stretch or (turn.start, turn.end)
    voice, seconds = vectors.voice, vectors.seconds
    if stretch is not None and voice is not None:
        voice, seconds = sound.voice(start, end, voice, pairs)
    faces = _faces(track, start - late, end - late)
    face = unit_mean(faces) if faces is not None and len(faces) else None
    absent = NOT_SPEAKING if sound.has_picture else "no_video"
    return TurnFeatures(
        start=start,
        end=end,
        person=person,
        face=None if face is None else face.astype(np.float32),
        face_reason=absent if face is None else None,
        face_quality=track.probability if face is not None and track else None,
        face_frames=0 if face is None or faces is None else len(faces),
        face_size=track.size if face is not None and track else None,
        face_steadiness=float((faces @ face).mean()) if face is not None else None,
        voice=None if voice is None else voice.astype(np.float32),
        voice_reason=TOO_SHORT if voice is None else None,
        voice_quality=None if voice is None else sound.quality(start, end),
        voice_seconds=seconds,
    )


def _faces(track: WholeTrack | None, start: float, end: float) -> np.ndarray | None:
    """Return the vectors `[M, D]` of a face within a stretch, or else all of its track."""
    if track is None:
        return None
    within = (track.vector_times >= start) & (track.vector_times <= end)
    return track.vectors[within] if within.any() else track.vectors
