"""The parent's end of a child process that decodes files: starts it, reads its replies in bounded time."""

import json
import os
import select
import subprocess
import sys
import time
import weakref
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import mraf
from mraf.errors import MrafError, how_it_ended
from mraf.extractors.media.process.inside import LENGTH

_STARTUP_SECONDS = 120.0
"""Time within which the child has to load its libraries, on a very busy machine too."""
_PIPE_BYTES = 1 << 20
"""Size of the pipe for replies: the largest that Linux gives every user. The default is slow."""
_HEADER_BYTES = 16 << 20
"""Longest header of a reply."""
# The child gets its sys.path as an argument: PYTHONPATH cannot hold a path with a colon.
_MAIN = (
    "import importlib, json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "importlib.import_module(sys.argv[4]).main()"
)


class DiedError(Exception):
    """Raised when the child process ends, or answers nonsense, during a request."""


class DecodingProcess:
    """A child process that answers requests; it ends with this object."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process
        assert self.process.stdin is not None and self.process.stdout is not None
        self._requests, self._replies = self.process.stdin.fileno(), self.process.stdout.fileno()
        _widen(self._replies)
        self._poll = select.poll()
        self._poll.register(self._replies, select.POLLIN)
        self._deadline = 0.0
        self._ready = False
        self.end = weakref.finalize(self, _end, self.process)

    @property
    def requests(self) -> int:
        """Descriptor on which the child gets requests."""
        return self._requests

    def wait_until_ready(self) -> None:
        """Wait for the child's first reply. Raises MrafError where the child cannot start."""
        if self._ready:
            return
        self.allow(_STARTUP_SECONDS)
        try:
            header = self.header()
        except TimeoutError:
            raise MrafError(
                f"The decoder did not start within {_STARTUP_SECONDS:g} s; is the machine overloaded?"
            ) from None
        if "refused" in header:
            raise MrafError(
                f"The decoder cannot start: {header['refused']}. Run `mraf doctor` to look for the cause."
            )
        self._ready = True

    def send(self, request: bytes, seconds: float) -> None:
        """Send a request, whose reply has to come within some seconds. Raises DiedError."""
        self.allow(seconds)
        try:
            os.write(self._requests, request)
        except OSError:
            raise DiedError(self._how_it_ended()) from None

    def allow(self, seconds: float) -> None:
        """Give what is read next so many seconds from now."""
        self._deadline = time.monotonic() + seconds

    def is_silent(self, seconds: float) -> bool:
        """Return True where nothing to read comes within some seconds, or within those that are allowed."""
        left = min(seconds, self._deadline - time.monotonic())
        return not self._poll.poll(max(0.0, left) * 1000)

    def header(self) -> dict[str, Any]:
        """Return the header of the next reply. Raises TimeoutError, DiedError."""
        length = bytearray(LENGTH.size)
        self._fill(memoryview(length))
        (size,) = LENGTH.unpack(length)
        if size > _HEADER_BYTES:
            raise DiedError("gave an answer that cannot be read")
        text = bytearray(size)
        self._fill(memoryview(text))
        try:
            return dict(json.loads(text))
        except (TypeError, ValueError):
            raise DiedError("gave an answer that cannot be read") from None

    def array(self, shape: list[int] | None, dtype: type, most: int) -> np.ndarray | None:
        """Return the next array of a reply, None without a shape.

        Raises ValueError where it has more than `most` bytes, TimeoutError, DiedError.
        """
        if shape is None:
            return None
        if not np.prod(shape, dtype=float) * np.dtype(dtype).itemsize <= most:
            raise ValueError(shape)
        array: np.ndarray = np.empty(shape, dtype)
        self._fill(memoryview(array.reshape(-1).view(np.uint8).data))
        return array

    def _fill(self, view: memoryview) -> None:
        """Read until `view` is full. Raises TimeoutError, DiedError."""
        while view:
            left = max(0.0, self._deadline - time.monotonic())
            # Polls once more after the deadline: this process, not the child, may have been asleep.
            if not self._poll.poll(left * 1000):
                raise TimeoutError
            count = os.readv(self._replies, [view])
            if not count:
                raise DiedError(self._how_it_ended())
            view = view[count:]

    def _how_it_ended(self) -> str:
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        return how_it_ended(code)


def start(
    module: str,
    options: str,
    variables: dict[str, str] | None = None,
    descriptors: Sequence[int] = (),
) -> subprocess.Popen:
    """Start `main()` of a module with the `sys.path` of this process, without the current folder.

    Args:
        module: its name.
        options: its second argument, JSON.
        variables: of the environment, beside those of this process.
        descriptors: open files that the child gets under the same numbers.

    Raises:
        MrafError: this system cannot.
    """
    if not hasattr(select, "poll"):
        raise MrafError(
            f"Clips cannot be decoded on {sys.platform}: the decoder needs poll(), which Linux and "
            "macOS have."
        )
    paths = [str(Path(path).absolute()) for path in sys.path if path]
    root = str(Path(mraf.__file__).absolute().parents[1])
    path_list = json.dumps(list(dict.fromkeys([*paths, root])))
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment = {**os.environ, **one_thread, **(variables or {})}
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", _MAIN, str(os.getpid()), options, path_list, module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # messages of decoders about damaged files
            bufsize=0,
            cwd=os.sep,
            env=environment,
            pass_fds=descriptors,
        )
    except OSError as error:
        raise MrafError(
            f"The decoder cannot start: {sys.executable} cannot be run ({error.strerror})."
        ) from None


def _widen(pipe: int) -> None:
    with suppress(ImportError, AttributeError, OSError):  # only Linux can
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _end(process: subprocess.Popen) -> None:
    process.kill()
    with suppress(subprocess.TimeoutExpired):  # stuck in the kernel, e.g. on a lost network drive
        process.wait(timeout=5)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
