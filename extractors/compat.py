"""Make torchvision and torchaudio importable with a CPU-only torch.

Their wheels link CUDA libraries, which a CPU-only torch does not bring. Without them torchvision
stops at import with "operator torchvision::nms does not exist" and torchaudio with an OSError.
Neither extension is needed: torchaudio's functions in Python suffice, and torchvision only wants its
non-maximum suppression, which this module defines for the CPU. Where the real extensions load,
nothing changes.
"""

import ctypes
import importlib.util
import sys
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_helped: dict[str, bool] = {}
_lock = threading.Lock()
_keep: list[Any] = []  # torch.library registrations live as long as their Library object


def prepare(*packages: str) -> list[str]:
    """Make `import torchvision` and `import torchaudio` work; call before either. Idempotent.

    Args:
        packages: the packages to prepare, by default both. torchvision alone takes two seconds.

    Returns:
        Names of the packages that needed help.
    """
    import torch  # noqa: F401  # the extensions link its libraries and do not find them alone

    with _lock:
        for package in packages or _SHIMS:
            if package not in _helped:
                library, shim = _SHIMS[package]
                _helped[package] = package not in sys.modules and not _loads(package, library)
                if _helped[package]:
                    shim()
        return [package for package, helped in _helped.items() if helped]


@contextmanager
def torch_threads(count: int | None = None) -> Iterator[None]:
    """Let torch use `count` threads in a `with` block, and restore the number afterwards.

    The networks of an extraction are small: one thread is nearly as fast as two on an idle machine,
    and many times faster on a busy one, where threads wait for each other at every layer. Without
    a count the block only restores the number: importing silero_vad sets it to 1.
    """
    import torch

    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _loads(package: str, library: str) -> bool:
    """Tell whether a package's extension loads; True where the package has none."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return True
    path = Path(spec.origin).parent / library
    if not path.exists():  # other platforms name it otherwise, and need no help
        return True
    try:
        ctypes.CDLL(str(path))
    except OSError:
        return False
    return True


def _define_nms() -> None:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define(
        "qnms(Tensor dets, Tensor scores, Tensor scale, Tensor zero_point, float iou_threshold)"
        " -> Tensor"
    )
    library.impl("nms", _nms, "CPU")
    _keep.append(library)

    import torchvision.extension

    torchvision.extension._has_ops = lambda: True
    # The original raises where the extension is absent.
    torchvision.extension._check_cuda_version = lambda: -1


def _nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Return the positions of the boxes to keep, best score first, as torchvision's operator does."""
    import torch

    from mraf.extractors.boxes import suppress

    boxes, scores = (each.detach().double().numpy() for each in (boxes, scores))
    return torch.from_numpy(suppress(boxes, scores, iou_threshold))


def _stub_torchaudio() -> None:
    stub = types.ModuleType("torchaudio._extension")
    stub._IS_TORCHAUDIO_EXT_AVAILABLE = False  # type: ignore[attr-defined]
    stub._IS_ALIGN_AVAILABLE = False  # type: ignore[attr-defined]
    stub.fail_if_no_align = lambda function: function  # type: ignore[attr-defined]
    stub._check_cuda_version = lambda: None  # type: ignore[attr-defined]
    sys.modules["torchaudio._extension"] = stub


_SHIMS: dict[str, tuple[str, Callable[[], None]]] = {
    "torchvision": ("_C.so", _define_nms),
    "torchaudio": ("lib/_torchaudio.abi3.so", _stub_torchaudio),
}
