"""Small files of many formats, and seeded damage to them."""

import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.helpers.media_files import corners, tone, write_media

# Ending of the file: video codec, sound codec, rate of the sound.
VIDEOS = {
    "mp4": ("libx264", "aac", 16_000),
    "mov": ("libx264", "pcm_s16le", 16_000),
    "mkv": ("ffv1", "mp2", 44_100),
    "webm": ("libvpx-vp9", "libopus", 48_000),
    "avi": ("mpeg4", "libmp3lame", 16_000),
    "mpg": ("mpeg1video", "mp2", 44_100),
    "flv": ("flv", "libmp3lame", 44_100),
    "ts": ("mpeg2video", "ac3", 48_000),
    "wmv": ("wmv2", "libmp3lame", 44_100),
}
SOUNDS = {
    "wav": ("pcm_s16le", 16_000),
    "flac": ("flac", 16_000),
    "mp3": ("libmp3lame", 16_000),
    "ogg": ("libopus", 48_000),
    "m4a": ("aac", 16_000),
}
PICTURES = ("jpg", "png", "webp", "bmp", "tif")

# Tags in front of fields with sizes, durations, dimensions, rates and times.
_TAGS = (
    *(b"tkhd", b"mvhd", b"mdhd", b"stsz", b"stts", b"ctts", b"stco", b"stsc", b"avc1", b"mp4a"),
    *(b"elst", b"moov", b"mdat", b"RIFF", b"avih", b"strh", b"strf", b"idx1", b"movi", b"fmt "),
    *(b"data", b"fLaC", b"OggS", b"OpusHead", b"FLV", b"onMetaData", b"IHDR", b"IDAT", b"VP8 "),
    *(b"\x2a\xd7\xb1", b"\x44\x89", b"\xe7\x82", b"\x1f\x43\xb6\x75", b"\xe0", b"\x56\xaa", b"BM"),
    *(b"\0\0\1\xba", b"\0\0\1\xb3", b"\0\0\1\xe0", b"\0\0\1\xc0", b"\xff\xc0", b"\xff\xda"),
)
_VALUES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 10**9, 2**31 - 1, 2**31, 2**32 - 1)


def write_samples(folder: Path) -> list[Path]:
    """Write one small, undamaged file of each format."""
    import cv2

    frames = np.repeat(corners()[None], 12, axis=0)
    files = []
    for ending, (video, sound, rate) in VIDEOS.items():
        path = folder / f"clip.{ending}"
        files.append(write_media(path, frames, tone(0.5, rate), rate, 0, video, sound))
    for ending, (sound, rate) in SOUNDS.items():
        path = folder / f"sound.{ending}"
        files.append(write_media(path, None, tone(3.0, rate), rate, 0, "", sound))
    for ending in PICTURES:
        files.append(folder / f"picture.{ending}")
        cv2.imwrite(str(files[-1]), corners())
    return files


def role(path: Path) -> str:
    """Return the argument of `Decoder.read` for a sample."""
    ending = path.suffix[1:]
    return "image" if ending in PICTURES else "audio" if ending in SOUNDS else "video"


def truncate(data: bytearray, draw: random.Random) -> None:
    """Cut the end off."""
    del data[draw.randrange(len(data)) :]


def flip(data: bytearray, draw: random.Random) -> None:
    """Flip some bits, from one to a hundred."""
    for _ in range(draw.choice((1, 3, 10, 100))):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def swap(data: bytearray, draw: random.Random) -> None:
    """Exchange two pieces of the file."""
    size = draw.randrange(1, max(2, len(data) // 4))
    first = draw.randrange(max(1, len(data) // 2 - size))
    second = draw.randrange(len(data) // 2, max(len(data) // 2 + 1, len(data) - size))
    one, two = data[first : first + size], data[second : second + size]
    data[first : first + size], data[second : second + size] = two, one


def zero(data: bytearray, draw: random.Random) -> None:
    """Overwrite a piece with zeros."""
    start = draw.randrange(len(data))
    size = min(draw.choice((16, 256, 4096)), len(data) - start)
    data[start : start + size] = bytes(size)


def repeat(data: bytearray, draw: random.Random) -> None:
    """Put a piece in a second time."""
    start = draw.randrange(len(data))
    data[start:start] = data[start : start + draw.choice((8, 188, 2048))]


def header(data: bytearray, draw: random.Random) -> None:
    """Write extreme numbers over sizes, durations, dimensions, rates and times."""
    places = [(tag, at) for tag in _TAGS if (at := data.find(tag)) >= 0]
    for _ in range(draw.choice((1, 2, 4))):
        tag, found = draw.choice(places) if places else (b"", 0)
        after = draw.randrange(-4, 48)
        form = draw.choice(("<I", ">I", "<H", ">H", ">Q"))
        field = struct.pack(form, draw.choice(_VALUES) & (2 ** (8 * struct.calcsize(form)) - 1))
        start = min(max(0, found + len(tag) + after), max(0, len(data) - len(field)))
        data[start : start + len(field)] = field


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    truncate,
    flip,
    swap,
    zero,
    repeat,
    header,
)


def mutate(original: bytes, case: int, seed: int) -> tuple[str, bytes]:
    """Return the kind of damage and the damaged file; the same for the same numbers."""
    mutation = MUTATIONS[case % len(MUTATIONS)]
    data = bytearray(original)
    mutation(data, random.Random(f"{seed} {case}"))
    return mutation.__name__, bytes(data)
