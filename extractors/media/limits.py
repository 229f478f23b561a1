"""Limits on the media files that are read: time, memory, sizes, the kind of file, and a part of it."""

import stat
from dataclasses import dataclass
from pathlib import Path

from mraf.errors import BusyError, MediaError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on one file. No camera, phone or studio makes files that come near them."""

    # Time to decode. Two minutes of 4K take one core 45 s (H.264) to 110 s (HEVC), and twice that
    # on a busy machine.
    seconds: float = 300.0
    # Bytes, in addition to the libraries; 8K with eight reference frames of 10 bits takes 1.3 GiB.
    # Only Linux enforces it.
    memory: int = 2 << 30
    side: int = 16_384  # pixels; twice the longer side of 8K
    pixels: int = 8192 * 8192  # twice those of 8K; the size of panoramas of two lenses
    streams: int = 256  # in a container; a television multiplex has about a hundred
    channels: int = 64  # of sound; ambisonics of the seventh order have as many
    lowest_rate: int = 2_000  # Hz; telephone sound has 8,000
    highest_rate: int = 768_000  # Hz; the highest in studio use
    packets: int = 1_000  # of a stream, for each second of the time limit; Opus has at most 400
    # Bytes read without a packet of a wanted stream, see `one_pass.Reader.run`: 20 s of a camera's
    # 4K (100 Mbit/s), and before a stream's first packet a whole file of common size.
    gap: int = 256 << 20
    first_gap: int = 1 << 30
    picture_bytes: int = 256 << 20  # size of a picture file

    def check_size(self, width: int, height: int) -> str | None:
        """Return what is wrong with the size of a picture, or None."""
        if max(width, height) <= self.side and width * height <= self.pixels:
            return None
        return (
            f"pictures of {width} x {height} pixels; at most {self.side} a side and "
            f"{self.pixels >> 20} Mi in all are read"
        )

    def check_sound(self, channels: int, rate: int) -> str | None:
        """Return what is wrong with a format of sound, or None."""
        if not 1 <= channels <= self.channels:
            return f"sound of {channels} channels; 1 to {self.channels} are read"
        if not self.lowest_rate <= rate <= self.highest_rate:
            return f"sound at {rate} Hz; {self.lowest_rate} to {self.highest_rate} Hz are read"
        return None


@dataclass(frozen=True, kw_only=True)
class Part:
    """The part of a file that is read: times in seconds on the clock of its container."""

    start: float | None = None  # None: from the beginning
    end: float | None = None  # None: to the end
    is_quick: bool = False  # only pictures that stand for themselves are decoded, about one in 2 s

    @property
    def is_whole(self) -> bool:
        """True where both streams are read from their own beginnings."""
        return self.start is None and self.end is None

    @property
    def begins(self) -> float:
        """The first second that counts."""
        return self.start or 0.0


def check_file(path: Path) -> int:
    """Return the size in bytes of a regular file; raise MediaError for anything else.

    A file that is not there, or cannot be looked at, raises BusyError: it may have been moved for a
    moment, or its server may be down, and another run finds it.

    The check comes before the file is opened: opening a pipe waits for its writer, and opening a
    device may have any effect.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise BusyError(f"{path.name}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BusyError(f"{path.name}: cannot be read ({reason})") from None
    if not stat.S_ISREG(found.st_mode):
        raise MediaError(f"{path.name}: {_kind(found.st_mode)}, and only files are read")
    return found.st_size


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "not a regular file")
