"""How far the timeline of a file is."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class TimelineProgress:
    """How far the timeline of a file is."""

    path: Path
    number: int  # of the file, from 1
    files: int
    step: str  # "reading", "waiting" (for the decoder), "naming" or "writing"
    seconds: float = 0.0  # of the file that are done
    duration: float | None = None  # of the file in seconds; None: not known
    reused: float = 0.0  # of `seconds`, those that an earlier run has read


Told = Callable[[str, float, float | None, float], None]
"""Called with a step, the seconds that are done, the length, and the seconds that were there already."""


def teller(
    on_progress: Callable[[TimelineProgress], None] | None,
    path: Path,
    number: int = 1,
    files: int = 1,
) -> Told:
    """Return a function that tells of the progress of a file; of several, its number."""

    def told(step: str, seconds: float, duration: float | None, reused: float) -> None:
        if on_progress:
            on_progress(
                TimelineProgress(
                    path=path,
                    number=number,
                    files=files,
                    step=step,
                    seconds=seconds,
                    duration=duration,
                    reused=reused,
                )
            )

    return told
