"""The fingerprint of features: the encoders and the options that made them.

Features can be compared with each other where their fingerprints are equal. Vectors that are published
with their encoders but without the way of their extraction may be like those that the same encoders extract
here. The feature table stores the fingerprint of each row, and a model that of the features it was trained
on, as JSON.

Like `mraf.errors`, this module imports nothing of mraf's rooms, and every room may import it.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, get_type_hints

from mraf.errors import MrafError


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """Everything, beside the clip, that decides which vectors a clip gets.

    Vectors that are published without their extraction have no `frames`, `seconds` and `rules`.
    """

    face: str  # name of the face encoder
    face_weights: str  # version: the start of their SHA-256, or the package's number
    voice: str
    voice_weights: str
    frames: int | None = None  # looked at in each clip
    seconds: float | None = None  # read of a clip at most
    rules: int | None = None  # version of the extraction, `mraf.extractors.extractor.RULES`
    polysim: str | None = None  # version of POLY-SIM that publishes these vectors
    audio_track: str | None = (
        None  # that was asked for in files with several, by number or language
    )
    video_track: int | None = None
    # Rules by which a file was cut into turns, and the network that sees who speaks; None: a clip as a whole.
    turns: str | None = None

    @property
    def encoders(self) -> str:
        """Both encoders for people to read: `face=dlib@0.1.0 voice=campplus@92f29b94e694`."""
        return f"face={self.face}@{self.face_weights} voice={self.voice}@{self.voice_weights}"

    def __str__(self) -> str:
        options = {"frames": self.frames, "seconds": self.seconds, "rules": self.rules}
        parts = [f"{name}={value:g}" for name, value in options.items() if value is not None]
        origin = [f"polysim={self.polysim}"] if self.polysim else []
        tracks = {
            "audio-track": self.audio_track,
            "video-track": self.video_track,
            "turns": self.turns,
        }
        parts += [f"{name}={value}" for name, value in tracks.items() if value is not None]
        return " ".join([*origin, self.encoders, *parts])

    @property
    def of_any_track(self) -> "Fingerprint":
        """The same without tracks and turns, which belong to the files: vectors of any can be compared."""
        return replace(self, audio_track=None, video_track=None, turns=None)

    def shares_encoders(self, other: "Fingerprint") -> bool:
        """Return True where both encoders and their weights are the same."""
        return self.encoders == other.encoders

    def to_json(self) -> str:
        """Return the JSON text that the feature table stores; equal fingerprints have equal texts."""
        values = asdict(self)
        if self.turns is None:  # as before there were turns: such rows stay as they are
            del values["turns"]
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Fingerprint":
        """Read what `to_json` wrote. Raises MrafError."""
        try:
            return cls.from_dict(json.loads(text))
        except (ValueError, RecursionError):
            raise _unknown(text) from None

    @classmethod
    def from_dict(cls, value: Any) -> "Fingerprint":
        """Read what `dataclasses.asdict` gave, now or before there were tracks or turns. Raises MrafError."""
        if not isinstance(value, dict):
            raise _unknown(value)
        value = {"audio_track": None, "video_track": None, "turns": None} | value
        if set(value) != set(_KINDS):
            raise _unknown(value)
        if not all(isinstance(value[name], kind) for name, kind in _KINDS.items()):
            raise _unknown(value)
        return cls(**value)


_KINDS = get_type_hints(Fingerprint)


def readable(text: str) -> str:
    """Return a stored fingerprint as people read it; any other text as it is."""
    try:
        return str(Fingerprint.from_json(text))
    except MrafError:
        return text


def _unknown(found: object) -> MrafError:
    return MrafError(
        f"Features made by {found!r}: this version of mraf expects {', '.join(_KINDS)} there. "
        "Extract into a new workspace (-w) and train again."
    )
