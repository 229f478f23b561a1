"""Where the encoders' weights come from: published files, checked by hash, kept in a cache.

A file is looked for in `--weights-dir`, in the folder that MRAF_WEIGHTS names, and in the user's
cache; only when it is in none of them is it fetched, and only then is the network used.
"""

import hashlib
import http.client
import os
import shutil
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mraf.errors import MissingError, MrafError, UsageError, choices

CONNECT_SECONDS = 10.0
"""How long a server may take to answer before we go on without it."""

_CHUNK = 1 << 18

Progress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes done and the bytes in all."""


@dataclass(frozen=True)
class WeightFile:
    """A published file of weights."""

    name: str  # of the encoder
    filename: str
    url: str
    size: int  # bytes
    sha256: str
    licence: str


PUBLISHED: dict[str, WeightFile] = {
    "facenet": WeightFile(
        "facenet",
        "20180402-114759-vggface2.pt",
        "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
        111_898_327,
        "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
        "MIT (trained on VGGFace2)",
    ),
    "ecapa": WeightFile(
        "ecapa",
        "embedding_model.ckpt",
        "https://huggingface.co/speechbrain/spkrec-ecapa-voxceleb/resolve/0f99f2d0ebe89ac095bcc5903c4dd8f72b367286/embedding_model.ckpt",
        83_316_686,
        "0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2",
        "Apache-2.0 (trained on VoxCeleb)",
    ),
}


@dataclass(frozen=True)
class Weights:
    """The weights of a network, read only where they are needed."""

    sha256: str  # of the file
    load: Callable[[], dict[str, Any]]  # the state of the torch module


class MisfitError(MrafError):
    """Weights that belong to another network."""


def fill(module: Any, state: dict[str, Any]) -> None:
    """Put a state into a torch module. Raises MisfitError where it is that of another network."""
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise MisfitError(str(error)) from None


def cache_dir() -> Path:
    """The folder in the user's cache that keeps fetched weights."""
    import platformdirs

    return platformdirs.user_cache_path("mraf", appauthor=False) / "weights"


def folders(weights_dir: Path | None = None) -> list[Path]:
    """Where weights are looked for, in this order."""
    named = os.environ.get("MRAF_WEIGHTS")
    return [folder for folder in (weights_dir, Path(named) if named else None) if folder] + [
        cache_dir()
    ]


def find(file: WeightFile, weights_dir: Path | None = None) -> Path | None:
    """The file where it lies, None where it is nowhere. Its hash is not checked here."""
    for folder in folders(weights_dir):
        path = folder / file.filename
        if path.is_file():
            return path
    return None


def find_all(weights_dir: Path | None = None) -> dict[str, Path | None]:
    """Where each published file lies, by the encoder's name; None where it is nowhere."""
    return {name: find(file, weights_dir) for name, file in PUBLISHED.items()}


def get(
    file: WeightFile,
    weights_dir: Path | None = None,
    progress: Progress | None = None,
    offline: bool = False,
    connect_seconds: float = CONNECT_SECONDS,
) -> Path:
    """The file, fetched into the cache where it is not there yet, and checked.

    Raises MissingError where it is nowhere and cannot be fetched, MrafError where its hash is wrong.
    """
    path = find(file, weights_dir)
    if path is None:
        if offline:
            raise MissingError(f"{missing_text(file)} (--offline forbids fetching it)")
        path = _download(file, cache_dir() / file.filename, progress, connect_seconds)
    verify(path, file.sha256)
    return path


def get_or_verify(
    names: list[str] | None,
    weights_dir: Path | None = None,
    only_check: bool = False,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Fetch, or only check, the weights of some encoders; all of them where none is named.

    Raises UsageError for a name without published weights, and what `get` raises.
    """
    for name in names or []:
        if name not in PUBLISHED:
            raise UsageError(f"No published weights of '{name}' {choices(name, PUBLISHED)}")
    paths = {}
    for name in names or list(PUBLISHED):
        file = PUBLISHED[name]
        if only_check and find(file, weights_dir) is None:
            raise MissingError(missing_text(file) + ".")
        paths[name] = get(file, weights_dir, progress)
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
    """SHA-256 of a file, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def missing_text(file: WeightFile) -> str:
    """What is missing and how to get it, for messages."""
    return (
        f"The weights of '{file.name}' ({file.filename}) are not on this machine. Run "
        f"`mraf weights get {file.name}`, or fetch {file.url} elsewhere and put the file into "
        f"{cache_dir()} or a folder given with --weights-dir"
    )


def _download(
    file: WeightFile, target: Path, progress: Progress | None, connect_seconds: float
) -> Path:
    temporary = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _open(file.url, connect_seconds) as answer, temporary.open("wb") as handle:
            total = int(answer.headers.get("Content-Length") or file.size)
            if shutil.disk_usage(target.parent).free < total:
                raise MissingError(
                    f"{target.parent}: no room for {file.filename} ({total:,} bytes)."
                )
            done = 0
            while chunk := answer.read(_CHUNK):
                handle.write(chunk)
                done += len(chunk)
                if done > max(total, file.size):
                    break  # the hash will tell
                if progress:
                    progress(file.filename, done, total)
        verify(temporary, file.sha256)
        temporary.replace(target)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise MissingError(f"{missing_text(file)}. Fetching it failed: {reason}.") from None
    except MrafError as error:
        if isinstance(error, MissingError):
            raise
        raise MissingError(
            f"{file.url}: what came is not {file.filename}: its SHA-256 is not the published one. "
            "Nothing was kept. A proxy may have answered instead; try again or fetch it by hand."
        ) from None
    finally:
        temporary.unlink(missing_ok=True)
    return target


def _open(url: str, connect_seconds: float) -> Any:
    """Open a URL; looking up a name has no time limit of its own, so a thread does it."""
    box: list[Any] = []

    def work() -> None:
        try:
            request = urllib.request.Request(url, headers={"User-Agent": "mraf"})
            box.append(urllib.request.urlopen(request, timeout=connect_seconds))
        except Exception as error:  # handed to the caller below
            box.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(connect_seconds)
    if not box:
        raise TimeoutError(f"no answer within {connect_seconds:.0f} s")
    if isinstance(box[0], Exception):
        raise box[0]
    return box[0]
