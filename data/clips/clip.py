"""A clip: media of one person talking, and its labels."""

import errno
import hashlib
import io
import os
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from mraf.data.clips.names import is_same_file
from mraf.errors import UsageError

HASHED_WHOLE = 4 << 30
"""Size in bytes up to which all of a file is hashed; of a larger file, only pieces are."""
PIECES, PIECE_SIZE = 1024, 1 << 20
"""Number of pieces of a larger file, and the size of each in bytes."""


@dataclass(frozen=True)
class Clip:
    """Media of one person talking: a video, or a sound file and a picture, or one of these.

    `id` names the clip in the feature table. `speaker`, `language` and `recording` are None where
    they are not known. A clip that is a part of its file has a `start` or an `end`, or both.
    """

    id: str
    video: Path | None = None
    _: KW_ONLY
    audio: Path | None = None
    image: Path | None = None
    speaker: str | None = None
    language: str | None = None
    recording: str | None = None
    start: float | None = None  # seconds from the file's beginning; None: from there on
    end: float | None = None  # seconds likewise; None: to the file's end

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
        start, end = self.start or 0.0, float("inf") if self.end is None else self.end
        if not 0 <= start < end:
            raise UsageError(
                f"Clip '{self.id}' goes from {start:g} s to {end:g} s: give a start of 0 or more, and an end "
                "after it."
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """Files of the clip, in a fixed order."""
        return tuple(path for path in (self.video, self.audio, self.image) if path is not None)

    def content_hash(self, *, beginning: int | None = None) -> str:
        """Return a BLAKE2b digest of the files' contents, which does not depend on names and dates.

        Parts of one file have different digests.

        Of a file larger than 4 GiB, its size and 1,024 pieces of 1 MiB spread over it are hashed:
        extraction reads only the beginning of such a video, and hashing all of it would take longer.

        With `beginning`, it is the digest that the files had when they ended after so many bytes.

        Raises OSError where a file cannot be read.
        """
        digest = hashlib.blake2b(digest_size=16)
        for role, path in (("video", self.video), ("audio", self.audio), ("image", self.image)):
            if path is None:
                continue
            if path.exists() and not path.is_file():  # opening a pipe would block
                raise OSError(errno.EINVAL, "not a regular file", str(path))
            with path.open("rb") as file:
                digest.update(role.encode() + _digest(file, beginning))
        if self.start is not None or self.end is not None:
            digest.update(f"from {self.start or 0.0!r} to {self.end!r}".encode())
        return digest.hexdigest()


def _digest(file: io.BufferedReader, beginning: int | None) -> bytes:
    size = file.seek(0, os.SEEK_END) if beginning is None else beginning
    file.seek(0)
    if size <= HASHED_WHOLE:
        if beginning is None:
            return hashlib.file_digest(file, "blake2b").digest()
        whole = hashlib.blake2b()
        while size > 0 and (data := file.read(min(size, PIECE_SIZE))):
            whole.update(data)
            size -= len(data)
        return whole.digest()
    digest = hashlib.blake2b(f"{size} bytes".encode())
    for number in range(PIECES):
        file.seek(number * (size - PIECE_SIZE) // (PIECES - 1))
        digest.update(file.read(PIECE_SIZE))
    return digest.digest()


def _check_text(text: str) -> None:
    """Raise UsageError for text with lone surrogates, as from file names that are not UTF-8."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError(
            f"{text!r}: this name is not UTF-8 text. Rename the file or folder."
        ) from None


def add_clip(clips: dict[str, Clip], clip: Clip, where: str = "") -> bool:
    """Add a clip to others by its id; returns False for the same file a second time.

    Args:
        clips: by id.
        clip: the new one.
        where: file and line of a manifest, in which no id may be repeated; "" for files in folders.

    Raises UsageError where another clip has the same id.
    """
    known = clips.setdefault(clip.id, clip)
    if known is clip:
        return True
    if where and known.files == clip.files:
        raise UsageError(f"{where}: the id '{clip.id}' stands in an earlier line too.")
    if where or not are_same(known, clip):
        here = where or " and ".join(str(c.files[0]) for c in (known, clip))
        raise UsageError(
            f"{here}: two clips have the id '{clip.id}'. "
            "Rename one, or name every clip yourself in a manifest (--manifest)."
        )
    return False


def are_same(one: Clip, other: Clip) -> bool:
    """Return True where two clips have the same files, through links too."""
    pairs = zip(one.files, other.files, strict=False)
    return len(one.files) == len(other.files) and all(is_same_file(*pair) for pair in pairs)
