"""The slices of a long file, decoded by a child process that may hang or crash without harm."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mraf.errors import KILLED, BusyError, MediaError
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.process.parent import DecodingProcess, DiedError
from mraf.extractors.media.process.parent import start as start_process
from mraf.extractors.media.tracks import Wish
from mraf.extractors.streaming.slices import SLICE_SECONDS, Slice

TRIES = 2
"""Number of times that one slice may crash the decoder before the rest of the file is given up."""
_MODULE = "mraf.extractors.streaming.child"

# The C library keeps the memory of a slice for the next one; to get it anew from Linux takes a quarter as long
# as decoding.
_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}


class Slices:
    """An iterator over the slices of a file, from the first to the last. Close it, or use it in a `with`.

    At most one slice is held here and one in the child. The child starts with this object.

    Args:
        path: of the file.
        start: time in s of the first slice, a multiple of 2 s. The slices are those of an unbroken pass.
        wish: the streams that are asked for, by default those that `choose_tracks` chooses.
        limits: on the contents of the file, on memory, and on the time until the next slice.

    Raises:
        MediaError: the file cannot be opened or holds nothing that can be read; while iterating, nothing of
            it can be decoded. Where it crashes the decoder later, or takes too much memory, it ends there,
            and `problems` tells.
        BusyError: the next slice takes too long, or the system killed the decoder.
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
    ) -> None:
        if start < 0 or start % SLICE_SECONDS:
            raise ValueError(f"start must be a multiple of {SLICE_SECONDS:g} s, is {start}")
        check_file(path)
        self._path, self._wish, self._limits = path, wish, limits
        self.position = start  # s: the end of the last slice
        self.duration: float | None = None  # s, as the file says; at the end, as it is
        self.notes: tuple[str, ...] = ()  # for people, as which of several tracks is read
        self.problems: tuple[str, ...] = ()  # what could not be decoded so far
        self.has_picture = False  # a stream of pictures that can be decoded
        # Numbers, from 1, of the tracks of sound and picture that were chosen; None: there is none.
        self.tracks: tuple[int | None, int | None] = (None, None)
        self._has_ended = False
        self._crashes = 0
        self._child: DecodingProcess | None = None
        self._open()

    def __iter__(self) -> Iterator[Slice]:
        return self

    def __next__(self) -> Slice:
        while not self._has_ended:
            try:
                found = self._next()
            except DiedError as error:
                self._try_again(str(error))
                continue
            except BaseException:
                self.close()
                raise
            if found is not None:
                self._crashes = 0
                return found
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
        self._drop()

    def _open(self) -> None:
        """Have the child open the file at the present position; see `__init__` for what it raises."""
        while self._child is None and not self._has_ended:
            try:
                self._child = DecodingProcess(
                    start_process(
                        _MODULE, json.dumps({"limits": asdict(self._limits)}), _KEEP_MEMORY
                    )
                )
                self._child.wait_until_ready()
                self._child.send(self._request(), self._limits.seconds)
                header = self._header()
            except DiedError as error:
                self._note_crash(str(error))
                continue
            except BaseException:
                self._drop()
                raise
            self.duration, self.notes = header["length"], tuple(header["notes"])
            self.has_picture = bool(header["picture"])
            self.tracks = (header["tracks"][0], header["tracks"][1])

    def _request(self) -> bytes:
        asked = {
            "path": str(self._path.absolute()),
            "start": self.position,
            "wish": asdict(self._wish),
        }
        return json.dumps(asked).encode() + b"\n"

    def _next(self) -> Slice | None:
        """Return the next slice, None at the end. Raises DiedError beside what `__init__` says."""
        header = self._header()
        try:
            self.problems = tuple(header["problems"])
            if "end" in header:
                self._has_ended = True
                self.duration, self.notes = header["end"], tuple(header["notes"])
                return None
            found = self._slice(header)
        except (KeyError, TypeError, ValueError):
            raise DiedError("gave an answer that cannot be read") from None
        except TimeoutError:
            raise self._too_slow() from None
        self.position = found.stop
        return found

    def _slice(self, header: dict[str, Any]) -> Slice:
        """Return the slice of a header. Raises KeyError, TypeError, ValueError, TimeoutError, DiedError."""
        assert self._child is not None
        most = self._limits.memory
        wave = self._child.array(header["wave"], np.float32, most)
        grey = self._child.array(header["grey"], np.uint8, most)
        colour = self._child.array(header["colour"], np.uint8, most)
        if grey is None or colour is None:
            raise ValueError("no pictures")
        return Slice(
            start=header["start"],
            stop=header["stop"],
            wave=wave,
            grey=grey,
            shown=np.asarray(header["shown"], np.int32),
            colour=colour,
            looks=np.asarray(header["looks"], np.int32),
        )

    def _header(self) -> dict[str, Any]:
        """Return the next header that is not a sign of life, each in bounded time."""
        assert self._child is not None
        header: dict[str, Any] = {"beat": True}
        while "beat" in header:
            self._child.allow(self._limits.seconds)
            try:
                header = self._child.header()
            except TimeoutError:
                raise self._too_slow() from None
        if "error" in header:
            raise MediaError(str(header["error"]))
        if "memory" in header:
            raise DiedError(f"needs more than {self._limits.memory >> 20} MiB")
        if "unforeseen" in header:
            raise DiedError(f"failed ({header['unforeseen']})")
        return header

    def _too_slow(self) -> BusyError:
        return BusyError(
            f"{self._path.name}: took longer than {self._limits.seconds:g} s to decode what follows "
            f"{self.position:g} s"
        )

    def _try_again(self, how: str) -> None:
        self._note_crash(how)
        if not self._has_ended:
            self._open()

    def _note_crash(self, how: str) -> None:
        """Count a crash. What came before a second one at the same place remains the whole of the file.

        Raises MediaError where nothing came before it, BusyError where the system killed the decoder.
        """
        self._drop()
        self._crashes += 1
        if self._crashes < TRIES:
            return
        self._has_ended = True
        if how == KILLED:  # to free memory: the file is not to blame
            raise BusyError(f"{self._path.name}: the decoder {how}")
        if not self.position:
            raise MediaError(f"{self._path.name}: the decoder {how}")
        lost = f"file: the decoder {how} at {self.position:.1f} s; the rest is not read"
        self.problems = (*self.problems, lost)
        self.duration = self.position

    def _drop(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def slices(
    path: Path, *, start: float = 0.0, wish: Wish = Wish(), limits: Limits = Limits()
) -> Slices:
    """Return the slices of a file from `start` s on, see `Slices`."""
    return Slices(path, start=start, wish=wish, limits=limits)
