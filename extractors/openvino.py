"""Run networks: on a CPU with OpenVINO, on a GPU as torch modules in half precision.

OpenVINO's form of a network is converted from the torch module once and kept in the user's cache.
It takes half the time of the module or less, gives the same vectors, and needs no import of torch.
"""

import hashlib
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mraf.errors import MrafError

FORMAT = 3
"""Version of the conversion; another number has every network converted anew."""

_HINTS = {"single": "f32", "bfloat16": "bf16"}

log = logging.getLogger("mraf")

Build = Callable[[], tuple[Any, tuple[Any, ...]]]
"""Makes a torch module, in eval mode and with its weights, and example inputs."""


class CompiledNetwork(Protocol):
    """A network ready to run: arrays in, arrays out, one call at a time."""

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs, which stay valid after the next call."""
        ...


def load(
    name: str,
    source: str,
    build: Build,
    *,
    device: str = "cpu",
    threads: int = 1,
    precision: str = "single",
) -> CompiledNetwork:
    """Return a network ready to run.

    Args:
        name: name of the network, e.g. "facenet".
        source: identity of its weights: a SHA-256, or the version of the package that holds them.
        build: on a CPU it is called only if the cache lacks the converted network; converting takes
            seconds. The sizes of batches, pictures and waves may differ from the example's.
        device: "cpu", or a device of torch.
        threads: number of threads of each call, on a CPU.
        precision: "single" or "bfloat16" of the arithmetic on a CPU; inputs and outputs are single.

    Raises:
        MrafError: OpenVINO or torch cannot set it up.
    """
    try:
        if device != "cpu":
            return TorchNetwork(build()[0], device)
        return OpenVinoNetwork(_cached(name, source, build), threads, precision)
    except RuntimeError as error:  # both libraries raise it, for lack of memory and anything else
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise MrafError(
            f"The network '{name}' cannot be set up on '{device}' ({reason}). Run `mraf doctor` to "
            "look for the cause."
        ) from error


class OpenVinoNetwork:
    """A network compiled by OpenVINO for the CPU."""

    def __init__(self, model: Any, threads: int = 1, precision: str = "single") -> None:
        # One thread a worker process, free to move: pinned, those of all workers share one core.
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": _HINTS[precision],
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._request = _core().compile_model(model, "CPU", settings).create_infer_request()

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs, which stay valid after the next call."""
        results = self._request.infer(list(arrays), share_inputs=True)
        return tuple(np.array(each) for each in results.values())


