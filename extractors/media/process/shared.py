"""Memory that a child process and its parent share: arrays need not go through the pipe, which copies them twice.

The memory is cut into slots. The child fills one that is free and names it in its reply; the parent looks at the
arrays in place, and tells the child when nobody does any more. Only Linux has such memory.
"""

import errno
import mmap
import os
import select
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

HUNGRY = 0xFF
"""What the parent writes in place of a free slot's number where it holds all slots and waits for more."""


class _Acks:
    """The parent's words to the child on slots; finalizers may speak in any thread, also after the child has gone."""

    def __init__(self, requests: int) -> None:
        self._pipe = os.dup(requests)
        self._lock = threading.RLock()  # a finalizer may run within any call
        self._is_closed = False
        self.held = 0

    def hold(self) -> None:
        with self._lock:
            self.held += 1

    def free(self, slot: int) -> None:
        with self._lock:
            self.held -= 1
            self.say(slot)

    def say(self, word: int) -> None:
        with self._lock:
            if not self._is_closed:
                with suppress(OSError):  # the child has gone
                    os.write(self._pipe, bytes([word]))

    def close(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                os.close(self._pipe)


class Slots:
    """The parent's end. Memory is used only where it is written to, and given back when all is closed.

    Args:
        count: number of slots.
        size: of each in bytes, a multiple of 64 KiB.

    Raises:
        OSError: this system has no such memory.
        ValueError: the number of slots cannot be told in a byte.
    """

    def __init__(self, count: int, size: int) -> None:
        if not 0 < count < HUNGRY:
            raise ValueError(f"{count} slots; 1 to {HUNGRY - 1} can be told of")
        if not hasattr(os, "memfd_create"):
            raise OSError("no memory can be shared here")
        self.count, self.size = count, size
        self.descriptor = os.memfd_create("mraf-slots")
        self._close = weakref.finalize(self, os.close, self.descriptor)
        os.ftruncate(self.descriptor, count * size)
        self._memory = mmap.mmap(self.descriptor, count * size)
        self._acks: _Acks | None = None

    def told_by(self, requests: int) -> None:
        """Take the descriptor on which the child gets requests, for what it must know of slots."""
        self._acks = _Acks(requests)
        weakref.finalize(self, self._acks.close)

    def arrays(self, slot: int, shapes: Sequence[tuple[Sequence[int], type]]) -> list[np.ndarray]:
        """Return the arrays in a slot, in place. It is free when none of them, or of their views, is left.

        Raises ValueError where there is no such slot, or they are larger than it.
        """
        assert self._acks is not None
        counts = [int(np.prod(shape)) * np.dtype(kind).itemsize for shape, kind in shapes]
        if not 0 <= slot < self.count or not 0 <= sum(counts) <= self.size:
            raise ValueError(f"slot {slot} of {self.count}, {sum(counts)} of {self.size} bytes")
        whole = np.frombuffer(self._memory, np.uint8, self.size, slot * self.size)
        self._acks.hold()
        # All views of it, and views of views, keep this one array.
        weakref.finalize(whole, self._acks.free, slot).atexit = False
        found: list[np.ndarray] = []
        at = 0
        for (shape, kind), count in zip(shapes, counts, strict=True):
            found.append(whole[at : at + count].view(kind).reshape(tuple(shape)))
            at += count
        return found

    def ask(self) -> None:
        """Say that the next arrays have to come through the pipe, if all slots are held here."""
        if self._acks is not None and self._acks.held >= self.count:
            self._acks.say(HUNGRY)

    def close(self) -> None:
        """Say no more to the child. Arrays stay."""
        if self._acks is not None:
            self._acks.close()
        self._close()


class SlotWriter:
    """The child's end.

    Args:
        descriptor, count, size: of the memory, as `Slots` has them.
        requests: descriptor on which the parent's words come.
    """

    def __init__(self, descriptor: int, count: int, size: int, requests: int) -> None:
        self._descriptor, self._size, self._requests = descriptor, size, requests
        # That which was freed last is filled next: of slots that are not needed no memory is used.
        self._free = list(reversed(range(count)))
        self._poll = select.poll()
        self._poll.register(requests, select.POLLIN)

    def put(self, arrays: Sequence[Any]) -> int | None:
        """Copy contiguous arrays into a free slot, one behind the other, and return its number.

        Waits for a free one. Returns None where they must go through the pipe, as where this process may not have
        so much more memory. Raises BrokenPipeError when the parent has gone.
        """
        count = sum(each.nbytes for each in arrays)
        if count > self._size or not self._has_free():
            return None
        slot = self._free.pop()
        try:
            memory = self._mapped(slot, max(1, count))
        except OSError as error:
            if error.errno != errno.ENOMEM:
                raise
            self._free.append(slot)
            return None
        with memory:
            at = 0
            for each in arrays:
                memory[at : at + each.nbytes] = memoryview(each).cast("B") if each.nbytes else b""
                at += each.nbytes
        return slot

    def _mapped(self, slot: int, count: int) -> mmap.mmap:
        # Mapped anew each time, all at once: what is mapped counts as memory of this process too.
        at_once = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
        return mmap.mmap(self._descriptor, count, flags=at_once, offset=slot * self._size)

    def _has_free(self) -> bool:
        while not self._free or self._poll.poll(0):
            words = os.read(self._requests, 64)
            if not words:
                raise BrokenPipeError("the parent has gone")
            self._free.extend(word for word in words if word != HUNGRY)
            if HUNGRY in words and not self._free:
                return False
        return True
