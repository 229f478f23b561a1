"""The slices of a long file, decoded by a child process that may hang or crash without harm."""

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mraf.errors import KILLED, BusyError, MediaError
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.process.parent import DecodingProcess, DiedError
from mraf.extractors.media.process.parent import start as start_process
from mraf.extractors.media.process.shared import Slots
from mraf.extractors.media.tracks import Wish
from mraf.extractors.streaming.decoding.problems import Problem, merged
from mraf.extractors.streaming.lost import GROWTH, Lost
from mraf.extractors.streaming.slices import SLICE_SECONDS, Slice

TRIES = 2
"""Number of times that one slice may crash the decoder before it is passed over."""
SLOW_LENGTHS = 2
"""Lengths that are passed over where the decoder is too slow: each costs as long a wait once more."""
QUIET_SECONDS = 30.0
"""Seconds without a slice after which `on_wait` is called."""
_MODULE = "mraf.extractors.streaming.child"

# The C library keeps the memory of a slice for the next one; to get it anew from Linux takes a quarter as long
# as decoding.
_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}
_SLOTS, _SLOT_BYTES = 5, 112 << 20
"""Number of slices that are held here or on their way without a copy, and room for one in full HD."""


class _HinderedError(DiedError):
    """Raised where a limit stops the decoder, which a later run or another machine may not reach."""


class _SlowError(_HinderedError):
    """Raised where the decoder takes too long."""


class _NothingLeftError(DiedError):
    """Raised where nothing follows what was passed over."""


