"""Say what is wrong with a video or sound file that FFmpeg cannot open."""

import os
import re
from pathlib import Path
from typing import BinaryIO

_PICTURES = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"BM": "BMP",
}
_PICTURES_IN_BOXES = {b"heic": "HEIC", b"heix": "HEIC", b"mif1": "HEIF", b"avif": "AVIF"}
_INDEX = re.compile(rb"moov.{4}mvhd", re.DOTALL)  # the start of the box that lists the frames
_NEAR = 32 << 20  # bytes from either end of a file in which its index is looked for


def what_is_wrong(path: Path) -> str | None:
    """Return what is wrong with a file, for the most common kinds of damage; None for others."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            if not head:
                return "the file is empty"
            if not any(head):
                return "it begins with nothing but zeros: was the copy cut off?"
            if picture := _picture_format(head):
                return f"it is a {picture} picture"
            if head[4:8] == b"ftyp" and b"moov" not in _boxes(file):
                if _holds_index(file):
                    return "its index is there, but not where the sizes of its boxes say: it is damaged"
                return "its index is missing: the recording or the copy was cut off"
    except OSError:
        pass  # what opening the file raised says as much
    return None


def _picture_format(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return _PICTURES_IN_BOXES.get(head[8:12])
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((name for start, name in _PICTURES.items() if head.startswith(start)), None)


def _holds_index(file: BinaryIO) -> bool:
    """Tell whether the index of an MP4 file lies anywhere near its beginning or its end."""
    size = file.seek(0, os.SEEK_END)
    for start in {0, max(0, size - _NEAR)}:
        file.seek(start)
        if _INDEX.search(file.read(_NEAR)):
            return True
    return False


def _boxes(file: BinaryIO) -> set[bytes]:
    """Return the names of the outermost boxes of an MP4 file."""
    names: set[bytes] = set()
    at = 0
    for _ in range(1000):
        file.seek(at)
        # A header is the size (4 bytes), the name (4) and, where the size is 1, the real size (8).
        header = file.read(16)
        if len(header) < 8:
            break
        names.add(header[4:8])
        size = int.from_bytes(header[:4], "big")
        size = int.from_bytes(header[8:], "big") if size == 1 else size
        if size < 8:  # 0: up to the end of the file
            break
        at += size
    return names
