"""The child process of `stream.Slices`: gets the path of a file, replies with its slices.

The request is a line of JSON with `path`, `start`, `wish` and `skip`. The replies (see `process.inside`) are one
with the length and the streams of the file, one for each slice, and one at the end; in between, while
nothing comes of reading, some that say that it goes on.
"""

import errno
import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mraf.extractors.media.process.inside import bound, end_with, load_libraries, own_stdout, send
from mraf.extractors.media.process.shared import SlotWriter

_BEAT_SECONDS = 5.0
"""Time after which reading that gives no slice says that it goes on."""


def main() -> None:
    """Serve one request from stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    parent, options = int(sys.argv[1]), json.loads(sys.argv[2])
    end_with(parent)
    replies = own_stdout()
    try:
        from mraf.extractors.media.limits import Limits

        limits = Limits(**options["limits"])
        load_libraries(limits)
        import mraf.extractors.streaming.slicing  # noqa: F401

        bound(limits.memory)
    except Exception as error:
        send(replies, {"refused": f"{type(error).__name__}: {error}"})
        return
    send(replies, {"ready": True})
    line = _line(sys.stdin.fileno())
    if line:
        _answer(_Replies(replies, options.get("slots")), json.loads(line), limits)


def _line(requests: int) -> bytes:
    """Return the next line, and no byte more: what follows it is for `SlotWriter`."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(requests, 1)):
        line += byte
    return bytes(line)


class _Replies:
    """The way back to the parent: large arrays through shared memory where there is some.

    Args:
        pipe: descriptor of the replies.
        slots: descriptor, number and size of the slots; None: all goes through the pipe.
    """

    def __init__(self, pipe: int, slots: tuple[int, int, int] | None) -> None:
        self._pipe = pipe
        self._slots = SlotWriter(*slots, sys.stdin.fileno()) if slots else None

    def send(self, header: dict[str, Any], *arrays: Any) -> None:
        """Send a reply: a header and contiguous arrays."""
        slot = self._slots.put(arrays) if self._slots and arrays else None
        if slot is None:
            send(self._pipe, header, *arrays)
        else:
            send(self._pipe, {**header, "slot": slot})


def _answer(replies: _Replies, request: dict[str, Any], limits: Any) -> None:
    from mraf.errors import MediaError

    try:
        _send_slices(replies, request, limits)
    except MediaError as error:
        replies.send({"error": str(error)})
    except BrokenPipeError:
        raise  # the parent has gone
    except Exception as error:
        if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            replies.send({"memory": True})
        else:
            replies.send({"unforeseen": f"{type(error).__name__}: {error}".splitlines()[0]})


def _send_slices(replies: _Replies, request: dict[str, Any], limits: Any) -> None:
    from mraf.extractors.media.tracks import Wish
    from mraf.extractors.streaming.slicing import FileSlices

    file = FileSlices(
        Path(request["path"]),
        start=request["start"],
        wish=Wish(**request["wish"]),
        skip=tuple((begin, end) for begin, end in request["skip"]),
        limits=limits,
        beat=_Beat(replies, limits.seconds),
    )
    opened = {
        "length": file.length,
        "notes": file.notes,
        "picture": file.has_picture,
        "tracks": file.tracks,
    }
    replies.send(opened)
    slices = file.slices()
    while True:
        each = next(slices, None)
        if each is None:
            break
        _send_slice(replies, each, _as_json(file.problems.take()))
        del each  # before the next one is made: it is large
    problems = _as_json(file.problems.take())
    replies.send({"end": file.end, "notes": file.notes, "problems": problems})


def _as_json(problems: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [asdict(each) for each in problems]


def _send_slice(replies: _Replies, each: Any, problems: list[dict[str, Any]]) -> None:
    pictures = each.pictures
    grey = pictures.grey[0].shape if pictures.grey else (0, 0)
    colour = pictures.colour[0].shape if pictures.colour else (0, 0, 3)
    header = {
        "start": each.start,
        "stop": each.stop,
        "wave": None if each.wave is None else each.wave.shape,
        "grey": [len(pictures.grey), *grey],
        "shown": pictures.shown,
        "colour": [len(pictures.colour), *colour],
        "looks": pictures.looks,
        "problems": problems,
    }
    waves = [] if each.wave is None else [each.wave]
    signal.alarm(0)  # the parent may take its time
    replies.send(header, *waves, *pictures.grey, *pictures.colour)


class _Beat:
    """Says from time to time that reading goes on, and ends the process if a call does not return."""

    def __init__(self, replies: _Replies, seconds: float) -> None:
        self._replies, self._seconds = replies, seconds
        self._last = time.monotonic()

    def __call__(self) -> None:
        # Ends the process if the parent has gone without the kernel's notice, even during a call
        # that does not return.
        signal.alarm(int(self._seconds) + 10)
        if time.monotonic() - self._last > _BEAT_SECONDS:
            self._last = time.monotonic()
            self._replies.send({"beat": True})
