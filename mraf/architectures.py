"""The architectures by the names under which model folders know them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mraf.errors import UsageError, choices

_CLASSES = {
    # Module, network, configuration; imported when built, since they import torch.
    "mraf": ("mraf.network.model", "MRAF", "MRAFConfig"),
    "mraf-prototypes": ("mraf.prototypes.model", "PrototypicalMRAF", "PrototypicalConfig"),
    "fop": ("mraf.fop.model", "FOP", "FOPConfig"),
}


def build(arch: str, values: dict[str, Any]) -> Any:
    """Return an untrained network of an architecture; the caller's random state is left alone.

    Raises UsageError where the architecture or a field of its configuration is unknown or wrong.
    """
    import torch

    if arch not in _CLASSES:
        raise UsageError(f"there is no architecture '{arch}' {choices(arch, _CLASSES)}")
    module, *names = _CLASSES[arch]
    network, config = (getattr(import_module(module), name) for name in names)
    with torch.random.fork_rng(devices=[]):
        return network(config(**values))