class TorchNetwork:
    """A torch module on a device; half precision on a GPU.

    A batch for which the device has no room goes through in halves.

    Args:
        module: in single precision; it takes and gives batches of clips that do not affect each other.
        device: a device of torch.
        half: data type of torch in place of single precision; float16 on a GPU.
    """

    def __init__(self, module: Any, device: str, half: Any = None) -> None:
        import torch

        self._device = torch.device(device)
        self._half = torch.float16 if half is None and self._device.type == "cuda" else half
        self._module = module.eval().to(self._device)
        # A GPU that is too old or too new for this torch says so here, and not at every clip.
        torch.ones(1, device=self._device).sum().item()

    def __call__(self, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return the outputs in single precision. Raises MrafError where one clip has no room."""
        import torch

        count = len(arrays[0])
        try:
            return self._run(arrays)
        except torch.OutOfMemoryError as error:
            if count == 1:
                reason = str(error).splitlines()[0]
                raise MrafError(
                    f"'{self._device}' has no room for a single clip ({reason}). End what else uses "
                    "it, or try --workers 1 or --device cpu."
                ) from None
        # Outside of the block above: its error keeps the tensors of the first attempt.
        torch.cuda.empty_cache()
        parts = (slice(count // 2), slice(count // 2, count))
        halves = [self(*(each[part] for each in arrays)) for part in parts]
        return tuple(np.concatenate(outputs) for outputs in zip(*halves, strict=True))

    def _run(self, arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
        import torch

        half = torch.autocast(self._device.type, self._half, enabled=self._half is not None)
        # What a module keeps in single precision would lose half its digits in cuDNN's TF32.
        exact = torch.backends.cudnn.flags(enabled=True, allow_tf32=False)
        with torch.inference_mode(), half, exact:
            outputs = self._module(*(self._there(each) for each in arrays))
            outputs = outputs if isinstance(outputs, tuple) else (outputs,)
            return tuple(each.float().cpu().numpy() for each in outputs)

    def _there(self, array: np.ndarray) -> Any:
        import torch

        # torch takes no negative strides, and warns of arrays that cannot be written.
        tensor = torch.from_numpy(np.require(array, requirements=["C", "W"]))
        pinned = tensor.pin_memory() if self._device.type == "cuda" else tensor
        return pinned.to(self._device, non_blocking=True)


def cache_dir() -> Path:
    """Return the folder of converted networks: MRAF_GRAPHS, or one in the user's cache."""
    import platformdirs

    named = os.environ.get("MRAF_GRAPHS")
    cache = platformdirs.user_cache_path("mraf", appauthor=False) / "graphs"
    return Path(named) if named else cache


def _cached(name: str, source: str, build: Build) -> Any:
    """Return OpenVINO's form of a network, from the cache or converted now."""
    from filelock import FileLock

    folder = cache_dir() / f"{name}-{_key(name, source)}"
    model = _read(folder)
    if model is not None:
        return model
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # One process converts at a time; the others wait and find the result.
        with FileLock(folder.parent / ".lock"):
            for stale in folder.parent.glob(".making-*"):  # of a process that was killed
                shutil.rmtree(stale, ignore_errors=True)
            model = _read(folder)
            if model is None:
                model = _convert(name, build)
                _write(folder, model)
    except (OSError, NotImplementedError) as error:  # the latter on a file system without locks
        _warn_of_cache(
            f"{folder.parent}: converted networks cannot be kept here ({error}). They are converted at "
            "every start, which takes most of a minute; MRAF_GRAPHS may name another folder."
        )
        model = model or _convert(name, build)
    return model


@cache
def _warn_of_cache(line: str) -> None:
    """Log a warning, once for all networks."""
    log.warning(line)


@cache
def _core() -> Any:
    return _openvino().Core()


def _openvino() -> Any:
    """Import the package without openvino_telemetry, which reports every import to its maker."""
    if "openvino" not in sys.modules:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _convert(name: str, build: Build) -> Any:
    import warnings

    log.info("converting %s, once", name)
    module, example = build()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, about shapes that are constant on purpose
        return _openvino().convert_model(module, example_input=example)


def _read(folder: Path) -> Any | None:
    """Return the network in a folder; None where there is none or its files are damaged."""
    try:
        files = [folder / "graph.xml", folder / "graph.bin"]
        if (folder / "digest").read_text("ascii") != _digest_of(files):
            log.warning("%s: damaged, converted anew", folder)
            return None
    except (OSError, ValueError):
        return None
    return _core().read_model(files[0], files[1])


def _write(folder: Path, model: Any) -> None:
    """Put a network where `_read` finds it, whole or not at all."""
    temporary = Path(tempfile.mkdtemp(prefix=".making-", dir=folder.parent))
    try:
        _openvino().save_model(model, temporary / "graph.xml", compress_to_fp16=False)
        files = [temporary / "graph.xml", temporary / "graph.bin"]
        (temporary / "digest").write_text(_digest_of(files), "ascii")
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    except RuntimeError as error:  # OpenVINO cannot write a file
        raise OSError(0, (str(error).splitlines() or ["unknown"])[0]) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _key(name: str, source: str) -> str:
    made_of = f"{name} {source} {FORMAT} {version('openvino')} {version('torch')}"
    return hashlib.sha256(made_of.encode()).hexdigest()[:16]


def _digest_of(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