class Slices:
    """An iterator over the slices of a file, from the first to the last. Close it, or use it in a `with`.

    The child starts with this object, and decodes up to five slices ahead: they lie in shared memory of 112 MiB at
    most each, beside `limits`, as many as are held and ahead at once; it is given back at the end. What crashes the
    decoder twice, takes too long or takes too much memory is passed over: its slices are silent and have no picture.
    After three waits at one place, or two for the file to be opened again, the file ends.

    Args:
        path: of the file.
        start: time in s of the first slice, a multiple of 2 s. The slices are those of an unbroken pass.
        wish: the streams that are asked for, by default those that `choose_tracks` chooses.
        limits: on the contents of the file, on memory, and on the time until the next slice.
        on_wait: called where half a minute goes by without a slice.

    Raises:
        MediaError: the file cannot be opened or holds nothing that can be read; while iterating, nothing of
            it can be decoded. Where more and more is passed over in vain, the file ends, and `problems` tells.
        BusyError: nothing comes in time, or the system killed the decoder before anything came.
        MrafError: the decoder does not start.
        ValueError: `start` is no multiple of 2 s.
    """

    def __init__(
        self,
        path: Path,
        *,
        start: float = 0.0,
        wish: Wish = Wish(),
        limits: Limits = Limits(),
        on_wait: Callable[[], None] = lambda: None,
    ) -> None:
        if start < 0 or start % SLICE_SECONDS:
            raise ValueError(f"start must be a multiple of {SLICE_SECONDS:g} s, is {start}")
        check_file(path)
        self._path, self._wish, self._limits, self._on_wait = path, wish, limits, on_wait
        self.position = start  # s: the end of the last slice
        self.duration: float | None = None  # s, as the file says; at the end, as it is
        self.notes: tuple[str, ...] = ()  # for people, as which of several tracks is read
        self.problems: tuple[Problem, ...] = ()  # that were met so far, one of each kind
        self.last_problems: tuple[Problem, ...] = ()  # of those, what is in no slice
        self.has_picture = False  # a stream of pictures that can be decoded
        # Numbers, from 1, of the tracks of sound and picture that were chosen; None: there is none.
        self.tracks: tuple[int | None, int | None] = (None, None)
        self._has_ended = self._was_opened = self._has_sound = False
        self._is_open = False  # by the present child
        self._crashes = self._waits = 0  # at the present place
        self._lost = Lost()
        self._ready: deque[Slice] = deque()
        self._child: DecodingProcess | None = None
        self._slots: Slots | None = None
        try:
            while self._child is None and not self._has_ended:
                try:
                    self._open()
                except DiedError as error:
                    self._failed(error)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[Slice]:
        return self

    def __next__(self) -> Slice:
        while not self._ready and not self._has_ended:
            try:
                if self._child is None:
                    self._open()
                self._take()
            except DiedError as error:
                self._failed(error)
            except BaseException:
                self.close()
                raise
        if self._ready:
            return self._ready.popleft()
        self.close()
        raise StopIteration

    def __enter__(self) -> "Slices":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        return None if self._child is None else self._child.process.pid

    def close(self) -> None:
        """End the child process; there are no more slices."""
        self._has_ended = True
        self._ready.clear()
        self._drop()

    def _open(self) -> None:
        """Have a child open the file behind what is passed over; see `__init__` for what it raises."""
        self._slots = _slots()
        shared = [self._slots.descriptor] if self._slots else []
        slots = [*shared, _SLOTS, _SLOT_BYTES] if shared else None
        options = json.dumps({"limits": asdict(self._limits), "slots": slots})
        self._child = DecodingProcess(start_process(_MODULE, options, _KEEP_MEMORY, shared))
        if self._slots:
            self._slots.told_by(self._child.requests)
        self._child.wait_until_ready()
        self._child.send(self._request(), self._limits.seconds)
        header = self._header()
        self._was_opened = self._is_open = True
        self.duration = self.duration or header["length"]
        self._tell(header["notes"])
        self.has_picture = bool(header["picture"])
        self.tracks = (header["tracks"][0], header["tracks"][1])

    def _request(self) -> bytes:
        asked = {
            "path": str(self._path.absolute()),
            "start": self._lost.reached(self.position),
            "wish": asdict(self._wish),
            "skip": self._lost.skip,
        }
        return json.dumps(asked).encode() + b"\n"

    def _take(self) -> None:
        """Take the next slice, or the end. Raises DiedError beside what `__init__` says."""
        if self._slots:
            self._slots.ask()
        header = self._header()
        try:
            problems = tuple(Problem(**each) for each in header["problems"])
            if "end" in header:
                self._end(float(header["end"]), header["notes"], problems)
                return
            found = self._slice(header, problems)
        except (KeyError, TypeError, ValueError):
            raise DiedError("gave an answer that cannot be read") from None
        except TimeoutError:
            raise self._too_slow() from None
        self._has_sound = self._has_sound or found.wave is not None
        self._give([*self._lost.slices(found.start, has_sound=self._has_sound), found])

    def _slice(self, header: dict[str, Any], problems: tuple[Problem, ...]) -> Slice:
        """Return the slice of a header. Raises KeyError, TypeError, ValueError, TimeoutError, DiedError."""
        wave, grey, colour = self._arrays(header)
        if grey is None or colour is None or header["start"] != self._lost.reached(self.position):
            raise ValueError("no pictures, or another slice")
        return Slice(
            start=header["start"],
            stop=header["stop"],
            wave=wave,
            grey=grey,
            shown=np.asarray(header["shown"], np.int32),
            colour=colour,
            looks=np.asarray(header["looks"], np.int32),
            problems=problems,
        )

    def _arrays(self, header: dict[str, Any]) -> list[np.ndarray | None]:
        """Return sound, grey and colour pictures of a slice, from the slot that it names or from the pipe."""
        assert self._child is not None
        kinds = {"wave": np.float32, "grey": np.uint8, "colour": np.uint8}
        if "slot" not in header or self._slots is None:
            most = self._limits.memory
            return [self._child.array(header[name], kind, most) for name, kind in kinds.items()]
        there = {name: kind for name, kind in kinds.items() if header[name] is not None}
        shapes = [(header[name], kind) for name, kind in there.items()]
        found = dict(zip(there, self._slots.arrays(header["slot"], shapes), strict=True))
        if "wave" in found:  # it is kept long after the pictures, which are far larger
            found["wave"] = found["wave"].copy()
        return [found.get(name) for name in kinds]

    def _header(self) -> dict[str, Any]:
        """Return the next header that is not a sign of life, each in bounded time."""
        assert self._child is not None
        header: dict[str, Any] = {"beat": True}
        is_told, quiet = False, time.monotonic() + QUIET_SECONDS
        while "beat" in header:
            self._child.allow(self._limits.seconds)
            if not is_told and self._child.is_silent(quiet - time.monotonic()):
                self._on_wait()
                is_told = True
            try:
                header = self._child.header()
            except TimeoutError:
                raise self._too_slow() from None
        if "error" in header:
            if self._crashes:  # it was read before
                raise _NothingLeftError(str(header["error"]))
            raise MediaError(str(header["error"]))
        if "memory" in header:
            raise _HinderedError(f"needs more than {self._limits.memory >> 20} MiB")
        if "unforeseen" in header:
            raise DiedError(f"failed ({header['unforeseen']})")
        return header

    def _too_slow(self) -> DiedError:
        at = self._lost.reached(self.position)
        return _SlowError(f"took longer than {self._limits.seconds:g} s for what follows {at:g} s")

    def _give(self, found: list[Slice]) -> None:
        self._ready.extend(found)
        self._tell_problems([each for one in found for each in one.problems])
        self.position = found[-1].stop
        self._crashes = self._waits = 0

    def _end(self, end: float, notes: list[str], problems: tuple[Problem, ...]) -> None:
        """Take in the end of the file in s, which may lie in what is passed over."""
        self._has_ended = True
        self._tell(notes)
        cause = self._lost.cause
        lost = self._lost.slices(end, has_sound=self._has_sound)
        if lost:
            self._give(lost)
        elif cause is not None:
            problems = (*problems, replace(cause, kind="rest"))
        self.last_problems = problems
        self._tell_problems(problems)
        self.duration = max(end, self.position)

    def _failed(self, error: DiedError) -> None:
        """Pass over what the decoder does not survive when it is tried again. Raises as `_give_up` does."""
        is_slow = isinstance(error, _SlowError)  # to wait as long once more helps nobody
        # Nothing has come yet, or the file cannot even be opened again: its drive may not answer.
        is_vain = is_slow and not (self.position and self._is_open)
        self._drop()
        self._crashes += 1
        self._waits += is_slow
        if isinstance(error, _NothingLeftError) or is_vain or self._waits > SLOW_LENGTHS:
            self._give_up(error)
        elif self._crashes < TRIES and not is_slow:
            return
        elif self._lost.tried < len(GROWTH) and self._was_opened:
            self._lost.grow(self.position, str(error), again=_may_be_hindered(error))
        else:
            self._give_up(error)

    def _give_up(self, error: DiedError) -> None:
        """End the file at what was given last.

        Raises MediaError where nothing was given, BusyError where the machine may be the cause of that.
        """
        self._has_ended = True
        is_slow = isinstance(error, _SlowError) or str(error) == KILLED
        if is_slow and (not self.position or not self._was_opened):
            raise BusyError(f"{self._path.name}: the decoder {error}") from None
        cause = self._lost.cause
        text = f"the decoder {error}"
        if isinstance(error, _NothingLeftError):
            text = str(error) if cause is None else cause.text
        if not self.position:
            raise MediaError(f"{self._path.name}: {text}") from None
        again = _may_be_hindered(error) or (cause is not None and cause.again)
        rest = Problem(kind="rest", text=text, first=self.position, again=again)
        self.last_problems = (rest,)
        self._tell_problems(self.last_problems)
        self.duration = self.position

    def _tell(self, notes: list[str]) -> None:
        """Keep the notes of this child beside those of the ones before."""
        self.notes = tuple(dict.fromkeys((*self.notes, *notes)))

    def _tell_problems(self, problems: Iterable[Problem]) -> None:
        self.problems = merged((*self.problems, *problems))

    def _drop(self) -> None:
        self._is_open = False
        if self._slots is not None:
            self._slots.close()
            self._slots = None
        if self._child is not None:
            self._child.end()
            self._child = None


def _slots() -> Slots | None:
    """Return memory to share with the child; None where this system has none."""
    try:
        return Slots(_SLOTS, _SLOT_BYTES)
    except OSError:
        return None


def _may_be_hindered(error: DiedError) -> bool:
    """Tell whether a limit or the machine, not the file, may be the cause."""
    return isinstance(error, _HinderedError) or str(error) == KILLED
