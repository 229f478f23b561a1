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
_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_ANY_HEIF = frozenset({b"mif1", b"mif2", b"msf1", b"miaf"})
"""Brands of pictures in boxes. The last do not say how the picture is coded; others beside them may."""
_UNSUPPORTED = {
    b"NIST_1A": "NIST SPHERE",
    b"tBaK": "TAK",
    b"FRM8": "DSDIFF",
    b"OFR ": "OptimFROG",
    b"LA0": "Lossless Audio",
    b"#!SILK": "SILK",
    b"\x02#!SILK": "SILK",
    b"ADIF": "AAC in ADIF",
    b"MThd": "MIDI, which holds notes and no sound",
    b"YUV4MPEG2": "raw YUV4MPEG",
    b"%!PS": "PostScript",
}
_READ = {
    b"RIFF": "WAV or AVI",
    b"RF64": "WAV",
    b"wvpk": "WavPack",
    b"ajkg": "Shorten",
    b"fLaC": "FLAC",
    b"MAC ": "Monkey's Audio",
    b"TTA1": "True Audio",
    b"OggS": "Ogg",
    b"caff": "CAF",
    b".snd": "AU",
    b"#!AMR": "AMR",
    b"ID3": "MP3",
    b"MPCK": "Musepack",
    b"MP+": "Musepack",
    b"FLV": "Flash Video",
    b"\x1aE\xdf\xa3": "Matroska or WebM",
    b"0&\xb2u": "WMV or WMA",
}
"""Formats that are read, by the first bytes of their files."""
_OTHER_FILES = {
    b"%PDF": "a PDF document",
    b"PK\3\4": "a ZIP archive or an office document: unpack it first",
    b"\x1f\x8b": "a gzip archive: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"\xfd7zXZ": "an xz archive: unpack it first",
    b"version https://git-lfs": "a pointer of Git LFS: fetch the file itself (git lfs pull)",
    b"#EXTM3U": "a playlist, not the recording that it names",
    b"[playlist]": "a playlist, not the recording that it names",
    b"bplist00": "a property list of macOS, perhaps of a file that is still in iCloud",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
_UNSUPPORTED_ENDINGS = {
    ".sph": "NIST SPHERE",
    ".tak": "TAK",
    ".dff": "DSDIFF",
    ".ofr": "OptimFROG",
    ".vox": "Dialogic VOX",
    ".dss": "DSS",
    ".ds2": "DSS Pro",
    ".ra": "RealAudio",
    ".sln": "bare PCM",
    ".g722": "bare G.722",
    ".g729": "bare G.729",
    ".ac4": "AC-4",
    ".mid": "MIDI, which holds notes and no sound",
    ".braw": "Blackmagic RAW",
    ".r3d": "REDCODE RAW",
}
"""Formats that have no mark at their beginning, or another one."""
_PARTIAL = frozenset(".part .crdownload .partial .download .opdownload .!ut .aria2 .ytdl".split())
_PROTECTED_BRANDS = {b"aax ": "Audible", b"aaxc": "Audible"}
_INDEX = re.compile(rb"moov.{4}mvhd", re.DOTALL)  # the start of the box that lists the frames
# Names of encrypted streams, in the box that describes them.
_PROTECTED = re.compile(rb"stsd.{8,4096}?(?:enca|encv|drms|drmi|aavd)", re.DOTALL)
_NEAR = 32 << 20  # bytes from either end of a file in which its index is looked for


def what_is_wrong(path: Path) -> str | None:
    """Return what is wrong with a file, for the most common kinds of damage; None for others."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
            if found := _what_it_is(head, path.suffix.lower()):
                return found
            if head[4:8] == b"ftyp" and b"moov" not in _boxes(file):
                if _holds_index(file):
                    return "its index is there, but not where the sizes of its boxes say: it is damaged"
                return "its index is missing: the recording or the copy was cut off"
            if path.suffix.lower() in _PARTIAL:
                return "by its name a download that has not ended"
            if name := _format_read(head):
                return f"it begins like {name}, and what follows is damaged or cut off"
    except OSError:
        pass  # what opening the file raised says as much
    return None


def picture_format(path: Path) -> str | None:
    """Return the format of a picture by its first bytes, None for all other files. Raises OSError."""
    with path.open("rb") as file:
        return _picture_format(file.read(256))


def damaged_format(path: Path) -> str | None:
    """Return the format that a file of sound or film begins like, if files of it can be read."""
    try:
        with path.open("rb") as file:
            return _format_read(file.read(16))
    except OSError:
        return None


def is_copy_protected(path: Path) -> bool:
    """Tell whether an MP4 file says that its streams are encrypted (DRM)."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
            if head[4:8] != b"ftyp":
                return False
            return head[8:12] in _PROTECTED_BRANDS or _is_near_an_end(file, _PROTECTED)
    except OSError:
        return False


def _what_it_is(head: bytes, ending: str) -> str | None:
    """Return what a file is by its first bytes and its ending, if it is no recording that can be read."""
    found = None
    if not head:
        found = "the file is empty"
    elif not any(head):
        found = "it begins with nothing but zeros: was the copy cut off?"
    elif picture := _picture_format(head):
        found = f"it is a {picture} picture"
    elif other := _starts_like(head, _OTHER_FILES):
        found = f"it is {other}"
    elif head[4:8] == b"ftyp" and head[8:12] in _PROTECTED_BRANDS:
        found = f"it is copy-protected (DRM of {_PROTECTED_BRANDS[head[8:12]]})"
    else:
        name = _starts_like(head, _UNSUPPORTED)
        if head.startswith(b"FORM") and not _format_read(head):
            name = "IFF"
        found = None if name else _kind_of_text(head)
        if not found and (name := name or _UNSUPPORTED_ENDINGS.get(ending)):
            found = f"format not supported: {name}; convert it to WAV or MP4 (ffmpeg, sox)"
    return found


def _starts_like(head: bytes, marks: dict[bytes, str]) -> str | None:
    return next((name for mark, name in marks.items() if head.startswith(mark)), None)


def _format_read(head: bytes) -> str | None:
    if head.startswith(b"FORM"):
        return "AIFF" if head[8:12] in (b"AIFF", b"AIFC") else None
    return _starts_like(head, _READ)


def _kind_of_text(head: bytes) -> str | None:
    """Return what a file is that begins with nothing but text; None for all others."""
    if b"\0" in head or sum(byte < 9 or 13 < byte < 32 for byte in head):
        return None
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else a letter was cut in two
            return None
        text = head[: error.start].decode("utf-8")
    start = text.lstrip("\ufeff \t\r\n").lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<body", "<script")):
        return "this is a web page: the download failed"
    if start.startswith(("<?xml", "<")) and "accessdenied" in start.replace(" ", ""):
        return "this is an error message of a web server: the download failed"
    if start.startswith(('{"', "{\n", "[{")):
        return "this is text (JSON), not a recording: did the download fail?"
    return "this is text, not a recording"


def _picture_format(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        end = max(16, min(int.from_bytes(head[:4], "big"), len(head)))
        return _picture_in_boxes(head[8:12], {head[i : i + 4] for i in range(16, end - 3, 4)})
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return _starts_like(head, _PICTURES)


def _picture_in_boxes(brand: bytes, others: set[bytes]) -> str | None:
    if brand not in _AVIF | _HEIC | _ANY_HEIF:
        return None
    for name, brands in (("AVIF", _AVIF), ("HEIC", _HEIC)):
        if brand in brands or (brand in _ANY_HEIF and brands & others):
            return name
    return "HEIF"


def _holds_index(file: BinaryIO) -> bool:
    """Tell whether the index of an MP4 file lies anywhere near its beginning or its end."""
    return _is_near_an_end(file, _INDEX)


def _is_near_an_end(file: BinaryIO, pattern: re.Pattern[bytes]) -> bool:
    size = file.seek(0, os.SEEK_END)
    for start in {0, max(0, size - _NEAR)}:
        file.seek(start)
        if pattern.search(file.read(_NEAR)):
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
