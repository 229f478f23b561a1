"""A clip: one piece of someone talking, and what is known of it before it is read."""

import errno
import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

from mraf.errors import UsageError

WHOLE = 4 << 30
"""Bytes of a file up to which all of it is hashed; of a larger one, its size and pieces all over it."""
PIECES, PIECE = 1024, 1 << 20
"""How many pieces of a larger file, and the bytes of each: seconds, whatever the size of the file."""


@dataclass(frozen=True)
class Clip:
    """One piece of someone talking: a video, or a sound file and a picture (either may be absent).

    `id` names the clip in the feature table. `speaker`, `language` and `recording` are None where
    they are not known.
    """

    id: str
    video: Path | None = None
    audio: Path | None = None
    image: Path | None = None
    speaker: str | None = None
    language: str | None = None
    recording: str | None = None

    def __post_init__(self) -> None:
        if not self.id:
            raise UsageError("A clip needs an id, found an empty one.")
        for text in (self.id, self.speaker, self.language, self.recording):
            if text is not None and not text.isascii():
                _check_text(text)
        if self.video is None and self.audio is None and self.image is None:
            raise UsageError(f"Clip '{self.id}' names no video, sound file or picture.")
        if self.video is not None and (self.audio is not None or self.image is not None):
            raise UsageError(
                f"Clip '{self.id}' names a video and a separate sound or picture: give one or the other."
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """The files the clip is read from, in a fixed order."""
        return tuple(path for path in (self.video, self.audio, self.image) if path is not None)

    def content_hash(self) -> str:
        """BLAKE2b digest of what the files contain, whatever their names and dates.

        A file of more than 4 GiB is known by its size and by 1,024 pieces of 1 MiB spread over it:
        of such a video only the beginning is read, and hashing a terabyte would take hours.

        Raises OSError where a file cannot be read.
        """
        digest = hashlib.blake2b(digest_size=16)
        for role, path in (("video", self.video), ("audio", self.audio), ("image", self.image)):
            if path is None:
                continue
            if path.exists() and not path.is_file():  # opening a pipe would wait for its writer
                raise OSError(errno.EINVAL, "not a regular file", str(path))
            with path.open("rb") as file:
                digest.update(role.encode() + _digest(file))
        return digest.hexdigest()


def _digest(file: io.BufferedReader) -> bytes:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size <= WHOLE:
        return hashlib.file_digest(file, "blake2b").digest()
    digest = hashlib.blake2b(f"{size} bytes".encode())
    for number in range(PIECES):
        file.seek(number * (size - PIECE) // (PIECES - 1))
        digest.update(file.read(PIECE))
    return digest.digest()


def _check_text(text: str) -> None:
    """Refuse what no table can hold: half characters, as in file names that are not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(
            f"{text!r}: this name is not UTF-8 text. Rename the file or folder."
        ) from None
