"""Let torchvision and torchaudio be imported beside a CPU-only torch.

Their wheels link CUDA libraries, which a CPU-only torch does not bring. Without them torchvision
stops at import with "operator torchvision::nms does not exist" and torchaudio with an OSError.
Neither extension is needed: only torchvision's non-maximum suppression has to exist, and is defined
here for the CPU, beside torchaudio's functions written in Python. Where the real extensions load, nothing is changed.
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
        packages: those that are wanted, by default both. torchvision alone takes two seconds.

    Returns the names of the packages that needed help.
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
    """Give torch `count` threads within, and what it had before afterwards.

    The networks of an extraction are small: one thread is nearly as fast as two on an idle machine,
    and many times faster on a busy one, where threads wait for each other at every layer. Without
    a count the threads are only kept: importing silero_vad sets them to 1.
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
    """Whether a package's extension can be loaded; True where it has none to load."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return True
    path = Path(spec.origin).parent / library
    if not path.exists():  # other platforms name it otherwise; then there is nothing to mend
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
    library.impl("nms", nms, "CPU")
    _keep.append(library)

    import torchvision.extension

    torchvision.extension._has_ops = lambda: True
    # Asked for the CUDA version of an extension that is not there, it would raise.
    torchvision.extension._check_cuda_version = lambda: -1


def nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    """Greedy non-maximum suppression.

    Args:
        boxes: `[N, 4]` tensor of x1, y1, x2, y2.
        scores: `[N]` tensor.
        iou_threshold: boxes that overlap a better one by more than this are dropped.

    Returns:
        `[M]` int64 tensor: indices of the boxes kept, best score first.
    """
    import numpy as np
    import torch

    x1, y1, x2, y2 = boxes.detach().double().numpy().T
    area = (x2 - x1) * (y2 - y1)
    order = np.argsort(-scores.detach().double().numpy(), kind="stable")
    keep = []
    while order.size:
        best, rest = order[0], order[1:]
        keep.append(best)
        width = np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest])
        height = np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest])
        overlap = np.clip(width, 0, None) * np.clip(height, 0, None)
        union = area[best] + area[rest] - overlap
        # Degenerate boxes have no area: 0/0 keeps them, as the compiled operator does.
        iou = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
        order = rest[iou <= iou_threshold]
    return torch.as_tensor(np.array(keep, dtype=np.int64))


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
