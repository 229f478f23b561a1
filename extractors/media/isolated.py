"""Decode clips in a child process, which can hang, crash or run out of memory without harm.

It runs on Linux and macOS. Windows lacks `select.poll` for pipes, by which the parent bounds the time.
"""

import json
import os
import select
import subprocess
import sys
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import mraf
from mraf.errors import KILLED, BusyError, MediaError, MrafError, how_it_ended
from mraf.extractors.media.child import LENGTH
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.read import Media, Part, Wish, pair_up

TRIES = 2
"""Number of times that a clip may crash the decoder before it is given up."""

_STARTUP_SECONDS = 120.0
"""Time within which the child has to load its libraries, on a very busy machine too."""
_PIPE_BYTES = 1 << 20
"""Size of the pipe for replies: the largest that Linux gives every user. The default is slow."""
_HEADER_BYTES = 16 << 20
"""Longest header of a reply."""
# The child gets its sys.path as an argument: PYTHONPATH cannot hold a path with a colon.
_MAIN = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[3]); "
    "from mraf.extractors.media import child; child.main()"
)


class Decoder:
    """Reads clips one after the other in one child process, started anew after it has died.

    The child starts at once and loads its libraries while the caller goes on. Close the decoder,
    or use it in a `with` block; otherwise the child ends with this object or this process.

    Args:
        frames: number of frames to choose from each video.
        max_seconds: length of the part that is read, from the beginning of a clip.
        limits: limits on time, memory and the contents of a file.

    Raises:
        MrafError: no child process can be started.
    """

    def __init__(
        self, *, frames: int = 8, max_seconds: float = 120.0, limits: Limits = Limits()
    ) -> None:
        self.limits = limits
        self._options = json.dumps(
            {"frames": frames, "max_seconds": max_seconds, "limits": asdict(limits)}
        )
        self._lock = threading.Lock()
        self._child: _Child | None = _Child(self._options)

    def read(
        self,
        video: Path | None = None,
        audio: Path | None = None,
        image: Path | None = None,
        *,
        part: Part = Part(),
        wish: Wish = Wish(),
    ) -> Media:
        """Decode a video, or a sound file and a picture, either of which may be None.

        `part` and `wish` are of the video or the sound file, see `read_video`.

        Raises:
            MediaError: nothing can be decoded, or the file takes too much memory, or it crashes the
                decoder.
            BusyError: the file takes too long, or the system killed the decoder.
            MrafError: the decoder does not start.
        """
        if video is not None:
            return self._decode("video", video, part, wish)
        return pair_up(
            audio,
            image,
            lambda path: self._decode("audio", path, part, wish),
            lambda path: self._decode("image", path),
        )

    @property
    def pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        return None if self._child is None else self._child.process.pid

    def close(self) -> None:
        """End the child process. A later `read` starts another one."""
        with self._lock:
            self._drop()

    def __enter__(self) -> "Decoder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _decode(self, role: str, path: Path, part: Part = Part(), wish: Wish = Wish()) -> Media:
        check_file(path)
        asked = {role: str(path.absolute()), "part": asdict(part), "wish": asdict(wish)}
        request = json.dumps(asked).encode() + b"\n"
        with self._lock:
            for _ in range(TRIES):
                try:
                    return self._ask(request, path.name)
                except _DiedError as error:
                    how = str(error)
        killed = how == KILLED  # by the system to free memory: the file is not to blame
        raise (BusyError if killed else MediaError)(f"{path.name}: the decoder {how}")

    def _ask(self, request: bytes, name: str) -> Media:
        child = self._running()
        try:
            child.wait_until_ready()
            reply = child.ask(request, self.limits)
        except TimeoutError:
            self._drop()
            raise BusyError(
                f"{name}: took longer than {self.limits.seconds:g} s to decode"
            ) from None
        except BaseException:  # also Ctrl-C: the rest of this reply must not begin the next one
            self._drop()
            raise
        if isinstance(reply, Media):
            return reply
        if "memory" in reply:
            self._drop()  # its memory may be fragmented
            mebibytes = self.limits.memory >> 20
            raise MediaError(f"{name}: needs more than {mebibytes} MiB to decode")
        if "unforeseen" in reply:
            raise MediaError(f"{name}: cannot be decoded ({reply['unforeseen']})")
        raise MediaError(str(reply.get("error")))

    def _running(self) -> "_Child":
        if self._child is not None and self._child.process.poll() is not None:
            self._drop()  # it died between two clips: neither is to blame
        if self._child is None:
            self._child = _Child(self._options)
        return self._child

    def _drop(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _DiedError(Exception):
    """Raised when the child process ends, or answers nonsense, during a request."""


class _Child:
    def __init__(self, options: str) -> None:
        self.process = _start(options)
        assert self.process.stdin is not None and self.process.stdout is not None
        self._requests, self._replies = self.process.stdin.fileno(), self.process.stdout.fileno()
        _widen(self._replies)
        self._poll = select.poll()
        self._poll.register(self._replies, select.POLLIN)
        self._deadline = 0.0
        self._ready = False
        self.end = weakref.finalize(self, _end, self.process)

    def wait_until_ready(self) -> None:
        """Wait for the child's first reply. Raises MrafError where the child cannot start."""
        if self._ready:
            return
        self._deadline = time.monotonic() + _STARTUP_SECONDS
        try:
            header = self._header()
        except TimeoutError:
            raise MrafError(
                f"The decoder did not start within {_STARTUP_SECONDS:g} s; is the machine overloaded?"
            ) from None
        if "refused" in header:
            raise MrafError(
                f"The decoder cannot start: {header['refused']}. Run `mraf doctor` to look for the cause."
            )
        self._ready = True

    def ask(self, request: bytes, limits: Limits) -> Media | dict[str, Any]:
        """Return the clip, or a header with the reason. Raises TimeoutError, _DiedError."""
        self._deadline = time.monotonic() + limits.seconds
        try:
            os.write(self._requests, request)
        except OSError:
            raise _DiedError(self._how_it_ended()) from None
        header = self._header()
        if "times" not in header:
            return header
        try:
            return self._media(header, limits)
        except (KeyError, TypeError, ValueError):
            raise _DiedError("gave an answer that cannot be read") from None

    def _media(self, header: dict[str, Any], limits: Limits) -> Media:
        return Media(
            frames=self._array(header["frames"], np.uint8, limits),  # first: the order of the bytes
            times=np.asarray(header["times"], np.float64),
            wave=self._array(header["wave"], np.float32, limits),
            frames_reason=header["frames_reason"],
            wave_reason=header["wave_reason"],
            problem=header["problem"],
            notes=tuple(header["notes"]),
            seconds=header["seconds"],
            seconds_read=header["seconds_read"],
            more_sound=tuple(header["more_sound"]),
            more_pictures=tuple(header["more_pictures"]),
            sides=self._array(header["sides"], np.float32, limits),
            rest=self._array(header["rest"], np.float32, limits),
            picture_track=header["picture_track"],
            sound_track=header["sound_track"],
            clipped=header["clipped"],
        )

    def _array(self, shape: list[int] | None, dtype: type, limits: Limits) -> np.ndarray | None:
        if shape is None:
            return None
        if not np.prod(shape, dtype=float) * np.dtype(dtype).itemsize <= limits.memory:
            raise ValueError(shape)
        array: np.ndarray = np.empty(shape, dtype)
        self._fill(memoryview(array.reshape(-1).view(np.uint8).data))
        return array

    def _header(self) -> dict[str, Any]:
        length = bytearray(LENGTH.size)
        self._fill(memoryview(length))
        (size,) = LENGTH.unpack(length)
        if size > _HEADER_BYTES:
            raise _DiedError("gave an answer that cannot be read")
        text = bytearray(size)
        self._fill(memoryview(text))
        try:
            return dict(json.loads(text))
        except (TypeError, ValueError):
            raise _DiedError("gave an answer that cannot be read") from None

    def _fill(self, view: memoryview) -> None:
        """Read until `view` is full. Raises TimeoutError, _DiedError."""
        while view:
            left = max(0.0, self._deadline - time.monotonic())
            # Polls once more after the deadline: this process, not the child, may have been asleep.
            if not self._poll.poll(left * 1000):
                raise TimeoutError
            count = os.readv(self._replies, [view])
            if not count:
                raise _DiedError(self._how_it_ended())
            view = view[count:]

    def _how_it_ended(self) -> str:
        try:
            code = self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "closed its pipe"
        return how_it_ended(code)


def _start(options: str) -> subprocess.Popen:
    """Start the child with the `sys.path` of this process, without the current folder."""
    if not hasattr(select, "poll"):
        raise MrafError(
            f"Clips cannot be decoded on {sys.platform}: the decoder needs poll(), which Linux and "
            "macOS have."
        )
    paths = [str(Path(path).absolute()) for path in sys.path if path]
    root = str(Path(mraf.__file__).absolute().parents[1])
    path_list = json.dumps(list(dict.fromkeys([*paths, root])))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", _MAIN, str(os.getpid()), options, path_list],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # messages of decoders about damaged files
            bufsize=0,
            cwd=os.sep,
            env=environment,
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
