"""Hashing of clips, which tells new content from content that the table has already."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mraf.data.clips.clip import Clip

THREADS = 4
"""Files that a worker reads at the same time: a file server answers several requests as fast as one."""


class Job(NamedTuple):
    """A clip to embed."""

    clip: Clip
    digest: str  # of its content


class Unreadable(NamedTuple):
    """The reason why a clip cannot be hashed."""

    error: str


def digest_of(clip: Clip) -> str | Unreadable:
    """Return the digest of a clip's content, or the reason why it cannot be read."""
    try:
        return clip.content_hash()
    except OSError as error:
        name = Path(error.filename or clip.files[0]).name
        return Unreadable(f"{name} cannot be read ({error.strerror or error})")


def setup_hashing(threads: int) -> Callable[[list[Clip]], list[str | Unreadable]]:
    """Return the function that hashes clips, in threads where there is more than one of both."""
    if threads == 1:
        return lambda clips: [digest_of(clip) for clip in clips]
    # Not multiprocessing's ThreadPool: the semaphores that it makes outlive a worker that is ended.
    pool = ThreadPoolExecutor(threads)
    return lambda clips: list(pool.map(digest_of, clips))


def holds(digests: np.ndarray, digest: str) -> bool:
    """Return True where a digest is among others `[M]` of 16 bytes each, which are sorted."""
    wanted = np.array([bytes.fromhex(digest)], "S16")
    place = int(np.searchsorted(digests, wanted)[0])
    return place < len(digests) and bool(digests[place] == wanted[0])
