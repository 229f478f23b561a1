"""The answer to a clip."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A speaker and the probability that they speak in the clip."""

    speaker: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Voice:
    """One of several voices in a clip."""

    seconds: float  # of its speech that was looked at
    side: str | None = None  # left, right: the channel in which it is heard
    speaker: str | None = None  # named by it alone; None where it names nobody
    probability: float | None = None  # of that, given that they are enrolled
    known: float | None = None  # probability that it is an enrolled person's


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The share of a face or a voice in the answer."""

    present: bool
    weight: float = 0.0  # in the fusion (eq. 11); 0 where missing
    reason: str | None = None  # why it is missing
    frames: int | None = None  # of a face: frames in which it was found
    seconds: float | None = None  # of a voice: length of its speech
    speaker: str | None = None  # named by this face or voice alone; None where it names nobody
    probability: float | None = None  # of that, given that they are enrolled
    known: float | None = None  # probability that it is an enrolled person's
    problem: str | None = None  # why it could not be decoded, in words
    voices: tuple[Voice, ...] = ()  # of a voice, where several are heard: each, the first one first
    overlap: float | None = None  # of a voice: seconds in which two speak at once


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer to a clip. `speaker` is None where nobody is named: see `unknown` and `error`."""

    path: str
    speaker: str | None
    probability: float | None  # of that, given that they are enrolled
    candidates: tuple[Candidate, ...] = ()  # those who are most alike, of an unknown person too
    face: Evidence = field(default_factory=lambda: Evidence(present=False))
    voice: Evidence = field(default_factory=lambda: Evidence(present=False))
    known: float | None = None  # probability that the person is enrolled
    threshold: float | None = None  # of `known`, below which nobody is named
    unknown: bool = False  # True: there is somebody, and nobody that the model knows
    error: str | None = None
    notes: tuple[str, ...] = ()  # caveats for whoever reads the answer
    seconds: float | None = None  # length of the clip, where it is known
    seconds_read: float | None = None  # of a long clip's beginning; None where all was read

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf identify --json` prints."""
        shown = asdict(self)
        del shown["face"]["seconds"], shown["voice"]["frames"]
        del shown["face"]["voices"], shown["face"]["overlap"]
        del shown["seconds"], shown["seconds_read"]  # the notes say what was not read
        return shown
