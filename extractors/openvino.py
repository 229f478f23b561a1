"""Networks that run: on a CPU as OpenVINO graphs, on a GPU as torch modules in half precision.

A graph is converted from the torch module once and kept in the user's cache. It takes half the time
of the module or less, gives the same vectors, and needs no import of torch.
"""

import fcntl
import hashlib
import logging
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mraf.errors import MrafError

FORMAT = 1
"""Raised whenever a conversion changes; graphs converted before are then made anew."""

UNUSED_DAYS = 30
"""How long a graph is kept that nobody uses; another version of mraf may be using it."""

log = logging.getLogger("mraf")


Build = Callable[[], tuple[Any, tuple[Any, ...]]]
"""Makes a torch module, in eval mode and with its weights, and example inputs."""


class Network(Protocol):
    """A network that runs: arrays in, arrays out, one call at a time."""

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """The outputs; they stay valid after the next call."""
        ...


def load(name: str, source: str, build: Build, device: str = "cpu", threads: int = 1) -> Network:
    """A network, ready to run.

    Args:
        name: of the network, e.g. "facenet".
        source: what its weights are: a SHA-256, or the version of the package they come in.
        build: on a CPU it is called only where the cache does not have the graph, which takes
            seconds. The sizes of batches, pictures and waves may differ from the example's.
        device: "cpu", or a device of torch.
        threads: of each call, on a CPU.

    Raises MrafError where OpenVINO or torch cannot set it up, and what `build` raises.
    """
    try:
        if device != "cpu":
            return Module(build()[0], device)
        return Graph(_cached(name, source, build), threads)
    except RuntimeError as error:  # what both libraries raise, for want of memory and of anything
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise MrafError(
            f"The network '{name}' cannot be set up on '{device}' ({reason}). `mraf doctor` may "
            "tell why."
        ) from error


class Graph:
    """A network compiled by OpenVINO for the CPU."""

    def __init__(self, model: Any, threads: int = 1) -> None:
        # One thread a worker process, and free to move: pinned ones would all sit on one core.
        # Full precision: on a CPU with AVX-512 and without AMX, bfloat16 took half as long again.
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._request = _core().compile_model(model, "CPU", settings).create_infer_request()

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """The network's outputs; they stay valid after the next call."""
        results = self._request.infer(list(arrays), share_inputs=True)
        return tuple(np.array(each) for each in results.values())


class Module:
    """A torch module on a device; half precision on a GPU."""

    def __init__(self, module: Any, device: str) -> None:
        self._module, self._device = module.eval().to(device), device

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """The outputs, in single precision."""
        import torch

        kind = torch.device(self._device).type
        half = torch.autocast(kind, torch.float16, enabled=kind == "cuda")
        with torch.inference_mode(), half:
            outputs = self._module(*(self._there(each) for each in arrays))
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            return tuple(each.float().cpu().numpy() for each in outputs)

    def _there(self, array: np.ndarray) -> Any:
        import torch

        tensor = torch.from_numpy(array)
        pinned = tensor.pin_memory() if self._device.startswith("cuda") else tensor
        return pinned.to(self._device, non_blocking=True)


def cache_dir() -> Path:
    """The folder in the user's cache that keeps converted networks."""
    import platformdirs

    named = os.environ.get("MRAF_GRAPHS")
    cache = platformdirs.user_cache_path("mraf", appauthor=False) / "graphs"
    return Path(named) if named else cache


def _cached(name: str, source: str, build: Build) -> Any:
    """The graph of a network, from the cache or converted now."""
    folder = cache_dir() / f"{name}-{_digest(name, source)}"
    model = _read(folder)
    if model is not None:
        return model
    try:
        with _lock(folder.parent):
            model = _read(folder)  # another process may have made it meanwhile
            if model is None:
                model = _convert(name, build)
                _write(folder, model)
                _remove_unused(name, folder)
    except OSError as error:
        log.warning("%s: converted networks cannot be kept here (%s)", folder.parent, error)
        model = model or _convert(name, build)
    return model


def _remove_unused(name: str, folder: Path) -> None:
    """Remove graphs of the same network, of other versions or weights, that nobody uses any more."""
    made_by_us = re.compile(re.escape(name) + r"-[0-9a-f]{16}")
    for other in folder.parent.iterdir():
        if other == folder or not made_by_us.fullmatch(other.name):
            continue
        with suppress(OSError):
            found = (other / "digest").stat()
            used = max(found.st_mtime, found.st_atime)  # versions before this rule only read it
            if time.time() - used > UNUSED_DAYS * 86_400:
                log.info("removing %s, unused for %d days", other, UNUSED_DAYS)
                shutil.rmtree(other)


@cache
def _core() -> Any:
    return _openvino().Core()


def _openvino() -> Any:
    """The package, kept from reporting its use to its maker, which it would do at every import."""
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _convert(name: str, build: Build) -> Any:
    import warnings

    log.info("converting %s, once", name)
    module, example = build()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer, about shapes that are constant on purpose
        return _openvino().convert_model(module, example_input=example)


def _read(folder: Path) -> Any | None:
    """The graph in a folder; None where there is none or its files are damaged."""
    try:
        files = [folder / "graph.xml", folder / "graph.bin"]
        if (folder / "digest").read_text("ascii") != _digest_of(files):
            log.warning("%s: damaged, converted anew", folder)
            return None
    except (OSError, ValueError):
        return None
    with suppress(OSError):  # a cache that another user keeps
        (folder / "digest").touch()  # when it was used last, for `_remove_unused`
    return _core().read_model(files[0], files[1])


def _write(folder: Path, model: Any) -> None:
    """Put a graph where `_read` finds it, whole or not at all."""
    temporary = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        _openvino().save_model(model, temporary / "graph.xml", compress_to_fp16=False)
        files = [temporary / "graph.xml", temporary / "graph.bin"]
        (temporary / "digest").write_text(_digest_of(files), "ascii")
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except RuntimeError as error:  # OpenVINO's way to say that a file cannot be written
        raise OSError(0, (str(error).splitlines() or ["unknown"])[0]) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Let one process convert at a time; the others wait and find what it made."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for stale in folder.glob(".making-*"):  # of a process that was killed
            with suppress(OSError):
                shutil.rmtree(stale)
        yield


def _digest(name: str, source: str) -> str:
    made_of = f"{name} {source} {FORMAT} {version('openvino')} {version('torch')}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]


def _digest_of(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
