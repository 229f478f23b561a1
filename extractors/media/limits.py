"""What a media file may ask of the machine, and what kind of file is opened at all."""

import stat
from dataclasses import dataclass
from pathlib import Path

from mraf.errors import MediaError


@dataclass(frozen=True)
class Limits:
    """Bounds on one file. None of them is near to what a camera, a phone or a studio makes."""

    # Two minutes of 4K take one core 45 s (H.264) to 110 s (HEVC); a busy machine, twice that.
    seconds: float = 300.0
    # Beside the libraries themselves; 8K with eight reference frames of 10 bits takes 1.3 GiB.
    memory: int = 2 << 30
    side: int = 16_384  # pixels; twice the longer side of 8K
    pixels: int = 8192 * 8192  # twice those of 8K; panoramas of two lenses are that large
    streams: int = 256  # of a container; a whole television multiplex has about a hundred
    channels: int = 64  # of sound; ambisonics of the seventh order
    lowest_rate: int = 2_000  # Hz; telephone sound has 8 000
    highest_rate: int = 768_000  # Hz; the highest in studio use
    packets: int = 1_000  # of a stream, for each second that may be read; Opus has at most 400
    # Bytes that may go by without a packet that is wanted, see `mraf.extractors.media.one_pass`: 20 s of what
    # a camera writes in 4K (100 Mbit/s), and before a stream's first packet all of a file of fair size.
    gap: int = 256 << 20
    first_gap: int = 1 << 30
    picture_bytes: int = 256 << 20  # size of a picture file

    def check_size(self, width: int, height: int) -> str | None:
        """What is wrong with the size of a picture, or None."""
        if max(width, height) <= self.side and width * height <= self.pixels:
            return None
        return (
            f"pictures of {width} x {height} pixels; at most {self.side} a side and "
            f"{self.pixels >> 20} Mi in all are read"
        )

    def check_sound(self, channels: int, rate: int) -> str | None:
        """What is wrong with a format of sound, or None."""
        if not 1 <= channels <= self.channels:
            return f"sound of {channels} channels; 1 to {self.channels} are read"
        if not self.lowest_rate <= rate <= self.highest_rate:
            return f"sound at {rate} Hz; {self.lowest_rate} to {self.highest_rate} Hz are read"
        return None


def check_file(path: Path) -> int:
    """Size in bytes of a regular file; anything else is refused before it is opened.

    Opening a pipe waits for its writer, opening a device may do anything. Raises MediaError.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        raise MediaError(f"{path.name}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"{path.name}: cannot be read ({reason})") from None
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
