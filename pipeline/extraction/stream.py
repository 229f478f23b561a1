"""The clips of a run, which may begin before the last of them has been found."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from multiprocessing import connection
from typing import Any

from mraf.data.clips.clip import Clip

TOLD_SECONDS = 0.1
"""Time between two calls of `on_found`."""


class ClipStream:
    """Clips in the order in which they are found; a thread looks for them.

    One thread uses it, as the `Bell` of the worker processes too (see
    `mraf.pipeline.extraction.processes`).

    Args:
        clips: a sequence, which is complete at once, or an iterable that takes its time. What it
            raises, `answer` raises.

    Attributes:
        count: number of clips that have been found.
        ids: of these.
        is_complete: true where all have been found.
        error: what ended the search.
        on_found: called now and then while more are found, and when all have been.
        on_told: called with what workers tell of long files that they are working on.
        connection: readable where `answer` has something to do.
    """

    def __init__(self, clips: Iterable[Clip]) -> None:
        self.ids: set[str] = set()
        self.is_complete = False
        self.error: BaseException | None = None
        self.on_found: Callable[[], None] = lambda: None
        self.on_told: Callable[[Any], None] = lambda told: None
        self.connection, self._bell = connection.Pipe(duplex=False)
        self.count = 0
        self._told = 0.0  # when `on_found` was called
        self._is_urgent: Callable[[Clip], bool] = lambda clip: False
        self._urgent: deque[Clip] = deque()
        self._waiting: deque[Clip] = deque()
        # What the thread writes:
        self._arrived: deque[Clip] = deque()
        self._is_over = self._has_rung = self._is_closed = False
        self._lock = threading.Lock()  # of `_bell` and `_has_rung`
        if isinstance(clips, Sequence):
            self._arrived.extend(clips)
            self._is_over = True
            self._take_in()
        else:
            threading.Thread(target=self._search, args=(clips,), daemon=True).start()

    @property
    def waiting(self) -> int:
        """The number of clips that have been found and not been taken."""
        return len(self._urgent) + len(self._waiting)

    def take(self, count: int) -> list[Clip]:
        """Take up to `count` of the clips that wait; does not wait for more."""
        count = min(count, self.waiting)
        return [(self._urgent or self._waiting).popleft() for _ in range(count)]

    def put_first(self, is_urgent: Callable[[Clip], bool]) -> None:
        """Have `take` return the clips first that are urgent."""
        self._is_urgent = is_urgent
        waiting, self._waiting = self._waiting, deque()
        self._sort_in(waiting)

    def wait(self, seconds: float | None = None) -> None:
        """Wait until all clips have been found, for some time or for ever. Raises as `answer` does."""
        end = None if seconds is None else time.monotonic() + seconds
        while not self.is_complete:
            left = None if end is None else end - time.monotonic()
            if (left is not None and left <= 0) or not self.connection.poll(left):
                return
            self.answer()

    def answer(self) -> None:
        """Take in what the thread has found. Raises what ended its search."""
        with self._lock:
            if self._has_rung:
                self.connection.recv_bytes()
                self._has_rung = False
        self._take_in()
        if self.is_complete and self.error:
            raise self.error
        now = time.monotonic()
        if self.is_complete or now - self._told > TOLD_SECONDS:
            self._told = now
            self.on_found()

    def close(self) -> None:
        """End the search; does not wait for it where a drive hangs."""
        with self._lock:
            self._is_closed = True
            self._bell.close()
            self.connection.close()

    def _take_in(self) -> None:
        is_over = self._is_over  # before the last clips are taken in
        arrived = self._arrived
        for _ in range(len(arrived)):
            clip = arrived.popleft()
            self.ids.add(clip.id)
            self.count += 1
            self._sort_in([clip])
        self.is_complete = is_over

    def _sort_in(self, clips: Iterable[Clip]) -> None:
        for clip in clips:
            (self._urgent if self._is_urgent(clip) else self._waiting).append(clip)

    def _search(self, clips: Iterable[Clip]) -> None:
        try:
            for clip in clips:
                self._arrived.append(clip)
                self._ring()
                if self._is_closed:
                    return
        except BaseException as error:  # for the thread that uses the clips
            self.error = error
        self._is_over = True
        self._ring()

    def _ring(self) -> None:
        with self._lock:
            if not (self._has_rung or self._is_closed):
                self._has_rung = True
                self._bell.send_bytes(b".")
