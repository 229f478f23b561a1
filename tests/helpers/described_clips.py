"""Clips that are JSON files of who is seen and heard, and an extractor that makes vectors of that.

The vectors lie as those of dlib and CAM++ do: faces of two people have cosines of about 0.84 and those of
one person of 0.98; voices of about 0 and 0.8.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow
from mraf.errors import MediaError
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.extractor import Extracted, ExtractOptions
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.voice.embed import VoicePart, VoiceResult
from mraf.pipeline.extraction.rows import row_of
from mraf.pipeline.workspace import Workspace

PAIR = EncoderPair(
    face=EncoderSpec(name="dlib"), voice=EncoderSpec(name="campplus", sha256="0" * 64)
)
FINGERPRINT = ExtractOptions().fingerprint(PAIR)


def clip(path: Path, who: str | None = None, **found: object) -> Path:
    """A clip that shows and lets hear a person, with other findings by name."""
    seen = {"face": who, "voice": who, "speech": 4.0} | found
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(seen | {"name": path.name}))
    return path


class DescribedExtractor:
    """In place of `mraf.extractors.extractor.ClipExtractor`."""

    def __init__(self, pair=PAIR, options=ExtractOptions(), *_: object, **__: object) -> None:
        self.pair, self.options = pair, options
        self.asked: list[Path] = []

    def __call__(self, video=None, audio=None, image=None, start=None, end=None) -> Extracted:
        path = video or audio or image
        self.asked.append(path)
        try:
            found = json.loads(path.read_text())
        except ValueError:
            raise MediaError(f"{path.name}: it is no video") from None
        length = found.get("length", 10.0)
        if start is not None and start >= length:
            raise MediaError(
                f"{path.name}: nothing from {start:g} s on; the file ends at {length} s"
            )
        seed = f"{found['name']} {start} {end}"
        return Extracted(
            face=_face(found, seed, seen=audio is None),
            voice=_voice(found, seed, heard=image is None),
            seconds=min(length, end or length) - (start or 0.0),
        )

    def close(self) -> None:
        pass


def trained_people(folder: Path, people: Iterable[str], recordings: int = 4) -> Path:
    """A workspace with rows of people, as `mraf extract` makes them of their folders."""
    extractor = DescribedExtractor()
    with Workspace(folder).table.writer() as writer:
        for who in people:
            for i in range(recordings):
                path = clip(
                    folder.parent / "videos" / who / f"v{i}" / "1.mp4", who, length=10.0 + i
                )
                made = Clip(f"{who}/v{i}/1.mp4", path, speaker=who, recording=f"v{i}")
                writer.add(stored(made, extractor))
    return folder


def stored(made: Clip, extractor: DescribedExtractor) -> FeatureRow:
    """The row of a clip, as it is stored."""
    from dataclasses import replace

    row = row_of(made, extractor(made.video, made.audio, made.image, made.start, made.end))
    return replace(row, source_hash=made.content_hash(), extractor=FINGERPRINT.to_json())


def _draw(dim: int, key: str) -> np.ndarray:
    vector = np.random.default_rng(list(key.encode())).normal(size=dim)
    return vector / np.linalg.norm(vector)


def _face(found: dict, seed: str, *, seen: bool) -> FaceResult:
    if not seen or found["face"] is None:
        return FaceResult(reason="no_face" if seen else "no_video")
    vector = 0.915 * _draw(128, "all") + 0.4 * _draw(128, found["face"]) + 0.1 * _draw(128, seed)
    return FaceResult(
        vector=vector.astype(np.float32),
        quality=0.99,
        frames=8,
        size=found.get("size", 150.0),
        people=found.get("people", 1),
        steadiness=0.99,
        sharpness=found.get("sharpness", 80.0),
    )


def _voice(found: dict, seed: str, *, heard: bool) -> VoiceResult:
    if not heard or found["voice"] is None:
        return VoiceResult(reason="no_speech" if heard else "no_audio")
    vector = (_draw(192, found["voice"]) + 0.5 * _draw(192, seed)).astype(np.float32)
    parts = tuple(VoicePart(vector=vector, seconds=2.0) for _ in range(found.get("voices", 0)))
    return VoiceResult(vector=vector, quality=0.9, seconds=found["speech"], voices=parts)
