"""Hashing of clips, which tells new content from content that the table has already."""

from collections.abc import Iterator, Sequence
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

from mraf.data.clips.clip import Clip

THREADS = 8
"""Files that are read at the same time: a file server answers several requests as fast as one."""
AT_ONCE = 1024
"""Clips that are handed to the threads together, so that the queue stays short for any number."""


class Job(NamedTuple):
    """A clip to embed."""

    clip: Clip
    digest: str | None = None  # of its content; None until a worker of the engine has hashed it


class Unreadable(NamedTuple):
    """A clip that cannot be hashed, and the reason."""

    clip: Clip
    error: str


def hash_clip(clip: Clip) -> Job | Unreadable:
    """Return the clip with the digest of its content, or with the reason why it cannot be read."""
    try:
        return Job(clip, clip.content_hash())
    except OSError as error:
        name = Path(error.filename or clip.files[0]).name
        return Unreadable(clip, f"{name} cannot be read ({error.strerror or error})")


def hash_clips(clips: Sequence[Clip]) -> Iterator[Job | Unreadable]:
    """Hash clips in threads; yields them in their order.

    Closing the iterator, or Ctrl-C, does not wait for the files in hand: the threads are daemons.
    """
    with ThreadPool(THREADS) as pool:
        for start in range(0, len(clips), AT_ONCE):
            yield from pool.imap(hash_clip, clips[start : start + AT_ONCE])
