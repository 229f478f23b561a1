"""How far the observation of a file is."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a file is observed."""

    done: float  # s of the file
    duration: float | None  # s; None: the file does not say
    speed: float  # seconds of the file in a second, of what this run has done; 0: not known yet
    left: float | None  # s until the end; None: not known
    reused: float  # s of `done` that an earlier run has done
    is_waiting: bool = False  # nothing has come from the decoder for half a minute


class Teller:
    """Tells of progress, over several passes.

    Args:
        on_progress: is called; None: nobody is told.
        duration: of the file in s, as far as it is known.
    """

    def __init__(
        self, on_progress: Callable[[Progress], None] | None, duration: float | None
    ) -> None:
        self._on_progress, self.duration = on_progress, duration
        self.reused = 0.0  # s that an earlier run has done
        self._began = time.monotonic()
        self._observed = 0.0  # s of the file in this run

    def of_pass(self, start: float) -> Callable[[float], None]:
        """Return a function that tells up to which time in s a pass from `start` on has come."""
        before = self._observed

        def told(stop: float) -> None:
            self._observed = before + stop - start
            self._tell(is_waiting=False)

        return told

    def waits(self) -> None:
        """Tell that the decoder is waited for."""
        self._tell(is_waiting=True)

    def _tell(self, *, is_waiting: bool) -> None:
        if self._on_progress is None:
            return
        elapsed = time.monotonic() - self._began
        speed = self._observed / elapsed if elapsed > 0 else 0.0
        done, duration = self.reused + self._observed, self.duration
        left = max(0.0, duration - done) / speed if duration and speed else None
        self._on_progress(
            Progress(
                done=done,
                duration=duration,
                speed=speed,
                left=left,
                reused=self.reused,
                is_waiting=is_waiting,
            )
        )
