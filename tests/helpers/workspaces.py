"""Workspaces whose features come from a generator: quick to fill, and with some wrong answers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mraf.data.table.features import FeatureRow
from mraf.fingerprint import Fingerprint
from mraf.pipeline.workspace import Workspace

MADE = Fingerprint(face="dlib", face_weights="0", voice="campplus", voice_weights="0")
Labels = tuple[str, str | None, str | None]
"""Speaker, language and recording."""


def people(
    speakers: int = 4,
    recordings: int = 3,
    clips: int = 2,
    languages: Sequence[str | None] = ("English", "Urdu"),
) -> list[Labels]:
    """Return the labels of clips of so many speakers, who all have as many recordings."""
    return [
        (f"s{speaker}", language, f"v{recording}")
        for speaker in range(speakers)
        for language in languages
        for recording in range(recordings)
        for _ in range(clips)
    ]


def filled(
    folder: Path,
    labels: Iterable[Labels],
    *,
    noise: float = 0.3,
    faceless: Sequence[int] = (),
    voiceless: Sequence[int] = (),
) -> Path:
    """Add a clip for each of the labels to the workspace, and return its folder.

    Args:
        folder: of the workspace.
        labels: of N clips; the clips are called "00", "01", ....
        noise: deviation of a clip, and of its recording, from the speaker's direction.
        faceless: positions of clips without a face.
        voiceless: positions of clips without a voice.
    """
    with Workspace(folder).table.writer() as writer:
        for each in _rows(labels, noise, set(faceless), set(voiceless)):
            writer.add(each)
    return folder


def _rows(
    labels: Iterable[Labels], noise: float, faceless: set[int], voiceless: set[int]
) -> Iterator[FeatureRow]:
    def vector(dim: int, *key: object) -> np.ndarray:
        return np.random.default_rng(list(map(ord, f"{key}"))).normal(size=dim)

    for number, (speaker, language, recording) in enumerate(labels):
        source = (speaker, language, recording)
        face, voice = (
            (vector(d, speaker) + noise * (vector(d, *source) + vector(d, number))).astype("f4")
            for d in (128, 192)
        )
        yield FeatureRow(
            clip=f"{number:02}",
            path=f"{number:02}.mp4",
            source_hash=f"digest {number}",
            extractor=MADE.to_json(),
            speaker=speaker,
            language=language,
            recording=recording,
            face=None if number in faceless else face,
            face_reason="no_face" if number in faceless else None,
            voice=None if number in voiceless else voice,
            voice_reason="no_audio" if number in voiceless else None,
        )


def on_disk(workspace: Path, videos: Path) -> Path:
    """Give the clips of a workspace ids as `mraf extract` does, and files in a folder, which is returned."""
    table = Workspace(workspace).table
    with table.writer() as writer:
        for row in list(table.rows()):
            labels = [text for text in (row.speaker, row.language, row.recording) if text]
            clip = "/".join([*labels, f"{row.clip}.mp4"])
            file = videos / clip
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
            writer.add(replace(row, clip=clip, path=str(file), replaces=row.clip))
    return videos
