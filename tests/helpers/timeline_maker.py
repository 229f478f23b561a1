"""A stand-in for the networks that make timelines: it returns what it is given."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.errors import MediaError
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.timeline.corrections.enrolling import Source
from mraf.pipeline.timeline.making import Made
from mraf.pipeline.timeline.people.assembled import Assembled, Vectors
from mraf.pipeline.timeline.timeline import Streams, Timeline
from tests.helpers.conversations import conversation

PAIR = EncoderPair(
    face=EncoderSpec(name="dlib"), voice=EncoderSpec(name="campplus", sha256="0" * 64)
)


def assembled(timeline: Timeline) -> Assembled:
    """Vectors for a timeline: those of two people are at right angles."""
    numbers = {person.name: i for i, person in enumerate(timeline.people)}

    def vectors(name: str, seconds: float, *, seen: bool = True) -> Vectors:
        face, voice = np.zeros(128, np.float32), np.zeros(192, np.float32)
        face[numbers[name]] = voice[numbers[name]] = 1.0
        return Vectors(face=face if seen else None, faces=5 * seen, voice=voice, seconds=seconds)

    seen = {track.speaker for track in timeline.tracks}
    return Assembled(
        timeline=timeline,
        people=tuple(vectors(p.name, p.seconds, seen=p.name in seen) for p in timeline.people),
        turns=tuple(
            vectors(t.speaker, t.end - t.start - t.overlap, seen=t.track is not None)
            for t in timeline.turns
        ),
    )


class StandIn:
    """Files called `bad...` cannot be read; others hold `talk`, or the conversation of the tests."""

    talk: Timeline | None = None
    reused = 0.0
    made: list[tuple[str, dict[str, object]]] = []  # noqa: RUF012  # of all of them, as a class is put in place

    def __init__(self, workspace, wishes, **more) -> None:
        self.wishes, self.more = wishes, more
        self.notes: tuple[str, ...] = ("There is no model.",)

    def make(self, path: Path, told) -> Made:
        told("reading", 30.0, 60.0, 0.0)
        if path.name.startswith("bad"):
            raise MediaError(f"{path.name}: is no video")
        if path.name.startswith("stop"):
            raise KeyboardInterrupt
        type(self).made.append((path.name, {"wishes": self.wishes, **self.more}))
        found = self.talk or conversation(path=str(path))
        content = Clip("file", path).content_hash()
        options = ExtractOptions(
            audio_track=self.more.get("audio_track"), video_track=self.more.get("video_track")
        )
        streams = Streams(
            sound=2 if options.audio_track else 1,
            picture=options.video_track or 1,
            asked_sound=options.wish.sound,
            asked_picture=options.wish.picture,
        )
        found = replace(found, content=content, content_bytes=path.stat().st_size, streams=streams)
        return Made(timeline=found, reused=self.reused, assembled=assembled(found))

    def source(self, path: Path) -> Source:
        fingerprint = ExtractOptions().fingerprint(PAIR).to_json()
        return Source(path=path, fingerprint=fingerprint, digest="f" * 32)
