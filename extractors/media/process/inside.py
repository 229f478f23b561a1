"""What a child process that decodes files does for itself: replies, limits, its end with the parent.

A reply is the length of a JSON header (4 bytes, little endian), the header, and the bytes of arrays
whose shapes the header gives.

Linux bounds the memory of such a process and ends it together with its parent; macOS does neither.
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


def send(replies: int, header: dict[str, Any], *arrays: Any) -> None:
    """Write a reply: a header and the bytes of contiguous arrays."""
    text = json.dumps(header).encode()
    for part in (LENGTH.pack(len(text)) + text, *arrays):
        if isinstance(part, bytes) or part.size:
            view = memoryview(part).cast("B")
            while view:
                view = view[os.write(replies, view) :]


def own_stdout() -> int:
    """Return a descriptor for replies alone; what libraries print goes to stderr."""
    replies = os.dup(1)
    os.dup2(2, 1)
    return replies


def end_with(parent: int) -> None:
    """Have Linux end this process together with the parent's thread that started it."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # it ended before
        sys.exit(1)


def load_libraries(limits: Any) -> None:
    """Import the libraries, before memory is bounded, with OpenCV's own bounds on pictures."""
    os.environ["OPENCV_IO_MAX_IMAGE_WIDTH"] = str(limits.side)
    os.environ["OPENCV_IO_MAX_IMAGE_HEIGHT"] = str(limits.side)
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(limits.pixels)
    import av
    import av.subtitles.stream  # a container imports it when it is opened
    import cv2

    import mraf.extractors.media.read  # noqa: F401

    av.logging.set_level(None)
    cv2.setNumThreads(1)


def bound(memory: int) -> None:
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
