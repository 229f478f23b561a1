"""The child process of `isolated.Decoder`: gets the path of a file, replies with its content.

A request is a line of JSON with `video`, `audio` or `image`, and perhaps with `part` and `wish`, see
`read.read_video`. A reply is the length of a JSON header
(4 bytes, little endian), the header, the bytes of the frames and those of the sound.

Linux bounds the memory of this process and ends it together with its parent; macOS does neither.
"""

import ctypes
import json
import os
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

LENGTH = struct.Struct("<I")
"""The first bytes of a reply: the length of its header."""


def main() -> None:
    """Serve requests from stdin until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and ends this process
    parent, options = int(sys.argv[1]), json.loads(sys.argv[2])
    _end_with(parent)
    replies = _own_stdout()
    try:
        from mraf.extractors.media.limits import Limits

        limits = Limits(**options.pop("limits"))
        _load_libraries(limits)
        _bound(limits.memory)
    except Exception as error:
        _send(replies, {"refused": f"{type(error).__name__}: {error}"})
        return
    _send(replies, {"ready": True})
    for line in sys.stdin.buffer:
        # Ends the process if the parent has gone without the kernel's notice, even during a call
        # that does not return.
        signal.alarm(int(limits.seconds) + 10)
        _answer(replies, json.loads(line), options, limits)
        signal.alarm(0)


def _answer(replies: int, request: dict[str, Any], options: dict[str, Any], limits: Any) -> None:
    from mraf.errors import MediaError

    try:
        media = _read(request, options, limits)
    except MediaError as error:
        _send(replies, {"error": str(error)})
    except MemoryError:
        _send(replies, {"memory": True})
    except Exception as error:  # an unforeseen error of one clip must not end the process
        _send(replies, {"unforeseen": f"{type(error).__name__}: {error}".splitlines()[0]})
    else:
        header = {
            "frames": None if media.frames is None else media.frames.shape,
            "times": media.times.tolist(),
            "wave": None if media.wave is None else media.wave.shape,
            "frames_reason": media.frames_reason,
            "wave_reason": media.wave_reason,
            "problem": media.problem,
            "notes": media.notes,
            "seconds": media.seconds,
            "seconds_read": media.seconds_read,
            "more_sound": media.more_sound,
            "more_pictures": media.more_pictures,
            "sides": None if media.sides is None else media.sides.shape,
            "rest": None if media.rest is None else media.rest.shape,
            "picture_track": media.picture_track,
            "sound_track": media.sound_track,
            "clipped": media.clipped,
        }
        arrays = (media.frames, media.wave, media.sides, media.rest)
        _send(replies, header, *(part for part in arrays if part is not None))


def _read(request: dict[str, Any], options: dict[str, Any], limits: Any) -> Any:
    from mraf.extractors.media.read import Part, Wish, read_pair, read_video

    asked: dict[str, Any] = {
        "part": Part(**request.pop("part", {})),
        "wish": Wish(**request.pop("wish", {})),
        "limits": limits,
    }
    files = {role: Path(path) for role, path in request.items()}
    if "video" in files:
        return read_video(files["video"], **options, **asked)
    seconds = options["max_seconds"]
    return read_pair(files.get("audio"), files.get("image"), max_seconds=seconds, **asked)


def _send(replies: int, header: dict[str, Any], *arrays: Any) -> None:
    text = json.dumps(header).encode()
    for part in (LENGTH.pack(len(text)) + text, *arrays):
        view = memoryview(part).cast("B")
        while view:
            view = view[os.write(replies, view) :]


def _own_stdout() -> int:
    """Return a descriptor for replies alone; what libraries print goes to stderr."""
    replies = os.dup(1)
    os.dup2(2, 1)
    return replies


def _end_with(parent: int) -> None:
    """Have Linux end this process together with the parent's thread that started it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it ended before
        sys.exit(1)


def _load_libraries(limits: Any) -> None:
    """Import the libraries, before memory is bounded, with OpenCV's own bounds on pictures."""
    os.environ["OPENCV_IO_MAX_IMAGE_WIDTH"] = str(limits.side)
    os.environ["OPENCV_IO_MAX_IMAGE_HEIGHT"] = str(limits.side)
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(limits.pixels)
    import av
    import cv2

    import mraf.extractors.media.read  # noqa: F401

    av.logging.set_level(None)
    cv2.setNumThreads(1)


def _bound(memory: int) -> None:
    """Allow `memory` bytes more than are in use now, no file to be written and no core dump."""
    import resource

    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(kind, (0, resource.getrlimit(kind)[1]))
    # Only Linux has /proc, and only there does RLIMIT_AS bound the memory.
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        wanted = pages * resource.getpagesize() + memory
        if hard != resource.RLIM_INFINITY:
            wanted = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
