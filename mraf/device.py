"""The device on which networks compute."""

import logging
import sys
from functools import cache
from pathlib import Path

from mraf.errors import UsageError

_SIGNS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd", "/dev/nvhost-gpu", "/dev/nvgpu")
"""Files of which Linux has one where there is a GPU: NVIDIA's, Linux on Windows, AMD's, a Jetson's."""

log = logging.getLogger("mraf")


def choose_device(name: str) -> str:
    """Return torch's name of a device; `auto` is CUDA where there is a GPU that works, else the CPU.

    torch, whose import takes two seconds, is imported only if it has to be asked.

    Raises:
        UsageError: there is no such device here, or this torch cannot use it.
    """
    if name == "cpu" or (name == "auto" and not _may_have_gpu()):
        return "cpu"
    import torch

    if name == "auto" and not torch.cuda.is_available():
        return "cpu"
    try:
        # A small sum, because a GPU may be there, and too old for this torch.
        torch.ones(1, device="cuda" if name == "auto" else name).sum().item()
    except (RuntimeError, AssertionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if name != "auto":
            raise UsageError(
                f"device {name!r} cannot be used here ({reason}); try auto or cpu"
            ) from error
        _warn(f"the GPU cannot be used with this torch ({reason}): using the CPU")
        return "cpu"
    return "cuda" if name == "auto" else name


@cache
def _warn(line: str) -> None:
    """Log a warning, once."""
    log.warning(line)


def _may_have_gpu() -> bool:
    return sys.platform != "linux" or any(map(_exists, _SIGNS))


def _exists(path: str) -> bool:
    return Path(path).exists()
