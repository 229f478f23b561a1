"""The device on which networks compute."""

import logging
from pathlib import Path

from mraf.errors import UsageError

_SIGNS_OF_CUDA = ("/dev/nvidiactl", "/dev/dxg")
"""Files of which one is there where a GPU is (Linux, and Linux on Windows)."""

log = logging.getLogger("mraf")


def choose_device(name: str) -> str:
    """Return torch's name of a device; `auto` is CUDA where there is a GPU that works, else the CPU.

    torch, whose import takes two seconds, is imported only if it has to be asked.

    Raises:
        UsageError: there is no such device here, or this torch cannot use it.
    """
    if name == "cpu" or (name == "auto" and not any(map(_exists, _SIGNS_OF_CUDA))):
        return "cpu"
    import torch

    if name == "auto" and not torch.cuda.is_available():
        return "cpu"
    try:
        # A small sum, because a GPU may be there, and too old for this torch.
        torch.ones(1, device="cuda" if name == "auto" else name).sum().item()
    except (RuntimeError, AssertionError) as error:
        if name != "auto":
            raise UsageError(f"device {name!r} cannot be used here; try auto or cpu") from error
        reason = str(error).splitlines()[0]
        log.warning("the GPU cannot be used with this torch (%s): using the CPU", reason)
        return "cpu"
    return "cuda" if name == "auto" else name


def _exists(path: str) -> bool:
    return Path(path).exists()
