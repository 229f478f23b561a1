"""Files that say what turns they have, and encoders that read that: workers can import this.

A file is text: "long" in it stands for a file of over two minutes; each line "START END PERSON" is a turn.
"""

from pathlib import Path

import numpy as np

from mraf.data.table.features import FeatureRow
from mraf.errors import MediaError
from mraf.pipeline.extraction.known import path_of
from mraf.pipeline.extraction.turns.cutting import Cutter
from mraf.pipeline.extraction.turns.features import NOT_SPEAKING, FileTurns, TurnFeatures
from mraf.pipeline.extraction.turns.options import TurnOptions

DIMS = (128, 192)
"""Of the encoders that these stand for, dlib and CAM++."""


def vectors(person: str) -> tuple[np.ndarray, np.ndarray]:
    """The face and the voice of a person."""
    generator = np.random.default_rng(list(person.encode()))
    face, voice = (generator.standard_normal(dim).astype(np.float32) for dim in DIMS)
    return face / np.linalg.norm(face), voice / np.linalg.norm(voice)


def noisy(vector: np.ndarray, *key: object) -> np.ndarray:
    """The vector of another take of the same person."""
    generator = np.random.default_rng(list(f"{key}".encode()))
    other = vector + 0.02 * generator.standard_normal(len(vector)).astype(np.float32)
    return (other / np.linalg.norm(other)).astype(np.float32)


def write(file: Path, *turns: tuple[float, float, str], long: bool = True) -> Path:
    """Write a file with turns of people."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{start} {end} {person}" for start, end, person in turns]
    file.write_text("\n".join(["long" if long else "short", *lines]))
    return file


def set_up(encoders, options, turns, device, precision):
    """In place of the networks that cut files into turns."""

    def turns_of(clip, digest, told):
        lines = [line.split() for line in clip.files[0].read_text().splitlines()[1:]]
        if any(line[:1] == ["broken"] for line in lines):
            raise MediaError("nothing of it can be decoded")
        people = list(dict.fromkeys(line[2] for line in lines))
        found = []
        for number, (start, end, person) in enumerate(lines, 1):
            told(float(end), float(lines[-1][1]))
            face, voice = vectors(person)
            is_seen = number % 2 == 1  # of two turns, one shows who speaks
            found.append(
                TurnFeatures(
                    start=float(start),
                    end=float(end),
                    person=people.index(person),
                    face=noisy(face, person, start) if is_seen else None,
                    face_reason=None if is_seen else NOT_SPEAKING,
                    face_quality=0.99 if is_seen else None,
                    face_frames=8 if is_seen else 0,
                    face_size=120.0 if is_seen else None,
                    voice=noisy(voice, person, start),
                    voice_quality=0.9,
                    voice_seconds=float(end) - float(start),
                )
            )
        return FileTurns(turns=tuple(found))

    return turns_of


CUT = TurnOptions(set_up=set_up)
EVERY = TurnOptions(set_up=set_up, always=True)


def setup_worker(encoders, options, device, decoders, precision="auto", turns=None):
    """In place of `rows.setup_worker`."""

    def row_of(clip):
        content = clip.files[0].read_text()
        face, voice = vectors(content)
        is_long = content.startswith("long")
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
            face=face,
            voice=voice,
            voice_seconds=3.0,
            voice_quality=0.9,
            seconds=300.0 if is_long else 3.0,
            seconds_read=120.0 if is_long else None,
        )

    def whole(jobs):
        return [row_of(job.clip) for job in jobs]

    if turns is None or turns.set_up is None:
        return whole
    cutter = Cutter(turns, lambda load: load(encoders, options, turns, device, precision))
    return lambda jobs: cutter(jobs, whole)
