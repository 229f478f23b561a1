"""What looks at and listens to the parts of a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mraf.extractors.streaming.parts import Heard, Seen
from mraf.extractors.streaming.slices import Slice

BEYOND = 10.0
"""Seconds of sound beyond a part's end that its windows may reach into."""


class Hears(Protocol):
    """Listens to the parts of files."""

    def observe(self, wave: np.ndarray, start: float, stop: float) -> Heard:
        """Return what is heard from `start` to `stop` in s.

        `wave` [N] float32 at 16 kHz begins at `start` and reaches up to 10 s beyond `stop`.
        """


class Looks(Protocol):
    """Looks at the parts of files, slice by slice."""

    def begin(self, before: Seen | None = None, /) -> None:
        """Let go of all that came; the next slice follows the part `before`, or begins a file."""

    def find(self, slice_: Slice, /) -> Any:
        """Return the faces in a slice; it keeps no state, and runs in several threads ahead of `add`."""

    def add(self, slice_: Slice, faces: Any, speech: np.ndarray | None, /) -> None:
        """Follow the faces through a slice; the slices of a part come in order.

        `speech` [K] bool tells at which ticks speech may be heard; None where that is not known.
        """

    def finish(self) -> Seen:
        """Return what was seen since the last call: a part."""


@dataclass(frozen=True, kw_only=True)
class Observers:
    """Those of a run; None leaves the sound or the picture out."""

    sound: Hears | None
    picture: Looks | None
    # Probability of speech [M] in windows of 512 samples of [N] at 16 kHz; None: lips are looked at always.
    speech: Callable[[np.ndarray], np.ndarray] | None = None
    # Loads a second one of `sound`: without a picture, two parts are listened to at once.
    second: Callable[[], Hears] | None = None
