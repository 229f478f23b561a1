"""Plan of the sample videos: who speaks in which clip, and which clips hide a face or a voice."""

import zlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mraf.errors import UsageError

Face = Literal["seen", "hand", "turned_away", "dark", "out_of_frame"]
Sound = Literal["speech", "muted", "no_stream"]

HIDDEN: tuple[Face, ...] = ("hand", "turned_away", "dark", "out_of_frame")
FACELESS_IN, SILENT_IN = 10, 26
"""One clip in so many hides the face, or has no sound."""


@dataclass(frozen=True, kw_only=True)
class SampleOptions:
    """Number, size and seed of the videos; the same options give the same pictures and sounds."""

    speakers: int = 12
    seed: int = 0
    languages: tuple[str, ...] = ("English", "Urdu")  # keys of SENTENCES
    recordings: tuple[int, ...] = (3, 2)  # for each language
    clips: int = 3  # in each recording
    width: int = 480  # pixels, even
    height: int = 360
    workers: int = 2  # processes


@dataclass(frozen=True, kw_only=True)
class Take:
    """One clip to make: its numbers in the plan, and how it hides the face or the sound."""

    speaker: int
    language: str
    recording: int
    clip: int
    face: Face = "seen"
    sound: Sound = "speech"

    @property
    def path(self) -> str:
        """Path below the folder of the sample: `<speaker>/<language>/<recording>/<clip>.mp4`."""
        return f"{self.speaker_name}/{self.language}/{self.recording_name}/{self.clip + 1:02d}.mp4"

    @property
    def speaker_name(self) -> str:
        """Name of the speaker, `person01` for the first."""
        return f"person{self.speaker + 1:02d}"

    @property
    def recording_name(self) -> str:
        """Name of the recording, `rec1` for the first."""
        return f"rec{self.recording + 1}"


def check_options(options: SampleOptions) -> None:
    """Raise UsageError for a number of speakers, or a seed, out of range."""
    for name, low, high in (("speakers", 2, 999), ("seed", 0, 2**31 - 1)):
        value = getattr(options, name)
        if not low <= value <= high:
            raise UsageError(f"{name} is {value}; choose a number from {low} to {high}")


def plan_takes(options: SampleOptions) -> list[list[Take]]:
    """Return the clips of each recording; some of them hide the face or have no sound."""
    recordings = []
    for language, count in zip(options.languages, options.recordings, strict=True):
        slots = options.speakers * count * options.clips  # clips in this language
        faces = _marked(slots, one_in=FACELESS_IN, seed=options.seed, what=f"face {language}")
        sounds = _marked(slots, one_in=SILENT_IN, seed=options.seed, what=f"sound {language}")
        takes: list[Take] = []
        for slot in range(slots):
            # Slots run through the clips of a recording, then its recordings, then the speakers.
            recording, clip = divmod(slot, options.clips)
            speaker, recording = divmod(recording, count)
            takes.append(Take(speaker=speaker, language=language, recording=recording, clip=clip))
        if options.clips > 1:  # a recording never loses all of its faces or sounds
            takes = _hide(takes, faces, sounds)
        size = options.clips
        recordings += [takes[i : i + size] for i in range(0, slots, size)]
    return recordings


def _marked(slots: int, *, one_in: int, seed: int, what: str) -> list[int]:
    """Choose one slot in every `one_in`, at least four apart; more slots leave earlier ones as they are."""
    places = []
    for lap in range(0, slots, one_in):
        rng = np.random.default_rng([seed, zlib.crc32(what.encode()), lap])
        places.append(lap + int(rng.integers(one_in - 4)))
    return [place for place in places if place < slots]


def _hide(takes: list[Take], faces: list[int], sounds: list[int]) -> list[Take]:
    """Hide the face in the clips at some places, and the sound in those at others."""
    for turn, place in enumerate(faces):
        # Each language starts with another way to hide.
        shift = zlib.crc32(takes[0].language.encode())
        takes[place] = replace(takes[place], face=HIDDEN[(turn + shift) % len(HIDDEN)])
    for turn, place in enumerate(sounds):
        # Never both in one clip: the next clip shows its face, as hidden ones are four apart.
        place += place in faces
        if place < len(takes):
            takes[place] = replace(takes[place], sound=("no_stream", "muted")[turn % 2])
    return takes
