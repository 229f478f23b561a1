"""The weights of the encoders: published files, checked by SHA-256 and kept in the user's cache.

A file is looked for in `--weights-dir`, in the folder that MRAF_WEIGHTS names, and in the cache.
Only if it is in none of them is it downloaded; nothing else uses the network.
"""

import hashlib
import multiprocessing
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mraf.errors import MissingError, MrafError, UsageError, choices

CONNECT_SECONDS = 10.0
"""Seconds within which a server has to begin its answer."""

_CHUNK = 1 << 18  # bytes between two calls of the progress callback

Progress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes that have arrived and the bytes in all."""


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A published file of weights."""

    name: str  # of the encoder
    filename: str
    url: str
    size: int  # bytes
    sha256: str
    licence: str


PUBLISHED: dict[str, WeightFile] = {
    file.name: file
    for file in (
        WeightFile(
            name="facenet",
            filename="20180402-114759-vggface2.pt",
            url="https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
            size=111_898_327,
            sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
            licence="MIT (trained on VGGFace2)",
        ),
        WeightFile(
            name="ecapa",
            filename="embedding_model.ckpt",
            url="https://huggingface.co/speechbrain/spkrec-ecapa-voxceleb/resolve/0f99f2d0ebe89ac095bcc5903c4dd8f72b367286/embedding_model.ckpt",
            size=83_316_686,
            sha256="0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2",
            licence="Apache-2.0 (trained on VoxCeleb)",
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The weights of a network, which are read only when they are needed."""

    sha256: str  # of the file
    load: Callable[[], dict[str, Any]]  # returns the state of the torch module


PACKAGED = Weights(sha256="", load=dict)
"""For encoders that bring their own weights in a package."""


class MisfitError(MrafError):
    """Raised for weights that belong to another network."""


def fill(module: Any, state: dict[str, Any]) -> None:
    """Load a state into a torch module. Raises MisfitError if it is that of another network."""
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise MisfitError(str(error)) from None


def cache_dir() -> Path:
    """Return the folder of the user's cache that keeps downloaded weights."""
    import platformdirs

    return platformdirs.user_cache_path("mraf", appauthor=False) / "weights"


def folders(weights_dir: Path | None = None) -> list[Path]:
    """Return the folders in which weights are looked for, in this order."""
    named = os.environ.get("MRAF_WEIGHTS")
    return [*filter(None, (weights_dir, Path(named) if named else None)), cache_dir()]


def find(file: WeightFile, weights_dir: Path | None = None) -> Path | None:
    """Return the path of a file, None where it is in no folder. Its hash is not checked."""
    paths = (folder / file.filename for folder in folders(weights_dir))
    return next(filter(Path.is_file, paths), None)


def find_all(weights_dir: Path | None = None) -> dict[str, Path | None]:
    """Return the path of each published file by the encoder's name; None where it is absent."""
    return {name: find(file, weights_dir) for name, file in PUBLISHED.items()}


def get(
    file: WeightFile,
    *,
    weights_dir: Path | None = None,
    progress: Progress | None = None,
    offline: bool = False,
    connect_seconds: float = CONNECT_SECONDS,
) -> Path:
    """Return the path of a file whose hash is right; an absent file is downloaded into the cache.

    Args:
        file: the published file.
        weights_dir: a folder to look in first.
        progress: called while the file is downloaded.
        offline: do not use the network.
        connect_seconds: time within which the server has to begin its answer.

    Raises:
        MissingError: the file is absent and cannot be downloaded.
        MrafError: a file of that name has another hash.
    """
    path = find(file, weights_dir)
    if path is None:
        if offline:
            raise MissingError(f"{missing_text(file)} (--offline forbids downloading it)")
        path = _download(file, progress, connect_seconds)
    verify(path, file.sha256)
    return path


def get_or_verify(
    names: list[str] | None,
    weights_dir: Path | None = None,
    only_check: bool = False,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Download if needed, and check, the weights of some encoders; by default of all.

    Args:
        names: names of encoders; None or an empty list for all.
        weights_dir: a folder to look in first.
        only_check: do not download.
        progress: called while a file is downloaded.

    Raises:
        UsageError: there are no published weights of that name.
        MissingError, MrafError: see `get`.
    """
    for name in names or []:
        if name not in PUBLISHED:
            raise UsageError(f"No published weights of '{name}' {choices(name, PUBLISHED)}")
    paths = {}
    for name in names or list(PUBLISHED):
        file = PUBLISHED[name]
        if only_check and find(file, weights_dir) is None:
            raise MissingError(missing_text(file) + ".")
        paths[name] = get(file, weights_dir=weights_dir, progress=progress)
    return paths


def verify(path: Path, sha256: str) -> None:
    """Raise MrafError unless the file has this SHA-256."""
    found = sha256_of(path)
    if found != sha256:
        raise MrafError(
            f"{path}: not the published weights (SHA-256 {found[:16]}..., expected {sha256[:16]}..., "
            f"{path.stat().st_size:,} bytes). Remove the file and run `mraf weights get`."
        )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def missing_text(file: WeightFile) -> str:
    """Return the part of a message that says what is missing and how to get it."""
    return (
        f"The weights of '{file.name}' ({file.filename}) are not on this machine. Run "
        f"`mraf weights get {file.name}`, or download {file.url} elsewhere and put the file into "
        f"{cache_dir()} or a folder given with --weights-dir"
    )


def _download(file: WeightFile, progress: Progress | None, connect_seconds: float) -> Path:
    """Download a file into the cache, whole and with the right hash or not at all."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it prints to stderr
    folder = cache_dir()
    downloader = pooch.HTTPDownloader(
        progressbar=_progress_bar(file, progress), chunk_size=_CHUNK, timeout=connect_seconds
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < file.size:
            raise MissingError(f"{folder}: no room for {file.filename} ({file.size:,} bytes).")
        _wait_for_answer(file.url, connect_seconds)
        pooch.retrieve(
            file.url,
            known_hash=f"sha256:{file.sha256}",
            fname=file.filename,
            path=folder,
            downloader=downloader,
        )
        (folder / file.filename).chmod(0o644)  # pooch's temporary file is its owner's alone
    except OSError as error:
        reason = getattr(error.args[0] if error.args else None, "reason", None) or error
        raise MissingError(f"{missing_text(file)}. The download failed: {reason}.") from None
    except ValueError:
        raise MissingError(
            f"{file.url}: the answer is not {file.filename}: its SHA-256 is not the published one. "
            "Nothing was kept. A proxy may have answered instead; try again or download it by hand."
        ) from None
    return folder / file.filename


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


def _progress_bar(file: WeightFile, progress: Progress | None) -> SimpleNamespace:
    """Return the progress bar that pooch asks for; it calls `progress`."""
    bar = SimpleNamespace(total=0, reset=lambda: None, close=lambda: None)  # pooch sets the total
    done = 0

    def update(count: int) -> None:
        nonlocal done
        total = bar.total or file.size  # 0 where the server does not say
        done = min(done + count, total)  # pooch counts the last chunk as if it were full
        if progress:
            progress(file.filename, done, total)

    bar.update = update
    return bar
