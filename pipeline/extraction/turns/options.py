"""Options of an extraction by turns, and what makes the turns."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from mraf.data.clips.clip import Clip
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ExtractOptions
from mraf.fingerprint import Fingerprint
from mraf.pipeline.extraction.turns.features import FileTurns

TURN_RULES = 3
"""Version of the rules by which a file becomes turns: raise it where the same file gives other turns."""

Told = Callable[[float, float | None], None]
"""Called with the seconds of a file that are done, and those in all where they are known."""
TurnsOf = Callable[[Clip, str, Told], FileTurns]
"""Returns the turns of a clip, by its digest. Raises MediaError where the file cannot be read."""
SetUp = Callable[[EncoderPair, ExtractOptions, "TurnOptions", str, str], TurnsOf]
"""Loads the networks in a worker, by encoders, options, device and precision, when there is a file to look through."""


@dataclass(frozen=True, kw_only=True)
class TurnOptions:
    """The files that are cut into turns, and by what.

    Long files are those of which a clip's row holds the beginning only. With `always`, short ones are too.
    Parts that a manifest names, and sound with a picture beside it, stay one row each.
    """

    set_up: (
        SetUp | None
    )  # of a module that workers can import; None: a network's weights are not at hand
    always: bool = False
    networks: dict[str, Path] = field(default_factory=dict)  # files of weights by network
    sums: dict[str, str] = field(default_factory=dict)  # their SHA-256
    workspace: Path | None = None  # that keeps the observations of files; None: nowhere

    def fingerprint(self, whole: Fingerprint) -> Fingerprint:
        """Return the fingerprint of turns, by that of clips that these encoders embed whole."""
        seen = "+lr_asd" if "lr_asd" in self.sums else ""
        return replace(whole, turns=f"{TURN_RULES}{seen}")

    def is_for(self, clip: Clip) -> bool:
        """Return True where a clip is one whole file, which may be cut into turns."""
        return clip.image is None and clip.start is None and clip.end is None
