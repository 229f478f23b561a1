"""Downloads of files from the sites of their authors."""

import multiprocessing
import shutil
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace

from mraf.errors import MissingError

_CHUNK = 1 << 18  # bytes between two calls of the progress callback


def fetch(
    url: str,
    target: Path,
    *,
    size: int,
    sha256: str,
    connect_seconds: float,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Download a file, whole and with the right hash or not at all.

    Args:
        url: where it is published.
        target: where it is put.
        size: of the file, in bytes.
        sha256: of the file.
        connect_seconds: time within which the server has to begin its answer.
        progress: called with the bytes that have arrived, and the bytes in all.

    Raises:
        MissingError: with the reason, in a few words.
        OSError: the server does not answer, or the folder cannot be written.
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it prints to stderr
    bar = _progress_bar(size, progress)
    downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, timeout=connect_seconds)
    target.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(target.parent).free < size:
        raise MissingError(f"there is no room in {target.parent} ({size:,} bytes are needed)")
    _wait_for_answer(url, connect_seconds)
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=target.name,
            path=target.parent,
            downloader=downloader,
        )
    except ValueError:
        raise MissingError(
            f"the answer is not {target.name}: its SHA-256 is not the published one. Nothing was kept. "
            "A proxy may have answered instead"
        ) from None
    target.chmod(0o644)  # pooch's temporary file is its owner's alone


def _wait_for_answer(url: str, seconds: float) -> None:
    """Raise OSError if no answer arrives in time; an answer of any status counts.

    requests bounds the time of each connection, but not the look-up of the server's name, and a
    name may stand for many addresses that do not answer.
    """
    import requests

    with ThreadPool(1) as pool:  # which does not wait for its thread at the end
        try:
            pool.apply_async(requests.head, (url,), {"timeout": seconds}).get(seconds)
        except multiprocessing.TimeoutError:
            raise TimeoutError(f"no answer within {seconds:g} s") from None


def _progress_bar(size: int, progress: Callable[[int, int], None] | None) -> SimpleNamespace:
    """Return the progress bar that pooch asks for; it calls `progress`."""
    bar = SimpleNamespace(total=0, reset=lambda: None, close=lambda: None)  # pooch sets the total
    done = 0

    def update(count: int) -> None:
        nonlocal done
        total = bar.total or size  # 0 where the server does not say
        done = min(done + count, total)  # pooch counts the last chunk as if it were full
        if progress:
            progress(done, total)

    bar.update = update
    return bar
